"""A short run of the differential campaign, and a check that it notices what is wrong.

``make fuzz`` runs it for as long as one likes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from parity.campaign import MISTAKES, in_msgpack, run, smallest

from pydantic_serialization._native import core
from pydantic_serialization.plan.rebuild import CAN_REBUILD

if TYPE_CHECKING:
    from collections.abc import Callable

    from parity.campaign import Pair

pytestmark = pytest.mark.skipif(core is None, reason="compares the native core with pydantic")


@pytest.mark.parametrize("change", [None, in_msgpack] if CAN_REBUILD else [None])
def test_random_classes_are_read_and_written_alike(change: Callable[[Pair], None] | None) -> None:
    """Some worlds of random classes, documents, instances and options show no difference, and most are native."""
    found, counts = run(600, 1, worlds=60, change=change)
    assert not found, smallest(found[0], change).report()
    assert counts["types"] > 50
    assert counts["read natively"] > 0.6 * counts["types"]
    assert counts["written natively"] > 0.6 * counts["types"]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__.strip("_"))
def test_a_mistake_is_noticed(mistake: object) -> None:
    """With one deliberate mistake under one side, some world shows a difference, and still does when it is made small."""
    found, _ = run(600, 1, worlds=400, change=mistake)  # type: ignore[arg-type]
    assert found
    less = smallest(found[0], mistake, rounds=30)  # type: ignore[arg-type]
    assert len(less.world.source()) <= len(found[0].world.source())
    assert f"seed {less.seed}" in less.report()

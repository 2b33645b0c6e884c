"""The synchronous client is the asynchronous one."""

from __future__ import annotations

import pytest
from write_sync_twins import TWINS, twin_of


@pytest.mark.parametrize("source", TWINS)
def test_the_synchronous_twin_is_up_to_date(source: object) -> None:
    """``python tools/write_sync_twins.py`` has been run."""
    for asynchronous, synchronous in TWINS.items():
        assert synchronous.read_text("utf-8") == twin_of(asynchronous.read_text("utf-8"))

"""A million calls of each situation of reading, writing, copying and packing: nothing is left of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hostile.blocks import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

CALLS = 1_000_000
"""Of one situation; a campaign gets as far as its time lasts, each time through others first."""


def prepare(random: Random) -> Leaks:
    """Return the step: a million calls of one situation."""
    from parity.test_leaks import check

    return Leaks(random, situations(), check)


def situations() -> dict[str, Callable[[], object]]:
    """Return a call for each situation of the leak tests."""
    from parity import test_leaks, test_msgpack_leaks

    from pydantic_serialization import copy_model
    from pydantic_serialization.formats import compact

    found: dict[str, Callable[[], object]] = {}
    for direction, calls in (
        ("reading", test_leaks.READING),
        ("writing", test_leaks.WRITING),
        ("reading MessagePack", test_msgpack_leaks.READING),
    ):
        found |= {f"{direction}: {name}": call for name, call in calls.items()}
    for name, value in test_leaks.COPYING.items():
        found[f"copying: {name}"] = partial(test_leaks.quietly, copy_model, value)
    for name, value in test_leaks.PICKLING.items():
        found[f"packing: {name}"] = partial(compact.pack, value)
        packed = unpacked(compact.pack(value) or b"")
        if packed is not None:
            half = packed.block[: len(packed.block) // 2]
            found[f"unpacking: {name}"] = partial(compact.restore, packed.block, *packed.classes)
            found[f"unpacking half: {name}"] = partial(test_leaks.quietly, compact.restore, half, *packed.classes)
    return found


class Leaks:
    """The situations that are still to come, in an order of chance, again and again.

    Attributes:
        figures: How many calls there were, of how many situations.
    """

    def __init__(
        self,
        random: Random,
        situations: dict[str, Callable[[], object]],
        check: Callable[[Callable[[], object], int], None],
        calls: int = CALLS,
    ) -> None:
        self.figures: dict[str, float] = {"calls": 0, "situations": 0}
        self._random = random
        self._situations = situations
        self._check = check
        self._calls = calls
        self._rest: list[str] = []
        self._seen: set[str] = set()

    def __call__(self) -> bool:
        """Look at what one situation leaves behind."""
        if not self._rest:
            self._rest = sorted(self._situations)
            self._random.shuffle(self._rest)
        name = self._rest.pop()
        self._seen.add(name)
        self.figures["situations"] = len(self._seen)
        self.figures["calls"] += self._calls
        try:
            self._check(self._situations[name], self._calls)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
        return True

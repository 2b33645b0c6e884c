"""How much goes on one round trip to a shared tier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_NAMES: Final = 1000
"""Names that one round trip asks for at most."""

MOST_WRITES: Final = 100
"""Values that one round trip stores at most."""

MOST_WRITTEN: Final = 262_144
"""Bytes that one round trip stores at most, unless one value is larger."""


def split_names(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the names that are asked for together."""
    for start in range(0, len(names), MOST_NAMES):
        yield names[start : start + MOST_NAMES]


def split_writes(items: Mapping[str, tuple[bytes, float]]) -> Iterator[tuple[dict[str, bytes], float]]:
    """Yield the values that are stored together, and for how many seconds.

    They are grouped by their time to live, at most double the shortest one of a group, and by their size. Entries know
    themselves when they end: one that stays for longer only takes room.
    """
    part: dict[str, bytes] = {}
    size, ttl, shortest = 0, 0.0, 0.0
    for name, (value, seconds) in sorted(items.items(), key=lambda item: item[1][1]):
        if part and (seconds > 2 * shortest or len(part) >= MOST_WRITES or size + len(value) > MOST_WRITTEN):
            yield part, ttl
            part, size = {}, 0
        if not part:
            shortest = seconds
        part[name] = value
        size, ttl = size + len(value), seconds
    if part:
        yield part, ttl

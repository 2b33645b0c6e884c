"""Values with the end of their time in front, for stores that know no time to live."""

from __future__ import annotations

import struct
from typing import Final

_END: Final = struct.Struct("<d")


def with_end(value: bytes, end: float) -> bytes:
    """Return ``value`` with its end, in unix seconds, in front."""
    return _END.pack(end) + value


def end_of(stored: object) -> float:
    """Return the end of a stored value, in unix seconds; of anything else, a time long past."""
    return float(_END.unpack_from(stored)[0]) if isinstance(stored, bytes) and len(stored) >= _END.size else 0.0


def value_at(stored: object, now: float) -> bytes | None:
    """Return the value, or ``None`` if its time is up, or if something else is stored."""
    return stored[_END.size :] if isinstance(stored, bytes) and now < end_of(stored) else None

"""Values of the standard library in messages: a letter for the type, and the text that its own class reads again."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic_serialization.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

_SECOND: Final = timedelta(seconds=1)
_MICROSECOND: Final = timedelta(microseconds=1)
_LONGEST: Final = 1024


def _timedelta(text: str) -> timedelta:
    return timedelta(microseconds=int(text))


def _datetime(value: datetime) -> str:
    # A zone has rules and a name, which its offset does not: the instant is kept, as everywhere in JSON.
    offset = value.utcoffset()
    fits = offset is None or offset % _SECOND == timedelta()
    return (value if fits else value.astimezone(UTC)).isoformat()


_WRITERS: Final[dict[type, tuple[bytes, Callable[[Any], str]]]] = {
    datetime: (b"D", _datetime),
    date: (b"d", date.isoformat),
    time: (b"t", time.isoformat),
    timedelta: (b"p", lambda value: str(value // _MICROSECOND)),
    Decimal: (b"c", str),
    UUID: (b"u", str),
}

_READERS: Final[dict[bytes, Callable[[str], Any]]] = {
    b"D": datetime.fromisoformat,
    b"d": date.fromisoformat,
    b"t": time.fromisoformat,
    b"p": _timedelta,
    b"c": Decimal,
    b"u": UUID,
}


def write_scalar(value: object) -> bytes | None:
    """Return the letter and the text of a value, or ``None`` if it is of another type."""
    found = _WRITERS.get(type(value))
    if found is None:
        return None
    letter, text = found
    return letter + text(value).encode()


def read_scalar(content: bytes) -> Any:
    """Return the value of a letter and a text.

    Raises:
        DecodeError: there is no such letter, or no such value.
    """
    reader = _READERS.get(content[:1])
    if reader is not None and len(content) <= _LONGEST:
        try:
            return reader(content[1:].decode("ascii"))
        except (ValueError, InvalidOperation, OverflowError):
            pass
    message = "a date, number or UUID in the message is damaged"
    raise DecodeError(message)

"""Values as parts of a key, so that no two different values or lists of values give the same text.

Each part is a letter for the type, the length, a colon and the text: no part is the beginning of another, so parts can
be put one after the other, and behind any literal text, without a separator that a value could contain (the idea is
D. J. Bernstein's netstrings). Never ``repr`` and never equality: ``1 == True == 1.0`` are three different arguments.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum, Flag
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic_serialization.errors import UnsupportedTypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LONGEST_PART: Final = 160
"""Characters; longer parts are replaced by their digest."""

_DIGEST_BYTES: Final = 16
_TOO_DEEP: Final = "a part of a cache key is nested too deeply, or contains itself"
_LONGEST_INT_BITS: Final = 128


def encode_parts(*parts: object) -> str:
    """Return one text for ``parts``, different for any other parts, of at most 160 characters.

    Two values are the same part only if they have the same type and a function could not tell them apart: ``1``,
    ``1.0`` and ``True`` differ, so do ``0.0`` and ``-0.0``, ``Decimal("1.0")`` and ``Decimal("1.00")``, lists and
    tuples, dicts in another order, and one instant in two time zones. Sets are compared without order.

    Args:
        *parts: At least one of ``None``, bool, int, float, str, bytes, Enum, UUID, date, datetime, Decimal, or tuple,
            list, dict, set, frozenset of these.

    Returns:
        The text; a long one is replaced by ``#`` and the hexadecimal BLAKE2b-128 digest of it.

    Raises:
        UnsupportedTypeError: (a ``TypeError``) a value of another type, also of a subclass of these.
    """
    if not parts:
        message = "a cache key needs at least one part"
        raise UnsupportedTypeError(message)
    try:
        text = "".join([encode_part(part) for part in parts])
    except RecursionError:
        raise UnsupportedTypeError(_TOO_DEEP) from None
    return text if len(text) <= LONGEST_PART else f"#{digest(text)}"


def encode_one(value: object) -> str:
    """Return what ``encode_parts(value)`` returns, in half the time: most keys have one part."""
    try:
        encode = _ENCODERS.get(type(value))
        text = encode_part(value) if encode is None else encode(value)
    except RecursionError:
        raise UnsupportedTypeError(_TOO_DEEP) from None
    return text if len(text) <= LONGEST_PART else f"#{digest(text)}"


def digest(text: str) -> str:
    """Return the BLAKE2b-128 digest of ``text`` as 32 hexadecimal digits."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()


def encode_part(value: object) -> str:
    """Return the text of one value, of any length.

    Raises:
        UnsupportedTypeError: (a ``TypeError``) the type cannot be part of a key.
        RecursionError: the value is nested too deeply.
    """
    encode = _ENCODERS.get(type(value))
    if encode is not None:
        return encode(value)
    if isinstance(value, Enum):
        return _enum(value)
    name = type(value).__qualname__
    message = (
        f"a value of type {name!r} cannot be part of a cache key: use what identifies it, such as '{{user.id}}' in the"
        " template, or convert it with str(), int() or model_dump() in a key function"
    )
    raise UnsupportedTypeError(message)


def _framed(letter: str, text: str) -> str:
    return f"{letter}{len(text)}:{text}"


def _int(value: int) -> str:
    # Python refuses to print very long integers in decimal.
    if value.bit_length() > _LONGEST_INT_BITS:
        return _framed("x", f"{value:x}")
    text = str(value)
    return f"i{len(text)}:{text}"


def _str(value: str) -> str:
    return f"s{len(value)}:{value}"


def _enum(value: Enum) -> str:
    kind = type(value)
    # A combination of flags has no name of its own on every version of Python.
    member = encode_part(value.value) if isinstance(value, Flag) else _str(value.name)
    return f"e{_str(kind.__module__)}{_str(kind.__qualname__)}{member}"


def _datetime(value: datetime) -> str:
    zone = value.tzinfo.key if isinstance(value.tzinfo, ZoneInfo) else None
    # isoformat() shows neither the rules of the zone nor which of two equal wall-clock times is meant.
    return _framed("D", f"{value.isoformat()} {value.fold} {zone or ''}")


def _group(letter: str, parts: Iterable[str], size: int) -> str:
    return f"{letter}{size}:{''.join(parts)}"


def _dict(value: dict[Any, Any]) -> str:
    return _group("m", (encode_part(key) + encode_part(item) for key, item in value.items()), len(value))


_ENCODERS: Final[dict[type, Callable[[Any], str]]] = {
    type(None): lambda _: "n",
    bool: lambda value: "T" if value else "F",
    int: _int,
    float: lambda value: _framed("f", repr(value)),
    str: _str,
    bytes: lambda value: _framed("b", value.hex()),
    UUID: lambda value: _framed("u", value.hex),
    date: lambda value: _framed("d", value.isoformat()),
    datetime: _datetime,
    Decimal: lambda value: _framed("c", str(value)),
    tuple: lambda value: _group("t", map(encode_part, value), len(value)),
    list: lambda value: _group("l", map(encode_part, value), len(value)),
    dict: _dict,
    # Sorted, because the order of a set depends on the process.
    set: lambda value: _group("a", sorted(map(encode_part, value)), len(value)),
    frozenset: lambda value: _group("z", sorted(map(encode_part, value)), len(value)),
}

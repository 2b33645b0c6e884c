"""Enums and literals: their values."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

from pydantic_serialization.plan.native.encoding.support import found, reads_plainly
from pydantic_serialization.plan.native.program import Unsupported

_PLAIN = (str, int, float, bool, type(None))
_SUB_TYPES: dict[Any, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (float,), None: _PLAIN}
_PLAIN_EQUALITY = (object.__eq__, str.__eq__, int.__eq__)
_INT64 = range(-(2**63), 2**63)
_NUMBERS = range(-(2**63), 2**64)
_EXPONENT = 1e16
"""From here on versions write a float's text in more than one way."""


def enum_members(cls: type[Enum], sub_type: str | None) -> tuple[tuple[Any, Any, str], ...]:
    """Return the members of an enum, each with its value and its text as a key.

    Members whose value has no form that is known beforehand are left out.
    """
    if found(cls, "value") is not Enum.__dict__["value"] or not reads_plainly(cls):
        raise Unsupported(f"the enum {cls.__name__} gives its values by code of its own")
    kinds = _SUB_TYPES[sub_type]
    members = []
    for member in cls.__members__.values():
        value = member.__dict__.get("_value_")
        if any(type(value) is kind for kind in kinds) and _is_known_beforehand(value):
            key = "true" if value is True else "false" if value is False else str(value)
            members.append((member, value, key))
    return tuple(members)


def _is_known_beforehand(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value) and abs(value) < _EXPONENT
    if isinstance(value, int):
        return value in _NUMBERS
    return not isinstance(value, str) or value.isascii() or not any(map(_is_surrogate, value))


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def literal(expected: list[Any]) -> tuple[Any, ...]:
    """Return the node of a literal, its values sorted as Pydantic sorts them."""
    ints: list[int] = []
    texts: list[str] = []
    others: list[Any] = []
    for item in expected:
        if not isinstance(item, bool) and isinstance(item, int) and int(item) in _INT64:
            ints.append(int(item))
        elif isinstance(item, str):
            texts.append(str.__str__(item))
        else:
            others.append(item)
    classes = {type(item) for item in expected if isinstance(item, Enum)}
    for cls in classes:
        if not any(cls.__eq__ is known for known in _PLAIN_EQUALITY):
            raise Unsupported(f"the enum {cls.__name__} compares by code of its own")
    if not all(isinstance(item, (*_PLAIN, bytes, Enum)) for item in others):
        raise Unsupported("a literal of a value that is no text, number, constant or member of an enum")
    return ("literal", tuple(ints), tuple(texts), others, tuple(classes))

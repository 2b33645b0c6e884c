"""Enums and literals: what their members look like in JSON."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import pydantic_core

from pydantic_serialization.plan.native.encoding.support import found, reads_plainly
from pydantic_serialization.plan.native.program import Unsupported

_PLAIN = (str, int, float, bool, type(None))
_SUB_TYPES: dict[Any, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (float,), None: _PLAIN}
_PLAIN_EQUALITY = (object.__eq__, str.__eq__, int.__eq__)
_INT64 = range(-(2**63), 2**63)


def enum_members(cls: type[Enum], sub_type: str | None) -> tuple[tuple[Any, str, str], ...]:
    """Return the members of an enum, each with its JSON text and its text as a key.

    Members whose value has no text that is known beforehand are left out: they go through Pydantic.
    """
    if found(cls, "value") is not Enum.__dict__["value"] or not reads_plainly(cls):
        raise Unsupported(f"the enum {cls.__name__} gives its values by code of its own")
    members = []
    for member in cls.__members__.values():
        value = member.__dict__.get("_value_")
        if not any(type(value) is kind for kind in _SUB_TYPES[sub_type]) or (
            type(value) is float and not math.isfinite(value)
        ):
            continue
        try:
            members.append((member, pydantic_core.to_json(value).decode(), _key(value)))
        except ValueError:  # a lone surrogate, or an integer with too many digits
            continue
    return tuple(members)


def _key(value: Any) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    return pydantic_core.to_json(str(value)).decode()


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

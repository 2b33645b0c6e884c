"""Names of types, for messages, statistics and explanations."""

from __future__ import annotations

import types
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

VALUES = (str, bytes, bytearray, memoryview, int, float, complex, list, tuple, dict, set, frozenset, BaseModel)
"""What is a value, where a type is expected: it may be the payload, and is never shown."""


def type_name(declared: Any) -> str:
    """Return a short readable name of a type: ``"User"``, ``"list[User]"``, ``"int | None"``."""
    if isinstance(declared, type):
        return declared.__name__
    if declared is ...:
        return "..."
    if isinstance(declared, VALUES):  # given by mistake in place of a type: it may be the payload
        return f"a value of type {type(declared).__name__}"
    reference = getattr(declared, "type_ref", None)
    if isinstance(reference, str):  # what Pydantic puts in the place of a generic model inside itself
        return reference.partition(":")[0].rpartition(".")[2]
    origin, arguments = get_origin(declared), get_args(declared)
    if origin is None or not arguments:
        return str(getattr(declared, "__name__", None) or declared)
    if hasattr(declared, "__metadata__"):
        return type_name(arguments[0])
    names = [repr(item) if origin is Literal else type_name(item) for item in arguments]
    if origin is types.UnionType or getattr(origin, "__name__", "") == "Union":
        return " | ".join("None" if item == "NoneType" else item for item in names)
    return f"{getattr(origin, '__name__', origin)}[{', '.join(names)}]"

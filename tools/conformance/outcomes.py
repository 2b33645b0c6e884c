"""What a call gives, raises and warns of, as plain values that can be compared and printed."""

from __future__ import annotations

import dataclasses
import re
import types
import warnings
from datetime import datetime, time
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

Outcome = tuple[Any, ...]

_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_SCALARS = (type(None), bool, int, float, str, bytes)
_DEEPEST = 250


def outcome(call: Callable[[], Any]) -> Outcome:
    """Return the result of a call or its exception, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result: Outcome = ("gives", mark(call()))
        except ValidationError as error:
            result = ("ValidationError", error.title, mark(_errors(error)), text_of(error), mark_type(error.__cause__))
        except RecursionError:
            result = ("RecursionError",)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (whatever it is, both sides have to raise it)
            result = ("raises", type(error).__name__, text_of(error))
    return result, tuple((item.category.__name__, text_of(item.message)) for item in caught)


def _errors(error: ValidationError) -> Any:
    try:
        return error.errors()
    except Exception as other:  # noqa: BLE001  (an input that cannot be shown)
        return ("errors() raises", type(other).__name__)


def text_of(value: Any) -> str:
    """Return ``str(value)`` without addresses, which differ from object to object."""
    try:
        return _ADDRESS.sub("0x…", str(value))
    except Exception as error:  # noqa: BLE001
        return f"str() raises {type(error).__name__}"


def mark_type(value: Any) -> Any:
    """Return what stands for the class of a value: its name, and its identity."""
    cls = type(value)
    return (f"{cls.__module__}.{cls.__qualname__}", id(cls))


def mark(value: Any, depth: int = 0) -> Any:
    """Return a value that is equal for values that cannot be told apart, and unequal for all others.

    Kept are: classes, the order of fields, what was set, extras, private attributes, the class of a time zone, the text
    of a float, and whether a mutable value is the very object that the field has for a default.
    """
    kind = mark_type(value)
    if isinstance(value, _SCALARS):
        return (kind, repr(value))
    if depth > _DEEPEST:
        return (kind, "…")
    if isinstance(value, BaseModel):
        return (kind, *_model(value, depth + 1))
    if isinstance(value, Enum):
        return (kind, value.name)
    if isinstance(value, (datetime, time)):
        return (kind, repr(value.replace(tzinfo=None)), mark_type(value.tzinfo), repr(value.utcoffset()), value.fold)
    if isinstance(value, UUID):
        return (kind, str(value), str(value.is_safe))
    if isinstance(value, dict):
        return (kind, tuple((mark(key, depth + 1), mark(item, depth + 1)) for key, item in value.items()))
    if isinstance(value, (list, tuple)):
        return (kind, tuple(mark(item, depth + 1) for item in value))
    if isinstance(value, (set, frozenset)):
        return (kind, tuple(sorted((mark(item, depth + 1) for item in value), key=repr)))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return (kind, mark(dict(getattr(value, "__dict__", {})), depth + 1), text_of(value))
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType | types.MethodType):
        return (kind, getattr(value, "__qualname__", ""), id(value))
    return (kind, _ADDRESS.sub("0x…", _repr(value)))


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001
        return f"repr() raises {type(error).__name__}"


def _model(value: BaseModel, depth: int) -> Outcome:
    get = object.__getattribute__
    fields = type(value).__pydantic_fields__
    held = []
    for name, item in get(value, "__dict__").items():
        field = fields.get(name)
        is_default = field is not None and item is field.default and not isinstance(item, _SCALARS)
        held.append((name, mark(item, depth), is_default))
    return tuple(held), *(mark(_slot(value, name), depth) for name in _SLOTS)


_SLOTS = ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")


def _slot(value: BaseModel, name: str) -> Any:
    try:
        return object.__getattribute__(value, name)
    except AttributeError:  # a model that was made without being initialised
        return "not there"

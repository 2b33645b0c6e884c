"""What a call gave, described so that two calls can be compared in everything that a user could notice."""

from __future__ import annotations

import dataclasses
import datetime
import warnings
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable


def described(value: Any) -> Any:
    """Return a value with the types of all its parts, the order of keys, and what models keep beside their fields."""
    kind = type(value)
    if isinstance(value, BaseModel):
        private = value.__pydantic_private__ if "__pydantic_private__" in dir(value) else None
        extra = getattr(value, "__pydantic_extra__", None)
        return (
            kind,
            [(type(name), name, described(item)) for name, item in value.__dict__.items()],
            sorted(value.__pydantic_fields_set__),
            None if extra is None else [(name, described(item)) for name, item in extra.items()],
            None if private is None else [(name, described(item)) for name, item in private.items()],
        )
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return (kind, [(field.name, described(getattr(value, field.name))) for field in dataclasses.fields(value)])
    if isinstance(value, dict):
        return (kind, [(described(key), described(item)) for key, item in value.items()])
    if isinstance(value, (set, frozenset)):
        return (kind, sorted(map(repr, map(described, value))))
    if isinstance(value, (list, tuple)) or kind.__name__ == "deque":
        return (kind, [described(item) for item in value])
    if isinstance(value, datetime.datetime | datetime.time):
        return (kind, repr(value), type(value.tzinfo), value.fold)
    return (kind, repr(value))


def outcome(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Return what a call gave: a described value or error, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result: Any = ("value", described(call(*arguments, **options)))
        except ValidationError as error:
            result = ("invalid", error.title, repr(error.errors()), str(error), error.error_count())
        except Exception as error:
            result = ("error", type(error), str(error))
    return (*result, [str(item.message) for item in caught])

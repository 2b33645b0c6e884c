"""Whether a value is frozen all the way down, so that it can be handed to several callers instead of copies.

``frozen=True`` alone is shallow: a frozen model may hold a list. A value counts as deeply frozen if it is immutable
itself, or a tuple, frozenset or model of such values. The class of a model has to be frozen, and must not have extras,
private attributes, cached properties, or a ``__setattr__`` of its own: these change on a frozen model too. A class that
cannot be frozen decides alone; what is in the fields decides the rest, since a field may hold an instance of a subclass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, RootModel

from pydantic_serialization.plan.native.copying import kind_of
from pydantic_serialization.plan.native.supported import core_for_json

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable

_DEEPEST = 200


def freeze_checker() -> Callable[[Any], bool]:
    """Return the function that says whether a value is frozen all the way down."""
    core = core_for_json()
    return checked_in_python if core is None else core.freeze_checker(kind_of)


def checked_in_python(value: Any) -> bool:
    """Say whether a value is frozen all the way down. What the native check does, in Python."""
    return _is_frozen(value, 0)


def _is_frozen(value: Any, depth: int) -> bool:
    if depth == _DEEPEST:
        return False
    cls = type(value)
    if cls is tuple or cls is frozenset:
        return all(_is_frozen(item, depth + 1) for item in value)
    kind, _, is_frozen = kind_of(cls)
    if kind == "moment":
        moment: datetime.datetime | datetime.time = value
        return moment.tzinfo is None or kind_of(type(moment.tzinfo))[0] == "shared"
    if not is_frozen or not isinstance(value, BaseModel):
        return kind == "shared"
    beside = () if isinstance(value, RootModel) else (value.__pydantic_extra__, value.__pydantic_private__)
    if any(item is not None for item in beside):
        return False
    return all(_is_frozen(item, depth + 1) for item in value.__dict__.values())

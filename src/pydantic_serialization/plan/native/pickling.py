"""Compact pickles: which classes may stand in a block, proved once for each class and direction.

A block holds what ``pickle`` would write for plain instances. So a class has to be pickled by Python's and Pydantic's own
methods, and to be restored by them; every other keeps the pickle that it has.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import types
import uuid
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, RootModel

from pydantic_serialization.plan.native.copying import is_made_plainly, keeps_state_plainly
from pydantic_serialization.plan.native.encoding.support import found

if TYPE_CHECKING:
    from pydantic_serialization._native._protocol import CopyKind

_VALUES: dict[type, str] = {
    datetime.date: "date",
    datetime.datetime: "datetime",
    datetime.time: "time",
    datetime.timedelta: "timedelta",
    decimal.Decimal: "decimal",
    uuid.UUID: "uuid",
}
_REDUCED = ("__reduce_ex__", "__reduce__", "__getnewargs__", "__getnewargs_ex__")
_UNKNOWN: CopyKind = ("unknown", False, False)


def written_kind(cls: type) -> CopyKind:
    """Return how instances of exactly this class are written to a block, ``"unknown"`` if they are not."""
    if cls in _VALUES:
        return (_VALUES[cls], False, False)
    if issubclass(cls, enum.Enum):
        return ("enum", False, False) if _is_plain_enum(cls) else _UNKNOWN
    if not issubclass(cls, BaseModel):
        return _UNKNOWN
    own = ("__getstate__", "__setstate__")
    is_usual = all(found(cls, name) is found(_base(cls), name) for name in own) and all(
        found(cls, name) is found(object, name) for name in _REDUCED
    )
    return restored_kind(cls) if is_usual else _UNKNOWN


def restored_kind(cls: type) -> CopyKind:
    """Return how instances are made of what stands in a block, ``"unknown"`` if that takes code of the class."""
    if issubclass(cls, enum.Enum):
        return ("enum", False, False)
    if not issubclass(cls, BaseModel):
        return _UNKNOWN
    base = _base(cls)
    is_plain = (
        keeps_state_plainly(cls)
        and is_made_plainly(cls)
        and found(cls, "__setstate__") is found(base, "__setstate__")
        and found(cls, "__del__") is None
    )
    return ("root-model" if base is RootModel else "model", False, False) if is_plain else _UNKNOWN


def _base(cls: type[BaseModel]) -> Any:
    return RootModel if issubclass(cls, RootModel) else BaseModel


def _is_plain_enum(cls: type) -> bool:
    """Say whether members are pickled by their value, and reading that runs no code."""
    reduced, read = found(cls, "__reduce_ex__"), found(cls, "__getattribute__")
    is_own = type(cls) is enum.EnumMeta and getattr(reduced, "__module__", "") == "enum"
    is_plain = isinstance(read, types.WrapperDescriptorType) and found(cls, "__getattr__") is None
    return is_own and is_plain and found(cls, "__reduce__") is found(object, "__reduce__")

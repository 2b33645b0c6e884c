"""Private copies: which classes the native core may copy or share, proved once for each class.

A copy equals ``model_copy(deep=True)`` as long as no code of a class takes part in it. So a class is copied natively
where everything that ``copy.deepcopy`` would ask is Python's or Pydantic's own, and instances are shared where they
cannot change. Everything else is left to ``copy.deepcopy``.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import ipaddress
import pathlib
import re
import types
import uuid
import weakref
import zoneinfo
from copy import deepcopy
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pydantic_core
from pydantic import BaseModel, RootModel, SecretBytes, SecretStr, networks

from pydantic_serialization.plan.native.encoding.support import found
from pydantic_serialization.plan.native.supported import core_for_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._native._protocol import CopyKind

_URLS = tuple(
    item
    for item in vars(networks).values()
    if isinstance(item, type) and item.__module__ == networks.__name__ and found(item, "__deepcopy__") is not None
)
_IMMUTABLE: frozenset[type] = frozenset(
    {
        bool, bytes, complex, float, int, range, str, type(None), type(Ellipsis), type(NotImplemented),
        types.BuiltinFunctionType, types.CodeType, types.FunctionType, property, weakref.ref,
        datetime.date, datetime.timedelta, datetime.timezone, zoneinfo.ZoneInfo, pydantic_core.TzInfo,
        decimal.Decimal, fractions.Fraction, uuid.UUID, re.Pattern,
        ipaddress.IPv4Address, ipaddress.IPv4Interface, ipaddress.IPv4Network,
        ipaddress.IPv6Address, ipaddress.IPv6Interface, ipaddress.IPv6Network,
        pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath,
        pathlib.Path, pathlib.PosixPath, pathlib.WindowsPath,
        pydantic_core.Url, pydantic_core.MultiHostUrl, type(pydantic_core.PydanticUndefined),
        SecretStr, SecretBytes, *_URLS,
    }
)  # fmt: skip
_OF_ROOTS = ("__dict__", "__pydantic_fields_set__")
_OF_MODELS = (*_OF_ROOTS, "__pydantic_extra__", "__pydantic_private__")
_REDUCED = ("__reduce_ex__", "__reduce__", "__getstate__")
_REBUILT = ("__deepcopy__", "__setstate__", "__getnewargs__", "__getnewargs_ex__", "__getattr__", "__del__")
_MODEL_META = type(BaseModel)
_KEEPS_IDENTITY = "id" in BaseModel.__deepcopy__.__code__.co_names
"""Whether one memo goes through all parts of a model (Pydantic 2.14); before, each part had a memo of its own."""


def copier() -> Callable[[Any], Any]:
    """Return the function that copies a model: native where there is the core, else ``model_copy(deep=True)``."""
    core = core_for_json()
    return _copied if core is None else core.copier(kind_of, deepcopy, _copied, _KEEPS_IDENTITY)


def _copied(model: Any) -> Any:
    return model.model_copy(deep=True)


def kind_of(cls: type) -> CopyKind:
    """Return how instances of exactly this class are copied.

    Returns:
        The kind; whether ``model_copy`` is Pydantic's own; and whether its instances are frozen as far as the class
        can say, so that only their values remain to be looked at.
    """
    if cls in _IMMUTABLE or issubclass(cls, type):
        is_hashed = cls in _IMMUTABLE or found(cls, "__hash__") is object.__hash__
        return ("shared" if is_hashed else "unknown", False, False)
    if cls is datetime.datetime or cls is datetime.time:
        return ("moment", False, False)
    if issubclass(cls, enum.Enum):
        return ("shared" if _is_plain_enum(cls) else "unknown", False, False)
    if issubclass(cls, BaseModel):
        kind = _model_kind(cls)
        is_usual = found(cls, "model_copy") is found(BaseModel, "model_copy")
        return (kind, is_usual, kind != "unknown" and _is_frozen(cls))
    return ("object" if _is_plain_object(cls) else "unknown", False, False)


def _is_plain_enum(cls: type) -> bool:
    """Say whether members are their own copies, and finding one by its hash runs no code of the user's."""
    own = enum.Enum
    is_own = type(cls) is enum.EnumMeta and found(cls, "__deepcopy__") is found(own, "__deepcopy__")
    is_reduced = found(own, "__deepcopy__") or getattr(found(cls, "__reduce_ex__"), "__module__", "") == "enum"
    return is_own and bool(is_reduced) and not isinstance(found(cls, "__eq__"), types.FunctionType) and _hashes(cls)


def _hashes(cls: type) -> bool:
    own = found(cls, "__hash__")
    return own is found(enum.Enum, "__hash__") or isinstance(own, types.WrapperDescriptorType)


def _model_kind(cls: type[BaseModel]) -> str:
    base: Any = RootModel if issubclass(cls, RootModel) else BaseModel
    is_usual = (
        keeps_state_plainly(cls)
        and is_made_plainly(cls)
        and found(cls, "__deepcopy__") is found(base, "__deepcopy__")
        and found(cls, "__getattr__") is found(BaseModel, "__getattr__")
        and found(cls, "__del__") is None
    )
    if not is_usual:
        return "unknown"
    return "root-model" if base is RootModel else "model"


def keeps_state_plainly(cls: type[BaseModel]) -> bool:
    """Say whether instances keep everything where Pydantic keeps it."""
    held = _OF_ROOTS if issubclass(cls, RootModel) else _OF_MODELS
    return type(cls) is _MODEL_META and all(found(cls, name) is found(BaseModel, name) for name in held)


def is_made_plainly(cls: type) -> bool:
    """Say whether ``cls.__new__(cls)`` does nothing but allocate, and reading attributes runs no code."""
    is_plain = found(cls, "__new__") is object.__dict__["__new__"] and not getattr(cls, "__abstractmethods__", None)
    return is_plain and found(cls, "__getattribute__") is object.__dict__["__getattribute__"]


def _is_plain_object(cls: type) -> bool:
    """Say whether an instance is its ``__dict__`` and nothing else, for ``copyreg`` too: a dataclass, mostly."""
    return (
        type(cls) is type
        and is_made_plainly(cls)
        and cls.__dictoffset__ != 0
        and all(base is object or "__slots__" not in base.__dict__ for base in cls.__mro__)
        and all(base is object or base.__flags__ & _HEAP_TYPE for base in cls.__mro__)
        and all(found(cls, name) is found(object, name) for name in _REDUCED)
        and all(found(cls, name) is None for name in _REBUILT)
        and isinstance(found(cls, "__dict__"), types.GetSetDescriptorType)
    )


_HEAP_TYPE = 1 << 9


def _is_frozen(cls: type[BaseModel]) -> bool:
    """Say whether nothing that a reader of an instance is meant to touch can change, beside the values of its fields."""
    own = ("__setattr__", "__delattr__")
    return (
        bool(cls.model_config.get("frozen"))
        and cls.model_config.get("extra") != "allow"
        and not cls.__private_attributes__
        and all(found(cls, name) is found(BaseModel, name) for name in own)
        and not any(isinstance(item, cached_property) for base in cls.__mro__ for item in base.__dict__.values())
    )

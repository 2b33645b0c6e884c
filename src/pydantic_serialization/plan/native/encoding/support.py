"""Objects of Python and Pydantic that the native core compares values with."""

from __future__ import annotations

import datetime
import decimal
import enum
import types
import uuid
import zoneinfo
from functools import cache
from typing import Any

import pydantic_core
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, SchemaSerializer

from pydantic_serialization.plan.native.supported import version

NAMES = (
    "__getattribute__",
    "__dict__",
    "__pydantic_serializer__",
    "utcoffset",
    "value",
    "_value_",
    "root",
    "to_json",
    "warnings",
    "include",
    "none",
    "warn",
    "error",
    "__pydantic_fields_set__",
    "__pydantic_extra__",
    "to_python",
    "mode",
    "json",
)
_SILENT = {(2, minor) for minor in range(34, 46)}
"""Versions (Pydantic 2.12) in which a model in the place of an undeclared value gives no warnings."""
_NEWER_OPTIONS = ("exclude_computed_fields", "polymorphic_serialization", "ensure_ascii")


class _Nothing:
    """Stands for a class that this interpreter does not have; nothing is an instance of it."""


def found(cls: type, name: str) -> Any:
    """Return what stands under a name in a class or above it, without calling a descriptor; ``None`` if nothing does."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None


def reads_plainly(cls: type) -> bool:
    """Say whether reading an attribute of an instance runs no code of the class."""
    return isinstance(found(cls, "__getattribute__"), types.WrapperDescriptorType) and not found(cls, "__getattr__")


@cache
def support() -> tuple[Any, ...]:
    """Return the classes, descriptors and names, in the order in which the core reads them."""
    # The pure Python versions of these run Python code, and are left to Pydantic.
    is_native_decimal = getattr(decimal, "HAVE_THREADS", None) is not None and not hasattr(decimal.Decimal, "__slots__")
    zone = zoneinfo.ZoneInfo
    is_native_zone = "__slots__" not in zone.__dict__ and not hasattr(zone.utcoffset, "__code__")
    return (
        uuid.UUID,
        uuid.UUID.__dict__["int"],
        decimal.Decimal if is_native_decimal else _Nothing,
        datetime.timezone,
        datetime.UTC,
        zone if is_native_zone else _Nothing,
        pydantic_core.TzInfo,
        enum.EnumMeta,
        enum.Enum.__dict__["value"],
        pydantic_core.Url,
        pydantic_core.MultiHostUrl,
        SchemaSerializer,
        PydanticSerializationError,
        object.__dict__["__getattribute__"],
        found(BaseModel, "__dict__"),
        found(BaseModel, "__pydantic_fields_set__"),
        found(BaseModel, "__pydantic_extra__"),
        NAMES,
    )


@cache
def peculiarities() -> tuple[bool, ...]:
    """Say which of the options that not every version has are there, and whether models warn in the place of ``Any``."""
    to_json: Any = SchemaSerializer.to_json
    signature = to_json.__text_signature__ or ""
    return (*(f"{name}=" in signature for name in _NEWER_OPTIONS), version() not in _SILENT)

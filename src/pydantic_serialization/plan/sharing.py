"""What cannot change: types whose instances may be shared, and instances that are frozen all the way down.

``frozen=True`` alone is shallow. A model is frozen here if nothing that its public interface gives to a reader can be
changed: every model below it is frozen, every container is a tuple or a ``frozenset``, every other value is of a type
whose instances never change. What writes past the interface (``object.__setattr__``, ``instance.__dict__``) is not
looked for.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import ipaddress
import pathlib
import re
import uuid
import zoneinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pydantic_core
from pydantic import BaseModel, SecretBytes, SecretStr, networks

from pydantic_serialization.plan.walk import Node, read_nodes

if TYPE_CHECKING:
    from pydantic_serialization.plan.spec import ModelPlan

_URLS: tuple[Any, ...] = (networks.AnyUrl.__base__, networks.PostgresDsn.__base__)
_ATOMS: frozenset[type] = frozenset(
    {
        bool, bytes, complex, float, int, str, type(None), type(Ellipsis),
        datetime.date, datetime.timedelta, datetime.timezone, zoneinfo.ZoneInfo, pydantic_core.TzInfo,
        decimal.Decimal, fractions.Fraction, uuid.UUID, re.Pattern,
        ipaddress.IPv4Address, ipaddress.IPv4Interface, ipaddress.IPv4Network,
        ipaddress.IPv6Address, ipaddress.IPv6Interface, ipaddress.IPv6Network,
        pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath, pathlib.WindowsPath,
        pydantic_core.Url, pydantic_core.MultiHostUrl, SecretStr, SecretBytes,
        *(item for item in vars(networks).values() if isinstance(item, type) and issubclass(item, _URLS)),
    }
)  # fmt: skip
_FROZEN_KINDS = frozenset(
    {
        "none", "bool", "int", "float", "str", "bytes", "complex", "decimal", "fraction", "uuid", "url",
        "multi-host-url", "date", "time", "datetime", "timedelta", "enum", "literal", "tuple", "frozenset",
        "model", "model-fields", "model-field", "nullable", "union", "tagged-union", "default", "json-or-python",
        "lax-or-strict", "chain", "definitions", "definition-ref", "is-instance",
        # Whatever these return is looked at in the instances.
        "function-before", "function-after", "function-wrap", "function-plain",
    }
)  # fmt: skip

_REMEMBERED_CLASSES = 4096


def is_atom(value: Any) -> bool:
    """Say whether a value has no parts that could change: a scalar, a member of an enumeration, a point in time."""
    kind = type(value)
    if kind in _ATOMS or isinstance(value, enum.Enum):
        return True
    return kind in {datetime.datetime, datetime.time} and type(value.tzinfo) in _ATOMS


def why_not_frozen(plan: ModelPlan) -> str | None:
    """Return what in the type can change, as a phrase, or ``None`` if its schema shows nothing.

    Instances may still hold something that can: :func:`frozen_models` looks at them.

    Args:
        plan: The type.
    """
    schema: Any = plan.wire_schema
    definitions: dict[str, Node] = {}
    for node in read_nodes(schema, definitions):
        if "ref" in node:
            definitions[node["ref"]] = node
    if plan.model is None:
        return f"{plan.name} is not a model"
    for node in read_nodes(schema, definitions):
        kind = node["type"]
        if kind not in _FROZEN_KINDS:
            return f"it may hold a {kind}"
        if kind == "model" and not is_frozen_class(node["cls"]):
            return f"{node['cls'].__name__} is not frozen"
    return None


@lru_cache(maxsize=_REMEMBERED_CLASSES)
def is_frozen_class(cls: type[BaseModel]) -> bool:
    """Say whether instances of a model class change at most through their values, as far as the class can say."""
    return (
        bool(cls.model_config.get("frozen"))
        and cls.model_config.get("extra") != "allow"
        and not cls.__private_attributes__
        and cls.__setattr__ is BaseModel.__setattr__
        and cls.__delattr__ is BaseModel.__delattr__
        and not any(_caches(item) for base in cls.__mro__ for item in base.__dict__.values())
    )


def frozen_models(value: Any) -> list[BaseModel] | None:
    """Return the models that a value consists of, or ``None`` if anything in it can change.

    Args:
        value: A model, or a value of a field.
    """
    found: list[BaseModel] = []
    todo = [value]
    while todo:
        item = todo.pop()
        kind: Any = type(item)
        if kind in _ATOMS or is_atom(item):
            continue
        if isinstance(item, BaseModel) and is_frozen_class(kind) and not item.__pydantic_extra__:
            found.append(item)
            todo += item.__dict__.values()
        elif kind is tuple or kind is frozenset:
            todo += item
        else:
            return None
    return found


def _caches(item: Any) -> bool:
    """Say whether this is a ``cached_property``: what it keeps may change, and instances share it."""
    inner = getattr(item, "wrapped", item)
    return hasattr(type(inner), "__set_name__") and hasattr(inner, "attrname")

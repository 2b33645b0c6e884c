"""The classes of a plan that a pickle may hold."""

from __future__ import annotations

import dataclasses
import sys
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.plan.walk import Node, children

if TYPE_CHECKING:
    from pydantic_serialization.plan import ModelPlan

_SCALAR_KINDS = {"none", "bool", "int", "float", "complex", "str", "bytes", "decimal", "uuid", "enum", "literal"}
_TEXT_KINDS = {"date", "time", "datetime", "timedelta", "url", "multi-host-url"}
_ATOMIC_KINDS = _SCALAR_KINDS | _TEXT_KINDS
_KEYS = {"dict": "keys_schema", "set": "items_schema", "frozenset": "items_schema"}
_AROUND = frozenset({"function-before", "function-after", "nullable", "default"})


def pickled_classes(plan: ModelPlan) -> frozenset[type]:
    """Return the models, dataclasses, enumerations and named tuples of a plan.

    Other classes of a plan (those that a field only asks to be an instance of) are left out: nothing is known of what
    their constructors and destructors do with arguments that an attacker chose.

    Raises:
        UnsupportedTypeError: one of them cannot be found by its module and name, as the unpickler will have to.
    """
    classes = {cls for cls in plan.classes if _is_plain(cls)} | _named_tuples(dict(plan.schema))
    for cls in classes:
        if not _is_importable(cls):
            message = (
                f"pickle cannot find {cls.__qualname__!r} in the module {cls.__module__!r} again: "
                f"define it at the top level of its module, or use another format"
            )
            raise UnsupportedTypeError(message, model=plan.name, format="pickle")
    return frozenset(classes)


def may_hash_composites(plan: ModelPlan) -> bool:
    """Say whether some value of the plan's type may be a set of, or a dict keyed by, something that is not a scalar."""
    is_free = not plan.traits.is_closed or any(_holds_anything(cls) for cls in plan.classes)
    return is_free or _has_composite_key(dict(plan.schema))


def _is_plain(cls: type) -> bool:
    return issubclass(cls, (BaseModel, Enum, tuple)) or dataclasses.is_dataclass(cls)


def _holds_anything(cls: type) -> bool:
    """Say whether instances hold values without a declared type."""
    return issubclass(cls, BaseModel) and (bool(cls.__private_attributes__) or cls.model_config.get("extra") == "allow")


def _has_composite_key(node: Node) -> bool:
    position = _KEYS.get(node["type"])
    if position is not None and not _is_atomic(node.get(position, {"type": "any"})):
        return True
    return any(_has_composite_key(child) for child in children(node))


def _is_atomic(node: Node) -> bool:
    while node["type"] in _AROUND:
        node = node["schema"]
    return node["type"] in _ATOMIC_KINDS


def _is_importable(cls: type) -> bool:
    found: Any = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is cls


def _named_tuples(node: Node) -> set[type]:
    function = node.get("function") if node["type"] == "call" else None
    found = {function} if isinstance(function, type) and issubclass(function, tuple) else set()
    return found.union(*(_named_tuples(child) for child in children(node)))

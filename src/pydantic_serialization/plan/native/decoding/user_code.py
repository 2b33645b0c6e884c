"""Which parts of a core schema run code of the user's when they read JSON."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic._internal._model_construction import init_private_attributes
from pydantic_core import PydanticUndefined

from pydantic_serialization.plan.native.wire import wire_form
from pydantic_serialization.plan.walk import Node, read_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

_FUNCTIONS = {"function-before", "function-after", "function-wrap", "function-plain"}
_OWN_MODULES = {"pydantic._internal._validators", "pydantic.types", "pydantic.networks"}
_FRESH = (list, dict, set)
_ATOMS = (str, bytes, int, float, complex, bool, type(None))


def runs_user_code(node: Node, definitions: Mapping[str, Node]) -> bool:
    """Say whether reading a value of this schema may run code of the user's."""
    return any(map(_runs_code, read_nodes(node, definitions)))


def _runs_code(node: Node) -> bool:
    kind = node["type"]
    if wire_form(node) is not None:
        return False
    if kind in _FUNCTIONS:
        return not is_pydantics_own(node["function"]["function"])
    if kind == "default":
        return _default_runs_code(node)
    if kind == "enum":
        return not is_closed_enum(node["cls"])
    if kind in {"model", "dataclass"}:
        return _making_runs_code(node)
    return kind == "call" or (kind == "tagged-union" and callable(node["discriminator"]))


def is_pydantics_own(function: Any) -> bool:
    """Say whether this is one of Pydantic's own validators: it runs nobody else's code, and does not warn."""
    is_own = getattr(function, "__module__", "") in _OWN_MODULES and not getattr(function, "__closure__", None)
    return is_own and not hasattr(getattr(function, "__self__", None), "__deprecated__")


def is_closed_enum(cls: type[Enum]) -> bool:
    """Say whether a value that no member has is refused without asking code of the user's."""
    return getattr(cls._missing_, "__func__", None) is getattr(Enum._missing_, "__func__", None) and (
        type(cls).__call__ is type(Enum).__call__
    )


def is_native_post_init(cls: type, name: str) -> bool:
    """Say whether the method for new instances is Pydantic's own, and only makes plain private attributes."""
    method = getattr(cls, name, None)
    if method is not init_private_attributes:
        return False
    attributes: Mapping[str, Any] = getattr(cls, "__private_attributes__", {})
    return all(item.default_factory is None and is_plain(item.default) for item in attributes.values())


def is_plain(value: Any) -> bool:
    """Say whether a value is made of exact built-in types, so that copying it runs nobody's code."""
    # By identity: a metaclass may have an `==` of its own.
    if value is PydanticUndefined or any(type(value) is kind for kind in _ATOMS):
        return True
    if type(value) in {list, tuple, set, frozenset}:
        return all(map(is_plain, value))
    return type(value) is dict and all(is_plain(key) and is_plain(item) for key, item in value.items())


def is_hashable(value: Any) -> bool:
    """Say whether Pydantic finds a hash of a default; it takes any exception for an answer."""
    try:
        hash(value)
    except Exception:  # noqa: BLE001  (of the user's class)
        return False
    return True


def is_fresh(factory: Any) -> bool:
    """Say whether a default factory is one of Python's own empty containers."""
    return any(factory is cls for cls in _FRESH)


def _default_runs_code(node: Node) -> bool:
    if "default_factory" in node:
        return not is_fresh(node["default_factory"])
    return not is_hashable(node.get("default")) and not is_plain(node.get("default"))


def _making_runs_code(node: Node) -> bool:
    cls = node["cls"]
    if node["type"] == "dataclass":
        return bool(node.get("post_init")) or cls.__new__ is not object.__new__
    post_init = node.get("post_init")
    return (
        bool(node.get("custom_init"))
        or (issubclass(cls, BaseModel) and cls.__new__ is not object.__new__)
        or (post_init is not None and not is_native_post_init(cls, post_init))
    )

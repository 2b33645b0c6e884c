"""Whether the value that is read is a function of the bytes alone.

It is not where a clock or a random source decides, where code of the user's runs that was not declared pure, or where
the value itself runs out, as an iterator does. What is not known is taken for impure.
"""

from __future__ import annotations

from enum import Enum, Flag
from typing import TYPE_CHECKING, Any

from pydantic._internal._model_construction import init_private_attributes
from pydantic_core import SchemaValidator

from pydantic_serialization.plan.native.decoding.user_code import (
    is_closed_enum,
    is_fresh,
    is_native_post_init,
    is_plain,
)
from pydantic_serialization.plan.overrides import has_own
from pydantic_serialization.plan.purity.declared import is_declared, is_known_pure
from pydantic_serialization.plan.sharing import is_atom
from pydantic_serialization.plan.walk import Node, read_children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import ModelPrivateAttr

    from pydantic_serialization.plan.spec import ModelPlan

_FUNCTIONS = frozenset({"function-before", "function-after", "function-wrap", "function-plain"})
_FIELDS = frozenset({"model-field", "dataclass-field", "typed-dict-field", "named-tuple-field"})
_WITH_FIELDS = frozenset({"model-fields", "dataclass-args", "typed-dict", "named-tuple"})
_KNOWN = _FUNCTIONS | _FIELDS
_KNOWN |= {"none", "bool", "int", "float", "str", "bytes", "complex", "decimal", "fraction", "uuid", "url"}
_KNOWN |= {"multi-host-url", "date", "time", "datetime", "timedelta", "enum", "literal", "any", "missing-sentinel"}
_KNOWN |= {"is-instance", "is-subclass", "callable", "custom-error", "list", "tuple", "set", "frozenset", "dict"}
_KNOWN |= {"deque", "counter", "ordered-dict", "frozendict", "named-tuple", "typed-dict", "model", "model-fields"}
_KNOWN |= {"dataclass", "dataclass-args", "nullable", "union", "tagged-union", "default", "json", "json-or-python"}
_KNOWN |= {"lax-or-strict", "chain", "definitions", "definition-ref"}
_FACTORIES = frozenset({list, dict, set, tuple, frozenset, str, bytes, int, float, bool})
_READERS = ("model_validate_json", "model_validate")


def why_reading_is_impure(plan: ModelPlan) -> str | None:
    """Return what a reader of the type depends on besides the bytes, as a sentence, or ``None`` if nothing.

    Args:
        plan: The type.
    """
    if type(plan.validator) is not SchemaValidator:
        return "a plug-in of Pydantic watches every validation"
    for method in _READERS:
        if has_own(plan.model, method) and not is_declared(plan.model):
            return f"{plan.name} has a {method} of its own"
    schema: Any = plan.wire_schema
    try:
        return _Search(schema).why(schema, plan.name, trusted=False)
    except (KeyError, TypeError, AttributeError, RecursionError):  # made by hand, or by a library
        return f"{plan.name} has a schema of an unknown shape"


class _Search:
    """Looks through a schema for the first thing that is impure. Every node is looked at once.

    Args:
        schema: A core schema.
    """

    def __init__(self, schema: Any) -> None:
        self._definitions: dict[str, Node] = {}
        self._seen: set[tuple[int, bool]] = set()
        self._collect(schema, set())

    def why(self, node: Node, where: str, *, trusted: bool) -> str | None:
        """Return what is impure in ``node`` or below it.

        Args:
            node: A core schema.
            where: The class and field that it belongs to.
            trusted: The class that it belongs to was declared pure.
        """
        if (id(node), trusted) in self._seen:
            return None
        self._seen.add((id(node), trusted))
        kind = node["type"]
        if kind not in _KNOWN:
            return f"{where} is read as {kind!r}"
        if kind == "definition-ref":
            target = self._definitions.get(node["schema_ref"])
            # A definition may stand in several classes; none of them speaks for it.
            return self.why(target, where, trusted=False) if target is not None else f"{where} is not defined"
        if "cls" in node and kind in {"model", "dataclass"}:
            where, trusted = node["cls"].__name__, is_declared(node["cls"])
        elif kind in _FUNCTIONS:
            trusted = trusted or self._wraps_declared(node)
        reason = _own(node, where, trusted=trusted)
        if reason is not None:
            return reason
        for label, child in _below(node, where):
            reason = self.why(child, label, trusted=trusted)
            if reason is not None:
                return reason
        return None

    def _wraps_declared(self, node: Node) -> bool:
        """Say whether this is a validator of a whole model, and its class was declared pure."""
        inner: Node | None = node
        while inner is not None and inner["type"] in _FUNCTIONS | {"definition-ref"}:
            is_reference = inner["type"] == "definition-ref"
            inner = self._definitions.get(inner["schema_ref"]) if is_reference else inner.get("schema")
        return inner is not None and inner["type"] in {"model", "dataclass"} and is_declared(inner["cls"])

    def _collect(self, node: Node, seen: set[int]) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        if "ref" in node:
            self._definitions[node["ref"]] = node
        for child in read_children(node):
            self._collect(child, seen)


def _below(node: Node, where: str) -> Iterator[tuple[str, Node]]:
    """Yield the schemas below a node, and the names of their places."""
    if node["type"] == "definitions":  # the definitions themselves are looked at where something refers to them
        yield where, node["schema"]
        return
    fields = node.get("fields") if node["type"] in _WITH_FIELDS else None
    if fields is None:
        named: list[tuple[str, Node]] = []
    else:
        named = list(fields.items()) if isinstance(fields, dict) else [(item["name"], item) for item in fields]
    for name, item in named:
        yield f"{where}.{name}", item
    skipped = {id(item) for _, item in named}
    yield from ((where, child) for child in read_children(node) if id(child) not in skipped)


def _own(node: Node, where: str, *, trusted: bool) -> str | None:
    """Return what is impure in a node itself."""
    kind = node["type"]
    if node.get("now_op") is not None:
        return f"{where} is compared with the clock"
    if trusted:
        return None
    if kind in _FUNCTIONS and not is_known_pure(node["function"]["function"]):
        return f"{where} has the validator {_name(node['function']['function'])}, which is not declared pure"
    if kind == "default":
        return _default(node, where)
    if kind == "enum" and not _is_closed(node["cls"]):
        return f"{where} is an enumeration with code of its own for unknown values"
    if kind == "tagged-union" and callable(node["discriminator"]) and not is_known_pure(node["discriminator"]):
        return f"{where} has the discriminator {_name(node['discriminator'])}, which is not declared pure"
    return _making(node, where) if kind in {"model", "dataclass"} else None


def _default(node: Node, where: str) -> str | None:
    factory = node.get("default_factory")
    if factory is not None:
        if is_fresh(factory) or factory in _FACTORIES or is_known_pure(factory):
            return None
        return f"{where} has the default factory {_name(factory)}, which is not declared pure"
    value = node.get("default")
    if is_plain(value) or is_atom(value):
        return None
    # Pydantic may share it between instances, where a copy does not, or copy it by code of its class.
    return f"{where} has an object for a default"


def _is_closed(cls: type[Enum]) -> bool:
    own = getattr(cls._missing_, "__func__", None)
    is_flag = issubclass(cls, Flag) and own is getattr(Flag._missing_, "__func__", None)
    return is_closed_enum(cls) or is_flag or is_declared(cls)


def _making(node: Node, where: str) -> str | None:
    """Return what runs when an instance is made."""
    cls, post_init = node["cls"], node.get("post_init")
    if node.get("custom_init"):
        return f"{where} has an __init__ of its own"
    if cls.__new__ is not object.__new__:
        return f"{where} has a __new__ of its own"
    if node["type"] == "dataclass":
        return f"{where} has a __post_init__" if post_init else None
    if post_init is None or is_native_post_init(cls, post_init):
        return None
    attributes: dict[str, ModelPrivateAttr] = getattr(cls, "__private_attributes__", {})
    for name, item in attributes.items():
        is_made = item.default_factory is not None and not is_known_pure(item.default_factory)
        if is_made or not is_plain(item.default):
            return f"{where}.{name} is a private attribute whose default is made anew"
    method = getattr(cls, post_init, None)
    is_pure = method is init_private_attributes or is_declared(method) or any(map(is_declared, _closed_over(method)))
    return None if is_pure else f"{where} has a model_post_init"


def _closed_over(method: Any) -> Iterator[Any]:
    """Yield what a method holds: Pydantic puts one around the user's where there are private attributes."""
    for cell in getattr(method, "__closure__", None) or ():
        yield cell.cell_contents


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", type(function).__qualname__))

"""Nodes of core schemas whose values are a level of a document, and nodes whose values may be anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_serialization.plan.walk import Node

LEVELS = frozenset({"model", "dataclass", "typed-dict", "named-tuple", "list", "tuple", "set", "frozenset", "dict"})
LEVELS |= {"generator", "deque", "counter", "ordered-dict", "frozendict"}
"""Arrays and objects; of models those that are no root models."""
OPEN = frozenset({"any", "is-instance", "is-subclass", "callable", "custom-error", "call", "arguments", "arguments-v3"})
"""Values of any type."""


def has_free_result(node: Node) -> bool:
    """Say whether this is a user's serializer or computed field whose result has no declared type."""
    if node["type"] not in {"function-plain", "function-wrap", "computed-field"}:
        return False
    is_serializer = (
        "is_field_serializer" in node or "when_used" in node or "info_arg" in node or "property_name" in node
    )
    if not is_serializer and "schema" in node:
        return False
    returned = node.get("return_schema")
    return returned is None or returned["type"] == "any"


def has_free_extras(node: Node) -> bool:
    """Say whether a model keeps keys that it does not declare, with values of any type."""
    extra = node.get("extra_behavior") or (node.get("config") or {}).get("extra_fields_behavior")
    return bool(extra == "allow" and "extras_schema" not in node)

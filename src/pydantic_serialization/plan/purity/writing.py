"""Whether the bytes that are written are a function of the value alone: no code of the user's takes part unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import SchemaSerializer

from pydantic_serialization.plan.overrides import has_own
from pydantic_serialization.plan.purity.declared import is_declared, is_known_pure
from pydantic_serialization.plan.walk import Node, all_nodes, children

if TYPE_CHECKING:
    from pydantic_serialization.plan.spec import ModelPlan

_WRITERS = ("model_dump_json", "model_dump")


def why_writing_is_impure(plan: ModelPlan) -> str | None:
    """Return what a writer of the type depends on besides the value, as a sentence, or ``None`` if nothing.

    Args:
        plan: The type.
    """
    if type(plan.serializer) is not SchemaSerializer:
        return f"{plan.name} has a serializer that is not Pydantic's"
    for method in _WRITERS:
        if has_own(plan.model, method) and not is_declared(plan.model):
            return f"{plan.name} has a {method} of its own"
    try:
        return _why(plan.wire_schema)
    except (KeyError, TypeError, AttributeError):  # made by hand, or by a library
        return f"{plan.name} has a schema of an unknown shape"


def _why(schema: Any) -> str | None:
    definitions: dict[str, Node] = {}
    for node in all_nodes(schema, definitions):
        if "ref" in node:
            definitions[node["ref"]] = node
    seen: set[tuple[int, bool]] = set()
    todo: list[tuple[Node, bool]] = [(schema, False)]
    while todo:
        node, is_trusted = todo.pop()
        if node["type"] in {"model", "dataclass"}:
            is_trusted = is_declared(node["cls"])
        if (id(node), is_trusted) in seen:
            continue
        seen.add((id(node), is_trusted))
        reason = _by_class(node) or (None if is_trusted else _by_code(node))
        if reason is not None:
            return reason
        todo += [(child, is_trusted) for child in children(node)]
        if node["type"] == "definition-ref" and node["schema_ref"] in definitions:
            # It may stand in several classes; none of them speaks for it.
            todo.append((definitions[node["schema_ref"]], False))
    return None


def _by_class(node: Node) -> str | None:
    """Return what is written by the class that a value happens to have."""
    if (node.get("config") or {}).get("polymorphic_serialization"):
        return f"{node['cls'].__name__} is written by the class that it happens to have"
    if (node.get("serialization") or {}).get("type") == "any":
        return "a value is written by the class that it happens to have"
    return None


def _by_code(node: Node) -> str | None:
    """Return what is written by code of the user's."""
    if node.get("serialization_exclude_if") is not None:
        return "a field is left out by a function"
    if node["type"] in {"model", "dataclass"}:
        cls = node["cls"]
        for child in children(node["schema"]):
            if child["type"] == "computed-field" and not is_known_pure(getattr(cls, child["property_name"], None)):
                return f"{cls.__name__} has the computed field {child['property_name']}, which is not declared pure"
    function = (node.get("serialization") or {}).get("function")
    if function is None or is_known_pure(function):
        return None
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"the serializer {name} is not declared pure"

"""What several readers may hold at once: types whose instances may be frozen, and what such an instance consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pydantic_serialization.plan.frozen import freeze_checker
from pydantic_serialization.plan.native.copying import kind_of
from pydantic_serialization.plan.walk import Node, read_nodes

if TYPE_CHECKING:
    from pydantic_serialization.plan.spec import ModelPlan

_MAY_BE_FROZEN = frozenset(
    {
        "none", "bool", "int", "float", "str", "bytes", "complex", "decimal", "fraction", "uuid", "url",
        "multi-host-url", "date", "time", "datetime", "timedelta", "enum", "literal", "tuple", "frozenset",
        "model", "model-fields", "model-field", "nullable", "union", "tagged-union", "default", "json-or-python",
        "lax-or-strict", "chain", "definitions", "definition-ref", "is-instance",
        # Whatever these return is looked at in the instances.
        "function-before", "function-after", "function-wrap", "function-plain",
    }
)  # fmt: skip
_is_frozen = freeze_checker()


def is_atom(value: Any) -> bool:
    """Say whether a value is its own copy: a scalar, a member of an enumeration, a point in time."""
    kind = kind_of(type(value))[0]
    return kind == "shared" or (kind == "moment" and _is_frozen(value))


def why_not_frozen(plan: ModelPlan) -> str | None:
    """Return what in a type can change, as a phrase, or ``None`` if its schema shows nothing.

    Instances may still hold something that can: :func:`frozen_models` looks at them.

    Args:
        plan: The type.
    """
    if plan.model is None:
        return f"{plan.name} is not a model"
    schema: Any = plan.wire_schema
    definitions: dict[str, Node] = {}
    for node in read_nodes(schema, definitions):
        if "ref" in node:
            definitions[node["ref"]] = node
    for node in read_nodes(schema, definitions):
        kind = node["type"]
        if kind not in _MAY_BE_FROZEN:
            return f"it may hold a {kind}"
        if kind == "model" and not kind_of(node["cls"])[2]:
            return f"{node['cls'].__name__} is not frozen"
    return None


def frozen_models(value: Any) -> list[BaseModel] | None:
    """Return the models that a value consists of, itself first if it is one, or ``None`` if anything in it can change.

    Args:
        value: A model, or a value of a field.
    """
    if not _is_frozen(value):
        return None
    found: list[BaseModel] = []
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, BaseModel):
            found.append(item)
            todo += item.__dict__.values()
        elif isinstance(item, (tuple, frozenset)):
            todo += item
    return found

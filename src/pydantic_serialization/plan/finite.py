"""A serializer that tells NaN and infinities from ``null``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization.plan.rebuild import CAN_REBUILD, build_serializer
from pydantic_serialization.plan.walk import Node, transform

if TYPE_CHECKING:
    from pydantic_core import SchemaSerializer

_CLASSES = frozenset({"model", "dataclass", "typed-dict"})


def telling_serializer(schema: Any, serializer: SchemaSerializer) -> SchemaSerializer | None:
    """Return a serializer that writes ``NaN`` and ``Infinity`` where nothing is said about them, else what is said.

    Args:
        schema: A core schema.
        serializer: Pydantic's serializer of it, which knows the configuration of the outermost type.

    Returns:
        ``None`` before Pydantic 2.13, which cannot build one beside the one of the class.
    """
    if not CAN_REBUILD:
        return None
    arguments: Any = serializer.__reduce__()[1]
    return build_serializer(transform(dict(schema), _telling), _with_constants(arguments[1]))


def _telling(node: Node) -> Node:
    return {**node, "config": _with_constants(node.get("config"))} if node["type"] in _CLASSES else node


def _with_constants(config: Any) -> Any:
    return {
        "ser_json_inf_nan": "constants",
        **{key: value for key, value in (config or {}).items() if value is not None},
    }

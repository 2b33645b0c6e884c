"""Models whose fields another library keeps behind descriptors, such as SQLModel's table classes.

Pydantic reads and writes the ``__dict__`` of an instance. For a class whose attributes are data descriptors that is
only the other library's storage: a row that SQLAlchemy has expired has an empty one, and would be written as ``{}``; an
instance that Pydantic builds by itself is not validated (SQLModel leaves that to ``model_validate``). Such classes are
written through their attributes and read through their own ``model_validate``; all others are left alone.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pydantic_serialization.plan.walk import Node, transform

if TYPE_CHECKING:
    from collections.abc import Iterable


def managed_fields(cls: type) -> tuple[str, ...]:
    """Return the fields of a class that data descriptors of the class stand for."""
    if not issubclass(cls, BaseModel):
        return ()
    return tuple(name for name in cls.model_fields if hasattr(inspect.getattr_static(cls, name, None), "__set__"))


def through_owner(schema: Any, classes: Iterable[type]) -> Any:
    """Return a schema that reads and writes managed classes through their own attributes and ``model_validate``.

    Args:
        schema: A core schema; returned as it is where no class is managed.
        classes: The classes that instances of it are made of.
    """
    if not any(managed_fields(cls) for cls in classes):
        return schema
    return transform(schema, _through_owner)


def _through_owner(node: Node) -> Node:
    names = managed_fields(node["cls"]) if node["type"] == "model" else ()
    if not names or "serialization" in node:
        return node

    def write(value: Any, handler: Any) -> Any:
        for name in names:
            if name not in value.__dict__:
                getattr(value, name)  # the descriptor loads it, or raises its own error
        return handler(value)

    kept = {"ref": node["ref"]} if "ref" in node else {}
    inner = {key: item for key, item in node.items() if key != "ref"}
    serialization = {"type": "function-wrap", "function": write, "schema": inner}
    own: Any = node["cls"].model_validate
    pydantics: Any = BaseModel.model_validate
    if not node.get("custom_init") or getattr(own, "__func__", None) is pydantics.__func__:
        return {**node, "serialization": serialization}

    def read(value: Any, info: Any) -> Any:
        return own(value, context=info.context)

    function = {"type": "with-info", "function": read}
    return {"type": "function-plain", "function": function, "serialization": serialization, **kept}

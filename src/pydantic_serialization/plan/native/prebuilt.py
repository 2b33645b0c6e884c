"""Where Pydantic runs the user's functions around a class twice.

A class that is complete is read and written by its own ready-made validator and serializer wherever it stands inside
another type. These include the functions around the class, and Pydantic leaves them alone where it sees so; of a class that
refers to itself it sees a reference only. The functions around such a class run twice then, once around it and once inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.plan.walk import Node, children

if TYPE_CHECKING:
    from collections.abc import Iterator

_AROUND = {"function-after", "function-wrap", "function-before"}


def class_read_twice(schema: Node) -> type | None:
    """Return a class whose validators Pydantic runs twice for each value, ``None`` if there is none.

    Args:
        schema: The core schema of a type.
    """
    for node in _all_below(schema):
        inner = node
        while inner["type"] in _AROUND and "schema" in inner:
            inner = inner["schema"]
        if inner is not node and refers_to_itself(inner, schema):
            cls: type = inner["cls"]
            return cls
    return None


def is_wrapped_in_itself(schema: Node) -> bool:
    """Say whether a class refers to itself and has functions around it: its own validator is no part of its parts.

    Args:
        schema: The core schema of a type.
    """
    for node in _all_below(schema):
        inner = node
        while inner["type"] in _AROUND and "schema" in inner:
            inner = inner["schema"]
        cls = inner.get("cls")
        if inner is not node and isinstance(cls, type) and cls.__dict__.get("__pydantic_core_schema__") is schema:
            return True
    return False


def refers_to_itself(node: Node, schema: Node) -> bool:
    """Say whether the functions around a class run twice: it refers to itself, and stands inside another type.

    Args:
        node: The node of the class.
        schema: The core schema of the whole type.
    """
    cls = node.get("cls")
    if node["type"] not in {"model", "dataclass"} or not isinstance(cls, type):
        return False
    own = cls.__dict__.get("__pydantic_core_schema__")
    return own is not schema and isinstance(own, dict) and own.get("type") in {"definitions", "definition-ref"}


def _all_below(schema: Node) -> Iterator[Node]:
    seen: set[int] = set()
    todo = [schema]
    while todo:
        node = todo.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            todo.extend(children(node))

"""Where Pydantic runs a class's validator twice.

A class that is complete is read by its own ready-made validator wherever it stands inside another type. That validator
includes the functions around the class, and Pydantic leaves it alone where it sees so; of a class that refers to itself it
sees a reference only. The functions around such a class run twice then, once around the class and once inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.plan.walk import Node, children

if TYPE_CHECKING:
    from collections.abc import Iterator

_AROUND = {"function-after", "function-wrap", "function-before"}


def class_read_twice(schema: Node) -> type | None:
    """Return a class whose functions Pydantic runs twice for each value, ``None`` if there is none.

    Args:
        schema: The core schema of a type.
    """
    for node in _all_below(schema):
        inner = node
        while inner["type"] in _AROUND and "schema" in inner:
            inner = inner["schema"]
        cls = inner.get("cls")
        if inner is node or inner["type"] not in {"model", "dataclass"} or not isinstance(cls, type):
            continue
        own = cls.__dict__.get("__pydantic_core_schema__")
        if own is not schema and isinstance(own, dict) and own.get("type") in {"definitions", "definition-ref"}:
            return cls
    return None


def _all_below(schema: Node) -> Iterator[Node]:
    seen: set[int] = set()
    todo = [schema]
    while todo:
        node = todo.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            todo.extend(children(node))

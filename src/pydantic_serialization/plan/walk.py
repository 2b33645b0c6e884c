"""Walk over core schemas: where the children of a node are.

Only the keys named here hold schemas. Everything else (defaults, metadata, configuration) may hold a dict that looks
like one, so a walk over all values would misread a field whose default is ``{"type": "bytes"}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Node = dict[str, Any]

_ONE = frozenset(
    {
        "schema",
        "keys_schema",
        "values_schema",
        "lax_schema",
        "strict_schema",
        "json_schema",
        "python_schema",
        "return_schema",
        "arguments_schema",
        "extras_schema",
        "extras_keys_schema",
        "var_args_schema",
        "var_kwargs_schema",
        "serialization",
        "items_schema",
    }
)
_MANY = frozenset({"items_schema", "steps", "definitions", "choices", "fields", "computed_fields", "arguments"})
_CONTAINERS = _ONE | _MANY


def children(node: Node) -> Iterator[Node]:
    """Yield the schemas directly below ``node``."""
    for key in _CONTAINERS & node.keys():
        yield from _schemas(node[key])


def _schemas(value: Any) -> Iterator[Node]:
    if isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield value
        else:  # fields by name, choices by tag
            for item in value.values():
                yield from _schemas(item)
    elif isinstance(value, (list, tuple)):  # steps, definitions, (choice, label)
        for item in value:
            yield from _schemas(item)


def transform(node: Node, change: Callable[[Node], Node], *, skip: frozenset[str] = frozenset()) -> Node:
    """Return a copy of the schema with ``change`` applied to every node, innermost first. The original is untouched.

    Args:
        node: A core schema.
        change: Returns the node to put in place of the one it is given.
        skip: Keys whose schemas stay as they are.
    """

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            if isinstance(value.get("type"), str):
                return transform(value, change, skip=skip)
            return {name: changed(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(changed(item) for item in value)
        return value

    copy = dict(node)
    for key in (_CONTAINERS - skip) & node.keys():
        copy[key] = changed(node[key])
    return change(copy)

"""Walk over core schemas: where the children of a node are.

Only the keys named here hold schemas. Everything else (defaults, metadata, configuration) may hold a dict that looks
like one, so a walk over all values would misread a field whose default is ``{"type": "bytes"}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

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


def children(node: Node, *, skip: frozenset[str] = frozenset()) -> Iterator[Node]:
    """Yield the schemas directly below ``node``, in its order.

    Args:
        node: A core schema.
        skip: Keys whose schemas are left out.
    """
    for key, value in node.items():
        if key in _CONTAINERS and key not in skip:
            yield from _schemas(value)


def read_children(node: Node) -> list[Node]:
    """Return the schemas directly below ``node`` that matter for reading: not those that say how to write."""
    if node["type"] == "computed-field":
        return []
    written = {id(node.get("serialization")), id(node.get("return_schema"))}
    return [child for child in children(node) if id(child) not in written and child["type"] != "computed-field"]


def read_nodes(node: Node, definitions: Mapping[str, Node]) -> Iterator[Node]:
    """Yield a node and everything that reading it may reach, each once: one node can stand at many places.

    Args:
        node: A core schema.
        definitions: What references lead to.
    """
    return _nodes(node, definitions, read_children)


def all_nodes(node: Node, definitions: Mapping[str, Node]) -> Iterator[Node]:
    """Yield a node and everything that it reaches, each once; see :func:`read_nodes`."""
    return _nodes(node, definitions, children)


def _nodes(node: Node, definitions: Mapping[str, Node], below: Callable[[Node], Iterable[Node]]) -> Iterator[Node]:
    seen: set[int] = set()
    todo = [node]
    while todo:
        current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if current["type"] == "definition-ref" and current["schema_ref"] in definitions:
            todo.append(definitions[current["schema_ref"]])
        todo += below(current)


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


def root_config(node: Node) -> Any:
    """Return the configuration that Pydantic builds the validator and serializer of this schema with, or ``None``.

    Some settings (``hide_input_in_errors``, the JSON form of undeclared values) are read from there only, not from the
    nodes.
    """
    definitions: dict[str, Node] = {}
    while node["type"] not in {"model", "dataclass"}:
        if node["type"] == "definitions":
            definitions = {item["ref"]: item for item in node["definitions"]}
            node = node["schema"]
        elif node["type"] == "definition-ref":
            node = definitions[node["schema_ref"]]
        elif node["type"].startswith("function-") and "schema" in node:
            node = node["schema"]
        else:
            return None
    return node.get("config")


def transform(
    node: Node,
    change: Callable[[Node], Node],
    *,
    skip: frozenset[str] = frozenset(),
    instead: Callable[[Node], Node | None] = lambda _: None,
) -> Node:
    """Return a copy of the schema with ``change`` applied to every node, innermost first. The original is untouched.

    A node that stands at several places is changed once, and stands at the same places of the copy: models that share
    parts would otherwise be walked once for every path to them, of which there can be exponentially many.

    Args:
        node: A core schema.
        change: Returns the node to put in place of the one it is given.
        skip: Keys whose schemas stay as they are.
        instead: Returns what to put in place of a node and all that is below it; ``None`` to go on.
    """
    done: dict[int, Node] = {}

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            if isinstance(value.get("type"), str):
                return transformed(value)
            return {name: changed(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(changed(item) for item in value)
        return value

    def transformed(node: Node) -> Node:
        if id(node) not in done:
            found = instead(node)
            if found is None:
                copy = dict(node)
                for key in (_CONTAINERS - skip) & node.keys():
                    copy[key] = changed(node[key])
                found = change(copy)
            done[id(node)] = found
        return done[id(node)]

    return transformed(node)

"""Whether a schema reads Python objects in the same way, be they the whole input or a part of a JSON document.

What a model's ``before`` validator returns is read as Python input, but still as part of a JSON document. A validator of
one's own for it is told that all input is Python. That makes a difference in strict mode, for schemas that name a way for
each kind of input, and to functions that ask for the mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.plan.walk import Node, all_nodes, read_children

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

_NO_CONFIG: Node = {}
"""One object for all: what was found out is kept by identity."""
_OWN_CONFIG = {"model", "dataclass", "typed-dict"}
_FITS_BY_INPUT = {"uuid", "lax-or-strict"}
"""How well text fits these depends on the kind of the input; the second tries its strict form first inside a union."""
_BY_INPUT = {"json-or-python", "json", "generator", "custom-error", "call", "arguments", "arguments-v3"}


class PythonInput:
    """Answers the question for the nodes of one type: for each of its models, so what was found out is kept.

    Args:
        root: The schema of the type.
    """

    def __init__(self, root: Node) -> None:
        self._root = root
        self._fitting: set[int] | None = None
        self._alike: set[tuple[int, int]] = set()
        self._unlike: set[tuple[int, int]] = set()

    def is_alike(self, node: Node, config: Node, definitions: Mapping[str, Node]) -> bool:
        """Say whether the kind of the whole input makes no difference to reading a node.

        Args:
            node: A core schema, part of the root.
            config: The configuration that it is read with.
            definitions: What references lead to.
        """
        config = config or _NO_CONFIG
        start, seen = (id(node), id(config)), set[tuple[int, int]]()
        todo = [(node, config)]
        while todo:
            current, around = todo.pop()
            own = (current.get("config") or _NO_CONFIG) if current["type"] in _OWN_CONFIG else around
            key = (id(current), id(own))
            if key in seen or key in self._alike:
                continue
            if key in self._unlike or self._differs(current, own, definitions):
                self._unlike |= {start, key}
                return False
            seen.add(key)
            if current["type"] == "definition-ref":
                todo.append((definitions[current["schema_ref"]], own))
            # Outside strict mode, which is left out here, only one of the two is used.
            below = [current["lax_schema"]] if current["type"] == "lax-or-strict" else read_children(current)
            todo += [(child, own) for child in below]
        self._alike |= seen
        return True

    def _differs(self, node: Node, config: Node, definitions: Mapping[str, Node]) -> bool:
        """Say whether a node itself is read in more than one way."""
        kind = node["type"]
        if kind in _BY_INPUT or node.get("strict") or config.get("strict"):
            return True
        if kind.startswith("function-") and "function" in node:
            return bool(node["function"].get("type") == "with-info")
        if kind == "union":
            if self._fitting is None:
                self._fitting = _reaching(self._root, _FITS_BY_INPUT)
            return id(node) in self._fitting
        return kind == "definition-ref" and node["schema_ref"] not in definitions


def _reaching(root: Node, kinds: Set[str]) -> set[int]:
    """Return the ids of all nodes that are of one of the kinds, or from which reading may reach such a node."""
    definitions = {item["ref"]: item for node in all_nodes(root, {}) for item in node.get("definitions", ())}
    above: dict[int, list[int]] = {}
    todo: list[int] = []
    for node in all_nodes(root, definitions):
        below = read_children(node)
        if node["type"] == "definition-ref" and node["schema_ref"] in definitions:
            below = [*below, definitions[node["schema_ref"]]]
        for child in below:
            above.setdefault(id(child), []).append(id(node))
        if node["type"] in kinds:
            todo.append(id(node))
    found: set[int] = set()
    while todo:
        current = todo.pop()
        if current not in found:
            found.add(current)
            todo += above.get(current, ())
    return found

"""How much of the stack Pydantic's own walk over a type takes at most, for each level of a value.

The bytes are of pydantic-core 2.33 to 2.50 on CPython, measured at the innermost value of nested ones, and rounded up by a
quarter or more; `tests/security/test_stack.py` compares them with what is taken here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic_serialization._native.stack import RESERVE
from pydantic_serialization.plan.freedom import LEVELS, OPEN, has_free_extras, has_free_result
from pydantic_serialization.plan.walk import Node, all_nodes, children, read_children

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NODE = 1_152
_CONTAINER = 2_304
_READ = {
    **dict.fromkeys(LEVELS, _CONTAINER),
    "root-model": 2_304,
    "union": 3_072,
    "tagged-union": 2_304,
    "function-before": 3_072,
    "function-wrap": 3_072,
    "function-plain": 3_072,
    "function-after": 1_536,
}
_WRITTEN = {
    **dict.fromkeys(LEVELS - {"dataclass"}, 1_536),
    "model": 2_304,
    "root-model": 4_096,
    "dataclass": 2_304,
    "union": 3_072,
    "tagged-union": 3_072,
    "function-before": 0,
    "function-after": 0,
    "function-wrap": 5_120,
    "function-plain": 4_096,
    "computed-field": 4_096,
}
_NOTHING = dict.fromkeys(("definitions", "model-field", "dataclass-field", "typed-dict-field"), 0)

_PARSED = 640
"""A level of JSON text that is parsed, also of what is skipped, and of what it becomes where nothing is declared."""
_INFERRED = 8_192
"""A level of a value without a declared type that is written by what it is, models included."""


DEEPEST_READ = 200
"""Levels at which Pydantic's own JSON reader stops (jiter's recursion limit)."""
_DEEPEST_WRITTEN = 255
"""Definitions within definitions at which its writer stops."""


class StackNeed(NamedTuple):
    """Bytes of the stack for a walk over a value.

    Attributes:
        fixed: For what the schema bounds.
        level: For each level of arrays and objects.
        most: For the deepest value that Pydantic goes into.
    """

    fixed: int
    level: int
    most: int

    @classmethod
    def of_levels(cls, level: int, *, deepest: int) -> StackNeed:
        """Return what a walk takes that knows no schema, and stops at a depth by itself."""
        return cls(0, level, RESERVE + level * deepest)

    def levels(self, left: int) -> int:
        """Return the levels that fit into so many bytes; below zero if not even a value without any does."""
        return (left - RESERVE - self.fixed) // self.level


def need_to_read(schema: Node) -> StackNeed:
    """Return what Pydantic takes to read JSON text of a type."""
    costs = _Costs(schema, {**_READ, **_NOTHING}, read_children)
    fixed, level = costs.need(_PARSED, _PARSED)
    return StackNeed(fixed, level, RESERVE + fixed + level * DEEPEST_READ)


def need_to_check(schema: Node) -> StackNeed:
    """Return what Pydantic takes to check a value of a type that is there already: what is not declared takes nothing."""
    fixed, level = _Costs(schema, {**_READ, **_NOTHING}, read_children).need(1, 1)
    return StackNeed(fixed, level, RESERVE + fixed + level * DEEPEST_READ)


def need_to_write(schema: Node) -> StackNeed:
    """Return what Pydantic takes to write a value of a type, as JSON text or as a tree."""
    costs = _Costs(schema, {**_WRITTEN, **_NOTHING}, children)
    fixed, level = costs.need(1, _INFERRED)
    # Pydantic counts how often it comes back to a definition: there may be several levels in between.
    return StackNeed(fixed, level, RESERVE + fixed + max(level, costs.circle) * _DEEPEST_WRITTEN)


class _Costs:
    """The longest path through a schema, and the longest stretch from one level of a value to the next."""

    def __init__(self, schema: Node, costs: dict[str, int], below: Callable[[Node], Iterable[Node]]) -> None:
        self._costs = costs
        self._below = below
        self._nodes = {id(node): node for node in all_nodes(schema, {})}
        self._definitions = {node["ref"]: node for node in self._nodes.values() if "ref" in node}
        self._heads: dict[int, int] = {}
        self._totals: dict[int, int | None] = {}
        self._is_recursive = False
        self._total = self._total_of(schema)

    @property
    def circle(self) -> int:
        """The bytes of the longest way from a definition to itself, at most; 0 if none leads there."""
        return self._total if self._is_recursive else 0

    def need(self, level: int, open_level: int) -> tuple[int, int]:
        """Return the fixed bytes and those of a level.

        Args:
            level: Bytes of a level that no declaration describes.
            open_level: The same where some value may be anything.
        """
        nodes = self._nodes.values()
        if any(node["type"] in OPEN or has_free_result(node) or has_free_extras(node) for node in nodes):
            level = open_level
        if not self._is_recursive:
            return self._total, level
        longest = max(self._head(child) for node in nodes for child in self._children(node))
        return 2 * longest, max(level, longest)  # the way to the first level, and that from the last one

    def _children(self, node: Node) -> list[Node]:
        if node["type"] == "definitions":
            return [node["schema"]]
        found = list(self._below(node))
        if node["type"] == "definition-ref" and node["schema_ref"] in self._definitions:
            found.append(self._definitions[node["schema_ref"]])
        return found

    def _head(self, node: Node) -> int:
        """Return the bytes from a node to the next level of the value, which is included."""
        key = id(node)
        if key not in self._heads:
            self._heads[key] = 0  # what comes back to itself without a level ends in an error of Pydantic's
            is_level = node["type"] in LEVELS and not node.get("root_model")
            below = () if is_level else self._children(node)
            self._heads[key] = self._cost(node) + max(map(self._head, below), default=0)
        return self._heads[key]

    def _total_of(self, node: Node) -> int:
        """Return the bytes of the longest path from a node."""
        key = id(node)
        if key not in self._totals:
            self._totals[key] = None
            self._totals[key] = self._cost(node) + max(map(self._total_of, self._children(node)), default=0)
        total = self._totals[key]
        self._is_recursive |= total is None
        return total or 0

    def _cost(self, node: Node) -> int:
        return self._costs.get("root-model" if node.get("root_model") else node["type"], _NODE)

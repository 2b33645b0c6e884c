"""What of a program the native core does itself: the classes that it enters, and the places where Pydantic works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Program = tuple[Any, ...]
Direction = Literal["writing", "reading"]

_CLASSES = {"model", "dataclass", "root-model"}
_REFERENCES = {"shared", "reference", "definition-ref"}
_HOLES = {"piece", "init", "whole", "detour", "unsupported"}
_VALUES = {"literal", "enum", "url"}
"""Nodes that hold values of the user, which may look like nodes."""
_TAGGED = {"tagged", "tagged-union"}


class Parts(NamedTuple):
    """What is in one place of a program, classes not entered.

    Attributes:
        classes: Models and dataclasses whose instances the core makes or writes itself.
        has_hole: Pydantic does something there.
    """

    classes: frozenset[type] = frozenset()
    has_hole: bool = False

    def __or__(self, other: object) -> Parts:
        """Return what is in either place."""
        if not isinstance(other, Parts):
            return NotImplemented
        return Parts(self.classes | other.classes, self.has_hole or other.has_hole)


class ProgramParts:
    """The places of one program.

    Args:
        program: A program of one of the two compilers; ``None`` has no places.
        direction: Which of the two.

    Attributes:
        root: What is in the outermost place.
        fields: What is in each field, by class and name.
    """

    def __init__(self, program: Program | None, direction: Direction) -> None:
        self.root = Parts()
        self.fields: dict[tuple[type, str], Parts] = {}
        self._direction = direction
        self._definitions: Sequence[Program] = () if program is None else program[1]
        self._entered: set[int] = set()
        if program is not None:
            self.root = self._parts(program[0], frozenset())

    @property
    def has_hole(self) -> bool:
        """Whether Pydantic does something anywhere."""
        return self.root.has_hole or any(place.has_hole for place in self.fields.values())

    def _parts(self, node: Any, above: frozenset[int]) -> Parts:
        if not isinstance(node, tuple) or not node:
            return Parts()
        kind = node[0]
        if not isinstance(kind, str):
            return self._all(node, above)
        if kind in _HOLES:
            return Parts(has_hole=True)
        if kind in _VALUES:
            return Parts()
        if kind in _REFERENCES:
            number = node[1]
            return Parts() if number in above else self._parts(self._definitions[number], above | {number})
        if kind in _CLASSES:
            self._enter(node)
            return Parts(frozenset({node[1]}))
        if kind == "typed-dict":
            return self._all([item for _, item in self._fields(node)], above)
        return self._all(node[-1:] if kind in _TAGGED else node[1:], above)

    def _all(self, nodes: Sequence[Any], above: frozenset[int]) -> Parts:
        found = Parts()
        for node in nodes:
            found |= self._parts(node, above)
        return found

    def _enter(self, node: Program) -> None:
        if id(node) in self._entered:
            return
        self._entered.add(id(node))
        for name, item in self._fields(node):
            place = (node[1], name)
            self.fields[place] = self.fields.get(place, Parts()) | self._parts(item, frozenset())

    def _fields(self, node: Program) -> Iterator[tuple[str, Any]]:
        """Yield names and programs of the fields of a class."""
        kind = node[0]
        if kind == "root-model":
            yield "root", node[2]
            return
        position = {"model": 2, "dataclass": 3, "typed-dict": 1}[kind]
        if self._direction == "reading":
            for name, program, *_ in node[position]:
                yield name, program
            return
        for name, _, _, _, way, program, *_ in node[position][0]:
            yield name, program if way == "native" else (way,)

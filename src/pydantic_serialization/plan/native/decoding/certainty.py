"""Whether how well a value fits a program is known without Pydantic, and without code of the user's.

Members of a union are compared by that, and more than one of them is tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNCERTAIN = {"piece", "after", "before", "init"}
_MADE_BY_CODE = {"made", "deep-copied"}
_ONE = {"nullable": 1, "list": 1, "set": 1, "frozenset": 1, "tuple-of": 1, "root-model": 2}
_MANY = {"tuple": 1, "union": 1, "union-left": 1, "tagged": 3}
_FIELDS = {"model": 2, "typed-dict": 1}


def is_certain(program: Any, definitions: Sequence[Any] | None, seen: set[int] | None = None) -> bool:
    """Say whether nothing in a program is read by Pydantic, or runs code of the user's.

    Args:
        program: A program.
        definitions: The programs of definitions; ``None`` leaves what is behind a reference out.
        seen: Definitions that were looked at already.
    """
    seen = set() if seen is None else seen
    kind = program[0]
    if kind in _UNCERTAIN or (kind == "enum" and not program[2]):  # one that is open asks the user's `_missing_`
        return False
    if kind == "definition-ref":
        number = program[1]
        if definitions is None or number in seen:
            return True
        seen.add(number)
        return is_certain(definitions[number], definitions, seen)
    if kind in {"model", "root-model"}:
        post_init = program[-1]
        if post_init is not None and not post_init[1]:
            return False
    fields = _fields_of(program)
    if any(default[0] in _MADE_BY_CODE for _, _, default, _ in fields):
        return False
    return all(is_certain(part, definitions, seen) for part in (*(field[1] for field in fields), *_parts_of(program)))


def _fields_of(program: Any) -> tuple[Any, ...]:
    place = _FIELDS.get(program[0])
    return () if place is None else program[place]


def _parts_of(program: Any) -> tuple[Any, ...]:
    """Return the programs directly inside a program, but for those of fields."""
    kind = program[0]
    if kind in _ONE:
        return (program[_ONE[kind]],)
    if kind in _MANY:
        return tuple(program[_MANY[kind]])
    if kind == "dict":
        return tuple(program[1:3])
    if kind in _FIELDS:
        extra = program[_FIELDS[kind] + 2]
        return (extra[1],) if isinstance(extra, tuple) and extra[1] is not None else ()
    return ()

"""Whether how well a value fits a program is known without Pydantic, and without code of the user's.

Members of a union are compared by that, and more than one of them is tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNCERTAIN = {"piece", "after", "before", "init"}
_MADE_BY_CODE = {"made", "deep-copied"}


def is_certain(program: Any, definitions: Sequence[Any] | None, seen: frozenset[int] = frozenset()) -> bool:
    """Say whether nothing in a program is read by Pydantic, or runs code of the user's.

    Args:
        program: A program, or a part of one.
        definitions: The programs of definitions; ``None`` leaves what is behind a reference out.
        seen: Definitions that are being looked at.
    """
    if not isinstance(program, tuple) or not program:
        return True
    if program[0] in _UNCERTAIN:
        return False
    if program[0] == "model":
        _, _, fields, _, extra, post_init = program
        if post_init is not None and not post_init[1]:
            return False
        if any(default[0] in _MADE_BY_CODE for _, _, default, _ in fields):
            return False
        return all(is_certain(part, definitions, seen) for part in (*(value for _, value, _, _ in fields), extra))
    if program[0] == "definition-ref":
        number = program[1]
        if definitions is None or number in seen:
            return True
        return is_certain(definitions[number], definitions, seen | {number})
    return all(is_certain(part, definitions, seen) for part in program)

"""Whether a serializer of a field looks at the object that the field belongs to.

One that does may change what stands behind its field in place, so that has to be written after it.
"""

from __future__ import annotations

import dis
from types import FunctionType
from typing import Any

_FRAMES = frozenset({"locals", "vars", "dir", "eval", "exec", "_getframe", "currentframe", "stack"})
"""Names by which a function gets at its own arguments without naming them."""


def looks_at_owner(function: Any) -> bool:
    """Say whether a function may use its first argument. It says no only of what is written in Python and does not name it.

    Args:
        function: Takes the object, and the value of the field.
    """
    if type(function) is not FunctionType or function.__code__.co_argcount == 0:
        return True
    code = function.__code__
    name = code.co_varnames[0]
    # A function inside it may have the object too, and super() takes it without naming it.
    if name in code.co_cellvars or "__class__" in code.co_freevars or not _FRAMES.isdisjoint(code.co_names):
        return True
    return any(_names(instruction.argval, name) for instruction in dis.get_instructions(code))


def _names(argument: Any, name: str) -> bool:
    # Some instructions do the work of two, and have two arguments.
    return argument == name or (isinstance(argument, tuple) and name in argument)

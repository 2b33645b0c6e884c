"""How much of the running thread's stack is left, natively or through the C library.

Pydantic's own walks take a piece of the stack for each level of a value, and where the stack ends the process ends.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from pydantic_serialization._native import core

if TYPE_CHECKING:
    from collections.abc import Callable

RESERVE = 32_768
"""Bytes that are kept for what is called at the deepest place."""

_BELOW_PYTHON = 6_144
_FRAME = 512
"""Without the core nobody tells where in the stack a call is: what each frame of Python's is taken to have used."""

_sizes = threading.local()


def stack_left() -> int | None:
    """Return the bytes that are left of the running thread's stack, without the core by estimate; ``None`` if unknown."""
    if core is not None:
        return core.stack_left()
    if not hasattr(_sizes, "size"):
        from pydantic_serialization._native.threads import size_of_stack  # noqa: PLC0415  (ctypes takes a while)

        _sizes.size = size_of_stack()
    size: int | None = _sizes.size
    return None if size is None else max(0, size - _BELOW_PYTHON - _FRAME * _frames())


def guarded(function: Callable[..., Any], enough: int, short: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls ``function`` where at least ``enough`` bytes of the stack are left, else ``short``."""
    if core is not None:
        return core.guarded(function, enough, short)

    def call(*arguments: Any, **options: Any) -> Any:
        left = stack_left()
        return (function if left is None or left >= enough else short)(*arguments, **options)

    return call


def _frames() -> int:
    frame, count = sys._getframe(), 0  # noqa: SLF001  (there is no public way that does not make objects of them all)
    while frame.f_back is not None:
        frame, count = frame.f_back, count + 1
    return count

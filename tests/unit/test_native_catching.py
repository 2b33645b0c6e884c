"""The native ``except`` block around a function."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from pydantic_serialization._native import core

if core is None:
    pytest.skip("needs the native core", allow_module_level=True)


class OddError(ValueError):
    """A kind of its own."""


def failing(*_: Any, **options: Any) -> Any:
    raise options.get("error", OddError("no"))


def test_what_succeeds_is_passed_through() -> None:
    """Arguments of both kinds go in, the very result comes out, the handler is not called."""
    assert core is not None
    seen: list[Any] = []

    def function(*values: Any, **options: Any) -> Any:
        seen.append((values, options))
        return seen

    call = core.catching(function, ValueError, failing)
    assert call(1, "two", three=3) is seen
    assert call() is seen
    assert seen == [((1, "two"), {"three": 3}), ((), {})]


def test_the_handler_gets_the_error_and_all_arguments() -> None:
    """The error itself, of the kind or of a kind below it, stands before the arguments; the handler's result counts."""
    assert core is not None
    call = core.catching(failing, ValueError, lambda *values, **options: (values, options))
    error = OddError("yes")
    assert call(1, 2, error=error, more=3) == ((error, 1, 2), {"error": error, "more": 3})


def test_other_errors_and_those_of_the_handler_are_raised() -> None:
    """What is not of the kind never reaches the handler; what the handler raises is what the caller sees."""
    assert core is not None
    error = KeyError("another")
    with pytest.raises(KeyError) as caught:
        core.catching(failing, ValueError, lambda *_, **__: 1)(error=error)
    assert caught.value is error

    def refuse(error: Exception, *_: Any) -> Any:
        raise RuntimeError(str(error)) from None

    with pytest.raises(RuntimeError, match="no"):
        core.catching(failing, ValueError, refuse)(1)


@pytest.mark.usefixtures("frozen_heap")
def test_a_function_that_refers_to_itself_is_collected() -> None:
    """A cycle through the handler is seen by the garbage collector."""
    assert core is not None

    class Handler:
        call: Any = None

        def __call__(self, *_: Any) -> None: ...

    def alive() -> int:
        return sum(type(item) is Handler for item in gc.get_objects())

    handler = Handler()
    handler.call = core.catching(failing, ValueError, handler)
    assert alive() == 1
    del handler
    gc.collect()
    assert alive() == 0

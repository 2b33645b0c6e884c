"""Counting and timing around the functions of a pipeline that are not the hottest."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization.profiling import OperationSlot


def watched(
    call: Callable[[Any, Any], Any], slot: OperationSlot, size_of: Callable[[Any, Any], int]
) -> Callable[[Any, Any], Any]:
    """Return ``call`` with its calls counted and some of them timed."""

    def measured(subject: Any, options: Any) -> Any:
        slot.countdown -= 1
        if slot.countdown > 0:
            return call(subject, options)
        started = perf_counter_ns()
        result = call(subject, options)
        slot.record(perf_counter_ns() - started, size_of(subject, result))
        return result

    return measured


def size_of_result(_: Any, result: Any) -> int:
    """Return the bytes of what was written."""
    return len(result)


def size_of_input(data: Any, _: Any) -> int:
    """Return the bytes of what was read."""
    return len(data)

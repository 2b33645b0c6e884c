"""Functions that look results up for as long as that pays, and watch some calls while it is not known to."""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization.reuse import RememberedReads, RememberedWrites

SubjectT = TypeVar("SubjectT")

_FIRST_CALLS = 3
_CALLS_BETWEEN = 64
"""Calls after which one is told of, without a lookup; the first ones all are."""


def counting(
    memory: RememberedReads | RememberedWrites,
    remembered: Callable[[SubjectT], Any],
    plain: Callable[[SubjectT], Any],
) -> Callable[[SubjectT], Any]:
    """Return the function for a pipeline that has no slot, which counts the calls that are not looked up.

    Args:
        memory: Says which of the others to call.
        remembered: Looks up first.
        plain: Does not.
    """
    account = memory.payoff
    watched: Callable[..., None] = memory.watched
    calls = 0

    def counted(subject: SubjectT) -> Any:
        nonlocal calls
        if account.active:
            return remembered(subject)
        calls += 1
        if calls > _FIRST_CALLS and calls % _CALLS_BETWEEN:
            return plain(subject)
        if account.skip > 0:
            account.skip -= _CALLS_BETWEEN
            return plain(subject)
        started = perf_counter_ns()
        result = plain(subject)
        watched(subject, calls, perf_counter_ns() - started)
        return result

    return counted


def counting_with(
    memory: RememberedReads | RememberedWrites, remembered: Callable[[Any, Any], Any], plain: Callable[[Any, Any], Any]
) -> Callable[[Any, Any], Any]:
    """Return the same for a function with options."""
    account, watched_with = memory.payoff, memory.watched_with
    calls = 0

    def counted(subject: Any, options: Any) -> Any:
        nonlocal calls
        if account.active:
            return remembered(subject, options)
        calls += 1
        if calls > _FIRST_CALLS and calls % _CALLS_BETWEEN:
            return plain(subject, options)
        if account.skip > 0:
            account.skip -= _CALLS_BETWEEN
            return plain(subject, options)
        started = perf_counter_ns()
        result = plain(subject, options)
        watched_with(subject, options, calls, perf_counter_ns() - started)
        return result

    return counted

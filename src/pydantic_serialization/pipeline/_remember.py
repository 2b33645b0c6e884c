"""Functions that look results up for as long as that pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization.reuse.payoff import Payoff

SubjectT = TypeVar("SubjectT")

_CALLS_BETWEEN = 1024
"""Calls after which an account that is switched off is told how many there were."""


def counting(
    account: Payoff, remembered: Callable[[SubjectT], Any], plain: Callable[[SubjectT], Any]
) -> Callable[[SubjectT], Any]:
    """Return the function for a pipeline that has no slot, which counts the calls that are not looked up.

    Args:
        account: Says which of the others to call.
        remembered: Looks up first.
        plain: Does not.
    """
    calls = 0

    def counted(subject: SubjectT) -> Any:
        nonlocal calls
        if account.active:
            return remembered(subject)
        calls += 1
        if not calls % _CALLS_BETWEEN:
            account.passed(calls)
        return plain(subject)

    return counted


def if_active(
    account: Payoff, remembered: Callable[[Any, Any], Any], plain: Callable[[Any, Any], Any]
) -> Callable[[Any, Any], Any]:
    """Return a function with options that calls ``remembered`` while the account is active, else ``plain``."""

    def chosen(subject: Any, options: Any) -> Any:
        return remembered(subject, options) if account.active else plain(subject, options)

    return chosen

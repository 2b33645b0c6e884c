"""Keep Pydantic's walks within the stack of the running thread: where it would end, the process would.

The functions here stand in front of Pydantic's own. Nearly always enough of the stack is left for the deepest value that
is read or written, which a comparison tells; only else it is looked at how deep the value is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization._native.stack import RESERVE, guarded, stack_left
from pydantic_serialization.errors import EncodeError, LimitExceededError
from pydantic_serialization.formats._depth import json_depth_exceeds, value_depth_exceeds
from pydantic_serialization.plan.stack import StackNeed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization.plan import ModelPlan

LIMIT = "threading.stack_size"
"""What moves this limit."""

TREE = StackNeed.of_levels(3_072, deepest=255)
"""What Pydantic takes to write a tree of plain values as JSON text."""

_ALWAYS_THERE = 2 * RESERVE
"""Bytes that a walk may take without being asked about."""


def reading_within_stack(function: Callable[..., Any], plan: ModelPlan, format_name: str) -> Callable[..., Any]:
    """Return ``function``, which reads JSON text, with documents refused that are too deep for the stack.

    Raises:
        LimitExceededError: from the function that is returned.
    """
    need, model = plan.stack_to_read, plan.name

    def short(data: Any, *rest: Any, **options: Any) -> Any:
        levels = need.levels(stack_left() or 0)
        if levels < 0 or json_depth_exceeds(_bytes_of(data), levels):
            raise too_deep_for_stack(levels, model, format_name)
        return function(data, *rest, **options)

    return guarded(function, need.most, short)


def writing_within_stack(function: Callable[..., Any], plan: ModelPlan, format_name: str) -> Callable[..., Any]:
    """Return ``function``, which lets Pydantic write a value, with values refused that are too deep for the stack.

    Raises:
        EncodeError: from the function that is returned.
    """
    need, model = plan.stack_to_write, plan.name
    if need.most <= _ALWAYS_THERE:
        return function

    def short(value: Any, **options: Any) -> Any:
        check_value(value, need, model, format_name)
        return function(value, **options)

    return guarded(function, need.most, short)


def state_within_stack(function: Callable[..., Any], need: StackNeed) -> Callable[..., Any]:
    """Return ``function``, which validates a value as it is, with values refused that are too deep for the stack.

    Instances inside the value are accepted by their class.

    Raises:
        LimitExceededError: from the function that is returned.
    """

    def short(value: Any, **options: Any) -> Any:
        levels = need.levels(stack_left() or 0)
        if levels < 0 or value_depth_exceeds(value, levels, through_instances=False):
            raise too_deep_for_stack(levels, None, "pickle")
        return function(value, **options)

    return guarded(function, need.most, short)


def check_value(value: Any, need: StackNeed, model: str, format_name: str) -> None:
    """See that the stack holds a walk over a value.

    Args:
        value: What is to be written.
        need: What the walk takes.
        model: Name of the type.
        format_name: Name of the format.

    Raises:
        EncodeError: the value has more levels than there is stack for.
    """
    left = stack_left()
    if left is None or left >= need.most:
        return
    levels = need.levels(left)
    if levels < 0 or value_depth_exceeds(value, levels):
        message = (
            f"the value is nested deeper than the {max(levels, 0)} levels that this thread has stack for; {_ADVICE}"
        )
        raise EncodeError(message, model=model, format=format_name)


def too_deep_for_stack(levels: int, model: str | None, format_name: str) -> LimitExceededError:
    """Return the error for a document of more levels than there is stack for."""
    message = (
        f"the document is nested deeper than the {max(levels, 0)} levels that this thread has stack for; {_ADVICE}"
    )
    return LimitExceededError(message, limit=LIMIT, model=model, format=format_name)


_ADVICE = "give threads more by threading.stack_size(), or do this in another thread"


def _bytes_of(data: Any) -> Any:
    return data.encode(errors="surrogatepass") if isinstance(data, str) else data

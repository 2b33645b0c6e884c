"""Pydantic's ``ValidationError`` for what validators of the user's refused while the native core called them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import (
    InitErrorDetails,
    PydanticCustomError,
    PydanticKnownError,
    ValidationError,
    from_json,
)
from pydantic_core._pydantic_core import list_all_errors

if TYPE_CHECKING:
    from collections.abc import Callable

Refusal = tuple[Exception, tuple[Any, ...], Any, bool]
"""An exception, where it was raised, the value that it refuses, and whether that is still JSON text."""

_KNOWN = frozenset(item["type"] for item in list_all_errors())


def refusal_error(title: str, *, hide_input: bool) -> Callable[[list[Refusal]], ValidationError | None]:
    """Return the function that makes the error of refusals, in their order.

    Args:
        title: What Pydantic calls the type.
        hide_input: The type hides its input in errors.

    Returns:
        A function that returns the error, or ``None`` where only Pydantic itself can tell it.
    """

    def make(refusals: list[Refusal]) -> ValidationError | None:
        details: list[InitErrorDetails] = []
        for error, place, refused, is_text in refusals:
            details += _details(error, place, refused, is_text=is_text)
        return ValidationError.from_exception_data(title, details, "json", hide_input)

    return make


def _details(error: Exception, place: tuple[Any, ...], refused: Any, *, is_text: bool) -> list[InitErrorDetails]:
    if isinstance(error, ValidationError):
        return [
            _detail(_error_type(item), (*place, *item["loc"]), item["input"], item.get("ctx"))
            for item in error.errors(include_url=False)
        ]
    value = from_json(refused) if is_text else refused
    if isinstance(error, PydanticCustomError):
        return [_detail(error, place, value, None)]
    if isinstance(error, PydanticKnownError):
        return [_detail(error.type, place, value, error.context)]
    str(error)  # a text that cannot be made is an error of its own in Pydantic
    kind = "assertion_error" if isinstance(error, AssertionError) else "value_error"
    return [_detail(kind, place, value, {"error": error})]


def _error_type(item: Any) -> Any:
    """Return what makes the same error again: the name of a known one, or a custom one with its finished text."""
    if item["type"] in _KNOWN:
        return item["type"]
    context = item.get("ctx")
    # The text is finished: braces in it must not be taken for places to fill in.
    return PydanticCustomError(item["type"], item["msg"], context)


def _detail(kind: Any, place: tuple[Any, ...], value: Any, context: Any) -> InitErrorDetails:
    detail = InitErrorDetails(type=kind, loc=place, input=value)
    if context is not None and not isinstance(kind, PydanticCustomError):
        detail["ctx"] = context
    return detail

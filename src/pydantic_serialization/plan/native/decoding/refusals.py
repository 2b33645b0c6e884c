"""Pydantic's ``ValidationError`` for what validators of the user's refused while the native core called them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError, ValidationError, from_json

from pydantic_serialization.plan.error_details import detail, detail_again
from pydantic_serialization.plan.marks import without_marks

if TYPE_CHECKING:
    from collections.abc import Callable

Refusal = tuple[Exception, tuple[Any, ...], Any, bool]
"""An exception, where it was raised, the value that it refuses, and whether that is still JSON text."""


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
        for cause, place, refused, is_text in refusals:
            details += _details(cause, place, refused, is_text=is_text)
        error = ValidationError.from_exception_data(title, details, "json", hide_input)
        return without_marks(error, hide_input=hide_input)

    return make


def _details(error: Exception, place: tuple[Any, ...], refused: Any, *, is_text: bool) -> list[InitErrorDetails]:
    if isinstance(error, ValidationError):
        return [detail_again(item, place, item["input"]) for item in error.errors(include_url=False)]
    value = from_json(refused) if is_text else refused
    if isinstance(error, PydanticCustomError):
        return [detail(error, place, value, None)]
    if isinstance(error, PydanticKnownError):
        return [detail(error.type, place, value, error.context)]
    str(error)  # a text that cannot be made is an error of its own in Pydantic
    kind = "assertion_error" if isinstance(error, AssertionError) else "value_error"
    return [detail(kind, place, value, {"error": error})]

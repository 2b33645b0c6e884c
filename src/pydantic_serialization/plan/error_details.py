"""What Pydantic makes a ``ValidationError`` of, from another error or from its parts."""

from __future__ import annotations

from typing import Any

from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_core._pydantic_core import list_all_errors

_KNOWN = frozenset(item["type"] for item in list_all_errors())


def detail(kind: Any, place: tuple[Any, ...], value: Any, context: Any) -> InitErrorDetails:
    """Return what makes one error.

    Args:
        kind: The name of a known error, or a custom one.
        place: Where it is.
        value: The input that it shows.
        context: What its text is filled with.
    """
    made = InitErrorDetails(type=kind, loc=place, input=value)
    if context is not None and not isinstance(kind, PydanticCustomError):
        made["ctx"] = context
    return made


def detail_again(item: Any, place: tuple[Any, ...], value: Any) -> InitErrorDetails:
    """Return what makes the same error again, at another place and for another value.

    Args:
        item: One of :meth:`ValidationError.errors`.
        place: What its place stands in now.
        value: The input that it shows.
    """
    return detail(_error_type(item), (*place, *item["loc"]), value, item.get("ctx"))


def _error_type(item: Any) -> Any:
    """Return what makes the same error again: the name of a known one, or a custom one with its finished text."""
    if item["type"] in _KNOWN:
        return item["type"]
    context = item.get("ctx")
    # The text is finished: braces in it must not be taken for places to fill in.
    return PydanticCustomError(item["type"], item["msg"], context)

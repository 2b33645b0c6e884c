"""What validators with an ``info`` argument are shown when the native core calls them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic_serialization.plan.native.supported import version

if TYPE_CHECKING:
    from collections.abc import Callable


_FIELD_IS_TOLD_BY_PLACE = version() >= (2, 41)
"""Since Pydantic 2.12 a validator is told the field that is being read; before, the one that it was written for."""


class ValidationInfo:
    """The attributes of Pydantic's ``ValidationInfo``, whose own class cannot be made from Python.

    Attributes:
        config: The configuration of the model that the validator belongs to.
        context: The caller's context.
        data: The fields of the model that are validated so far.
        field_name: The field that is being validated.
        mode: ``"json"``.
    """

    __slots__ = ("config", "context", "data", "field_name")

    mode = "json"

    def __init__(self, config: Any, default_name: str | None, context: Any, data: Any, field_name: str | None) -> None:
        self.config = config
        self.context = context
        self.data = data
        is_told = _FIELD_IS_TOLD_BY_PLACE and field_name is not None
        self.field_name = field_name if is_told else default_name

    def __repr__(self) -> str:
        return (
            f"ValidationInfo(config={self.config}, context={self.context!r}, data={self.data!r}, "
            f"field_name={self.field_name!r})"
        )


def info_maker(config: Any, field_name: str | None) -> Callable[[Any, Any, Any], ValidationInfo]:
    """Return the function that makes the information for one validator, from context, data and the field's name."""
    return partial(ValidationInfo, config, field_name)

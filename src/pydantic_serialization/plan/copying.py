"""Private copies of the values of a type."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel

from pydantic_serialization.plan.native.copying import copier

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization.plan.spec import ModelPlan

_copy_model = copier()


def bind_copy(plan: ModelPlan) -> Callable[[Any], Any]:
    """Return the function that makes a deep, private copy of a value of the type.

    Args:
        plan: The type.
    """
    if plan.model is not None:
        return _copy_model
    # The items of a list that was just read share nothing that can change.
    items = get_args(plan.type)
    is_list = get_origin(plan.type) is list and isinstance(items[0], type) and issubclass(items[0], BaseModel)
    return _copy_items if is_list else deepcopy


def _copy_items(models: list[Any]) -> list[Any]:
    return [_copy_model(model) for model in models]

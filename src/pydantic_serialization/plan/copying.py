"""Private copies of the values of a type."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from pydantic_serialization.plan.spec import ModelPlan


def bind_copy(plan: ModelPlan) -> Callable[[Any], Any]:
    """Return the function that makes a deep, private copy of a value of the type.

    Args:
        plan: The type.
    """
    return deepcopy if plan.model is None else _copied


def _copied(model: BaseModel) -> BaseModel:
    return model.model_copy(deep=True)

"""One direction of one type: Pydantic's function, and what is bound in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_serialization.plan import ModelPlan

Bind = Callable[[Any, Callable[..., Any]], Callable[..., Any]]
"""Gives what is compared with Pydantic, from a plan and Pydantic's function."""


@dataclass
class Side:
    """One direction of one type.

    Attributes:
        pydantic: Pydantic's function.
        ours: What is bound in its place.
        is_declined: Nothing is: the two are the same.
        reason: Why nothing is bound; else the name of the type.
        fallbacks: Counts how often Pydantic was asked by what is bound.
    """

    pydantic: Callable[..., Any]
    ours: Callable[..., Any]
    is_declined: bool
    reason: str
    fallbacks: list[int]


def side_of(pydantics: Callable[..., Any], plan: ModelPlan, bind: Bind, compiled: Any) -> Side:
    """Return one direction of a type, bound."""
    fallbacks = [0]

    def by_pydantic(value: Any, **options: Any) -> Any:
        fallbacks[0] += 1
        return pydantics(value, **options)

    ours = bind(plan, by_pydantic)
    is_declined = ours is by_pydantic
    reason = compiled.declined.reason if is_declined and compiled.declined else plan.name
    return Side(pydantics, ours, is_declined, reason, fallbacks)

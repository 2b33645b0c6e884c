"""Validators for data that was valid when it was written.

A constraint or an ``after`` validator may refuse today what it accepted yesterday (``PastDate``, a rule that changed).
``enable_validation=False`` reads such data: constraints are left out, and an ``after`` validator that refuses a value
is passed over. Everything that shapes values still runs, since the result has to be a real model: custom types are made
by ``before``, ``wrap`` and ``plain`` validators, and Pydantic's own (``SecretStr``, ``Path``) by ``after`` ones too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization.plan.rebuild import CAN_REBUILD, build_validator
from pydantic_serialization.plan.walk import Node, root_config, transform

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import SchemaValidator

    from pydantic_serialization.plan.spec import ModelPlan

_NUMBERS = {"gt", "ge", "lt", "le", "multiple_of", "max_digits", "decimal_places"}
_CONSTRAINTS = _NUMBERS | {"min_length", "max_length", "pattern", "now_op", "tz_constraint"}


def trusting_validator(plan: ModelPlan) -> SchemaValidator:
    """Return a validator for the plan's type that converts types and refuses no value for what it is.

    Pydantic before 2.13 cannot build one beside the model's own: there the model's own is returned.
    """
    if not CAN_REBUILD:
        return plan.validator
    return build_validator(transform(dict(plan.wire_schema), without_checks), root_config(dict(plan.schema)))


def without_checks(node: Node) -> Node:
    """Return ``node`` without its constraints, and with an ``after`` validator that refuses nothing."""
    if node["type"] == "function-after":
        call = node["function"]
        return {**node, "function": {**call, "function": _without_refusal(call["function"])}}
    return {key: value for key, value in node.items() if key not in _CONSTRAINTS}


def _without_refusal(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the validator, with the value as it is where the validator refuses it."""

    def shaped(value: Any, *info: Any) -> Any:
        try:
            return function(value, *info)
        except (ValueError, AssertionError):  # what Pydantic takes for a refusal
            return value

    return shaped

"""Validators for data that was valid when it was written.

A constraint or an ``after`` validator may refuse today what it accepted yesterday (``PastDate``, a rule that changed).
``enable_validation=False`` reads such data: types are still converted, so that the result is a real model, and what
shapes values (``before``, ``wrap``, ``plain``) still runs; only checks are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import SchemaValidator

from pydantic_serialization.plan.walk import Node, transform

if TYPE_CHECKING:
    from pydantic_serialization.plan.spec import ModelPlan

_CONSTRAINTS = {"gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "max_digits"}
_CONSTRAINTS |= {"decimal_places", "now_op", "tz_constraint"}


def trusting_validator(plan: ModelPlan) -> SchemaValidator:
    """Return a validator for the plan's type that converts types and skips constraints and ``after`` validators.

    Pydantic before 2.12 cannot build one beside the model's own: there the model's own is returned.
    """
    build: Any = SchemaValidator
    try:
        validator: SchemaValidator = build(transform(dict(plan.schema), without_checks), None, _use_prebuilt=False)
    except TypeError:
        return plan.validator
    return validator


def without_checks(node: Node) -> Node:
    """Return ``node`` without its constraints, or what is inside it if it is an ``after`` validator."""
    if node["type"] == "function-after" and "serialization" not in node:
        inner: Node = node["schema"]
        return {**inner, "ref": node["ref"]} if "ref" in node else inner
    return {key: value for key, value in node.items() if key not in _CONSTRAINTS}

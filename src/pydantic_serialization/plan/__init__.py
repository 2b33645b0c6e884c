"""What is known about a type: read once from its core schema, used by every format."""

from pydantic_serialization.plan.explain import explain
from pydantic_serialization.plan.explanation import Explanation, FieldExplanation, Way
from pydantic_serialization.plan.spec import ModelPlan, TypeTraits
from pydantic_serialization.plan.store import list_of, plan_for

__all__ = [
    "Explanation",
    "FieldExplanation",
    "ModelPlan",
    "TypeTraits",
    "Way",
    "explain",
    "list_of",
    "plan_for",
]

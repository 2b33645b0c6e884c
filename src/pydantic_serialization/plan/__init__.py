"""What is known about a type: read once from its core schema, used by every format."""

from pydantic_serialization.plan.explain import Explanation, FieldExplanation, explain
from pydantic_serialization.plan.spec import FieldSpec, ModelPlan, TypeTraits
from pydantic_serialization.plan.store import list_of, plan_for

__all__ = [
    "Explanation",
    "FieldExplanation",
    "FieldSpec",
    "ModelPlan",
    "TypeTraits",
    "explain",
    "list_of",
    "plan_for",
]

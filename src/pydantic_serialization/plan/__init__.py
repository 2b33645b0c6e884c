"""What is known about a type: read once from its core schema, used by every format."""

from pydantic_serialization.plan.spec import ModelPlan, TypeTraits
from pydantic_serialization.plan.store import list_of, plan_for

__all__ = [
    "ModelPlan",
    "TypeTraits",
    "list_of",
    "plan_for",
]

"""Whether reading and writing a type depends on nothing but the bytes and the value: what may be reused."""

from pydantic_serialization.plan.purity.declared import pure
from pydantic_serialization.plan.purity.reading import why_reading_is_impure
from pydantic_serialization.plan.purity.writing import why_writing_is_impure

__all__ = ["pure", "why_reading_is_impure", "why_writing_is_impure"]

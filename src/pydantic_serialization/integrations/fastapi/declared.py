"""Write values by a declared type, whatever comes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic_serialization.formats import FormatOptions
from pydantic_serialization.integrations.fastapi.media_types import http_format
from pydantic_serialization.integrations.fastapi.writing import unchanged_by_validation
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization.plan import ModelPlan


def declared_encoder(declared: Any, format_name: str) -> Callable[[Any], bytes]:
    """Return what writes values as a type, bound on first use and again after ``model_rebuild``.

    What is not an instance of the type is validated first, from attributes too: nothing that the type does not declare
    is ever written. The function raises ``pydantic.ValidationError`` for what cannot be an instance.

    Raises:
        UnsupportedTypeError: the format cannot represent the type.
        ConfigurationError: the format must not go over HTTP.
    """
    return _bound(plan_for(declared), "orjson" if format_name == "json" else format_name)


@lru_cache(maxsize=1024)
def _bound(plan: ModelPlan, format_name: str) -> Callable[[Any], bytes]:
    write = http_format(format_name).bind(plan, FormatOptions()).encode
    passes, validate = unchanged_by_validation(plan), plan.validator.validate_python

    def encode(value: Any) -> bytes:
        return write(value if passes(value) else validate(value, from_attributes=True))

    return encode

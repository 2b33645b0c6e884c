"""Read MessagePack by the native core; what the core is not certain of goes the way through Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization.plan.native import bind_msgpack_decoder
from pydantic_serialization.plan.overrides import has_own

if TYPE_CHECKING:
    from typing import Unpack

    from pydantic_serialization._types import LoadOptions, Payload
    from pydantic_serialization.formats._base import BoundFormat, FormatOptions
    from pydantic_serialization.plan import ModelPlan


def read_natively(
    bound: BoundFormat, plan: ModelPlan, options: FormatOptions, *, mark: str | None = None
) -> BoundFormat:
    """Return the functions of a type with the native core in front of those that read.

    Args:
        bound: The functions through Python.
        plan: The type, as these were bound to it.
        options: Strictness, trust and limits.
        mark: What marks ``bytes`` for the plan's validator, if it takes marked objects.
    """
    if not options.validate or has_own(plan.model, "model_validate_json"):
        return bound

    def by_python(data: Payload, **load_options: Unpack[LoadOptions]) -> Any:
        return bound.decode_with(data, load_options) if load_options else bound.decode(data)

    native = bind_msgpack_decoder(plan, by_python, max_depth=options.max_depth, mark=mark)
    if native is by_python:
        return bound

    def decode_with(data: Payload, load_options: LoadOptions) -> Any:
        if options.strict and load_options.get("strict") is None:
            load_options = {**load_options, "strict": True}
        return native(data, **load_options)

    def decode_strictly(data: Payload) -> Any:
        return native(data, strict=True)

    return bound._replace(decode=decode_strictly if options.strict else native, decode_with=decode_with)

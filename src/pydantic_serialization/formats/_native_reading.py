"""Put the native core in front of a reader; what the core is not certain of goes to the reader behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization.formats._json import JsonReader
from pydantic_serialization.plan.overrides import has_own

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from pydantic_serialization._types import LoadOptions, Payload
    from pydantic_serialization.formats._base import FormatOptions
    from pydantic_serialization.plan import ModelPlan


def read_natively(
    plan: ModelPlan,
    options: FormatOptions,
    behind: JsonReader,
    bind: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> JsonReader:
    """Return a reader that asks the native core first.

    Args:
        plan: The type.
        options: Strictness, trust and limits.
        behind: The reader for what the core is not certain of.
        bind: Returns the function of the core for a function to fall back to, or that function itself.
    """
    if not options.validate or has_own(plan.model, "model_validate_json"):
        return behind

    def fall_back(data: Payload, **load_options: Unpack[LoadOptions]) -> Any:
        return behind.decode_with(data, load_options) if load_options else behind.decode(data)

    decode = bind(fall_back)
    if decode is fall_back:
        return behind
    if not options.strict:

        def decode_with(data: Payload, load_options: LoadOptions) -> Any:
            return decode(data, **load_options)

        return JsonReader(decode, decode_with)

    # The core reads the same in strict mode; the parts that it leaves to Pydantic have to be told.
    def decode_strictly(data: Payload) -> Any:
        return decode(data, strict=True)

    def decode_strictly_with(data: Payload, load_options: LoadOptions) -> Any:
        told = load_options if load_options.get("strict") is not None else {**load_options, "strict": True}
        return decode(data, **told)

    return JsonReader(decode_strictly, decode_strictly_with)

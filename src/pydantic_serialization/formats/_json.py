"""Read JSON text into validated values with Pydantic's own reader, under our limits and with our errors."""

from __future__ import annotations

from types import BuiltinMethodType
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from pydantic_serialization._native import core
from pydantic_serialization.formats._depth import json_depth_exceeds
from pydantic_serialization.formats._errors import json_error
from pydantic_serialization.formats._items import too_many_levels
from pydantic_serialization.formats._stack import reading_within_stack, writing_within_stack
from pydantic_serialization.plan.overrides import has_own
from pydantic_serialization.plan.stack import DEEPEST_READ
from pydantic_serialization.plan.trusted import trusting_validator

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import LoadOptions, Payload
    from pydantic_serialization.formats._base import FormatOptions
    from pydantic_serialization.plan import ModelPlan


class JsonReader(NamedTuple):
    """The two ways to read JSON text of one type."""

    decode: Callable[[Payload], Any]
    decode_with: Callable[[Payload, LoadOptions], Any]


def bind_json_reader(plan: ModelPlan, options: FormatOptions, format_name: str) -> JsonReader:
    """Return the functions that read JSON text of the plan's type.

    Args:
        plan: The type.
        options: Strictness, trust and limits.
        format_name: What errors call the format.
    """
    model = plan.name
    by_pydantic = _validate_function(plan, options)
    validate = reading_within_stack(by_pydantic, plan, format_name)
    strict = True if options.strict else None
    is_override = has_own(plan.model, "model_validate_json")  # Pydantic may be given something else than the document

    def refused(error: ValidationError, data: Payload) -> Any:
        if isinstance(data, memoryview):  # pydantic takes bytes, bytearray and str only
            return decode_with(data, {})
        raised = json_error(error, None if is_override else data, model, format_name)
        try:
            if raised is error:
                raise error
            raise raised from None
        finally:
            del error, raised  # this frame is part of their traceback: a cycle that would keep the document alive

    def decode_with(data: Payload, load_options: LoadOptions) -> Any:
        text = data if not isinstance(data, memoryview) else _without_view(data)
        options = {**load_options, "strict": strict} if load_options.get("strict") is None else load_options
        try:
            return validate(text, **options)
        except ValidationError as error:
            return refused(error, text)

    def decode_as_asked(data: Payload) -> Any:
        return decode_with(data, {})

    # A user's own method is not given views.
    is_bare = strict is None and isinstance(by_pydantic, BuiltinMethodType)
    reader = JsonReader(_catching(validate, refused) if is_bare else decode_as_asked, decode_with)
    if options.max_depth < DEEPEST_READ:
        return _with_depth_check(reader, options.max_depth, model, format_name)
    return reader


def _catching(
    validate: Callable[[Payload], Any], refused: Callable[[ValidationError, Payload], Any]
) -> Callable[[Payload], Any]:
    """Return ``validate`` with ``refused`` for its errors: natively where that is possible, since it costs no frame."""
    if core is not None:
        return core.catching(validate, ValidationError, refused)

    def decode(data: Payload) -> Any:
        try:
            return validate(data)
        except ValidationError as error:
            return refused(error, data)

    return decode


def _with_depth_check(reader: JsonReader, max_depth: int, model: str, format_name: str) -> JsonReader:
    def check(data: Payload) -> None:
        if json_depth_exceeds(data, max_depth):
            raise too_many_levels(max_depth, model, format_name)

    def decode(data: Payload) -> Any:
        check(data)
        return reader.decode(data)

    def decode_with(data: Payload, load_options: LoadOptions) -> Any:
        check(data)
        return reader.decode_with(data, load_options)

    return JsonReader(decode, decode_with)


def _validate_function(plan: ModelPlan, options: FormatOptions) -> Callable[..., Any]:
    # First: only the class's own method reads what its own method wrote.
    if plan.model is not None and has_own(plan.model, "model_validate_json"):
        override: Callable[..., Any] = plan.model.model_validate_json
        return override
    if not options.validate:
        return trusting_validator(plan).validate_json
    validate: Callable[..., Any] = plan.validator.validate_json
    return validate


def encode_function(plan: ModelPlan, format_name: str) -> Callable[..., bytes]:
    """Return the function that writes JSON text of the plan's type: Pydantic's, or the user's override of it."""
    model = plan.model
    to_json: Callable[..., bytes] = writing_within_stack(plan.serializer.to_json, plan, format_name)
    if model is not None and has_own(model, "model_dump_json"):

        def overridden(value: Any, **options: Any) -> bytes:
            if value.__class__ is not model:  # a subclass's own method would write the subclass's fields too
                return to_json(value, **options)
            text: str = value.model_dump_json(**options)
            return text.encode()

        return writing_within_stack(overridden, plan, format_name)
    return to_json


def _without_view(data: memoryview) -> bytes | bytearray:
    """Return the object under a view of a whole ``bytes`` or ``bytearray``, without a copy; else copy the view."""
    whole = data.obj
    if isinstance(whole, (bytes, bytearray)) and data.contiguous and data.nbytes == len(whole):
        return whole
    return data.tobytes()

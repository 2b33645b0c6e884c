"""Hold the formats of plug-ins to what the built-in ones promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization.errors import EncodeError
from pydantic_serialization.formats._base import BoundFormat
from pydantic_serialization.formats._errors import decoding_errors

if TYPE_CHECKING:
    from pydantic_serialization._types import DumpOptions, LoadOptions, Payload


def guarded(bound: BoundFormat, format_name: str, model: str) -> BoundFormat:
    """Return the functions of a plug-in, with the errors of its library as ours, and its results checked to be bytes.

    Args:
        bound: What the plug-in bound.
        format_name: Name of the format.
        model: Name of the type.
    """

    def checked(result: Any) -> bytes:
        if not isinstance(result, bytes):
            message = f"the format wrote {type(result).__name__} where bytes are due"
            raise EncodeError(message, model=model, format=format_name)
        return result

    def encode(value: Any) -> bytes:
        return checked(bound.encode(value))

    def encode_with(value: Any, options: DumpOptions) -> bytes:
        return checked(bound.encode_with(value, options))

    def decode(data: Payload) -> Any:
        with decoding_errors(format_name, model):
            return bound.decode(data)

    def decode_with(data: Payload, options: LoadOptions) -> Any:
        with decoding_errors(format_name, model):
            return bound.decode_with(data, options)

    return BoundFormat(encode, decode, encode_with, decode_with, check_items=bound.check_items)

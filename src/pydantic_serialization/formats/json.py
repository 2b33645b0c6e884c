"""JSON as Pydantic writes and reads it: the reference that the other formats are held against.

========================  ==========================================================================
writes                    the bytes of ``model_dump_json()``, or of the class's own override of it
reads                     what ``model_validate_json()`` accepts
cannot represent          nothing by type; a value without JSON form is an ``EncodeError``
========================  ==========================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization.formats._base import BoundFormat, FormatOptions
from pydantic_serialization.formats._depth import json_depth_exceeds
from pydantic_serialization.formats._digits import has_long_integer
from pydantic_serialization.formats._errors import too_deep_to_read, too_long_to_read
from pydantic_serialization.formats._finite import finite_checked
from pydantic_serialization.formats._items import check_json_items
from pydantic_serialization.formats._json import bind_json_reader, encode_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import DumpOptions
    from pydantic_serialization.plan import ModelPlan


class JsonFormat:
    """Pydantic's own JSON."""

    name = "json"
    wire_id = 1
    media_type = "application/json"

    def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        """Return the functions for one type; see :meth:`Format.bind`."""
        reader = bind_json_reader(plan, options, self.name)
        write = depth_checked(
            finite_checked(encode_function(plan, self.name), plan, options, self.name), plan, options, self.name
        )

        def encode_with(value: Any, dump_options: DumpOptions) -> bytes:
            return write(value, **dump_options)

        return BoundFormat(
            write,
            reader.decode,
            encode_with,
            reader.decode_with,
            check_items=check_json_items,
            check_written=digits_checked(plan, self.name),
        )


def depth_checked(
    write: Callable[..., bytes], plan: ModelPlan, options: FormatOptions, format_name: str
) -> Callable[..., bytes]:
    """Return ``write``, with a check of the result where the schema alone does not bound its depth.

    Pydantic writes up to 255 levels and reads 200: what could not be read back is refused when it is written.
    """
    limit, model = options.max_depth, plan.name
    if plan.traits.depth is not None and plan.traits.depth <= limit:
        return write

    def checked(value: Any, **dump_options: Any) -> bytes:
        text = write(value, **dump_options)
        if json_depth_exceeds(text, limit):
            raise too_deep_to_read(value, limit, model, format_name)
        return text

    return checked


def digits_checked(plan: ModelPlan, format_name: str) -> Callable[[bytes, Any], None] | None:
    """Return the check of a text for integers that could not be read back; ``None`` for types that hold none.

    Pydantic writes integers of any length, and reads 4,300 digits.
    """
    if not plan.traits.has_integers:
        return None

    def check(text: bytes, value: Any) -> None:
        if has_long_integer(text):
            raise too_long_to_read(value, plan.name, format_name)

    return check

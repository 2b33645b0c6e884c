"""JSON lines: one JSON document a line, for lists. Not a registered format: a list type is part of it.

https://jsonlines.org
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import ValidationError

from pydantic_serialization.errors import SerializationError, UnsupportedTypeError
from pydantic_serialization.formats._base import BoundFormat, FormatOptions
from pydantic_serialization.formats._finite import part_check
from pydantic_serialization.formats.orjson import OrjsonFormat
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.native import bind_lines_encoder
from pydantic_serialization.plan.overrides import has_own

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from pydantic_serialization._types import DumpOptions, LoadOptions, Payload
    from pydantic_serialization.plan import ModelPlan

_JSON_SPACE = b" \t\r"


class JsonlFormat:
    """JSON lines of the items of a list."""

    name = "jsonl"
    wire_id = 0
    media_type = "application/jsonl"

    def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
        """Return the functions for one list type.

        Raises:
            UnsupportedTypeError: the type is no ``list[...]``.
        """
        items = get_args(plan.type)
        if get_origin(plan.type) is not list or len(items) != 1:
            message = f"jsonl takes a list type such as list[{plan.name}]"
            raise UnsupportedTypeError(message, model=plan.name, format=self.name)
        item_plan = plan_for(items[0])
        item = OrjsonFormat().bind(item_plan, options)
        write, write_with, read, read_with = item.encode, item.encode_with, item.decode, item.decode_with

        def one_by_one(values: Any, **dump_options: Unpack[DumpOptions]) -> bytes:
            if not dump_options:
                return b"".join([line for value in values for line in (_one_line(write(value)), b"\n")])
            return b"".join([line for value in values for line in (_one_line(write_with(value, dump_options)), b"\n")])

        encode: Callable[..., bytes] = one_by_one
        if not has_own(item_plan.model, "model_dump_json"):
            encode = bind_lines_encoder(
                item_plan, one_by_one, max_depth=options.max_depth, part_check=part_check(item_plan, options)
            )

        def encode_with(values: Any, dump_options: DumpOptions) -> bytes:
            return encode(values, **dump_options)

        def lines(data: Payload) -> list[tuple[int, bytes]]:
            # Only \n ends a line: splitlines() would also split at bytes that JSON strings may hold.
            split = memoryview(data).tobytes().split(b"\n")
            return [(number, line) for number, line in enumerate(split, 1) if line.strip(_JSON_SPACE)]

        def decode(data: Payload) -> Any:
            return [_numbered(number, read, line) for number, line in lines(data)]

        def decode_with(data: Payload, load_options: LoadOptions) -> Any:
            return [_numbered(number, read_with, line, load_options) for number, line in lines(data)]

        return BoundFormat(encode, decode, encode_with, decode_with)


def _one_line(text: bytes) -> bytes:
    """Return JSON text without line feeds, which ``indent`` or a class's own method may have put between its tokens."""
    return text.replace(b"\n", b"") if b"\n" in text else text


def _numbered(number: int, read: Any, *arguments: Any) -> Any:
    """Return what ``read`` returns; its error says which line it was."""
    try:
        return read(*arguments)
    except SerializationError as error:
        error.path = (f"line {number}", *error.path)
        raise
    except ValidationError as error:
        error.add_note(f"in line {number}")
        raise

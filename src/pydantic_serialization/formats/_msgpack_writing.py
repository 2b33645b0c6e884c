"""Write MessagePack by the native core; what the core is not certain of goes the way through Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization.formats._base import tree_options
from pydantic_serialization.formats._binary_writing import declares_extensions
from pydantic_serialization.formats._finite import holds_non_finite, packed_check
from pydantic_serialization.plan.native import bind_msgpack_encoder

if TYPE_CHECKING:
    from typing import Unpack

    from pydantic_serialization._types import DumpOptions
    from pydantic_serialization.formats._base import BoundFormat, FormatOptions
    from pydantic_serialization.plan import ModelPlan


def write_natively(bound: BoundFormat, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
    """Return the functions of a type with the native core in front of those that write.

    Args:
        bound: The functions through Python.
        plan: The type.
        options: Limits.
    """
    bound, is_checked = _finite(bound, plan, options)
    if declares_extensions(dict(plan.wire_schema)):  # which the core does not know
        return bound

    def by_python(value: Any, **dump_options: Unpack[DumpOptions]) -> bytes:
        return bound.encode_with(value, dump_options) if dump_options else bound.encode(value)

    part_check = holds_non_finite if is_checked else None
    encode = bind_msgpack_encoder(plan, by_python, max_depth=options.max_depth, part_check=part_check)
    if encode is by_python:
        return bound

    def encode_with(value: Any, dump_options: DumpOptions) -> bytes:
        data: bytes = encode(value, **tree_options(dump_options))
        return data

    return bound._replace(encode=encode, encode_with=encode_with, pauses=True)


def _finite(bound: BoundFormat, plan: ModelPlan, options: FormatOptions) -> tuple[BoundFormat, bool]:
    """Return the functions with a check for NaN and infinities that were lost, and whether there can be such."""
    check = packed_check(plan, options, "msgpack")
    if check is None:
        return bound, False

    def encode(value: Any) -> bytes:
        data = bound.encode(value)
        check(data, value, {})
        return data

    def encode_with(value: Any, dump_options: DumpOptions) -> bytes:
        data = bound.encode_with(value, dump_options)
        check(data, value, tree_options(dump_options))
        return data

    return bound._replace(encode=encode, encode_with=encode_with), True

"""What of a type the native core may do: programs for the core, and the reasons where Pydantic does the work."""

from pydantic_serialization.plan.native.bind import (
    bind_decoder,
    bind_encoder,
    bind_lines_encoder,
    bind_msgpack_decoder,
    bind_msgpack_encoder,
)
from pydantic_serialization.plan.native.program import Compiled, Unsupported
from pydantic_serialization.plan.native.supported import core_for_json, what_to_do, why_not

__all__ = [
    "Compiled",
    "Unsupported",
    "bind_decoder",
    "bind_encoder",
    "bind_lines_encoder",
    "bind_msgpack_decoder",
    "bind_msgpack_encoder",
    "core_for_json",
    "what_to_do",
    "why_not",
]

"""Compile a core schema into the program by which the native core writes JSON text, or MessagePack."""

from pydantic_serialization.plan.native.encoding.compiler import compile_encoding
from pydantic_serialization.plan.native.encoding.forms import FINITE_JSON, FINITE_MSGPACK, JSON, MSGPACK, Form

__all__ = ["FINITE_JSON", "FINITE_MSGPACK", "JSON", "MSGPACK", "Form", "compile_encoding"]

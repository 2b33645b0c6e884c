"""Compile a core schema into the program by which the native core writes JSON text."""

from pydantic_serialization.plan.native.encoding.compiler import compile_encoding

__all__ = ["compile_encoding"]

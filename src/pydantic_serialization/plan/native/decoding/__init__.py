"""Compile a core schema into the program by which the native core reads JSON text."""

from pydantic_serialization.plan.native.decoding.compiler import compile_decoding

__all__ = ["compile_decoding"]

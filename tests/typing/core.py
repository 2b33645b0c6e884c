"""The stub of the compiled module and what its callers are promised are the same."""

from __future__ import annotations

from pydantic_serialization._native import _core
from pydantic_serialization._native._protocol import Core

core: Core = _core

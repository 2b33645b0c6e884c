"""Type aliases that several layers share. Data only, no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, TypedDict

Payload: TypeAlias = bytes | bytearray | memoryview
"""What formats and codecs read."""

Input: TypeAlias = Payload | str
"""What the public methods read: text is taken as UTF-8."""

IncEx: TypeAlias = set[int] | set[str] | Mapping[int, Any] | Mapping[str, Any]
"""Pydantic's ``include`` and ``exclude``."""


class DumpOptions(TypedDict, total=False):
    """Pydantic's options for ``model_dump_json``, passed on as they are."""

    indent: int | None
    ensure_ascii: bool
    include: IncEx | None
    exclude: IncEx | None
    context: Any
    by_alias: bool | None
    exclude_unset: bool
    exclude_defaults: bool
    exclude_none: bool
    exclude_computed_fields: bool
    round_trip: bool
    warnings: bool | Literal["none", "warn", "error"]
    fallback: Callable[[Any], Any] | None
    serialize_as_any: bool
    polymorphic_serialization: bool | None


class LoadOptions(TypedDict, total=False):
    """Pydantic's options for ``model_validate_json``, passed on as they are."""

    strict: bool | None
    context: Any
    by_alias: bool | None
    by_name: bool | None

"""The formats: one file each, the same names in each, bound to a type once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic_serialization._registry import FORMATS
from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.formats._base import BoundFormat, Format, FormatOptions, TreeFormat
from pydantic_serialization.formats.detection import detect_format

if TYPE_CHECKING:
    from pydantic_serialization.config import SerializationFormat

__all__ = [
    "BoundFormat",
    "Format",
    "FormatOptions",
    "TreeFormat",
    "available_formats",
    "detect_format",
    "get_format",
    "register_format",
]

FormatT = TypeVar("FormatT")
_PLUGIN_IDS = range(128, 256)


def get_format(name: SerializationFormat | str) -> Format:
    """Return the format called ``name``.

    Raises:
        UnknownFormatError: nobody knows the name.
        MissingDependencyError: its library is not installed.
    """
    return cast("Format", FORMATS.get(name))


def available_formats() -> tuple[str, ...]:
    """Return the names of the formats that can be used now, in the order they were added."""
    return FORMATS.available()


def register_format(format: FormatT, *, name: str | None = None, replace: bool = False) -> FormatT:  # noqa: A002
    """Make a format known; its name is then accepted wherever a format is. Works as a class decorator too.

    Args:
        format: A :class:`Format`, as an instance or as a class that takes no arguments.
        name: The name to register it under, if not its own.
        replace: Put it in the place of another one of that name.

    Returns:
        ``format``, unchanged.

    Raises:
        ConfigurationError: the name or the wire number is taken, or the object is no format.
    """
    member: Any = format() if isinstance(format, type) else format
    missing = [part for part in ("name", "wire_id", "media_type", "bind") if not hasattr(member, part)]
    if missing:
        message = f"{type(member).__name__} is not a format: it has no {', '.join(missing)}"
        raise ConfigurationError(message)
    if member.wire_id not in _PLUGIN_IDS:
        message = f"wire_id of format {member.name!r} is {member.wire_id}; plug-ins take 128 to 255"
        raise ConfigurationError(message)
    for other in FORMATS.members():
        if other.wire_id == member.wire_id and other.name != member.name:
            message = f"wire_id {member.wire_id} of format {member.name!r} is that of {other.name!r}; take another"
            raise ConfigurationError(message)
    FORMATS.register(name or member.name, member, replace=replace)
    return format

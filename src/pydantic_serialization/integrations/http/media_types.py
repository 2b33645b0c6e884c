"""Formats by media type: what a client asks for, and what a body says it is (RFC 9110, 8.3 and 12.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic_serialization.errors import ConfigurationError, DecodeError
from pydantic_serialization.formats import get_format

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_serialization.config import SerializationFormat

_JSON: Final = "application/json"
_ALSO: Final = {
    "application/msgpack": "application/vnd.msgpack",
    "application/x-msgpack": "application/vnd.msgpack",
    "text/json": _JSON,
}
"""Other names that servers use, and the registered ones."""


class MediaTypes:
    """The media types of some formats.

    Args:
        formats: Names of formats, best first.

    Raises:
        ConfigurationError: there is none, or one that has no place on a network, such as pickle.
        UnknownFormatError: no such format.
    """

    def __init__(self, formats: Iterable[SerializationFormat | str]) -> None:
        self._formats: dict[str, str] = {}
        for name in (formats,) if isinstance(formats, str) else formats:
            self._formats.setdefault(media_type_of(name), get_format(name).name)
        if not self._formats:
            message = "formats names no format: an answer could not be read"
            raise ConfigurationError(message)
        # Three digits at most (RFC 9110, 12.4.2); the tenth format and those after it are as welcome as each other.
        qualities = ("", *(f";q=0.{digit}" for digit in range(9, 0, -1)))
        self.accept = ", ".join(
            media_type + qualities[min(position, len(qualities) - 1)]
            for position, media_type in enumerate(self._formats)
        )

    def format_of(self, content_type: str) -> str:
        """Return the name of the format of a body.

        Raises:
            DecodeError: it is none of these formats.
        """
        media_type = content_type.partition(";")[0].strip().lower()
        media_type = _ALSO.get(media_type, media_type)
        if media_type.endswith("+json"):  # RFC 6839
            media_type = _JSON
        found = self._formats.get(media_type)
        if found is None:
            what = repr(media_type[:100]) if media_type else "no Content-Type"
            message = f"the body has {what}; this client reads {', '.join(self._formats)}"
            raise DecodeError(message)
        return found


def media_type_of(name: SerializationFormat | str) -> str:
    """Return the media type of a format.

    Raises:
        ConfigurationError: what the format writes is not for others to read.
    """
    member = get_format(name)
    if getattr(member, "sealed", False):
        message = f"{member.name} has no place on a network: use msgpack, json or another format that is only data"
        raise ConfigurationError(message)
    return member.media_type

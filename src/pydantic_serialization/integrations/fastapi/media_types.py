"""The names of formats in HTTP: what is sent, what is understood besides, and which formats may be offered at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.formats import get_format
from pydantic_serialization.formats.jsonl import JsonlFormat

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_serialization.config import SerializationFormat
    from pydantic_serialization.formats import Format

JSON: Final = "application/json"
JSON_LINES: Final = JsonlFormat.media_type

_ALIASES: Final = {
    "application/vnd.msgpack": ("application/msgpack", "application/x-msgpack"),
    "application/protobuf": ("application/x-protobuf", "application/x-protobuffer"),
    "application/avro": ("avro/binary",),
    JSON_LINES: ("application/x-ndjson", "application/jsonlines"),
}
"""Spellings from before a type was registered, which clients still send."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A format as HTTP names it.

    Attributes:
        format: The name of the format.
        media_type: What is sent where a client has no spelling of its own.
        aliases: Other spellings that are understood, and echoed to the client that uses them.
    """

    format: str
    media_type: str
    aliases: tuple[str, ...] = ()

    @property
    def is_json(self) -> bool:
        """Say whether the documents are JSON: what FastAPI writes and reads by itself."""
        return self.media_type == JSON


def http_format(name: SerializationFormat | str) -> Format:
    """Return the format called ``name``, ``"jsonl"`` included.

    Raises:
        UnknownFormatError: nobody knows the name.
        ConfigurationError: it is pickle, or another format that is only read from sealed frames.
    """
    text = str(getattr(name, "value", name)).lower()
    if text == JsonlFormat.name:
        return JsonlFormat()
    found = get_format(text)
    if found.name == "pickle" or getattr(found, "sealed", False):
        message = f"{found.name} is never read from or written to HTTP: whoever writes a pickle runs code in the reader"
        raise ConfigurationError(message)
    return found


@lru_cache(maxsize=64)
def offers(formats: tuple[str, ...]) -> tuple[Offer, ...]:
    """Return the offers for names of formats, in their order; ``"orjson"`` and ``"json"`` are one in HTTP.

    Raises:
        UnknownFormatError: nobody knows a name.
        ConfigurationError: no format is named, or one that must not go over HTTP.
    """
    found: dict[str, Offer] = {}
    for name in formats:
        member = http_format(name)
        media_type = member.media_type.lower()
        found.setdefault(media_type, Offer(member.name, media_type, _ALIASES.get(media_type, ())))
    if not found:
        message = "name at least one format, such as 'json'"
        raise ConfigurationError(message)
    return tuple(found.values())


def offer_name(offer: Offer) -> str:
    """Return what a query parameter calls a format."""
    return "json" if offer.is_json else offer.format


def names(formats: Iterable[SerializationFormat | str]) -> tuple[str, ...]:
    """Return the names of formats as plain lower-case text.

    Raises:
        ConfigurationError: something is no name.
    """
    given = tuple(formats)
    for item in given:
        if not isinstance(item, str):
            message = f"a format has a name, such as 'msgpack', and is no {type(item).__name__}; each one is by itself"
            raise ConfigurationError(message)
    return tuple(str(getattr(item, "value", item)).lower() for item in given)


def is_json(content_type: str) -> bool:
    """Say whether FastAPI takes a body of this Content-Type for JSON."""
    media_type = essence(content_type)
    main, _, sub = media_type.partition("/")
    return main == "application" and (sub == "json" or (sub.endswith("+json") and "/" not in sub))


def essence(content_type: str) -> str:
    """Return the media type of a Content-Type header without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()

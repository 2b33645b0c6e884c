"""What the name of a file says: ``orders.jsonl.zst`` holds JSON lines, compressed with zstd."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from pydantic_serialization._registry import CODECS, did_you_mean
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import ConfigurationError, UnknownFormatError

if TYPE_CHECKING:
    from os import PathLike

RecordFormat: TypeAlias = Literal["jsonl", "json", "msgpack"]

STANDARD_STREAM: Final = "-"
"""In the place of a path: standard input or standard output."""

_FORMATS: Final[dict[str, RecordFormat]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".msgpack": "msgpack",
    ".mpk": "msgpack",
}
_CODECS: Final = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".lz4": "lz4", ".br": "brotli"}
_PICKLES: Final = frozenset({".pickle", ".pkl", ".p"})
_OTHER_SPELLINGS: Final[dict[str, RecordFormat]] = {"ndjson": "jsonl", "orjson": "json", "messagepack": "msgpack"}
_KNOWN: Final[tuple[RecordFormat, ...]] = ("jsonl", "json", "msgpack")
_NO_PICKLE = (
    "pickle is not read or written here: reading a pickle can run any code that its writer put into it, and no other "
    "language reads it; use jsonl, json or msgpack, or load it in your own code with deserialize_sync, which rebuilds "
    "only the classes of one model"
)

LEVELS: Final[dict[str, dict[CompressionLevel, int]]] = {
    "gzip": {CompressionLevel.FAST: 1, CompressionLevel.BALANCED: 6, CompressionLevel.MAX: 9},
    "zstd": {CompressionLevel.FAST: 1, CompressionLevel.BALANCED: 3, CompressionLevel.MAX: 19},
    "lz4": {CompressionLevel.FAST: 0, CompressionLevel.BALANCED: 3, CompressionLevel.MAX: 12},
    "brotli": {CompressionLevel.FAST: 1, CompressionLevel.BALANCED: 5, CompressionLevel.MAX: 11},
}
"""The numbers behind the names of levels, for the codecs that can write a stream."""
_RANGES: Final = {"gzip": range(10), "zstd": range(1, 23), "lz4": range(17), "brotli": range(12)}


class Compression(NamedTuple):
    """A codec and its own number for a level."""

    codec: str
    level: int


def format_of(path: str | PathLike[str]) -> RecordFormat | None:
    """Return the format that the name of a file says, ``None`` if it says none.

    Raises:
        ConfigurationError: it says pickle.
    """
    suffixes = [suffix.lower() for suffix in PurePath(path).suffixes]
    while suffixes and suffixes[-1] in _CODECS:
        suffixes.pop()
    if not suffixes:
        return None
    if suffixes[-1] in _PICKLES:
        raise ConfigurationError(_NO_PICKLE)
    return _FORMATS.get(suffixes[-1])


def codec_of(path: str | PathLike[str]) -> str | None:
    """Return the codec that the name of a file says, ``None`` if it says none."""
    return _CODECS.get(PurePath(path).suffix.lower())


def record_format(name: str) -> RecordFormat:
    """Return the canonical name of a format for files of records.

    Raises:
        UnknownFormatError: files of records have no such format.
        ConfigurationError: it is pickle.
    """
    lowered = name.lower()
    if lowered == "pickle":
        raise ConfigurationError(_NO_PICKLE)
    lowered = _OTHER_SPELLINGS.get(lowered, lowered)
    for known in _KNOWN:
        if lowered == known:
            return known
    message = (
        f"files of records have no format {name!r}{did_you_mean(lowered, _KNOWN)} (available: {', '.join(_KNOWN)})"
    )
    raise UnknownFormatError(message)


def parse_compression(text: str) -> Compression:
    """Return what ``"codec"``, ``"codec:fast"`` or ``"codec:19"`` means; without a level it is the balanced one.

    Raises:
        UnknownCodecError: nobody knows the codec.
        ConfigurationError: the codec has no such level, or cannot write a stream.
    """
    name, _, level = text.partition(":")
    codec = CODECS.canonical(name)
    if codec not in LEVELS:
        message = f"the codec {codec!r} cannot write a stream (those that can: {', '.join(LEVELS)})"
        raise ConfigurationError(message)
    if not level:
        return Compression(codec, LEVELS[codec][CompressionLevel.BALANCED])
    named = {item.value: number for item, number in LEVELS[codec].items()}
    number = named.get(level.lower(), int(level) if level.isascii() and level.isdigit() else -1)
    if number not in _RANGES[codec]:
        allowed = _RANGES[codec]
        message = f"{codec} has no level {level!r}; it takes {', '.join(named)}, or {allowed[0]} to {allowed[-1]}"
        raise ConfigurationError(message)
    return Compression(codec, number)

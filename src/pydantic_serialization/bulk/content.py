"""A file opened as a row of raw records: source, decompression and boundaries, before anything is decoded."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from pydantic_serialization.bulk.decompression import PIECE, Source, decompressed, recognise
from pydantic_serialization.bulk.documents import Read, ReadMany, bind_many_reader, bind_reader
from pydantic_serialization.bulk.framing import RawRecord, RawRun, json_lines, json_values
from pydantic_serialization.bulk.framing_msgpack import msgpack_values
from pydantic_serialization.bulk.naming import STANDARD_STREAM, RecordFormat, codec_of, format_of, record_format
from pydantic_serialization.bulk.runs import document_runs, line_runs, value_runs
from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.errors import DecodeError

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator
    from typing import Self

_LOOKED_AT: Final = 64 * 1024
_FRAMES: Final[dict[str, Callable[[io.BufferedReader, int], Iterator[Any]]]] = {
    "jsonl": json_lines,
    "json": json_values,
    "msgpack": msgpack_values,
}
_RUNS: Final[dict[str, Callable[[io.BufferedReader, int], Iterator[RawRecord | RawRun]]]] = {
    "jsonl": line_runs,
    "json": value_runs,
    "msgpack": document_runs,
}


class Content:
    """The decompressed content of a file. Made by :func:`open_content`; use it in a ``with`` block.

    Attributes:
        codec: The codec of the file, ``None`` if it is not compressed.
        head: The file's first bytes, before decompression.
        stack: What is closed with it; whatever must end together with the reading may be entered into it.
    """

    def __init__(self, name: str, source: Source, codec: str | None, stack: contextlib.ExitStack, limit: int) -> None:
        self.codec = codec
        self.head = source.head
        self.stack = stack
        self._name = name
        self._source = source
        self._limit = limit
        self._stream = stack.enter_context(decompressed(source, codec))
        self._raw: Any = self._stream.raw
        self._format: RecordFormat | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.stack.__exit__(*failure)  # type: ignore[arg-type]

    @property
    def consumed(self) -> int:
        """Bytes of the file that were taken so far, before decompression."""
        return self._source.consumed

    @property
    def position(self) -> int:
        """Bytes of the content that were taken so far, after decompression."""
        position: int = self._raw.position
        return position

    def peek(self) -> bytes:
        """Return the beginning of what was not read yet, without reading it.

        Raises:
            DecompressionError: the compressed data is damaged there already.
        """
        return self._stream.peek(_LOOKED_AT)

    def format(self) -> RecordFormat | None:
        """Return the format of the records: what the file's name says, else its first bytes; ``None`` if neither does.

        Raises:
            ConfigurationError: it is pickle, which is not read.
            DecompressionError: the compressed data is damaged.
        """
        if self._format is None:
            named = None if self._name == STANDARD_STREAM else format_of(self._name)
            self._format = named or detect_records(self.peek())
        return self._format

    def declare(self, name: str) -> None:
        """Read the file as this format, whatever its name says.

        Raises:
            UnknownFormatError: files of records have no such format.
            ConfigurationError: it is pickle, which is not read.
        """
        self._format = record_format(name)

    def records(self) -> Iterator[RawRecord]:
        """Return the raw records.

        Raises:
            DecodeError: nothing says which format it is; while iterating: damage.
        """
        return _FRAMES[self.known_format()](self._stream, self._limit)

    def runs(self) -> Iterator[RawRecord | RawRun]:
        """Return the raw records, many at once where they stand together.

        Raises:
            DecodeError: see :meth:`records`.
        """
        return _RUNS[self.known_format()](self._stream, self._limit)

    def known_format(self) -> RecordFormat:
        """Return the format of the records.

        Raises:
            DecodeError: nothing says which it is.
        """
        found = self.format()
        if found is None:
            message = f"nothing says which format {self._name} has; name it: jsonl, json or msgpack"
            raise DecodeError(message, position=0)
        return found

    def reader(self, model: Any = None, config: SerializationConfig | None = None) -> Read:
        """Return what turns a raw record into a value; see :func:`bind_reader`."""
        return bind_reader(self.known_format(), model, config)

    def many_reader(self, model: Any = None, config: SerializationConfig | None = None) -> ReadMany | None:
        """Return what turns an array of records into values, if they can be read so; see :func:`bind_many_reader`."""
        return bind_many_reader(self.known_format(), model, config)

    def drain(self) -> None:
        """Read what is left, to know how much it is.

        Raises:
            DecompressionError: the compressed data is damaged.
        """
        while self._stream.read1(PIECE):
            pass


def open_content(source: str | os.PathLike[str], config: SerializationConfig | None = None) -> Content:
    """Open a file and recognise its compression.

    Args:
        source: Path of the file, or ``"-"`` for standard input.
        config: ``max_payload_bytes`` is the limit of one record; the defaults if ``None``.

    Raises:
        DecodeError: the name promises a codec that the bytes are not of.
        MissingDependencyError: the codec's library is not installed.
        OSError: the file cannot be read.
    """
    name = os.fsdecode(source)
    limit = (config if config is not None else SerializationConfig()).max_payload_bytes
    with contextlib.ExitStack() as opening:
        opened = Source(_opened(name, opening))
        codec = recognise(opened, None if name == STANDARD_STREAM else codec_of(name))
        content = Content(name, opened, codec, opening, limit)
        content.stack = opening.pop_all()
    return content


def _opened(name: str, opening: contextlib.ExitStack) -> IO[bytes]:
    if name == STANDARD_STREAM:
        return sys.stdin.buffer
    return opening.enter_context(Path(name).open("rb", buffering=0))


def detect_records(head: bytes) -> RecordFormat | None:
    """Return the format of records that begin with ``head``, ``None`` where that is in doubt.

    Raises:
        ConfigurationError: it begins as a pickle does.
    """
    if looks_like_pickle(head):
        record_format("pickle")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"[":
        return "json"
    if text[:1] != b"{":
        return "msgpack" if head and (0x80 <= head[0] < 0xA0 or 0xDC <= head[0] < 0xE0) else None
    line, separator, rest = text.partition(b"\n")
    with contextlib.suppress(DecodeError):
        bind_reader("json", None, None)(line)
        return "jsonl" if separator and rest.strip() else "json"
    return "json"


def looks_like_pickle(head: bytes) -> bool:
    """Say whether bytes begin as a pickle of protocol 2 to 5 does."""
    return len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5

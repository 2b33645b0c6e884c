"""Read the records of a file one by one, and deal with the bad ones."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Final, Generic, Literal, Self, TypeAlias, TypeVar, overload

from pydantic import ValidationError

from pydantic_serialization.bulk.content import open_content
from pydantic_serialization.bulk.framing import RawRecord
from pydantic_serialization.bulk.framing_msgpack import array_header, is_array
from pydantic_serialization.bulk.output import atomic_output
from pydantic_serialization.bulk.problems import BadRecord, describe_error, locate
from pydantic_serialization.errors import ConfigurationError, SerializationError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from pydantic_serialization.bulk.documents import Read, ReadMany
    from pydantic_serialization.bulk.framing import RawRun
    from pydantic_serialization.config import SerializationConfig

ModelT = TypeVar("ModelT")
OnError: TypeAlias = Literal["raise", "skip", "collect"]

_POLICIES: Final = ("raise", "skip", "collect")
_REMEMBERED: Final = 100


class RecordReader(Generic[ModelT]):
    """An iterator over the records of a file, made by :func:`read_records`. Use it once, in a ``with`` block.

    Attributes:
        format: The format that is read.
        codec: The codec of the file, ``None`` if it is not compressed.
        good: How many records were read.
        bad: How many were skipped or set aside.
        problems: The first hundred of those.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        model: Any,
        *,
        format: str | None,  # noqa: A002  (as in every public function)
        on_error: OnError,
        quarantine: str | os.PathLike[str] | None,
        config: SerializationConfig | None,
    ) -> None:
        _check_policy(on_error, quarantine)
        self.good = 0
        self.bad = 0
        self.problems: list[BadRecord] = []
        self._policy = on_error
        self._quarantine_path = quarantine
        self._quarantine: IO[bytes] | None = None
        self._is_enclosed = False
        self._content = open_content(source, config)
        try:
            if format is not None:
                self._content.declare(format)
            self.codec = self._content.codec
            self.format = self._content.known_format()
            read_many = self._content.many_reader(model, config)
            found = self._content.records() if read_many is None else self._content.runs()
            self._records = self._read(found, self._content.reader(model, config), read_many)
        except BaseException:
            self._content.stack.close()
            raise

    def __iter__(self) -> Iterator[ModelT]:
        return self._records

    def __next__(self) -> ModelT:
        return next(self._records)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        """Close the input. The file of bad records appears unless the block failed."""
        self._content.__exit__(*failure)

    @property
    def consumed(self) -> int:
        """Bytes of the file that were taken so far, before decompression."""
        return self._content.consumed

    def _read(self, found: Iterator[RawRecord | RawRun], read: Read, read_many: ReadMany | None) -> Iterator[ModelT]:
        # Closes the file however the iteration ends: at the end, by an error, or because nobody goes on.
        with self._content.stack:
            for item in found:
                if isinstance(item, RawRecord):
                    yield from self._read_each((item,), read)
                    continue
                values = None if read_many is None else read_many(item.document)
                if values is None or len(values) != item.count:
                    yield from self._read_each(item.split(), read)
                    continue
                for value in values:
                    self.good += 1
                    yield value

    def _read_each(self, records: Iterable[RawRecord], read: Read) -> Iterator[ModelT]:
        for record in records:
            try:
                value = read(record.data)
            except (SerializationError, ValidationError) as error:
                if isinstance(error, SerializationError):
                    error.format = self.format
                if self._policy == "raise":
                    locate(error, record.number, record.offset)
                    raise
                self._set_aside(record, describe_error(error))
                continue
            self.good += 1
            yield value

    def _set_aside(self, record: RawRecord, reason: str) -> None:
        self.bad += 1
        if len(self.problems) < _REMEMBERED:
            self.problems.append(BadRecord(record.number, record.offset, reason))
        if self._quarantine_path is None:
            return
        raw = record.data
        if self._quarantine is None:
            self._quarantine = self._content.stack.enter_context(atomic_output(self._quarantine_path))
            # A file that begins with an array is read as arrays of records.
            self._is_enclosed = self.format == "msgpack" and is_array(raw[0])
        if self._is_enclosed:
            raw = array_header(1) + raw
        elif self.format != "msgpack":
            # A line feed inside a JSON string is not JSON, so between values it may as well be a space.
            raw = raw.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"
        self._quarantine.write(raw)


@overload
def read_records(
    source: str | os.PathLike[str],
    model: type[ModelT],
    *,
    format: str | None = None,
    on_error: OnError = "raise",
    quarantine: str | os.PathLike[str] | None = None,
    config: SerializationConfig | None = None,
) -> RecordReader[ModelT]: ...


@overload
def read_records(
    source: str | os.PathLike[str],
    model: Any = None,
    *,
    format: str | None = None,
    on_error: OnError = "raise",
    quarantine: str | os.PathLike[str] | None = None,
    config: SerializationConfig | None = None,
) -> RecordReader[Any]: ...


def read_records(
    source: str | os.PathLike[str],
    model: Any = None,
    *,
    format: str | None = None,  # noqa: A002
    on_error: OnError = "raise",
    quarantine: str | os.PathLike[str] | None = None,
    config: SerializationConfig | None = None,
) -> RecordReader[Any]:
    """Open a file of records and return an iterator over them, validated, one at a time.

    No more than one record is in memory, so a file may have any size. Formats: JSON lines (``.jsonl``, ``.ndjson``), a
    JSON array or JSON values in a row (``.json``), a MessagePack array, a row of arrays, or of documents
    (``.msgpack``). Compression (gzip, zstd, lz4) is recognised by the first bytes, brotli by the suffix ``.br``.

    Args:
        source: Path of the file, or ``"-"`` for standard input.
        model: The type of one record; ``None`` reads plain data.
        format: ``"jsonl"``, ``"json"`` or ``"msgpack"``; what the name or the content says if ``None``.
        on_error: For a record that cannot be read. ``"raise"`` raises; the error names the record's number and its
            place in bytes. ``"skip"`` counts it and goes on. ``"collect"`` also writes it, as it is, to ``quarantine``.
        quarantine: Path for the bad records: a line each for JSON, documents in a row for MessagePack (each in an array
            of its own if the first is an array itself: a reader would take it for several). It appears, complete, when
            the input was read to its end or the ``with`` block was left, and only if there are any.
        config: ``strict_validation``, ``enable_validation``, and ``max_depth``, ``max_items``, ``max_payload_bytes`` as
            limits of one record; the defaults if ``None``. ``max_compression_ratio`` is for whole payloads: a file is
            decompressed as it is read.

    Raises:
        ConfigurationError: the name says pickle, which is not read; ``quarantine`` and ``on_error`` do not match.
        DecodeError: the file is not of its format, or nothing says which that is. While iterating: the boundaries
            between records are damaged, or compressed data is, after everything before that was delivered.
        LimitExceededError: while iterating, a record is longer than ``max_payload_bytes``, whatever ``on_error`` says; or
            over another limit, which makes it a bad record.
        UnsupportedTypeError: the format cannot represent the model.
        OSError: the file cannot be read.
    """
    return RecordReader(source, model, format=format, on_error=on_error, quarantine=quarantine, config=config)


def _check_policy(on_error: str, quarantine: str | os.PathLike[str] | None) -> None:
    if on_error not in _POLICIES:
        message = f"on_error is {on_error!r}; it takes {', '.join(_POLICIES)}"
        raise ConfigurationError(message)
    if (on_error == "collect") != (quarantine is not None):
        message = "on_error='collect' and quarantine=FILE belong together: give both or neither"
        raise ConfigurationError(message)

"""Write records to a file that appears when it is complete."""

from __future__ import annotations

import contextlib
import os
from typing import IO, TYPE_CHECKING, Any, Self

from pydantic import BaseModel

from pydantic_serialization.bulk.batches import BatchEncoder
from pydantic_serialization.bulk.compression import compressing
from pydantic_serialization.bulk.documents import bind_writer
from pydantic_serialization.bulk.framing_msgpack import array_header, is_array
from pydantic_serialization.bulk.naming import (
    STANDARD_STREAM,
    Compression,
    RecordFormat,
    codec_of,
    format_of,
    parse_compression,
    record_format,
)
from pydantic_serialization.bulk.output import atomic_output
from pydantic_serialization.bulk.problems import locate
from pydantic_serialization.errors import ConfigurationError, EncodeError, SerializationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_serialization.config import SerializationConfig


class RecordWriter:
    """Takes records one by one, in a ``with`` block; the file appears, complete, when the block ends without an error.

    Args:
        target: Path of the file, or ``"-"`` for standard output.
        model: The declared type of one record; ``None`` writes each model as its own class, plain data as it is.
        format: ``"jsonl"``, ``"json"`` (one array) or ``"msgpack"``; what the name of the file says if ``None``.
        compress: ``"codec"`` or ``"codec:level"``; what the name of the file says if ``None``.
        batch: For MessagePack: how many records each array has. ``None`` writes documents in a row, no array.
        config: ``max_depth``, and ``max_payload_bytes`` as the limit of one record; the defaults if ``None``.

    Attributes:
        count: How many records were written.

    Raises:
        ConfigurationError: the format, the codec, its level or ``batch`` cannot work; the name says pickle.
        UnsupportedTypeError: the format cannot represent the type.
        OSError: the file cannot be written.
    """

    def __init__(
        self,
        target: str | os.PathLike[str],
        model: Any = None,
        *,
        format: str | None = None,  # noqa: A002  (as in every public function)
        compress: str | None = None,
        batch: int | None = None,
        config: SerializationConfig | None = None,
    ) -> None:
        self._target = os.fsdecode(target)
        self.format: RecordFormat = _format(self._target, format)
        self.count = 0
        if batch is not None and (self.format != "msgpack" or batch < 1):
            message = f"batch={batch} cannot work: it is the number of records in a MessagePack array, 1 or more"
            raise ConfigurationError(message)
        self._batch = batch
        self._pending: list[bytes] = []
        self._pending_count = 0
        self._encode = bind_writer(self.format, model, config)
        self._batches = BatchEncoder(self.format, model, config)
        self._compression = _compression(self._target, compress)
        self._stack = contextlib.ExitStack()
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opening:
            below = opening.enter_context(atomic_output(self._target))
            self._stream = opening.enter_context(compressing(below, self._compression))
            if self.format == "json":
                self._stream.write(b"[")
            self._stack = opening.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        """Finish the file and give it its name, or remove it if the block failed."""
        try:
            if failure[0] is None and self._stream is not None:
                self._finish(self._stream)
        except BaseException as error:
            self._stack.__exit__(type(error), error, error.__traceback__)
            raise
        self._stack.__exit__(*failure)  # type: ignore[arg-type]

    def write(self, record: Any) -> None:
        """Write one record.

        Raises:
            EncodeError: it cannot be written; the error names its number.
            ConfigurationError: the writer was not entered as a ``with`` block.
        """
        stream = self._entered()
        try:
            data = self._encode(record)
        except SerializationError as error:
            locate(error, self.count + 1, 0)
            error.format = self.format
            error.position = None
            raise
        self._put(stream, _one_line(data) + b"\n" if self.format == "jsonl" else data, 1)

    def write_many(self, records: Sequence[Any]) -> None:
        """Write all records of a list or tuple: the same bytes, and models in a fraction of the time.

        Raises:
            EncodeError: one cannot be written; the error names its number. Those before it are written.
            ConfigurationError: the writer was not entered as a ``with`` block.
        """
        _check_many(records, "use write()")
        stream = self._entered()
        start = 0
        while start < len(records):
            room = self._batches.size if self._batch is None else self._batch - self._pending_count
            part = records[start : start + min(room, self._batches.size)]
            start += len(part)
            documents = self._batches.encode(part)
            if documents is None:
                for record in part:
                    self.write(record)
            else:
                # JSON text has no line feeds but those between the lines.
                joined = documents[:-1].replace(b"\n", b",\n") if self.format == "json" else documents
                self._put(stream, joined, len(part))

    def _entered(self) -> IO[bytes]:
        if self._stream is None:
            message = "a RecordWriter is used in a with block, which gives the file its name at the end"
            raise ConfigurationError(message)
        return self._stream

    def _put(self, stream: IO[bytes], documents: bytes, count: int) -> None:
        """Put the documents of so many records into the file."""
        is_first = self.count == 0
        self.count += count
        if self.format == "jsonl":
            stream.write(documents)
        elif self.format == "json":
            stream.write((b"\n" if is_first else b",\n") + documents)
        elif self._batch is not None:
            self._pending.append(documents)
            self._pending_count += count
            if self._pending_count == self._batch:
                self._flush(stream)
        else:
            if is_first:
                self._check_first(documents)
            stream.write(documents)

    def _check_first(self, data: bytes) -> None:
        """Refuse what a reader would take for an array of records."""
        if is_array(data[0]):
            message = "records that are arrays themselves need batch=N, so that readers can tell them from a batch"
            raise EncodeError(message, format=self.format)

    def _flush(self, stream: IO[bytes]) -> None:
        stream.write(array_header(self._pending_count) + b"".join(self._pending))
        self._pending.clear()
        self._pending_count = 0

    def _finish(self, stream: IO[bytes]) -> None:
        if self._pending_count or (self._batch is not None and self.count == 0):
            self._flush(stream)
        if self.format == "json":
            stream.write(b"\n]\n" if self.count else b"]\n")


def write_records(
    target: str | os.PathLike[str],
    records: Iterable[Any],
    model: Any = None,
    *,
    format: str | None = None,  # noqa: A002
    compress: str | None = None,
    batch: int | None = None,
    config: SerializationConfig | None = None,
) -> int:
    """Write records to a file and return how many there were. The file appears when it is complete.

    ``records`` is consumed one by one, so it may be larger than the memory. Models in a list or tuple are written many at
    once, several times faster.

    Args:
        target: See :class:`RecordWriter`, as for all others.
        records: Models or plain values.
        model: The declared type of one record.
        format: The format.
        compress: The codec, with or without its level.
        batch: How many records each MessagePack array has.
        config: Settings.

    Raises:
        EncodeError: a record cannot be written; ``target`` is as it was.
        ConfigurationError: see :class:`RecordWriter`.
        OSError: the file cannot be written.
    """
    _check_many(records, "pass a list")
    with RecordWriter(target, model, format=format, compress=compress, batch=batch, config=config) as writer:
        if isinstance(records, (list, tuple)):
            writer.write_many(records)
        else:  # whoever makes the records may change one when the next is asked for
            for record in records:
                writer.write(record)
    return writer.count


def _one_line(text: bytes) -> bytes:
    """Return JSON text without line feeds, which a ``model_dump_json`` of the user's own may put between values."""
    return text.replace(b"\n", b" ") if b"\n" in text else text


def _check_many(records: object, advice: str) -> None:
    if isinstance(records, BaseModel):  # iterating a model gives its fields
        message = f"expected several records, got one {type(records).__name__}: {advice}"
        raise TypeError(message)


def _format(target: str, name: str | None) -> RecordFormat:
    if name is not None:
        return record_format(name)
    found = None if target == STANDARD_STREAM else format_of(target)
    if found is None:
        message = f"nothing says in which format to write {target}; name it: jsonl, json or msgpack"
        raise ConfigurationError(message)
    return found


def _compression(target: str, compress: str | None) -> Compression | None:
    if compress is not None:
        return None if compress == "none" else parse_compression(compress)
    named = None if target == STANDARD_STREAM else codec_of(target)
    return None if named is None else parse_compression(named)

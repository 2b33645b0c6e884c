"""Take many records of a file at once, for the native core to read together.

What is wrong with one of them is found where they are read: they are then read one by one.
"""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

from pydantic_serialization._native import core
from pydantic_serialization.bulk.decompression import PIECE
from pydantic_serialization.bulk.framing import BOM, RawRecord, RawRun, Window, json_lines, json_values, too_long
from pydantic_serialization.bulk.framing_msgpack import array_header, msgpack_values, take_document

if TYPE_CHECKING:
    from collections.abc import Iterator

_FEWEST = 2


def line_runs(stream: io.BufferedReader, limit: int) -> Iterator[RawRecord | RawRun]:
    """Do what :func:`json_lines` does, with runs where all lines are arrays or objects."""
    number = offset = 0
    rest = b""
    while piece := stream.read1(max(PIECE, len(rest))):
        data = rest + piece
        end = data.rfind(b"\n") + 1
        if not end and len(data) > limit + 1:
            raise too_long(limit, offset)
        rest = data[end:]
        for found in _lines(data[:end], limit, number, offset):
            number = found.number + (found.count - 1 if isinstance(found, RawRun) else 0)
            yield found
        offset += end
    yield from _lines(rest, limit, number, offset)


def _lines(data: bytes, limit: int, number: int, offset: int) -> Iterator[RawRecord | RawRun]:
    split = partial(json_lines, io.BytesIO(data), limit, number, offset)
    text = data if offset else data.removeprefix(BOM)
    found = core.json_lines_array(text) if core is not None and len(data) <= limit else None
    if found is None:
        return split()
    document, count = found
    return iter((RawRun(number + 1, count, document, split),))


def value_runs(stream: io.BufferedReader, limit: int) -> Iterator[RawRecord | RawRun]:
    """Do what :func:`json_values` does, with runs of arrays and objects in an array."""
    return json_values(stream, limit, _take_values)


def _take_values(window: Window, number: int) -> RawRun | None:
    end, count = (0, 0) if core is None else core.json_values_run(window.data, window.start)
    if count < _FEWEST or end - window.start > window.limit:
        return None
    offset = window.offset
    document = b"[%b]" % window.take(end)
    return RawRun(number + 1, count, document, partial(_split_values, document, window.limit, number, offset))


def _split_values(document: bytes, limit: int, number: int, offset: int) -> Iterator[RawRecord]:
    for found in json_values(io.BytesIO(document), limit):
        yield RawRecord(number + found.number, offset + found.offset - 1, found.data)  # type: ignore[union-attr]


def document_runs(stream: io.BufferedReader, limit: int) -> Iterator[RawRecord | RawRun]:
    """Do what :func:`msgpack_values` does, with runs."""
    return msgpack_values(stream, limit, _take_documents)


def _take_documents(window: Window, number: int, most: int | None) -> RawRun | None:
    most = len(window.data) if most is None else most
    end, count = (0, 0) if core is None else core.msgpack_documents_run(window.data, window.start, most)
    if count < _FEWEST or end - window.start > window.limit:
        return None
    offset = window.offset
    data = window.take(end)
    split = partial(_split_documents, data, window.limit, number, offset)
    return RawRun(number + 1, count, array_header(count) + data, split)


def _split_documents(data: bytes, limit: int, number: int, offset: int) -> Iterator[RawRecord]:
    window = Window(io.BytesIO(data), limit)
    window.grow()
    while window.start < len(window.data):
        number, at = number + 1, window.offset
        yield RawRecord(number, offset + at, take_document(window))

"""Where records end is found alike by the native core and in Python, whatever the stream delivers and whatever is wrong."""

from __future__ import annotations

import contextlib
import io
import json
from random import Random
from typing import TYPE_CHECKING, Any

import ormsgpack
import pytest

from pydantic_serialization._native import core
from pydantic_serialization.bulk import framing, framing_msgpack
from pydantic_serialization.bulk.framing import RawRecord, RawRun, json_lines, json_values
from pydantic_serialization.bulk.framing_msgpack import array_header, msgpack_values
from pydantic_serialization.bulk.runs import document_runs, line_runs, value_runs
from pydantic_serialization.errors import LimitExceededError, SerializationError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(core is None, reason="needs the native core")

RECORDS: list[Any] = [
    {}, {"a": [1, {"b": "]},["}], 'quote " and \\ slash': 'x\\"'}, [], [[], [1]], {"a": -1.5},
    {"text": "\u20ac" * 50, "none": None}, {"long": "x" * 300, "numbers": list(range(300))},
]  # fmt: skip


class Dripping(io.RawIOBase):
    """A stream that delivers a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._rest = io.BytesIO(data)
        self._step = step

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._rest.read(min(self._step, len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)


def found(read: Callable[..., Any], data: bytes, step: int, limit: int = 10_000) -> list[Any]:
    """Return all records, and the error that ended the reading."""
    records: list[Any] = []
    try:
        records.extend(read(io.BufferedReader(Dripping(data, step), 16), limit))
    except SerializationError as error:
        records.append((type(error), str(error), error.position))
    return records


def both(monkeypatch: pytest.MonkeyPatch, read: Callable[..., Any], data: bytes, step: int) -> list[Any]:
    """Return what both find, which is the same."""
    native = found(read, data, step)
    with monkeypatch.context() as patch:
        patch.setattr(framing, "core", None)
        patch.setattr(framing_msgpack, "core", None)
        assert found(read, data, step) == native, data
    return native


def documents() -> list[tuple[Callable[..., Any], bytes]]:
    """Return files of the records."""
    texts = [json.dumps(record).encode() for record in RECORDS]
    packed = [ormsgpack.packb(record) for record in RECORDS]
    maps = [part for part, record in zip(packed, RECORDS, strict=True) if isinstance(record, dict)]
    return [
        (json_values, b"[" + b",".join(texts) + b"]"),
        (json_values, b"[\n" + b" ,\n ".join([*texts, b'"text"', b"5", b"null"]) + b"\n]\n"),
        (json_values, b"\n".join(text for text in texts if text[:1] == b"{")),
        (msgpack_values, array_header(len(packed)) + b"".join(packed)),
        (msgpack_values, (array_header(2) + packed[1] + packed[3]) * 3),
        (msgpack_values, b"".join(maps)),
    ]


@pytest.mark.parametrize("number", range(6))
def test_whole_files(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Every record is found where it is, in pieces of every size."""
    read, data = documents()[number]
    whole = both(monkeypatch, read, data, len(data))
    assert len(whole) >= 4
    assert all(data[record.offset :].startswith(record.data) for record in whole)
    unpack = json.loads if read is json_values else ormsgpack.unpackb
    assert all(unpack(record.data) in [*RECORDS, "text", 5, None] for record in whole)
    for step in (1, 2, 3, 7, 100):
        assert both(monkeypatch, read, data, step) == whole


@pytest.mark.parametrize("number", range(6))
def test_damaged_files(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Bytes that are missing, too many or others: the same records before the same error."""
    read, data = documents()[number]
    random = Random(number)
    for _ in range(100):
        at = random.randrange(len(data))
        piece = random.choice([b"", b'"', b"[", b"]", b"{", b"}", b",", b"\\", b"\xc1", b"\xdd", random.randbytes(3)])
        damaged = data[:at] + piece + data[at + random.randrange(3) :]
        both(monkeypatch, read, damaged, random.choice([1, 16, 1000]))
        both(monkeypatch, read, data[:at], 1000)


RUNS = {json_values: value_runs, json_lines: line_runs, msgpack_values: document_runs}


def flat(read: Callable[..., Any]) -> Callable[..., Any]:
    """Return what reads runs, taken apart."""

    def records(stream: Any, limit: int) -> Any:
        for item in RUNS[read](stream, limit):
            if isinstance(item, RawRecord):
                yield item
                continue
            singles = list(item.split())
            assert (len(singles), singles[0].number) == (item.count, item.number)
            unpack = ormsgpack.unpackb if read is msgpack_values else json.loads
            with contextlib.suppress(ValueError):
                assert len(unpack(item.document)) == item.count
            yield from singles

    return records


def lines() -> tuple[Callable[..., Any], bytes]:
    """Return lines with a byte order mark, blank ones, and ends of both kinds."""
    texts = [json.dumps(record).encode() for record in RECORDS]
    return json_lines, b"\xef\xbb\xbf" + b"\n".join([*texts, b"", b" \r", *texts]) + b"\r\n" + b"\n".join(texts)


@pytest.mark.parametrize("number", range(7))
def test_runs_hold_the_same_records(number: int) -> None:
    """At the same places, in front of the same errors; in whole and in damaged files, in pieces of every size."""
    read, data = [*documents(), lines()][number]
    runs = [item for item in RUNS[read](io.BufferedReader(Dripping(data, 10_000)), 10_000) if isinstance(item, RawRun)]
    assert bool(runs) == (read is not json_values or data[:1] == b"[")
    random = Random(number)
    files = [data, data[1:], data.replace(b"}", b"}, {}", 1)]
    for _ in range(60):
        at = random.randrange(len(data))
        piece = random.choice(
            [b"", b'"', b"[", b"}", b"\n", b"{},{}", b"5", b"\\", b"\xc1", b"\x93", random.randbytes(2)]
        )
        files += [data[:at], data[:at] + piece + data[at + random.randrange(3) :]]
    for file in files:
        for step, limit in ((1, 10_000), (100, 10_000), (10_000, 10_000), (10_000, 300)):
            single, taken = found(read, file, step, limit), found(flat(read), file, step, limit)
            if limit == 300:  # how much is looked at when the limit is noticed is not the same
                single, taken = single[: len(taken) - 1], taken[: len(single) - 1]
                single, taken = single[: len(taken)], taken[: len(single)]
            assert taken == single, file


class Endless(io.RawIOBase):
    """A stream that goes on opening arrays."""

    def __init__(self, opening: bytes) -> None:
        self._opening = opening

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = self._opening * len(buffer)
        return len(buffer)


@pytest.mark.parametrize("read", [*RUNS, *RUNS.values()])
def test_no_more_is_read_than_a_record_may_have(read: Callable[..., Any]) -> None:
    """A record that does not end is an error, and not all that there is in memory."""
    opening = b"\x91" if read in {msgpack_values, document_runs} else b"["
    with pytest.raises(LimitExceededError):
        next(read(io.BufferedReader(Endless(opening)), 100_000))

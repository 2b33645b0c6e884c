"""Where records end is found alike by the native core and in Python, whatever the stream delivers and whatever is wrong."""

from __future__ import annotations

import io
import json
from random import Random
from typing import TYPE_CHECKING, Any

import ormsgpack
import pytest

from pydantic_serialization._native import core
from pydantic_serialization.bulk import framing, framing_msgpack
from pydantic_serialization.bulk.framing import json_values
from pydantic_serialization.bulk.framing_msgpack import array_header, msgpack_values
from pydantic_serialization.errors import SerializationError

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
    for _ in range(300):
        at = random.randrange(len(data))
        piece = random.choice([b"", b'"', b"[", b"]", b"{", b"}", b",", b"\\", b"\xc1", b"\xdd", random.randbytes(3)])
        damaged = data[:at] + piece + data[at + random.randrange(3) :]
        both(monkeypatch, read, damaged, random.choice([1, 16, 1000]))
        both(monkeypatch, read, data[:at], 1000)

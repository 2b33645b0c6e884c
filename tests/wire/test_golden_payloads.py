"""The bytes of plain results, pinned: what was written yesterday must be read tomorrow, and by other programs."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from pydantic_serialization import SerializationConfig, create_serialization_manager, decoder, encoder

JSON = (
    b'{"id":1,"name":"Zo\xc3\xab \\"Z\\"","ratio":0.5,"on":true,"none":null,"big":18446744073709551615,"color":"red",'
    b'"when":"2024-02-29T12:30:00.000001Z","day":"2024-02-29","at":"12:30:00","span":"P1DT1S",'
    b'"key":"12345678-1234-5678-1234-567812345678","price":"1.10","tags":["a","b"],"points":{"1":[0.5,-1.0]},"raw":"ok",'
    b'"nested":{"child":{"child":null}}}'
)
MSGPACK = bytes.fromhex(
    "de0011a2696401a46e616d65a85a6fc3ab20225a22a5726174696fcb3fe0000000000000a26f6ec3a46e6f6e65c0a3626967cfffffffffffff"
    "ffffa5636f6c6f72a3726564a47768656ebb323032342d30322d32395431323a33303a30302e3030303030315aa3646179aa323032342d3032"
    "2d3239a26174a831323a33303a3030a47370616ea6503144543153"
)


class Color(str, Enum):
    RED = "red"


class Node(BaseModel):
    child: Node | None = None


class Everything(BaseModel):
    id: int
    name: str
    ratio: float
    on: bool
    none: None
    big: int
    color: Color
    when: datetime
    day: date
    at: time
    span: timedelta
    key: UUID
    price: Decimal
    tags: list[str]
    points: dict[int, tuple[float, float]]
    raw: bytes
    nested: Node


VALUE = Everything(
    id=1,
    name='Zoë "Z"',
    ratio=0.5,
    on=True,
    none=None,
    big=2**64 - 1,
    color=Color.RED,
    when=datetime(2024, 2, 29, 12, 30, 0, 1, tzinfo=UTC),
    day=date(2024, 2, 29),
    at=time(12, 30),
    span=timedelta(days=1, seconds=1),
    key=UUID("12345678-1234-5678-1234-567812345678"),
    price=Decimal("1.10"),
    tags=["a", "b"],
    points={1: (0.5, -1.0)},
    raw=b"ok",
    nested=Node(child=Node()),
)


@pytest.mark.parametrize("member", ["json", "orjson"])
def test_json(member: str) -> None:
    """JSON text: compact, fields in order, ISO 8601 dates, non-ASCII as UTF-8."""
    assert encoder(Everything, member)(VALUE) == JSON
    assert decoder(Everything, member)(JSON) == VALUE
    json.loads(JSON)


def test_msgpack() -> None:
    """MessagePack: the values of JSON, integers and floats in their own types, bytes as bin."""
    data = encoder(Everything, "msgpack")(VALUE)
    assert data.startswith(MSGPACK)
    assert data.endswith(b"\xa3raw\xc4\x02ok\xa6nested\x81\xa5child\x81\xa5child\xc0")
    assert decoder(Everything, "msgpack")(data) == VALUE


def test_jsonl() -> None:
    """JSON lines: one document and one line feed for each item."""
    assert encoder(list[Node], "jsonl")([Node(), Node()]) == b'{"child":null}\n' * 2
    assert decoder(list[Node], "jsonl")(b'{"child":null}\n\n{}') == [Node(), Node()]


@pytest.mark.parametrize(
    ("codec", "head"), [("gzip", "1f8b0800000000"), ("zstd", "28b52ffd"), ("lz4", "04224d18"), ("brotli", "c1534601")]
)
def test_compressed_results(codec: str, head: str) -> None:
    """Compressed results begin with the codec's magic number, brotli's with the frame's, and repeat exactly."""
    manager = create_serialization_manager(SerializationConfig(compression_codec=codec, compression_threshold=150))
    values: list[Any] = [VALUE] * 20
    data = manager.serialize_models_sync(values, "json")
    assert data.startswith(bytes.fromhex(head))
    assert manager.serialize_models_sync(values, "json") == data
    assert manager.deserialize_models_sync(data, Everything) == values
    if codec == "gzip":
        assert data[9] == 0xFF  # no operating system: the bytes do not tell where they were made
        assert gzip.decompress(data) == b"[" + b",".join([JSON] * 20) + b"]"

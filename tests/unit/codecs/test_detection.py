"""Recognition by magic number."""

from __future__ import annotations

import gzip
import json
import pickle
import zlib

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydantic_serialization._types import Payload
from pydantic_serialization.codecs.detection import (
    FIRST_BYTES,
    GZIP_MAGIC,
    LZ4_MAGIC,
    ZSTD_MAGIC,
    detect_codec,
    is_reserved,
)
from pydantic_serialization.frame import MAGIC as FRAME_MAGIC

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("data", "codec"),
    [
        (gzip.compress(b"", mtime=0), "gzip"),
        (gzip.compress(b"x" * 1000, mtime=0), "gzip"),
        (GZIP_MAGIC + b"\x1f" + bytes(14), "gzip"),
        (ZSTD_MAGIC, "zstd"),
        (ZSTD_MAGIC + b"anything", "zstd"),
        (LZ4_MAGIC, "lz4"),
        (LZ4_MAGIC + b"anything", "lz4"),
    ],
)
def test_magic_numbers_are_recognised(data: bytes, codec: str) -> None:
    """Each magic is recognised, in every kind of buffer."""
    kinds: list[Payload] = [data, bytearray(data), memoryview(data), memoryview(data).cast("b").cast("B")]
    for kind in kinds:
        assert detect_codec(kind) == codec
    assert is_reserved(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(GZIP_MAGIC, id="gzip magic alone"),
        pytest.param(GZIP_MAGIC + bytes(14), id="gzip of 17 bytes"),
        pytest.param(b"\x1f\x8b\x07" + bytes(20), id="another method than deflate"),
        *(
            pytest.param(GZIP_MAGIC + bytes([flag]) + bytes(20), id=f"reserved flag {flag:#x}")
            for flag in (32, 64, 128)
        ),
        pytest.param(ZSTD_MAGIC[:3], id="a part of zstd's magic"),
        pytest.param(LZ4_MAGIC[:3] + b"\x19" + bytes(9), id="nearly lz4's magic"),
        pytest.param(b"\x50\x2a\x4d\x18\x00\x00\x00\x00", id="skippable frame"),
        pytest.param(b"\x02\x21\x4c\x18" + bytes(9), id="lz4's legacy format"),
        pytest.param(zlib.compress(b"x" * 50), id="zlib"),
        pytest.param(FRAME_MAGIC + bytes(30), id="sealed frame"),
    ],
)
def test_everything_else_is_not(data: bytes) -> None:
    """What only resembles a magic, or has none, is never guessed."""
    assert detect_codec(data) is None
    assert detect_codec(memoryview(data)) is None


@given(json_values)
def test_no_document_looks_compressed(value: object) -> None:
    """No JSON, MessagePack or pickle document begins like compressed data or a sealed frame."""
    documents = [json.dumps(value).encode(), pickle.dumps(value), pickle.dumps(value, protocol=2)]
    documents.append(ormsgpack.packb(value))
    for document in documents:
        assert document[0] not in FIRST_BYTES
        assert not is_reserved(document)


def test_first_bytes_are_those_of_the_magics_and_of_the_frame() -> None:
    """A payload that begins with none of the first bytes needs no further look."""
    assert set(FIRST_BYTES) >= {0x1F, 0x28, 0x04, 0xC1}
    assert not set(FIRST_BYTES) & set(b'{["-0123456789tfn \t\r\n\x80')


def test_the_frame_magic_is_reserved() -> None:
    """A plain payload that begins like a sealed frame must not be stored as it is."""
    assert is_reserved(FRAME_MAGIC)
    assert is_reserved(FRAME_MAGIC + b"x")
    assert not is_reserved(FRAME_MAGIC[:2])
    assert not is_reserved(b"")

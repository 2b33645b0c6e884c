"""gzip: engines, header, interchange with other readers and writers."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable

import deflate
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isal import igzip, isal_zlib

from pydantic_serialization.codecs.gzip import GzipCodec
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import DecompressionError, LimitExceededError

ENGINES: dict[str, tuple[str, ...]] = {
    "isal+deflate": (),
    "isal": ("deflate",),
    "deflate": ("isal", "isal.isal_zlib"),
    "none": ("isal", "isal.isal_zlib", "deflate"),
}
LEVELS = (CompressionLevel.FAST, CompressionLevel.BALANCED, CompressionLevel.MAX)
TEXT = b"".join(b'{"id":%d,"name":"user %d","score":%d}\n' % (n, n * 7, n * n % 97) for n in range(2000))


@pytest.fixture(params=ENGINES, name="codec")
def codec_of_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> GzipCodec:
    for module in ENGINES[request.param]:
        monkeypatch.setitem(sys.modules, module, None)
    return GzipCodec()


@pytest.mark.parametrize("level", LEVELS)
def test_header_is_the_same_for_every_engine(codec: GzipCodec, level: CompressionLevel) -> None:
    """The header has no time, no name and no operating system (RFC 1952 section 2.3)."""
    packed = codec.compressor(level)(TEXT)
    assert packed[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("payload", [b"", b"x", TEXT, os.urandom(70_000), TEXT * 20], ids=len)
def test_others_read_what_we_write(codec: GzipCodec, level: CompressionLevel, payload: bytes) -> None:
    """Python's gzip, ISA-L and libdeflate read the output of every engine."""
    packed = codec.compressor(level)(payload)
    assert gzip.decompress(packed) == payload
    assert isal_zlib.decompress(packed, wbits=31) == payload
    if payload:  # libdeflate takes a size of 0 for "unknown"
        assert bytes(deflate.gzip_decompress(packed, len(payload))) == payload


@pytest.mark.skipif(shutil.which("gzip") is None, reason="no gzip command")
@pytest.mark.parametrize("level", LEVELS)
def test_the_gzip_command_accepts_the_output(codec: GzipCodec, level: CompressionLevel) -> None:
    """``gzip -t`` finds no fault, ``gzip -dc`` gives the payload."""
    packed = codec.compressor(level)(TEXT)
    subprocess.run(["gzip", "-t"], input=packed, check=True)
    assert subprocess.run(["gzip", "-dc"], input=packed, check=True, capture_output=True).stdout == TEXT


def test_we_read_what_others_write(codec: GzipCodec, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Members of any writer are read, with a time, a file name, a comment, extra fields and a header checksum."""
    path = tmp_path_factory.mktemp("gzip") / "named.json.gz"
    with gzip.open(path, "wb") as file:
        file.write(TEXT)
    body = gzip.compress(TEXT)[10:]
    flags = b"\x1f\x8b\x08\x1f\x01\x02\x03\x04\x02\x03"
    header = flags + b"\x03\x00abc" + b"name\x00" + b"comment\x00"
    every_field = header + (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little") + body
    for packed in (path.read_bytes(), every_field, igzip.compress(TEXT), bytes(deflate.gzip_compress(TEXT, 1))):
        assert codec.decompress(packed, limit=len(TEXT)) == TEXT


@settings(deadline=None, max_examples=40)
@given(parts=st.lists(st.binary(max_size=400), min_size=1, max_size=6), seed=st.integers())
def test_members_are_joined(parts: list[bytes], seed: int) -> None:
    """Several members are one payload, whoever wrote each (RFC 1952 section 2.2)."""
    codec = GzipCodec()
    chance = random.Random(seed)
    writers: list[Callable[[bytes], bytes | bytearray]] = [
        gzip.compress,
        igzip.compress,
        deflate.gzip_compress,
        codec.compressor(CompressionLevel.FAST),
    ]
    packed = b"".join(bytes(chance.choice(writers)(part)) for part in parts)
    whole = b"".join(parts)
    assert codec.decompress(packed, limit=len(whole)) == whole
    if whole:
        with pytest.raises(LimitExceededError):
            codec.decompress(packed, limit=len(whole) - 1)


def test_members_longer_than_a_window_are_joined(codec: GzipCodec) -> None:
    """Members that end in the middle of what the library was given are joined exactly."""
    parts = [os.urandom(size) for size in (70_000, 0, 131_072, 3, 65_536 - 23, 200_000)]
    packed = b"".join(map(gzip.compress, parts))
    assert codec.decompress(packed, limit=1 << 20) == b"".join(parts)


@pytest.mark.parametrize("tail", [b"\x00" * 8, b"\x1f", b"\x1f\x8b\x08", b"{}", b"\x1f\x8b\x08\x20" + bytes(30)])
def test_what_is_no_member_is_an_error(codec: GzipCodec, tail: bytes) -> None:
    """Padding, junk, a torn member and one with reserved flags after a good member are errors."""
    with pytest.raises(DecompressionError):
        codec.decompress(gzip.compress(TEXT) + tail, limit=1 << 20)


@pytest.mark.parametrize("flag", [0x20, 0x40, 0x80])
def test_reserved_flags_are_an_error(codec: GzipCodec, flag: int) -> None:
    """A member with a reserved flag must be refused (RFC 1952 section 2.3.1.2), whatever the engine thinks."""
    packed = bytearray(gzip.compress(TEXT))
    packed[3] = flag
    assert not codec.recognises(packed)
    with pytest.raises(DecompressionError):
        codec.decompress(packed, limit=1 << 20)


def test_large_payloads_at_the_best_level(codec: GzipCodec) -> None:
    """From 1 MB the best level gives way to a faster one that is still no larger than BALANCED."""
    payload = (TEXT * 20)[:1_000_000]
    best, balanced = (codec.compressor(level)(payload) for level in (CompressionLevel.MAX, CompressionLevel.BALANCED))
    assert len(best) <= len(balanced)
    assert gzip.decompress(best) == payload


@pytest.mark.parametrize(("module", "missing"), [("isal", "isal.isal_zlib"), ("deflate", "deflate")])
def test_a_broken_engine_is_not_hidden(module: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an engine that is not installed is done without; one that fails to load says so."""

    def fail(name: str) -> object:
        if name == missing:
            raise ImportError("undefined symbol")
        return sys.modules[name]

    monkeypatch.setattr("pydantic_serialization._optional.import_module", fail)
    with pytest.raises(ImportError, match="undefined symbol"):
        GzipCodec()

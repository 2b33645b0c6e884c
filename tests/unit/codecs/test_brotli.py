"""brotli: one stream, no magic."""

from __future__ import annotations

import os
import sys

import brotli
import pytest

from pydantic_serialization.codecs.brotli import BrotliCodec
from pydantic_serialization.codecs.detection import detect_codec
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import DecompressionError, MissingDependencyError


@pytest.mark.parametrize("quality", [0, 5, 11])
def test_streams_of_others_are_read(quality: int) -> None:
    """Streams of every quality and of the largest window are read."""
    payload = b"payload " * 5000
    packed = brotli.compress(payload, quality=quality, lgwin=24)
    assert BrotliCodec().decompress(packed, limit=len(payload)) == payload


@pytest.mark.parametrize("level", [CompressionLevel.FAST, CompressionLevel.BALANCED, CompressionLevel.MAX])
def test_others_read_what_we_write(level: CompressionLevel) -> None:
    """The library's own reader gives the payload back, and nothing takes the stream for another codec's."""
    packed = BrotliCodec().compressor(level)(b"payload " * 500)
    assert brotli.decompress(packed) == b"payload " * 500
    assert detect_codec(packed) is None


def test_streams_are_not_joined() -> None:
    """RFC 7932 knows no second stream: one that follows is an error, also where it begins a new window of input."""
    overhead = len(brotli.compress(os.urandom(65_000), quality=1)) - 65_000
    first = brotli.compress(os.urandom(64 * 1024 - overhead), quality=1)
    assert len(first) == 64 * 1024
    for packed in (first, brotli.compress(b"short")):
        with pytest.raises(DecompressionError):
            BrotliCodec().decompress(packed + brotli.compress(b"second"), limit=1 << 20)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing library is an error with the exact install line."""
    monkeypatch.setitem(sys.modules, "brotli", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "pydantic-serialization\[brotli\]"'):
        BrotliCodec()

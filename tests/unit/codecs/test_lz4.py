"""lz4: frames of others, and what a frame must have."""

from __future__ import annotations

import os
import struct
import sys

import lz4.frame
import pytest

from pydantic_serialization.codecs.lz4 import Lz4Codec
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import DecompressionError, LimitExceededError, MissingDependencyError

SKIPPABLE = struct.pack("<II", 0x184D2A53, 4) + b"note"


@pytest.mark.parametrize("level", [CompressionLevel.FAST, CompressionLevel.BALANCED, CompressionLevel.MAX])
def test_every_frame_has_a_content_checksum(level: CompressionLevel) -> None:
    """Readers can verify the content (lz4_Frame_format.md, FLG byte, bit 2)."""
    packed = Lz4Codec().compressor(level)(b"payload " * 50)
    assert packed[4] & 0b100
    assert lz4.frame.decompress(packed) == b"payload " * 50


def test_frames_of_others_are_read() -> None:
    """Joined frames of any block size, with and without checksums, and skippable frames among them are read."""
    parts = [os.urandom(300_000) + bytes(5_000_000), b"x" * 10, b""]
    packed = (
        lz4.frame.compress(parts[0], block_size=lz4.frame.BLOCKSIZE_MAX4MB, block_checksum=True, store_size=False)
        + SKIPPABLE
        + lz4.frame.compress(parts[1], block_linked=False)
        + lz4.frame.compress(parts[2])
        + SKIPPABLE
    )
    whole = b"".join(parts)
    assert Lz4Codec().decompress(packed, limit=len(whole)) == whole
    with pytest.raises(LimitExceededError):
        Lz4Codec().decompress(packed, limit=len(whole) - 1)


def test_a_claimed_size_reserves_nothing() -> None:
    """A header that claims 2**60 bytes for a few is damaged data, not an allocation."""
    context = lz4.frame.create_compression_context()
    packed = lz4.frame.compress_begin(context, source_size=2**60)
    packed += lz4.frame.compress_chunk(context, b"few") + b"\x00\x00\x00\x00"
    with pytest.raises(DecompressionError):
        Lz4Codec().decompress(packed, limit=1 << 26)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing library is an error with the exact install line."""
    for module in ("lz4", "lz4.frame"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=r'pip install "pydantic-serialization\[lz4\]"'):
        Lz4Codec()

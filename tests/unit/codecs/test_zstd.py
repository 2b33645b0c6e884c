"""zstd: frames, checksums, dictionaries, claims in headers."""

from __future__ import annotations

import gc
import struct
import sys
import threading
from typing import Any

import pytest
from backports import zstd

from pydantic_serialization.codecs.zstd import ZstdCodec, train_dictionary
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import (
    ConfigurationError,
    DecompressionError,
    LimitExceededError,
    MissingDependencyError,
)

LEVELS = (CompressionLevel.FAST, CompressionLevel.BALANCED, CompressionLevel.MAX)
SKIPPABLE = struct.pack("<II", 0x184D2A50, 4) + b"note"
SAMPLES = [
    f'{{"id":{n},"name":"user {n * 7}","email":"user{n}@example.org","active":true}}'.encode() for n in range(900)
]


@pytest.mark.parametrize("level", LEVELS)
def test_every_frame_has_checksum_and_size(level: CompressionLevel) -> None:
    """Readers can verify the content and know its size beforehand (RFC 8878 section 3.1.1.1.1)."""
    packed = ZstdCodec().compressor(level)(b"payload " * 50)
    assert packed[4] & 0b100
    assert zstd.get_frame_info(packed).decompressed_size == 400
    assert zstd.decompress(packed) == b"payload " * 50


def test_frames_of_others_are_read() -> None:
    """Frames without a checksum or a size, joined ones, and skippable frames among them are read."""
    unsized = zstd.ZstdCompressor()
    streamed = unsized.compress(b"streamed ") + unsized.compress(b"frame ") + unsized.flush()
    packed = streamed + SKIPPABLE + zstd.compress(b"and another") + SKIPPABLE
    assert ZstdCodec().decompress(packed, limit=100) == b"streamed frame and another"


def test_a_claim_over_the_limit_is_refused_by_the_header() -> None:
    """A header that claims 2**40 bytes is an error before anything is decompressed."""
    header = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 2**40)
    with pytest.raises(LimitExceededError, match="max_payload_bytes"):
        ZstdCodec().decompress(header + bytes(20), limit=1 << 26)


def test_a_claim_that_is_not_kept_is_an_error() -> None:
    """A frame with less or more content than its header says is damaged."""
    packed = ZstdCodec().compressor(CompressionLevel.FAST)(b"x" * 200)
    assert packed[4] >> 6 == 0  # size in one byte
    for claim in (199, 201):
        with pytest.raises(DecompressionError):
            ZstdCodec().decompress(packed[:5] + bytes([claim]) + packed[6:], limit=1000)


def test_windows_over_8_mib_are_refused() -> None:
    """The memory that a frame may ask for beside its content is bounded, whatever the limit."""
    options: dict[Any, int] = {zstd.CompressionParameter.window_log: 24}
    wide = zstd.ZstdCompressor(options=options)
    packed = wide.compress(b"a" * 100) + wide.flush(zstd.ZstdCompressor.FLUSH_BLOCK) + wide.flush()
    with pytest.raises(DecompressionError):
        ZstdCodec().decompress(packed, limit=1 << 30)


def test_a_dictionary_shrinks_small_payloads() -> None:
    """With a trained dictionary a small payload of the trained kind shrinks by 40 % and more."""
    payload = b'{"id":4711,"name":"user 12","email":"user99@example.org","active":false}'
    plain, trained = ZstdCodec(), ZstdCodec(dictionary=train_dictionary(SAMPLES))
    for level in LEVELS:
        packed = trained.compressor(level)(payload)
        assert len(packed) < len(plain.compressor(level)(payload)) * 0.6
        assert trained.decompress(packed, limit=100) == payload


def test_a_codec_with_dictionary_reads_frames_without() -> None:
    """Putting a dictionary to use does not make earlier data unreadable."""
    packed = ZstdCodec().compressor(CompressionLevel.MAX)(SAMPLES[0] * 9)
    assert ZstdCodec(dictionary=train_dictionary(SAMPLES)).decompress(packed, limit=10_000) == SAMPLES[0] * 9


def test_an_unknown_dictionary_is_an_error() -> None:
    """A frame that needs another dictionary is never read as something else."""
    packed = ZstdCodec(dictionary=train_dictionary(SAMPLES)).compressor(CompressionLevel.FAST)(SAMPLES[0])
    other = ZstdCodec(dictionary=train_dictionary(sample[::-1] for sample in SAMPLES))
    for codec in (ZstdCodec(), other):
        with pytest.raises(DecompressionError):
            codec.decompress(packed, limit=1000)


@pytest.mark.parametrize("samples", [[], [b"only one"], [b""] * 9])
def test_too_few_samples_are_an_error(samples: list[bytes]) -> None:
    """A dictionary that cannot be trained says what is missing."""
    with pytest.raises(ConfigurationError, match="some hundred"):
        train_dictionary(samples)


@pytest.mark.usefixtures("frozen_heap")
def test_each_thread_has_one_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread makes its compression context once, and the context goes when the thread ends."""
    made: list[int] = []
    gone: list[int] = []

    class Counting:
        FLUSH_FRAME = zstd.ZstdCompressor.FLUSH_FRAME

        def __init__(self, **options: Any) -> None:
            self.compress = original(**options).compress
            made.append(threading.get_ident())

        def __del__(self) -> None:
            gone.append(1)

    original = zstd.ZstdCompressor
    codec = ZstdCodec()
    monkeypatch.setattr(zstd, "ZstdCompressor", Counting)
    compress = codec.compressor(CompressionLevel.FAST)
    made.clear()
    for _ in range(3):
        thread = threading.Thread(target=lambda: [compress(b"x" * size) for size in (10, 1000, 10)])
        thread.start()
        thread.join()
    gc.collect()
    assert len(made) == len(gone) == 3


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing library is an error with the exact install line."""
    for module in ("backports.zstd", "compression.zstd"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=r'pip install "pydantic-serialization\[zstd\]"'):
        ZstdCodec()
    with pytest.raises(MissingDependencyError):
        train_dictionary([b"x"])

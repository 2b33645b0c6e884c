"""The small operations by themselves."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
from typing import Any

import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st

from pydantic_serialization import (
    CompressionLevel,
    ConfigurationError,
    DecompressionError,
    SerializationConfig,
    SerializationUtils,
    UnknownFormatError,
    encoder,
)
from pydantic_serialization.formats._pickle_secrets import field_held_back
from pydantic_serialization.plan import plan_for


@given(data=st.binary(max_size=3000), codec=st.sampled_from(["gzip", "zstd", "lz4"]), repeat=st.integers(1, 40))
def test_what_was_compressed_is_decompressed(data: bytes, codec: str, repeat: int) -> None:
    """Any bytes come back, those that look compressed too, with every codec that is recognised."""
    payload = data * repeat
    for threshold in (0, 10**9):
        config = SerializationConfig(compression_codec=codec, compression_threshold=threshold)
        packed = SerializationUtils.compress_data(payload, config)
        assert SerializationUtils.decompress_data(packed) == payload
    assert SerializationUtils.decompress_data(
        SerializationUtils.compress_data(gzip.compress(payload, mtime=0))
    ) == gzip.compress(payload, mtime=0)


def test_compression_is_a_managers() -> None:
    """Threshold, level and codec of the configuration decide; text becomes UTF-8."""
    text = "é" * 2000
    packed = SerializationUtils.compress_data(text)
    assert gzip.decompress(packed) == text.encode()
    assert SerializationUtils.compress_data(b"x" * 1023) == b"x" * 1023
    noise = os.urandom(5000)
    assert SerializationUtils.compress_data(noise) == noise
    off = SerializationConfig(enable_compression=False)
    assert SerializationUtils.compress_data(text, off) == text.encode()


def test_a_codec_without_magic_is_refused() -> None:
    """Bytes that no reader could recognise are not given out; the error says what to do, and shows no payload."""
    config = SerializationConfig(compression_codec="brotli")
    with pytest.raises(ConfigurationError, match=r"brotli has no magic number.*choose gzip, zstd or lz4") as caught:
        SerializationUtils.compress_data(b"payload", config)
    assert "payload" not in str(caught.value)
    off = SerializationConfig(compression_codec="brotli", enable_compression=False)
    assert SerializationUtils.compress_data(b"payload", off) == b"payload"


def test_damage_is_an_error() -> None:
    """Recognised and cut is an error, never taken as raw."""
    with pytest.raises(DecompressionError):
        SerializationUtils.decompress_data(gzip.compress(b"x" * 100)[:-3])


@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        (1023, {}, False),
        (1024, {}, True),
        (10, {"compression_threshold": 10}, True),
        (10**6, {"enable_compression": False}, False),
        (10**6, {"compression_level": CompressionLevel.NONE}, False),
    ],
)
def test_whether_to_compress(size: int, options: dict[str, Any], expected: bool) -> None:
    """The threshold counts, where compression is on at all."""
    assert SerializationUtils.should_compress(size, SerializationConfig(**options)) is expected


def test_levels_are_zlibs_numbers() -> None:
    """Members and their strings; anything else is a ValueError."""
    assert [SerializationUtils.get_compression_level(level) for level in CompressionLevel] == [0, 1, 6, 9]
    assert SerializationUtils.get_compression_level("max") == 9
    with pytest.raises(ValueError, match="huge"):
        SerializationUtils.get_compression_level("huge")


@given(data=st.binary())
def test_hashes_are_sha_256(data: bytes) -> None:
    """The same in every process, for every buffer."""
    expected = hashlib.sha256(data).hexdigest()
    for kind in (data, bytearray(data), memoryview(data)):
        assert SerializationUtils.generate_hash(kind) == expected
    assert SerializationUtils.generate_hash("é") == hashlib.sha256("é".encode()).hexdigest()


@pytest.mark.parametrize("entry", [entry for entry in zoo.MODELS if not entry.dump], ids=lambda entry: entry.name)
def test_formats_are_told_and_checked(entry: zoo.Entry) -> None:
    """JSON and pickle are recognised; every format's document is well-formed for it, and cut it is not."""
    for value in entry.values:
        for name in zoo.FORMATS:
            is_held_back = name == "pickle" and field_held_back(plan_for(entry.type)) is not None
            if is_held_back or not entry.keeps(name):
                continue
            data = encoder(entry.type, name)(value)
            assert SerializationUtils.validate_format(data, name)
            assert SerializationUtils.validate_format(memoryview(data), name)
            assert not SerializationUtils.validate_format(data + b"\xc0", name)
            assert not SerializationUtils.validate_format(data[:-1], name)
            if name != "msgpack" and isinstance(value, zoo.Person):
                assert SerializationUtils.detect_format(data) == ("pickle" if name == "pickle" else "json")


def test_checking_a_pickle_does_not_load_it() -> None:
    """A pickle that would call something is well-formed, and nothing is called."""

    class Loud:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.abort, ()

    assert SerializationUtils.validate_format(pickle.dumps(Loud()), "pickle")
    assert not SerializationUtils.validate_format(b"", "pickle")
    with pytest.raises(UnknownFormatError):
        SerializationUtils.validate_format(b"{}", "jsn")


def test_compression_is_recognised() -> None:
    """By magic number; brotli has none."""
    text = b"text " * 1000
    for codec in ("gzip", "zstd", "lz4"):
        packed = SerializationUtils.compress_data(text, SerializationConfig(compression_codec=codec))
        assert SerializationUtils.detect_compression(packed) == codec
    assert SerializationUtils.detect_compression(text) is None

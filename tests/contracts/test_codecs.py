"""The codec contract, held by every built-in codec and every engine of gzip."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable
from typing import ClassVar

import pytest

from pydantic_serialization._types import Payload
from pydantic_serialization.codecs import MagicCodec
from pydantic_serialization.codecs.brotli import BrotliCodec
from pydantic_serialization.codecs.gzip import GzipCodec
from pydantic_serialization.codecs.lz4 import Lz4Codec
from pydantic_serialization.codecs.zstd import ZstdCodec, train_dictionary
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import DecompressionError, LimitExceededError
from pydantic_serialization.testing import CodecContract


def gzip_without(*modules: str) -> GzipCodec:
    """Return the gzip codec of an installation where ``modules`` are missing."""
    with pytest.MonkeyPatch.context() as patch:
        for module in modules:
            patch.setitem(sys.modules, module, None)
        return GzipCodec()


class TestGzip(CodecContract):
    codec = GzipCodec()


class TestGzipWithIsalOnly(CodecContract):
    codec = gzip_without("deflate")


class TestGzipWithDeflateOnly(CodecContract):
    codec = gzip_without("isal", "isal.isal_zlib")


class TestGzipOfTheStandardLibrary(CodecContract):
    codec = gzip_without("isal", "isal.isal_zlib", "deflate")


class TestZstd(CodecContract):
    codec = ZstdCodec()


class TestZstdWithDictionary(CodecContract):
    codec = ZstdCodec(dictionary=train_dictionary(f'{{"sku":"SKU-{n}","paid":true}}'.encode() * 9 for n in range(500)))


class TestLz4(CodecContract):
    codec = Lz4Codec()


class TestBrotli(CodecContract):
    codec = BrotliCodec()
    has_checksum: ClassVar[bool] = False


class FaultyCodec(MagicCodec):
    """zlib behind a magic: a correct codec but for the one fault that it is made with."""

    name = "faulty"
    wire_id = 250
    magic: ClassVar[bytes | None] = b"\xf0faulty"

    def __init__(self, fault: str = "") -> None:
        self.fault = fault

    def recognises(self, data: Payload) -> bool:
        faults = {"recognises everything": True, "recognises nothing": False}
        return faults.get(self.fault, super().recognises(data))

    def compressor(self, level: CompressionLevel) -> Callable[[Payload], bytes]:
        numbers = {CompressionLevel.FAST: 1, CompressionLevel.BALANCED: 6, CompressionLevel.MAX: 9}
        if self.fault == "levels upside down":
            numbers = {CompressionLevel.FAST: 9, CompressionLevel.BALANCED: 6, CompressionLevel.MAX: 1}
        number = numbers[level]

        def compress(data: Payload) -> bytes:
            salt = os.urandom(2) if self.fault == "not reproducible" else b"\0\0"
            return b"\xf0faulty" + salt + zlib.compress(data, number)

        return compress

    def decompress(self, data: Payload, /, *, limit: int) -> bytes:
        try:
            return self._decompress(bytes(data), limit)
        except zlib.error as error:
            if self.fault == "foreign errors":
                raise
            if self.fault == "shows the payload":
                message = f"cannot decompress {bytes(data)!r}"
                raise DecompressionError(message) from None
            raise DecompressionError("damaged") from error

    def _decompress(self, data: bytes, limit: int) -> bytes:
        inflate = zlib.decompressobj()
        if self.fault == "limit off by one":
            limit += 1
        room = 0 if self.fault == "reads everything first" else limit + 1
        result = inflate.decompress(data[9:], room)
        if len(result) > limit and self.fault != "ignores the limit":
            raise LimitExceededError("raise max_payload_bytes", limit="max_payload_bytes")
        if not data.startswith(b"\xf0faulty\0\0") and self.fault != "not reproducible":
            raise DecompressionError("something else")
        if not inflate.eof and self.fault != "accepts truncation":
            raise DecompressionError("truncated")
        if inflate.unused_data and self.fault != "ignores what follows":
            raise DecompressionError("something follows")
        return result


class TestFaultless(CodecContract):
    codec = FaultyCodec()
    # zlib gathers the output in blocks and joins them.
    extra_memory: ClassVar[int] = 8 << 20


@pytest.mark.parametrize(
    ("fault", "test", "arguments"),
    [
        ("recognises nothing", CodecContract.test_output_is_recognised_exactly_if_there_is_a_magic, "level"),
        ("recognises everything", CodecContract.test_plain_payloads_are_not_recognised, ""),
        ("levels upside down", CodecContract.test_a_slower_level_is_not_larger, "size"),
        ("not reproducible", CodecContract.test_the_same_input_gives_the_same_bytes, "level"),
        ("foreign errors", CodecContract.test_junk_is_a_decode_error, ""),
        ("shows the payload", CodecContract.test_no_error_shows_the_payload, ""),
        ("reads everything first", CodecContract.test_a_bomb_is_an_error_within_the_memory_limit, "level"),
        ("limit off by one", CodecContract.test_the_limit_is_exact, "size"),
        ("ignores the limit", CodecContract.test_the_limit_is_exact, "size"),
        ("accepts truncation", CodecContract.test_every_truncation_is_an_error, "payload"),
        ("ignores what follows", CodecContract.test_trailing_bytes_are_an_error, "size tail"),
    ],
)
def test_the_contract_finds_the_fault(fault: str, test: Callable[..., None], arguments: str) -> None:
    """Each fault that a codec can have is found by the test that is meant to find it."""

    class Contract(TestFaultless):
        codec = FaultyCodec(fault)

    values = {"level": CompressionLevel.FAST, "size": 20_000, "payload": b"payload " * 20, "tail": b"junk"}
    with pytest.raises((AssertionError, pytest.fail.Exception, zlib.error)):
        test(Contract(), **{name: values[name] for name in arguments.split()})

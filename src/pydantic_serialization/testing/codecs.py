"""The contract of a codec, as a test class to inherit."""

# ruff: noqa: S101  (assertions are what a contract consists of)

from __future__ import annotations

import os
import random
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pydantic_serialization.codecs import Codec
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import DecodeError, DecompressionError, LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import Payload

_LEVELS = (CompressionLevel.FAST, CompressionLevel.BALANCED, CompressionLevel.MAX)
_SIZES = (0, 1, 2, 149, 1000, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 1_000_000)
"""Bytes; around the sizes at which buffers are usually cut."""
_NO_LIMIT = 1 << 30
_BOMB = 50_000_000
_BOMB_LIMIT = 4 << 20
_EIGHTH = 8
"""A growing buffer may be an eighth larger than what it holds."""

# One method runs under each subclass: that is the purpose here, and Hypothesis would call it suspicious.
_quiet = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.differing_executors])


def _text(size: int, seed: int = 7) -> bytes:
    """Return ``size`` bytes of JSON lines as an application writes them: repetitive keys, varied values."""
    chance = random.Random(seed)  # noqa: S311  (test data, reproducible)
    words = ("red", "blue", "steel", "cotton", "lamp", "chair", "cable", "mug", "large", "small")
    lines: list[bytes] = []
    length = 0
    while length < size:
        title = " ".join(chance.choices(words, k=3))
        price = f"{chance.randrange(100, 99_999) / 100:.2f}"
        line = f'{{"sku":"SKU-{chance.randrange(10_000)}","title":"{title}","price":"{price}","paid":true}}\n'.encode()
        lines.append(line)
        length += len(line)
    return b"".join(lines)[:size]


class CodecContract:
    """What every codec has to do.

    Inherit it in a test module and set :attr:`codec`::

        from pydantic_serialization.testing import CodecContract

        class TestSnappy(CodecContract):
            codec = SnappyCodec()

    Needs pytest and Hypothesis.

    Attributes:
        codec: The codec under test.
        has_checksum: Whether its format checks the content, so that damage is an error and never wrong data.
        extra_memory: Bytes that reading may take beside its result, such as the format's window.
    """

    codec: ClassVar[Codec]
    has_checksum: ClassVar[bool] = True
    extra_memory: ClassVar[int] = 1 << 20

    def test_has_the_members_of_a_codec(self) -> None:
        """A codec has a lower-case name, a wire number of one byte, and a magic of bytes or none."""
        assert isinstance(self.codec, Codec)
        assert self.codec.name == self.codec.name.lower()
        assert 0 < self.codec.wire_id < 256
        assert self.codec.magic is None or isinstance(self.codec.magic, bytes)

    @pytest.mark.parametrize("level", _LEVELS)
    @pytest.mark.parametrize("size", _SIZES)
    def test_returns_what_was_compressed(self, size: int, level: CompressionLevel) -> None:
        """Reading gives back the same bytes, at every level, of text and of random bytes."""
        for payload in (_text(size), os.urandom(min(size, 70_000))):
            assert self._read(self._compressor(level)(payload)) == payload

    @_quiet
    @given(payload=st.binary(max_size=5000), level=st.sampled_from(_LEVELS))
    @example(payload=b"", level=CompressionLevel.FAST)
    def test_returns_any_bytes(self, payload: bytes, level: CompressionLevel) -> None:
        """Reading gives back the same bytes, whatever they are."""
        assert self._read(self._compressor(level)(payload)) == payload

    @pytest.mark.parametrize("level", _LEVELS)
    def test_output_is_recognised_exactly_if_there_is_a_magic(self, level: CompressionLevel) -> None:
        """What a codec with a magic writes begins with it and is recognised; without a magic, nothing is."""
        for payload in (b"", b"x", _text(1000), os.urandom(1000)):
            packed = self._compressor(level)(payload)
            assert isinstance(packed, bytes)
            assert self.codec.recognises(packed) is (self.codec.magic is not None)
            assert self.codec.recognises(memoryview(packed)) is (self.codec.magic is not None)
            assert packed.startswith(self.codec.magic or b"")

    def test_plain_payloads_are_not_recognised(self) -> None:
        """JSON, MessagePack, pickle and nothing at all are not taken for compressed data."""
        for payload in (b"", b"{", b'{"a":1}' * 9, b"[1,2,3]" * 9, b"\x81\xa1a\x01" * 9, b"\x80\x05K\x01." * 9):
            assert not self.codec.recognises(payload)

    @pytest.mark.parametrize("size", [20_000, 200_000])
    def test_a_slower_level_is_not_larger(self, size: int) -> None:
        """On compressible data MAX is at most as large as BALANCED, BALANCED as FAST, with 5 % for chance."""
        fast, balanced, best = (len(self._compressor(level)(_text(size))) for level in _LEVELS)
        assert best <= balanced * 1.05
        assert balanced <= fast * 1.05
        assert best <= fast
        assert fast < size / 2

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview], ids=["bytes", "bytearray", "memoryview"])
    def test_accepts_any_buffer(self, kind: Callable[[bytes], Payload]) -> None:
        """Bytes, bytearray and memoryview are compressed and read alike."""
        for payload in (_text(500), _text(300_000)):
            packed = self._compressor()(kind(payload))
            assert packed == self._compressor()(payload)
            assert self._read(kind(packed)) == payload

    def test_reads_views_that_are_not_of_bytes(self) -> None:
        """A view with gaps, or of signed numbers, is read as the bytes that it shows."""
        packed = self._compressor()(_text(1000))
        spread = bytes(byte for value in packed for byte in (value, 0))
        assert self._read(memoryview(spread)[::2]) == _text(1000)
        assert self._read(memoryview(packed).cast("b")) == _text(1000)

    @pytest.mark.parametrize("payload", [b"", b"x", _text(200), _text(20_000)], ids=["empty", "1", "200", "20000"])
    def test_every_truncation_is_an_error(self, payload: bytes) -> None:
        """Data that was cut, at any place, is an error."""
        packed = self._compressor()(payload)
        step = max(1, len(packed) // 2000)
        for end in [*range(0, len(packed), step), len(packed) - 1]:
            with pytest.raises(DecompressionError):
                self._read(packed[:end])

    @pytest.mark.parametrize("payload", [b"", b"x", _text(200), os.urandom(50)], ids=["empty", "1", "200", "random"])
    def test_every_flipped_bit_is_an_error_or_harmless(self, payload: bytes) -> None:
        """A flipped bit is an error or changes nothing; without a checksum it is at least no foreign error."""
        packed = self._compressor()(payload)
        for bit in range(len(packed) * 8):
            damaged = bytearray(packed)
            damaged[bit // 8] ^= 1 << bit % 8
            try:
                result = self.codec.decompress(damaged, limit=_NO_LIMIT)
            except DecodeError:
                continue
            assert result == payload or not self.has_checksum, f"bit {bit} gives wrong data"

    @_quiet
    @given(data=st.binary(max_size=300))
    @example(data=b"")
    @example(data=bytes(100))
    def test_junk_is_a_decode_error(self, data: bytes) -> None:
        """Arbitrary bytes, also behind the magic, raise nothing but errors of this package."""
        for junk in (data, (self.codec.magic or b"") + data):
            try:
                self.codec.decompress(junk, limit=1 << 20)
            except DecodeError as error:
                assert error.__class__ in (DecompressionError, LimitExceededError)  # noqa: PT017  (either may come)

    def test_empty_input_is_an_error(self) -> None:
        """Nothing is not compressed data."""
        for nothing in (b"", bytearray(), memoryview(b"")):
            with pytest.raises(DecompressionError):
                self._read(nothing)

    @pytest.mark.parametrize("tail", [b"\x00", b"\n", b"junk", bytes(512), b"\xff" * 70_000], ids=len)
    @pytest.mark.parametrize("size", [10, 5000, 400_000])
    def test_trailing_bytes_are_an_error(self, size: int, tail: bytes) -> None:
        """Data that is followed by something else is an error, not half an answer."""
        packed = self._compressor()(os.urandom(size))
        with pytest.raises(DecompressionError):
            self._read(packed + tail)

    @pytest.mark.parametrize("size", [1, 1000, 65_536, 262_144, 262_145, 1_000_000])
    def test_the_limit_is_exact(self, size: int) -> None:
        """A result of exactly the limit is returned; one byte more is an error that names the setting."""
        packed = self._compressor()(_text(size))
        assert len(self.codec.decompress(packed, limit=size)) == size
        with pytest.raises(LimitExceededError, match="max_payload_bytes") as caught:
            self.codec.decompress(packed, limit=size - 1)
        assert caught.value.limit == "max_payload_bytes"

    @pytest.mark.parametrize("level", [CompressionLevel.FAST, CompressionLevel.BALANCED])
    def test_a_bomb_is_an_error_within_the_memory_limit(self, level: CompressionLevel) -> None:
        """50 MB of zeros are refused without more memory than the limit and a little."""
        bomb = self._compressor(level)(bytes(_BOMB))
        tracemalloc.start()
        try:
            with pytest.raises(LimitExceededError):
                self.codec.decompress(bomb, limit=_BOMB_LIMIT)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < _BOMB_LIMIT + _BOMB_LIMIT // _EIGHTH + self.extra_memory

    @pytest.mark.parametrize("level", _LEVELS)
    def test_the_same_input_gives_the_same_bytes(self, level: CompressionLevel) -> None:
        """Output depends on nothing but the input: not on time, nor on what was compressed before."""
        payload = _text(3000)
        compress = self._compressor(level)
        first = compress(payload)
        compress(_text(9000, seed=8))
        assert compress(payload) == first
        assert self._compressor(level)(payload) == first

    def test_no_error_shows_the_payload(self) -> None:
        """An error, its causes included, repeats nothing of what was compressed or given."""
        secret = b"correct-horse-battery-staple"
        packed = self._compressor()(secret * 3)
        for data in (packed[:-1], packed + secret, secret * 3, (self.codec.magic or b"") + secret):
            with pytest.raises(DecodeError) as caught:
                self._read(data)
            error: BaseException | None = caught.value
            while error is not None:
                assert b"horse" not in str(error).encode()
                error = error.__cause__ or error.__context__

    def test_works_from_many_threads(self) -> None:
        """One codec and one bound function serve all threads at once."""
        compress = self._compressor()

        def round_trip(seed: int) -> bool:
            payload = _text(2000 + 997 * seed, seed)
            return all(self._read(compress(payload)) == payload for _ in range(10))

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(round_trip, range(32)))

    def _compressor(self, level: CompressionLevel = CompressionLevel.BALANCED) -> Callable[[Payload], bytes]:
        return self.codec.compressor(level)

    def _read(self, data: Payload) -> bytes:
        return self.codec.decompress(data, limit=_NO_LIMIT)

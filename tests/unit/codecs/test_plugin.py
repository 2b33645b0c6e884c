"""Codecs of plug-ins that fail, by errors of their own or by wrong results."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from pydantic_serialization import CachedSerializationManager, SerializationConfig
from pydantic_serialization._types import Payload
from pydantic_serialization.codecs import MagicCodec, get_codec, get_codec_by_wire_id, register_codec, unregister_codec
from pydantic_serialization.codecs.gzip import GzipCodec
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import DecompressionError, EncodeError, LimitExceededError

SECRET = "4111-1111"
MAGIC = b"\xf0bad"


class Note(BaseModel):
    """Compresses well."""

    text: str


class BadCodec(MagicCodec):
    """Does what it is told to."""

    name = "bad"
    wire_id = 201
    magic = MAGIC

    def __init__(self, *, compressed: Any = MAGIC + b"x", decompressed: Any = b"") -> None:
        self.compressed = compressed
        self.decompressed = decompressed

    def compressor(self, level: CompressionLevel) -> Callable[[Payload], bytes]:
        return lambda data: outcome(self.compressed, data)

    def decompress(self, data: Payload, /, *, limit: int) -> bytes:
        result: bytes = outcome(self.decompressed, data)
        return result


def outcome(planned: Any, data: Payload) -> Any:
    if isinstance(planned, BaseException):
        raise planned
    return planned(data) if callable(planned) else planned


@pytest.fixture(autouse=True)
def _nothing_stays_registered() -> Iterator[None]:
    yield
    unregister_codec("bad")
    unregister_codec("gzip")


def manager(codec: str = "bad") -> CachedSerializationManager:
    return CachedSerializationManager(SerializationConfig(compression_codec=codec, compression_threshold=0))


@pytest.mark.parametrize("error", [zlib.error(SECRET), ValueError(SECRET), RecursionError(SECRET), KeyError(SECRET)])
def test_an_error_of_the_library_is_a_decompression_error(error: Exception) -> None:
    """Whatever a codec raises on damaged data, the caller meets one class, and never the library's text."""
    register_codec(BadCodec(decompressed=error))
    for read in (
        lambda: manager("gzip").deserialize_sync(MAGIC + b"damaged", Note),
        lambda: get_codec_by_wire_id(201).decompress(b"damaged", limit=10),
    ):
        with pytest.raises(DecompressionError, match=rf"damaged bad data.*\({type(error).__name__}\)") as caught:
            read()
        assert SECRET not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_an_error_while_compressing_is_an_encode_error() -> None:
    """A codec that cannot compress stops the write, by a name that can be acted upon."""
    register_codec(BadCodec(compressed=zlib.error(SECRET)))
    with pytest.raises(EncodeError, match=r"'bad' failed to compress .*\(error\)") as caught:
        manager().serialize_sync(Note(text="x" * 1000))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("wrong", [None, "text", 7, bytearray(b"x")])
def test_results_that_are_not_bytes_are_errors(wrong: object) -> None:
    """Only bytes are stored or decoded; anything else is told with the codec's name."""
    register_codec(BadCodec(compressed=wrong, decompressed=wrong))
    kind = type(wrong).__name__
    with pytest.raises(EncodeError, match=f"the codec 'bad' wrote {kind} where bytes are due"):
        manager().serialize_sync(Note(text="x" * 1000))
    with pytest.raises(DecompressionError, match=f"the codec 'bad' returned {kind} where bytes are due"):
        manager().deserialize_sync(MAGIC, Note)


def test_a_codec_that_ignores_the_limit_is_held_to_it() -> None:
    """A result over the limit is refused, whoever made it."""
    register_codec(BadCodec(decompressed=bytes(11)))
    assert get_codec("bad").decompress(MAGIC, limit=11) == bytes(11)
    with pytest.raises(LimitExceededError, match="bad data decompresses to more than 10 bytes"):
        get_codec("bad").decompress(MAGIC, limit=10)


@pytest.mark.parametrize("error", [MemoryError(), DecompressionError("cut", position=3), LimitExceededError("large")])
def test_errors_that_say_enough_pass(error: Exception) -> None:
    """A codec's own use of this package's errors is kept as it is, and lack of memory is no damage."""
    register_codec(BadCodec(compressed=error, decompressed=error))
    with pytest.raises(type(error)) as caught:
        get_codec("bad").decompress(MAGIC, limit=10)
    assert caught.value is error
    with pytest.raises(type(error)) as caught:
        get_codec("bad").compressor(CompressionLevel.FAST)(b"x")
    assert caught.value is error


@pytest.mark.parametrize(
    ("error", "expected"), [(ValueError(SECRET), DecompressionError), (MemoryError(), MemoryError)]
)
def test_recognition_that_fails_leaves_it_to_the_magic(error: Exception, expected: type[Exception]) -> None:
    """Data that begins with the magic is read as compressed where the codec's own test fails, so nothing is lost."""

    class Unsure(BadCodec):
        def recognises(self, data: Payload) -> bool:
            raise error

    register_codec(Unsure(decompressed=zlib.error()))
    with pytest.raises(expected):
        manager("gzip").deserialize_sync(MAGIC + b"{}", Note)


def test_a_plug_in_in_the_place_of_a_built_in_codec_is_held_to_the_same() -> None:
    """What matters is whose class it is, not its name; this package's own classes are used as they are."""

    class Hasty(GzipCodec):
        def decompress(self, data: Payload, /, *, limit: int) -> bytes:
            return zlib.decompress(data)

    register_codec(Hasty(), name="gzip", replace=True)
    with pytest.raises(DecompressionError, match="damaged gzip data"):
        get_codec("gzip").decompress(b"\x1f\x8b\x08\x00" + bytes(20), limit=100)
    own = GzipCodec()
    register_codec(own, name="gzip", replace=True)
    assert get_codec("gzip") is own

"""When payloads are compressed, and that reading undoes it for any bytes."""

from __future__ import annotations

import base64
import gzip
import os
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pydantic_serialization._registry import CODECS
from pydantic_serialization._types import Payload
from pydantic_serialization.codecs import Packing, bind_packing, detect_codec, get_codec
from pydantic_serialization.codecs.brotli import BrotliCodec
from pydantic_serialization.codecs.detection import GZIP_MAGIC, LZ4_MAGIC, ZSTD_MAGIC, is_reserved
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import (
    DecompressionError,
    LimitExceededError,
    MissingDependencyError,
    UnknownCodecError,
)
from pydantic_serialization.frame import MAGIC as FRAME_MAGIC

LIMIT = 1 << 26
JSON = b'{"id":12345,"name":"some user","email":"user@example.org","active":true}'
MAGICS = (GZIP_MAGIC, GZIP_MAGIC + b"\x00", ZSTD_MAGIC, LZ4_MAGIC, FRAME_MAGIC)
CODEC_NAMES = ("gzip", "zstd", "lz4")


def bind(codec: str = "gzip", **changes: Any) -> Packing:
    options: dict[str, Any] = {"level": CompressionLevel.FAST, "threshold": 1024, "limit": LIMIT, "enabled": True}
    return bind_packing(codec=codec, **{**options, **changes})


def pack(packing: Packing, payload: bytes) -> bytes:
    return packing.pack_with_codec(payload)[0]


BOUND = {
    **{name: bind(name) for name in CODEC_NAMES},
    "gzip, no threshold": bind("gzip", threshold=0),
    "off": bind(enabled=False),
    "level none": bind(level=CompressionLevel.NONE),
}
BROTLI = bind("brotli")

payloads = st.one_of(
    st.binary(max_size=3000),
    st.builds(bytes.__add__, st.sampled_from(MAGICS), st.binary(max_size=60)),
    st.builds(lambda part, count: part * count, st.binary(min_size=1, max_size=40), st.integers(1, 200)),
    st.builds(gzip.compress, st.binary(max_size=60)),
)


@given(payload=payloads, name=st.sampled_from(sorted(BOUND)))
@example(payload=ZSTD_MAGIC, name="off")
@example(payload=FRAME_MAGIC, name="off")
@example(payload=FRAME_MAGIC, name="lz4")
@example(payload=b"", name="gzip")
def test_unpack_undoes_pack_for_any_bytes(payload: bytes, name: str) -> None:
    """C1: every payload comes back, those that look compressed included, and no raw result looks like a frame."""
    packing = BOUND[name]
    packed, codec = packing.pack_with_codec(payload)
    assert packing.unpack(packed) == payload
    assert BOUND["off"].unpack(memoryview(packed)) == payload
    assert not packed.startswith(FRAME_MAGIC)
    assert (codec.name if codec else None) == detect_codec(packed)
    assert (codec is None) == (packed == payload)


@given(payload=payloads)
@example(payload=ZSTD_MAGIC)
def test_a_codec_without_magic_says_what_it_did(payload: bytes) -> None:
    """The caller learns which codec to name in the frame; everything else is recognisable by itself."""
    packed, codec = BROTLI.pack_with_codec(payload)
    if codec is not None and codec.magic is None:
        assert codec.name == "brotli"
        assert codec.decompress(packed, limit=LIMIT) == payload
    else:
        assert BROTLI.unpack(packed) == payload
        assert not packed.startswith(FRAME_MAGIC)


def test_a_codec_without_magic_does_not_escape() -> None:
    """A payload that looks compressed has to be recognisable by itself, so gzip escapes it."""
    assert isinstance(BROTLI.codec, BrotliCodec)
    assert BROTLI.pack_with_codec(JSON * 50)[1] is BROTLI.codec
    assert BROTLI.pack_with_codec(ZSTD_MAGIC)[1].name == "gzip"


@pytest.mark.parametrize("codec", CODEC_NAMES)
def test_small_payloads_stay_raw(codec: str) -> None:
    """Below the threshold nothing is compressed; at it, it is."""
    packing = bind(codec, threshold=1000)
    payload = (JSON * 20)[:1000]
    assert pack(packing, payload[:-1]) == payload[:-1]
    assert detect_codec(pack(packing, payload)) == codec


def test_tiny_payloads_stay_raw_whatever_the_threshold() -> None:
    """Below 150 bytes the header outweighs the gain."""
    packing = bind(threshold=0)
    assert pack(packing, b"a" * 149) == b"a" * 149
    assert detect_codec(pack(packing, b"a" * 150)) == "gzip"


@pytest.mark.parametrize("codec", CODEC_NAMES)
def test_a_small_saving_is_not_taken(codec: str) -> None:
    """Unless compression saves 10 % the payload stays raw, so that readers need not decompress for nothing."""
    packing = bind(codec, threshold=0)
    random_bytes = os.urandom(5000)
    for zeros, compressed in ((250, False), (1500, True)):
        payload = random_bytes + bytes(zeros)
        assert (pack(packing, payload) != payload) is compressed


def test_large_random_payloads_are_not_tried() -> None:
    """From 32 KiB a sample from the middle decides: what does not compress there is left alone."""
    calls: list[int] = []
    packing = bind(threshold=0)
    codec = get_codec("gzip")
    with pytest.MonkeyPatch.context() as patch:

        def counting(_self: object, level: CompressionLevel) -> Any:
            def compress(data: Payload) -> bytes:
                calls.append(len(data))
                return b""

            return compress

        patch.setattr(type(codec), "compressor", counting)
        packing = bind(threshold=0)
        for payload in (os.urandom(32 * 1024), gzip.compress(os.urandom(90_000))[10:], JSON * 200 + os.urandom(40_000)):
            packing.pack_with_codec(payload)
        assert not calls
        packing.pack_with_codec(os.urandom(32 * 1024 - 1))
        packing.pack_with_codec(base64.b64encode(os.urandom(60_000)))
        packing.pack_with_codec(JSON * 1000)
        assert len(calls) == 3


@pytest.mark.parametrize("off", [{"enabled": False}, {"level": CompressionLevel.NONE}], ids=["disabled", "level none"])
def test_compression_that_is_off_still_reads(off: dict[str, Any]) -> None:
    """Turned off, nothing is compressed that need not be; data of other writers is read as before."""
    packing = bind("no such codec", **off)
    assert packing.codec is None
    assert pack(packing, JSON * 1000) == JSON * 1000
    assert packing.pack_with_codec(JSON * 1000) == (JSON * 1000, None)
    for name in CODEC_NAMES:
        assert packing.unpack(pack(BOUND[name], JSON * 1000)) == JSON * 1000


@pytest.mark.parametrize("magic", MAGICS)
@pytest.mark.parametrize("name", sorted(BOUND))
def test_what_looks_compressed_is_compressed_even_if_it_grows(name: str, magic: bytes) -> None:
    """Random bytes behind a magic grow, and are compressed all the same."""
    payload = magic + (b"\x00" if magic == GZIP_MAGIC else b"") + os.urandom(40_000)
    packed = pack(BOUND[name], payload)
    assert is_reserved(payload)
    assert detect_codec(packed) == (name if name in CODEC_NAMES else "gzip")
    assert BOUND[name].unpack(packed) == payload


def test_one_layer_is_unpacked() -> None:
    """What was compressed by the caller before stays compressed: gzip in gzip gives gzip."""
    inner = gzip.compress(JSON * 100)
    packed = pack(BOUND["zstd"], inner)
    assert detect_codec(packed) == "zstd"
    assert BOUND["zstd"].unpack(packed) == inner


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_what_is_not_recognised_is_returned_itself(kind: Any) -> None:
    """A raw payload is handed through without a copy, whatever kind of buffer it is."""
    for raw in (b"", JSON, FRAME_MAGIC + b"sealed", ZSTD_MAGIC[:3], b"\x28" * 9):
        data: Payload = kind(raw)
        assert BOUND["gzip"].unpack(data) is data


def test_views_of_another_format_are_recognised() -> None:
    """A view of signed numbers is the same bytes."""
    packed = pack(BOUND["gzip"], JSON * 100)
    assert BOUND["gzip"].unpack(memoryview(packed).cast("b")) == JSON * 100


@pytest.mark.parametrize("magic", [GZIP_MAGIC + b"\x00", ZSTD_MAGIC, LZ4_MAGIC])
def test_what_is_recognised_but_damaged_is_an_error(magic: bytes) -> None:
    """A failed decompression is never taken for a raw payload."""
    with pytest.raises(DecompressionError):
        BOUND["gzip"].unpack(magic + b"\xff" * 40)


def test_the_limit_is_that_of_the_configuration() -> None:
    """Decompression is bounded by what was configured, whichever codec wrote the data."""
    for name in CODEC_NAMES:
        packed = pack(BOUND[name], JSON * 1000)
        assert bind(limit=len(JSON) * 1000).unpack(packed) == JSON * 1000
        with pytest.raises(LimitExceededError, match="max_payload_bytes"):
            bind(limit=len(JSON) * 1000 - 1).unpack(packed)


@pytest.mark.parametrize(
    ("name", "modules"), [("zstd", ("backports.zstd", "compression.zstd")), ("lz4", ("lz4.frame",))]
)
def test_recognised_without_the_library_names_the_extra(
    name: str, modules: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data of a codec whose library is missing is told by name, never handed out as if it were raw."""
    packed = pack(BOUND[name], JSON * 100)
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(CODECS._members, name)
    assert detect_codec(packed) == name
    with pytest.raises(MissingDependencyError, match=rf'pip install "pydantic-serialization\[{name}\]"'):
        BOUND["gzip"].unpack(packed)
    with pytest.raises(MissingDependencyError):
        bind(name)


def test_unknown_codecs_are_an_error_when_bound() -> None:
    """A name that nobody knows is found when the pipeline is bound, not by the first large payload."""
    with pytest.raises(UnknownCodecError):
        bind("gzipp")

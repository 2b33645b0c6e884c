"""Hostile compressed data: bombs, claims, floods of members. Memory and work stay bounded."""

from __future__ import annotations

import gzip
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import brotli
import lz4.frame
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st

from pydantic_serialization.codecs import bind_packing, get_codec
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import DecodeError, DecompressionError, LimitExceededError

MIB = 1 << 20
ZEROS = bytes(50_000_000)
LIMIT = 4 * MIB
UNSIZED = zstd.ZstdCompressor(level=3)
BOMBS: dict[str, tuple[str, bytes]] = {
    "gzip": ("gzip", gzip.compress(ZEROS)),
    "gzip, many members": ("gzip", gzip.compress(bytes(100_000)) * 500),
    "zstd": ("zstd", zstd.compress(ZEROS)),
    "zstd without size": ("zstd", UNSIZED.compress(ZEROS) + UNSIZED.flush()),
    "zstd, many frames": ("zstd", zstd.compress(bytes(100_000)) * 500),
    "lz4": ("lz4", lz4.frame.compress(ZEROS)),
    "lz4 in blocks of 4 MB": ("lz4", lz4.frame.compress(ZEROS, block_size=lz4.frame.BLOCKSIZE_MAX4MB)),
    "lz4, many frames": ("lz4", lz4.frame.compress(bytes(100_000)) * 500),
    "brotli": ("brotli", brotli.compress(ZEROS, quality=5)),
    "brotli, largest window": ("brotli", brotli.compress(ZEROS, quality=5, lgwin=24)),
}
# Beside its result a codec has the window or the blocks that its format prescribes, and buffers of half a MiB.
WINDOWS = {"gzip": 0, "zstd": 3 * MIB, "lz4": 5 * MIB, "brotli": 6 * MIB}

MEASURE = """
import contextlib, ctypes, re, sys
from pathlib import Path

with contextlib.suppress(AttributeError):
    ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE: no pages of 2 MiB where a few KiB are used

from pydantic_serialization.codecs import get_codec
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import LimitExceededError

def peak():  # of this program; getrusage would count what the parent had before the program was started
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

codec = get_codec(sys.argv[1])
data = Path(sys.argv[2]).read_bytes()
codec.decompress(codec.compressor(CompressionLevel.FAST)(b"warm up " * 9), limit=100)
before = peak()
try:
    codec.decompress(data, limit=int(sys.argv[3]))
except LimitExceededError:
    print(peak() - before)
"""


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_within_the_limit(bomb: str) -> None:
    """C4: 50 MB of zeros are an error that names the setting, at little more than the limit in Python's memory."""
    name, data = BOMBS[bomb]
    codec = get_codec(name)
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceededError, match="max_payload_bytes"):
            codec.decompress(data, limit=LIMIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LIMIT + LIMIT // 8 + MIB


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory in KiB is what Linux reports")
@pytest.mark.parametrize("bomb", ["gzip", "gzip, many members", "zstd without size", "lz4 in blocks of 4 MB", "brotli"])
def test_the_memory_of_the_process_stays_bounded(bomb: str, tmp_path: Path) -> None:
    """The libraries' own memory included, a bomb takes the limit, the format's window and 1 MiB."""
    name, data = BOMBS[bomb]
    path = tmp_path / "bomb"
    path.write_bytes(data)
    limit = 24 * MIB
    command = [sys.executable, "-c", MEASURE, name, str(path), str(limit)]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert limit / 2 < grown < limit + WINDOWS[name] + MIB


@pytest.mark.parametrize("claim", [LIMIT + 1, 2**31, 2**32, 2**40, 2**63, 2**64 - 1])
def test_a_claimed_size_is_refused_before_memory_is_taken(claim: int) -> None:
    """A zstd header that claims more than the limit is an error that cost nothing."""
    header = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", claim)
    codec = get_codec("zstd")  # its library is imported
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            codec.decompress(header + bytes(100), limit=LIMIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MIB // 4


def test_a_lying_gzip_trailer_is_an_error() -> None:
    """A trailer that claims another size than the content has is damage, in both directions."""
    packed = gzip.compress(b"x" * 1000)
    for claim in (0, 999, 1001, 2**32 - 1):
        with pytest.raises(DecompressionError):
            get_codec("gzip").decompress(packed[:-4] + struct.pack("<I", claim), limit=LIMIT)


def test_a_bomb_in_a_bomb_is_opened_once() -> None:
    """One layer is unpacked: 50 MB behind two layers of gzip cost what the outer layer holds."""
    twice = gzip.compress(BOMBS["gzip"][1])
    packing = bind_packing(codec="gzip", level=CompressionLevel.FAST, threshold=0, limit=LIMIT, enabled=True)
    assert len(twice) < 1000
    assert packing.unpack(twice) == BOMBS["gzip"][1]


FLOODS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(b"", 1),
    "zstd": lambda: zstd.compress(b""),
    "zstd skippable": lambda: b"\x50\x2a\x4d\x18\x00\x00\x00\x00",
    "lz4": lambda: lz4.frame.compress(b""),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_empty_frames_is_given_out_in_small_pieces(flood: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library copies what it does not use, so per tiny frame it is given little: the work is not quadratic."""
    codec = get_codec(flood.partition(" ")[0])
    module = sys.modules[type(codec).__module__]
    reader = next(getattr(module, kind) for kind in ("_MemberReader", "_FrameReader") if hasattr(module, kind))
    read = reader.read
    given: list[int] = []

    def counting(self: object, piece: memoryview, room: int, /) -> object:
        given.append(len(piece))
        return read(self, piece, room)

    monkeypatch.setattr(reader, "read", counting)
    frames = 5000
    data = codec.compressor(CompressionLevel.FAST)(b"") + FLOODS[flood]() * frames
    assert codec.decompress(data, limit=100) == b""
    assert len(given) >= frames
    assert sum(given) < frames * 2048 + 2 * 64 * 1024


@pytest.mark.parametrize("flood", FLOODS)
def test_the_number_of_frames_is_bounded(flood: str) -> None:
    """Opening a frame costs more than its few bytes, so more than 65,536 of them are refused."""
    codec = get_codec(flood.partition(" ")[0])
    first = codec.compressor(CompressionLevel.FAST)(b"x")
    with pytest.raises(LimitExceededError, match="65536") as caught:
        codec.decompress(first + FLOODS[flood]() * 65_536, limit=100)
    assert caught.value.limit is None


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_frames_cannot_pass_the_limit(flood: str) -> None:
    """Bytes of all frames are counted together."""
    name = flood.partition(" ")[0]
    one = get_codec(name).compressor(CompressionLevel.FAST)(b"x")
    data = (one + FLOODS[flood]()) * 101
    assert get_codec(name).decompress(data, limit=101) == b"x" * 101
    with pytest.raises(LimitExceededError):
        get_codec(name).decompress(data, limit=100)


PAYLOADS = (b"", b"x" * 5, bytes(range(256)), b'{"a":1,"bb":"ccc"}' * 40, b"ab" * 40_000)


@settings(deadline=None, max_examples=300)
@given(name=st.sampled_from(["gzip", "zstd", "lz4", "brotli"]), payload=st.sampled_from(PAYLOADS), data=st.data())
def test_mutated_data_raises_nothing_foreign(name: str, payload: bytes, data: st.DataObject) -> None:
    """Bytes changed, removed and inserted anywhere give data or an error of this package, and never too much data."""
    codec = get_codec(name)
    mutated = bytearray(codec.compressor(CompressionLevel.BALANCED)(payload))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(mutated)))
        mutated[start : start + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    try:
        result = codec.decompress(mutated, limit=100_000)
    except DecodeError as error:
        assert type(error) in (DecompressionError, LimitExceededError)
    else:
        assert len(result) <= 100_000

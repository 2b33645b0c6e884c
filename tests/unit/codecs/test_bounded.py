"""Bounded reading of frames, with readers that behave in every way a library may."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydantic_serialization._types import Payload
from pydantic_serialization.codecs import _bounded
from pydantic_serialization.codecs._bounded import flat, read_frames
from pydantic_serialization.errors import DecompressionError, LimitExceededError


class Echo:
    """A frame is a length byte and that many bytes; ``hoard`` readers keep input that they have not used."""

    def __init__(self, hoard: bool, step: int) -> None:
        self.finished = False
        self._kept = b""
        self._left: int | None = None
        self._hoard = hoard
        self._step = step

    def read(self, data: Payload, room: int, /) -> tuple[bytes, int]:
        if self._hoard:
            given_now = b"" if self._kept else bytes(data)
            self._kept += given_now
            chunk, used = self._take(self._kept, room)
            self._kept = self._kept[used:]
            taken = len(given_now)
            if self.finished:
                taken -= len(self._kept)
            return chunk, taken
        return self._take(bytes(data), room)

    def _take(self, data: bytes, room: int) -> tuple[bytes, int]:
        used = 0
        if self._left is None and data:
            self._left, used = data[0], 1
        count = min(self._left or 0, room, self._step, len(data) - used)
        if self._left is not None:
            self._left -= count
            self.finished = not self._left
        return data[used : used + count], used + count


def read(data: Payload, limit: int, *, hoard: bool = False, step: int = 1 << 20, **options: Any) -> bytes:
    return read_frames(
        data, lambda _head: Echo(hoard, step), codec="echo", limit=limit, failures=(ZeroDivisionError,), **options
    )


@given(
    parts=st.lists(st.binary(max_size=255), min_size=1, max_size=9),
    hoard=st.booleans(),
    step=st.integers(1, 300),
    window=st.integers(1, 64),
    chunk=st.integers(1, 64),
    data=st.data(),
)
def test_any_reader_gives_all_frames(
    parts: list[bytes], hoard: bool, step: int, window: int, chunk: int, data: st.DataObject
) -> None:
    """Whatever the sizes of windows and chunks, and whether the library hoards input, every byte arrives in order."""
    packed = b"".join(bytes([len(part)]) + part for part in parts)
    whole = b"".join(parts)
    cut = data.draw(st.integers(0, len(packed) - 1))
    ends = [sum(map(len, parts[:n])) + n for n in range(len(parts))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_bounded, "WINDOW", window)
        patch.setattr(_bounded, "FIRST_WINDOW_OF_A_LATER_FRAME", min(7, window))
        patch.setattr(_bounded, "CHUNK", chunk)
        assert read(packed, len(whole), hoard=hoard, step=step) == whole
        if whole:
            with pytest.raises(LimitExceededError):
                read(packed, len(whole) - 1, hoard=hoard, step=step)
        if cut not in ends:
            with pytest.raises(DecompressionError):
                read(packed[:cut], len(whole), hoard=hoard, step=step)


def test_a_format_without_joining_ends_with_its_frame() -> None:
    """Where the format knows one frame only, a second one is an error with its position."""
    assert read(b"\x02ab", 10, joinable=False) == b"ab"
    with pytest.raises(DecompressionError, match="follows") as caught:
        read(b"\x02ab\x01c", 10, joinable=False)
    assert caught.value.position == 3


def test_nothing_and_too_many_frames_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty input holds no frame; more frames than are read at once are refused where they begin."""
    with pytest.raises(DecompressionError, match="empty"):
        read(b"", 10)
    monkeypatch.setattr(_bounded, "MOST_FRAMES", 3)
    assert read(b"\x01a" * 3, 10) == b"aaa"
    with pytest.raises(LimitExceededError, match="3 frames") as caught:
        read(b"\x01a" * 4, 10)
    assert caught.value.position == 6
    assert caught.value.limit is None


def test_a_foreign_error_is_translated_with_its_position() -> None:
    """What the library raises becomes a DecompressionError that keeps the cause."""

    def fail(_head: bytes) -> Echo:
        return Echo(hoard=False, step=1 // len(b""))

    with pytest.raises(DecompressionError) as caught:
        read_frames(b"x", fail, codec="echo", limit=1, failures=(ZeroDivisionError,))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.position == 0


def test_a_long_result_is_not_held_twice() -> None:
    """Joining the chunks takes an eighth more than the result, not its double."""
    size = 32 << 20
    packed = gzip.compress(bytes(size), 1)

    class Member:
        finished = False

        def __init__(self) -> None:
            self._inflate = zlib.decompressobj(31)

        def read(self, data: Payload, room: int, /) -> tuple[bytes, int]:
            chunk = self._inflate.decompress(data, room)
            self.finished = self._inflate.eof
            return chunk, len(data) - len(self._inflate.unconsumed_tail)

    tracemalloc.start()
    try:
        result = read_frames(packed, lambda _head: Member(), codec="gzip", limit=size, failures=(zlib.error,))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(result) == size
    assert peak < size + size // 8 + (2 << 20)


def test_views_of_bytes_are_not_copied() -> None:
    """Only a view with gaps is copied."""
    data = bytearray(b"abcdef")
    for view in (data, memoryview(data), memoryview(data)[1:], memoryview(data).cast("b")):
        flattened = flat(view)
        assert flattened.obj is data
        assert flattened.format == "B"
    assert bytes(flat(memoryview(data)[::2])) == b"ace"
    assert bytes(flat(memoryview(data).cast("B", (2, 3)))) == b"abcdef"

"""Decompression that reads everything, and never more than it was allowed to.

The libraries' one-call functions trust the sizes that a header claims, stop silently after the first member, or take
truncated data for complete (``gzip``, ``lz4.frame`` and ``zstandard`` each do one of these). So every codec reads
through :func:`read_frames`: the input goes in by windows, the output comes out by chunks, and both are counted.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, NoReturn, Protocol

from pydantic_serialization.errors import DecodeError, DecompressionError, LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import Payload

WINDOW = 64 * 1024
"""Bytes of input that a library is given at once. What it does not use at once, it copies."""
FIRST_WINDOW_OF_A_LATER_FRAME = 1024
"""Bytes. Starting small keeps the reading of a million tiny frames linear: the rest of a window is copied per frame."""
CHUNK = 256 * 1024
"""Bytes of output that a library is asked for at once."""
MOST_FRAMES = 1 << 16
"""An empty frame is some 10 bytes and costs up to 20 microseconds to open: megabytes of them would take a minute."""
_NO_MEMORY = re.compile(r"not enough memory|allocation_failed|out of memory", re.IGNORECASE)
"""What zstd and lz4 say. What zstd says of a window that is too large is another thing."""
LONGEST_HEADER = 32
"""Bytes that are enough to judge how a frame begins; zstd's header has up to 18."""


class FrameReader(Protocol):
    """Reads one gzip member, zstd frame, lz4 frame or brotli stream, step by step."""

    finished: bool
    """Whether the end of the frame has been read and its checksum verified."""

    def read(self, data: Payload, room: int, /) -> tuple[bytes, int]:
        """Decompress some of ``data``.

        Args:
            data: The input from where the reader stands; empty at the end of the input.
            room: The most bytes to return, at least 1; a library may overshoot by a few percent.

        Returns:
            Decompressed bytes, and how far the reader moved on in the input. That is negative when a library had taken
            more than belongs to its frame.
        """
        ...


def read_frames(
    data: Payload,
    open_frame: Callable[[bytes], FrameReader],
    *,
    codec: str,
    limit: int,
    failures: tuple[type[Exception], ...],
    joinable: bool = True,
) -> bytes:
    """Decompress all frames of ``data`` and return their contents joined.

    Args:
        data: The compressed bytes.
        open_frame: Makes the reader of the frame that begins with the given bytes (up to ``LONGEST_HEADER``). It raises
            ``DecompressionError`` if no frame can begin so.
        codec: Its name, for messages.
        limit: The most bytes that the result may have.
        failures: What the library raises on damaged data.
        joinable: Whether the format allows several frames one after another.

    Raises:
        DecompressionError: the data is empty, truncated, damaged, or followed by something else.
        LimitExceededError: the result would be larger than ``limit``, or there are more than ``MOST_FRAMES`` frames.
    """
    view = flat(data)
    end = len(view)
    if not end:
        message = f"empty input is not {codec} data"
        raise DecompressionError(message)
    output = _Output(codec, limit)
    position = 0
    window = WINDOW
    stalled = False
    frames = 0
    while position < end:
        frames += 1
        if frames > 1:
            _check_number(frames, codec, joinable, position)
        try:
            reader = open_frame(bytes(view[position : position + LONGEST_HEADER]))
            while not reader.finished:
                chunk, used = reader.read(view[position : position + window], output.room())
                position += used
                if stalled and not chunk and not used:
                    _raise_truncated(codec, position)
                # Once may be a library that notices only now that its own buffer of input is empty.
                stalled = not chunk and not used and not reader.finished
                window = min(window * 4, WINDOW)
                output.add(chunk)
        except DecodeError:
            raise
        except failures as error:
            raise_out_of_memory(error)
            message = f"damaged {codec} data, or something else follows it"
            raise DecompressionError(message, position=position) from error
        window = FIRST_WINDOW_OF_A_LATER_FRAME
    return output.value()


def raise_out_of_memory(error: Exception) -> None:
    """Raise ``MemoryError`` if that is what the error of a library means: nothing is wrong with the data then."""
    if _NO_MEMORY.search(str(error)):
        raise MemoryError from None


def flat(data: Payload) -> memoryview:
    """Return ``data`` as a view of bytes; only a view with gaps is copied."""
    view = memoryview(data)
    if view.format == "B" and view.ndim == 1 and view.contiguous:
        return view
    return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())


def raise_too_large(codec: str, limit: int) -> NoReturn:
    """Raise the error for a result over ``limit`` bytes."""
    message = (
        f"the {codec} data decompresses to more than {limit} bytes; "
        "raise max_payload_bytes if payloads of that size are expected"
    )
    raise LimitExceededError(message, limit="max_payload_bytes")


def _check_number(frames: int, codec: str, joinable: bool, position: int) -> None:
    if not joinable:
        message = f"something follows the {codec} data"
        raise DecompressionError(message, position=position)
    if frames > MOST_FRAMES:
        message = f"the {codec} data consists of more than {MOST_FRAMES} frames; join them when writing"
        raise LimitExceededError(message, position=position)


def _raise_truncated(codec: str, end: int) -> NoReturn:
    message = f"truncated {codec} data"
    raise DecompressionError(message, position=end)


class _Output:
    """The decompressed bytes so far.

    ``BytesIO`` hands its buffer over without a copy, so joining does not double the memory. Most results are one chunk
    and never get there.
    """

    __slots__ = ("_buffer", "_codec", "_first", "_limit", "_size")

    def __init__(self, codec: str, limit: int) -> None:
        self._codec = codec
        self._limit = limit
        self._first = b""
        self._buffer: BytesIO | None = None
        self._size = 0

    def room(self) -> int:
        """Return how much to ask for: one byte over the limit proves that the limit is exceeded."""
        return min(CHUNK, self._limit - self._size + 1)

    def add(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._limit:
            raise_too_large(self._codec, self._limit)
        if self._buffer is not None:
            self._buffer.write(chunk)
        elif not self._first:
            self._first = chunk
        elif chunk:
            self._buffer = BytesIO()
            self._buffer.write(self._first)
            self._buffer.write(chunk)

    def value(self) -> bytes:
        return self._first if self._buffer is None else self._buffer.getvalue()

"""Find where one record of a file ends and the next begins, without reading what is in it.

Each function takes a stream and yields raw records; what is wrong *inside* a record is not its business, so that one
bad record does not stop the reading of the others. Where the boundaries themselves are damaged, nothing after the
damage can be trusted, and an error ends the reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from pydantic_serialization._native import core
from pydantic_serialization.bulk.decompression import PIECE
from pydantic_serialization.errors import DecodeError, LimitExceededError

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    TakeRun: TypeAlias = "Callable[[Window, int], RawRun | None]"

BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n"
_SPACE: Final = re.compile(rb"[ \t\n\r]*")
# A whole string, a bracket, or the quote of a string whose end is not here yet.
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]|"', re.DOTALL)
_SCALAR: Final = re.compile(rb"[^\s,\[\]{}\"]+")
_OPENING: Final = frozenset(b"[{")


class RawRecord(NamedTuple):
    """One record as it is in the file."""

    number: int
    """From 1."""
    offset: int
    """Where it begins, in bytes of the decompressed input, from 0."""
    data: bytes


@dataclass(frozen=True, slots=True)
class RawRun:
    """Many records, one behind the other.

    Attributes:
        number: Of the first.
        count: How many they are.
        document: All of them as one array.
        split: Returns them one by one.
    """

    number: int
    count: int
    document: bytes
    split: Callable[[], Iterator[RawRecord]]


class Window:
    """The part of a stream that is looked at: grows at its end, is cut at its beginning.

    Attributes:
        data: The bytes.
        start: Where in ``data`` the next record begins.
        limit: The most bytes that one record may have.
    """

    def __init__(self, stream: io.BufferedReader | io.BytesIO, limit: int) -> None:
        self.data = b""
        self.start = 0
        self.limit = limit
        self._stream = stream
        self._before = 0

    @property
    def offset(self) -> int:
        """Where the next record begins in the stream."""
        return self._before + self.start

    def grow(self) -> bool:
        """Read more; return ``False`` at the end of the stream. ``start`` becomes 0.

        Raises:
            LimitExceededError: what is looked at is larger than a record may be.
        """
        kept = self.data[self.start :]
        if len(kept) > self.limit:
            raise too_long(self.limit, self.offset)
        # As much again as is there already: a long record is looked through a few times, not once for each piece.
        # read1: a full read that ends in an error would lose what came before it.
        piece = self._stream.read1(max(PIECE, len(kept)))
        self._before += self.start
        self.data, self.start = kept + piece, 0
        return bool(piece)

    def take(self, end: int) -> bytes:
        """Return the bytes up to ``end``, and begin the next record there."""
        taken = self.data[self.start : end]
        self.start = end
        return taken

    def fail(self, what: str) -> NoReturn:
        """Raise the error for damaged boundaries."""
        raise DecodeError(what, position=self.offset)


def too_long(limit: int, offset: int) -> LimitExceededError:
    """Return the error for a record of more than ``limit`` bytes."""
    message = f"a record is longer than max_payload_bytes={limit}"
    return LimitExceededError(message, limit="max_payload_bytes", position=offset)


def json_lines(
    stream: io.BufferedReader | io.BytesIO, limit: int, number: int = 0, offset: int = 0
) -> Iterator[RawRecord]:
    """Yield the lines that are not blank. Only a line feed ends a line (https://jsonlines.org).

    Args:
        stream: The lines.
        limit: The most bytes that one may have.
        number: How many records precede them.
        offset: Where they begin.

    Raises:
        LimitExceededError: a line is longer than ``limit`` bytes.
    """
    while line := stream.readline(limit + 2):
        if len(line) > limit + 1:
            raise too_long(limit, offset)
        data = line.removeprefix(BOM) if offset == 0 else line
        if data.strip(_BLANK):
            number += 1
            yield RawRecord(number, offset + len(line) - len(data), data.rstrip(b"\r\n"))
        offset += len(line)


def json_values(
    stream: io.BufferedReader | io.BytesIO, limit: int, take_run: TakeRun | None = None
) -> Iterator[RawRecord | RawRun]:
    """Yield the items of the array that the stream is, or the values that stand one after another in it.

    Args:
        stream: The text.
        limit: The most bytes that one value may have.
        take_run: Takes many items of an array, if it can; it is told how many records precede them.

    Raises:
        DecodeError: brackets, quotes or commas are missing, or something follows the array.
        LimitExceededError: a value is longer than ``limit`` bytes.
    """
    window = Window(stream, limit)
    window.grow()
    if window.data.startswith(BOM):
        window.start = len(BOM)
    first = _next_byte(window)
    if first is None:
        return
    if first != ord("["):
        yield from _values_in_a_row(window)
        return
    window.start += 1
    yield from _array_items(window, take_run)
    if _next_byte(window) is not None:
        window.fail("something follows the JSON array")


def _values_in_a_row(window: Window) -> Iterator[RawRecord]:
    number = 0
    while _next_byte(window) is not None:
        number += 1
        offset = window.offset
        yield RawRecord(number, offset, _take_value(window))


def _array_items(window: Window, take_run: TakeRun | None) -> Iterator[RawRecord | RawRun]:
    number = 0
    if _next_byte(window) == ord("]"):
        window.start += 1
        return
    while True:
        if _next_byte(window) is None:
            window.fail(f"the JSON array ends too early, after {number} records")
        run = None if take_run is None else take_run(window, number)
        if run is not None:
            number += run.count
            yield run
        else:
            number += 1
            offset = window.offset
            yield RawRecord(number, offset, _take_value(window))
        follower = _next_byte(window)
        if follower == ord("]"):
            window.start += 1
            return
        if follower is None:
            window.fail(f"the JSON array ends too early, after {number} records")
        if follower != ord(","):
            window.fail(f"a comma is missing after record {number} of the JSON array")
        window.start += 1


def _next_byte(window: Window) -> int | None:
    """Skip white space and return the byte behind it, ``None`` at the end of the stream."""
    if window.start < len(window.data) and window.data[window.start] not in _BLANK:
        return window.data[window.start]
    while True:
        space = _SPACE.match(window.data, window.start)
        window.start = space.end() if space is not None else window.start
        if window.start < len(window.data):
            return window.data[window.start]
        if not window.grow():
            return None


def _take_value(window: Window) -> bytes:
    """Return the JSON value at the window's start, which is no white space."""
    first = window.data[window.start]
    if first in _OPENING or first == ord('"'):
        return _take_nested(window)
    while True:
        scalar = _SCALAR.match(window.data, window.start)
        if scalar is None:
            window.fail("there is no JSON value where a record should begin")
        length = scalar.end() - scalar.start()
        if scalar.end() < len(window.data) or not window.grow():
            return window.take(window.start + length)


def _take_nested(window: Window) -> bytes:
    end = None if core is None else core.json_value_end(window.data, window.start)
    return _take_grown(window) if end is None else window.take(end)


def _take_grown(window: Window) -> bytes:
    """Return the value, of which the window may not have all."""
    depth, position = 0, window.start
    while True:
        token = _TOKEN.search(window.data, position)
        length = (token.end() - token.start()) if token is not None else 0
        if token is None or (length == 1 and window.data[token.start()] == ord('"')):
            seen = (token.start() if token is not None else len(window.data)) - window.start
            if not window.grow():
                window.fail("the JSON value ends too early: a bracket or a quote is missing")
            position = window.start + seen
            continue
        position = token.end()
        if length == 1:
            depth += 1 if window.data[token.start()] in _OPENING else -1
        if depth <= 0:
            return window.take(position)

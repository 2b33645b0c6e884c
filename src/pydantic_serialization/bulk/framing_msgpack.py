"""Find the boundaries of MessagePack documents from their headers alone.

https://github.com/msgpack/msgpack/blob/master/spec.md, section Formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic_serialization.bulk.framing import RawRecord, Window, too_long

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

_NEVER_USED: Final = 0xC1
_ARRAY_OF_UP_TO_15: Final = 0x90
_ARRAY_16: Final = b"\xdc"
_ARRAY_32: Final = b"\xdd"


class _Header(NamedTuple):
    """What the first byte of a value says about it."""

    size: int
    """Bytes that it has in any case: the first one, a length, a fixed content."""
    length_at: int
    """Bytes of a big-endian length behind the first byte."""
    unit: int
    """Bytes of content that the length counts; 0 if it counts items."""
    items: int
    """Items that follow for each count of the length, or, without a length, in all."""


def _headers() -> list[_Header]:
    table = [_Header(1, 0, 0, 0)] * 256  # the integers of one byte, nil and the booleans
    table[0x80:0x90] = [_Header(1, 0, 0, 2 * count) for count in range(16)]
    table[0x90:0xA0] = [_Header(1, 0, 0, count) for count in range(16)]
    table[0xA0:0xC0] = [_Header(1 + count, 0, 0, 0) for count in range(32)]
    table[0xC4:0xC7] = [_Header(1 + width, width, 1, 0) for width in (1, 2, 4)]
    table[0xC7:0xCA] = [_Header(2 + width, width, 1, 0) for width in (1, 2, 4)]
    table[0xCA:0xD4] = [_Header(1 + width, 0, 0, 0) for width in (4, 8, 1, 2, 4, 8, 1, 2, 4, 8)]
    table[0xD4:0xD9] = [_Header(2 + width, 0, 0, 0) for width in (1, 2, 4, 8, 16)]
    table[0xD9:0xDC] = [_Header(1 + width, width, 1, 0) for width in (1, 2, 4)]
    table[0xDC:0xDE] = [_Header(1 + width, width, 0, 1) for width in (2, 4)]
    table[0xDE:0xE0] = [_Header(1 + width, width, 0, 2) for width in (2, 4)]
    return table


_HEADERS: Final = _headers()


def array_header(count: int) -> bytes:
    """Return the header of a MessagePack array of ``count`` items, in its shortest form."""
    if count < 16:
        return bytes([_ARRAY_OF_UP_TO_15 | count])
    if count < 1 << 16:
        return _ARRAY_16 + count.to_bytes(2, "big")
    return _ARRAY_32 + count.to_bytes(4, "big")


def is_array(first: int) -> bool:
    """Say whether a document that begins with this byte is an array."""
    return 0x90 <= first < 0xA0 or first in {0xDC, 0xDD}


def msgpack_values(stream: io.BufferedReader, limit: int) -> Iterator[RawRecord]:
    """Yield the items of the array that the stream is, or the documents that stand one after another in it.

    A stream that begins with an array is a row of arrays, and every item of each is a record.

    Raises:
        DecodeError: a document ends too early, or holds the byte that MessagePack never uses.
        LimitExceededError: a record is longer than ``limit`` bytes.
    """
    window = Window(stream, limit)
    if not window.grow():
        return
    arrays = is_array(window.data[0])
    number = 0
    while window.start < len(window.data) or window.grow():
        for _ in range(_open_array(window) if arrays else 1):
            number += 1
            offset = window.offset
            yield RawRecord(number, offset, _take_document(window))


def _open_array(window: Window) -> int:
    """Move behind the header of an array and return how many items follow."""
    first = window.data[window.start]
    if not is_array(first):
        window.fail("something other than an array follows an array of records")
    header = _HEADERS[first]
    while len(window.data) - window.start < header.size:
        if not window.grow():
            window.fail("the MessagePack array ends too early")
    begin = window.start
    window.start += header.size
    return _count(window.data, begin, header) if header.length_at else header.items


def _take_document(window: Window) -> bytes:
    position, pending = window.start, 1
    headers = _HEADERS
    while pending:
        if position >= len(window.data):
            position = _grown(window, position)
            continue
        header = headers[window.data[position]]
        size, items = header.size, header.items
        if header.length_at:
            if position + size > len(window.data):
                position = _grown(window, position)
                continue
            count = _count(window.data, position, header)
            size, items = size + count * header.unit, count * header.items
        elif window.data[position] == _NEVER_USED:
            window.fail("not a MessagePack document: it holds the byte 0xC1")
        position += size
        pending += items - 1
    while position > len(window.data):
        position = _grown(window, position)
    return window.take(position)


def _grown(window: Window, position: int) -> int:
    """Read more, and return what ``position`` has become."""
    ahead = position - window.start
    if ahead > window.limit:
        raise too_long(window.limit, window.offset)
    if not window.grow():
        window.fail("the MessagePack document ends too early")
    return ahead


def _count(data: bytes, position: int, header: _Header) -> int:
    return int.from_bytes(data[position + 1 : position + 1 + header.length_at], "big")

"""Find the boundaries of MessagePack documents from their headers alone.

https://github.com/msgpack/msgpack/blob/master/spec.md, section Formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic_serialization._native import core
from pydantic_serialization.bulk.framing import RawRecord, RawRun, Window, too_long
from pydantic_serialization.formats._msgpack_headers import HEADERS, NEVER_USED, count_of

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    TakeRunOf: TypeAlias = "Callable[[Window, int, int | None], RawRun | None]"

_ARRAY_OF_UP_TO_15: Final = 0x90
_ARRAY_16: Final = b"\xdc"
_ARRAY_32: Final = b"\xdd"


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


def msgpack_values(
    stream: io.BufferedReader, limit: int, take_run: TakeRunOf | None = None
) -> Iterator[RawRecord | RawRun]:
    """Yield the items of the array that the stream is, or the documents that stand one after another in it.

    A stream that begins with an array is a row of arrays, and every item of each is a record.

    Args:
        stream: The documents.
        limit: The most bytes that a record may have.
        take_run: Takes many records, if it can; it is told how many precede them, and how many there are at most.

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
        left = _open_array(window) if arrays else 1
        while left:
            run = None if take_run is None else take_run(window, number, left if arrays else None)
            if run is not None:
                number += run.count
                yield run
            else:
                number += 1
                offset = window.offset
                yield RawRecord(number, offset, take_document(window))
            left -= 1 if run is None or not arrays else run.count


def _open_array(window: Window) -> int:
    """Move behind the header of an array and return how many items follow."""
    first = window.data[window.start]
    if not is_array(first):
        window.fail("something other than an array follows an array of records")
    header = HEADERS[first]
    while len(window.data) - window.start < header.size:
        if not window.grow():
            window.fail("the MessagePack array ends too early")
    begin = window.start
    window.start += header.size
    return count_of(window.data, begin, header) if header.length_at else header.items


def take_document(window: Window) -> bytes:
    """Return the document at the window's start, and go behind it.

    Raises:
        DecodeError: it ends too early, or holds the byte that MessagePack never uses.
        LimitExceededError: it is longer than a record may be.
    """
    end, found = (0, 0) if core is None else core.msgpack_documents_run(window.data, window.start, 1)
    return window.take(end) if found else _take_grown(window)


def _take_grown(window: Window) -> bytes:
    """Return the document, of which the window may not have all."""
    position, pending = window.start, 1
    headers = HEADERS
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
            count = count_of(window.data, position, header)
            size, items = size + count * header.unit, count * header.items
        elif window.data[position] == NEVER_USED:
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

"""What the first byte of a MessagePack value says, and what can be told of a document from its headers alone.

https://github.com/msgpack/msgpack/blob/master/spec.md, section Formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic_serialization._native import core

if TYPE_CHECKING:
    from pydantic_serialization._types import Payload

NEVER_USED: Final = 0xC1


class Header(NamedTuple):
    """What the first byte of a value says about it."""

    size: int
    """Bytes that it has in any case: the first one, a length, a fixed content."""
    length_at: int
    """Bytes of a big-endian length behind the first byte."""
    unit: int
    """Bytes of content that the length counts; 0 if it counts items."""
    items: int
    """Items that follow for each count of the length, or, without a length, in all."""


def _headers() -> list[Header]:
    table = [Header(1, 0, 0, 0)] * 256  # the integers of one byte, nil and the booleans
    table[0x80:0x90] = [Header(1, 0, 0, 2 * count) for count in range(16)]
    table[0x90:0xA0] = [Header(1, 0, 0, count) for count in range(16)]
    table[0xA0:0xC0] = [Header(1 + count, 0, 0, 0) for count in range(32)]
    table[0xC4:0xC7] = [Header(1 + width, width, 1, 0) for width in (1, 2, 4)]
    table[0xC7:0xCA] = [Header(2 + width, width, 1, 0) for width in (1, 2, 4)]
    table[0xCA:0xD4] = [Header(1 + width, 0, 0, 0) for width in (4, 8, 1, 2, 4, 8, 1, 2, 4, 8)]
    table[0xD4:0xD9] = [Header(2 + width, 0, 0, 0) for width in (1, 2, 4, 8, 16)]
    table[0xD9:0xDC] = [Header(1 + width, width, 1, 0) for width in (1, 2, 4)]
    table[0xDC:0xDE] = [Header(1 + width, width, 0, 1) for width in (2, 4)]
    table[0xDE:0xE0] = [Header(1 + width, width, 0, 2) for width in (2, 4)]
    return table


HEADERS: Final = _headers()


def count_of(data: Payload, position: int, header: Header) -> int:
    """Return the length that stands behind the first byte of a value."""
    return int.from_bytes(data[position + 1 : position + 1 + header.length_at], "big")


def excess(data: Payload, levels: int, items: int) -> str | None:
    """Return ``"levels"`` or ``"items"`` (of all arrays and maps together), whichever a document has too many of.

    Nothing recurses, and no length is believed. Where the document stops to be one, so does the count.
    """
    if core is not None:
        return core.msgpack_excess(data, levels, items)
    position, pending = 0, [1]
    while pending:
        if not pending[-1]:
            pending.pop()
            continue
        pending[-1] -= 1
        if position >= len(data):
            return None
        first = data[position]
        header = HEADERS[first]
        count = count_of(data, position, header) if header.length_at else 1
        is_map, is_container = 0x80 <= first < 0x90 or 0xDE <= first < 0xE0, _is_container(first)
        position += header.size + count * header.unit
        if is_container:
            values = count * header.items
            items -= max(1, values // 2 if is_map else values)
            if items < 0:
                return "items"
            if len(pending) > levels:
                return "levels"
            pending.append(values)
    return None


def _is_container(first: int) -> bool:
    return 0x80 <= first < 0xA0 or 0xDC <= first < 0xE0

"""Say what is wrong with bytes that are no MessagePack document, and where. Asked only after reading has failed.

https://github.com/msgpack/msgpack/blob/master/spec.md, section Formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic_serialization.formats._msgpack_headers import HEADERS, NEVER_USED, count_of

if TYPE_CHECKING:
    from pydantic_serialization._types import Payload

_MOST_VALUES = 100_000
"""So many are looked at: an error may cost milliseconds, not seconds."""


class Fault(NamedTuple):
    """What is wrong, and where in the input, in bytes."""

    what: str
    position: int


def fault_of(data: Payload) -> Fault | None:
    """Return the first fault of a document, or ``None`` if there is none among its first hundred thousand values."""
    document = memoryview(data).tobytes()
    position, pending = 0, 1
    for _ in range(_MOST_VALUES):
        if not pending:
            return Fault("bytes follow it", position) if position < len(document) else None
        if position == len(document):
            values = "one value is" if pending == 1 else f"{pending} values are"
            return Fault(f"it ends too early, {values} missing", position)
        first = document[position]
        if first == NEVER_USED:
            return Fault("it holds the byte 0xC1, which MessagePack never uses", position)
        header = HEADERS[first]
        size, items = header.size, header.items
        if header.length_at and position + size <= len(document):
            count = count_of(document, position, header)
            size, items = size + count * header.unit, count * header.items
        if position + size > len(document):
            missing = position + size - len(document)
            return Fault(f"it ends too early, in a value of which at least {missing} bytes are missing", position)
        if _is_text(first) and not _is_utf8(document[position + 1 + header.length_at : position + size]):
            return Fault("a string is not UTF-8", position)
        position += size
        pending += items - 1
    return None


def _is_text(first: int) -> bool:
    return 0xA0 <= first < 0xC0 or 0xD9 <= first < 0xDC


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True

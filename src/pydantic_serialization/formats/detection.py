"""Tell the format of bytes from their beginning, where that is possible at all.

MessagePack cannot be guessed: nearly every byte string begins like a document of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_serialization._types import Payload
    from pydantic_serialization.errors import DecodeError

_JSON_STARTS = frozenset(b'{["-0123456789tfn')
_WHITE_SPACE = b" \t\n\r"
_PICKLE_START = 0x80
_PICKLE_PROTOCOLS = range(2, 6)
_FAR_ENOUGH = 64
_NOT_NAMED = "; no format was named, so the default one was tried: pass format= if it is another"


def detect_format(data: Payload) -> str | None:
    """Return ``"json"`` or ``"pickle"`` where the beginning of ``data`` leaves no doubt, else ``None``.

    Digits and letters alone could as well be MessagePack, so JSON is taken for certain only where the first character
    that is not white space opens an object, an array or a string that ends as it should.
    """
    start = bytes(data[:_FAR_ENOUGH])
    if len(start) > 1 and start[0] == _PICKLE_START and start[1] in _PICKLE_PROTOCOLS and bytes(data[-1:]) == b".":
        return "pickle"
    text = start.lstrip(_WHITE_SPACE)
    if not text or text[0] not in _JSON_STARTS:
        return None
    end = bytes(data[-_FAR_ENOUGH:]).rstrip(_WHITE_SPACE)
    pairs = {0x7B: 0x7D, 0x5B: 0x5D, 0x22: 0x22}
    if text[0] in pairs:
        # The end is empty where more white space follows than is looked at.
        return "json" if len(text) > 1 and (not end or end[-1] == pairs[text[0]]) else None
    return "json" if text in {b"true", b"false", b"null"} or _is_number(text, end) else None


def suggest_format(error: DecodeError, payload: Payload) -> None:
    """Add to the message, once, that no format was named, where the bytes did not tell it and look like no JSON."""
    message = error.args[0]
    opened = bytes(payload[:_FAR_ENOUGH]).lstrip(_WHITE_SPACE)[:1]
    if detect_format(payload) is None and opened not in {b"{", b"["} and _NOT_NAMED not in message:
        error.args = (message + _NOT_NAMED, *error.args[1:])


def telling_bytes(format_name: str) -> frozenset[int]:
    """Return the first bytes at which a document may turn out to be of another format than ``format_name``."""
    json = frozenset() if format_name in {"json", "orjson"} else _JSON_STARTS | frozenset(_WHITE_SPACE)
    return json if format_name == "pickle" else json | {_PICKLE_START}


def _is_number(text: bytes, end: bytes) -> bool:
    """A number of one character is also a MessagePack integer."""
    return len(text) > 1 and text == end and all(code in b"-+.eE0123456789" for code in text)

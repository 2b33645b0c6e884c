"""A format of a plug-in, for negotiation: not CBOR itself, but what has its media type."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic_serialization import register_format
from pydantic_serialization._registry import FORMATS
from pydantic_serialization.formats import TreeFormat

if TYPE_CHECKING:
    from collections.abc import Iterator


class MarkedJson(TreeFormat):
    """JSON behind a byte that JSON never begins with."""

    name = "cbor"
    wire_id = 200
    media_type = "application/cbor"

    def pack(self, tree: Any) -> bytes:
        return b"\xd9" + json.dumps(tree).encode()

    def unpack(self, data: Any) -> Any:
        text = bytes(data)
        if text[:1] != b"\xd9":
            raise ValueError("no mark")
        return json.loads(text[1:])


@contextmanager
def registered() -> Iterator[None]:
    """Have the format known for a while."""
    register_format(MarkedJson)
    try:
        yield
    finally:
        FORMATS.unregister("cbor")

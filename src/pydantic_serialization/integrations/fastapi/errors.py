"""Error responses in the format that the client accepts.

They are written by FastAPI's handlers, or by the user's, as JSON. What is sent in another format is what they have
written, value for value.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders

from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.formats import FormatOptions
from pydantic_serialization.integrations.fastapi.coding import add_vary
from pydantic_serialization.integrations.fastapi.media_types import JSON, essence, http_format
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Scope, Send

CHOSEN = "pydantic_serialization.chosen"
"""The key in the scope under which a route notes what was negotiated: a format's name and a media type."""

_FIRST_ERROR = 400
_AS_JSON = frozenset({"json", "orjson", "jsonl"})
"""Formats whose errors are JSON: an error is one document, in a stream of JSON lines too."""


@lru_cache(maxsize=32)
def _encoder(name: str) -> Callable[[Any], bytes] | None:
    """Return what writes values without a declared type, or ``None`` if the format needs one."""
    try:
        return http_format(name).bind(plan_for(Any), FormatOptions()).encode
    except UnsupportedTypeError:
        return None


def negotiated_send(scope: Scope, send: Send) -> Send:
    """Return ``send``, which says that the response depends on Accept, and writes errors in the format chosen by it."""
    held: Message | None = None
    chunks: list[bytes] = []

    async def send_negotiated(message: Message) -> None:
        nonlocal held
        chosen: tuple[str, str] | None = scope.get(CHOSEN)
        if chosen is not None and message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            add_vary(headers, "Accept")
            if chosen[0] not in _AS_JSON and _is_json_error(message["status"], headers):
                held = message
                return
        if chosen is None or held is None or message["type"] != "http.response.body":
            await send(message)
            return
        chunks.append(message.get("body", b""))
        if message.get("more_body"):
            return
        body = b"".join(chunks)
        written = _written(body, chosen[0])
        if written is not None:
            headers = MutableHeaders(raw=held["headers"])
            headers["content-type"] = chosen[1]
            headers["content-length"] = str(len(written))
        await send(held)
        await send({"type": "http.response.body", "body": body if written is None else written, "more_body": False})

    return send_negotiated


def _is_json_error(status: int, headers: MutableHeaders) -> bool:
    is_json = essence(headers.get("content-type", "")) in {JSON, "application/problem+json"}
    return is_json and status >= _FIRST_ERROR and "content-encoding" not in headers


def _written(body: bytes, name: str) -> bytes | None:
    """Return the document in ``body`` in another format, or ``None`` where it has to stay as it is."""
    encode = _encoder(name)
    if encode is None:
        return None
    try:
        return encode(json.loads(body))
    except Exception:  # noqa: BLE001  (the input that an error quotes may be anything: the client still gets the error)
        return None

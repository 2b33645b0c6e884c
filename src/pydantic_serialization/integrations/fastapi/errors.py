"""Error responses in the format that the client accepts.

They are written by FastAPI's handlers, or by the user's, as JSON. What is sent in another format is what they have
written, value for value.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders

from pydantic_serialization.formats import FormatOptions
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
def _encoder(name: str) -> Callable[[Any], bytes]:
    return http_format(name).bind(plan_for(Any), FormatOptions()).encode


def negotiated_send(scope: Scope, send: Send) -> Send:
    """Return ``send``, which says that the response depends on Accept, and writes errors in the format chosen by it."""
    held: Message | None = None
    chunks: list[bytes] = []

    async def send_negotiated(message: Message) -> None:
        nonlocal held
        chosen: tuple[str, str] | None = scope.get(CHOSEN)
        if chosen is None:
            await send(message)
            return
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            headers.add_vary_header("Accept")
            is_json = essence(headers.get("content-type", "")) in {JSON, "application/problem+json"}
            if message["status"] >= _FIRST_ERROR and is_json and chosen[0] not in _AS_JSON:
                held = message
                return
        if held is None or message["type"] != "http.response.body":
            await send(message)
            return
        chunks.append(message.get("body", b""))
        if message.get("more_body"):
            return
        body = _encoder(chosen[0])(json.loads(b"".join(chunks)))
        headers = MutableHeaders(raw=held["headers"])
        headers["content-type"] = chosen[1]
        headers["content-length"] = str(len(body))
        await send(held)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return send_negotiated

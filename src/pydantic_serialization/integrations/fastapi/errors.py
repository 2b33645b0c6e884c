"""Error responses in the format that the client accepts, or as problem details (RFC 9457).

They are written by FastAPI's handlers, or by the user's, as JSON. What is sent in another format is what they have
written, value for value; problem details say the same in standard terms.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.datastructures import MutableHeaders

from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.formats import FormatOptions
from pydantic_serialization.integrations.fastapi.coding import add_vary, joined_in
from pydantic_serialization.integrations.fastapi.media_types import JSON, essence, http_format
from pydantic_serialization.integrations.fastapi.negotiation import asks_for
from pydantic_serialization.integrations.fastapi.problems import PROBLEM_JSON, problem_of
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Scope, Send

    from pydantic_serialization.integrations.fastapi.options import RouteOptions

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


def negotiated_send(scope: Scope, send: Send, options: RouteOptions) -> Send:
    """Return ``send``, which says what the response depends on, and writes errors as the client wants them."""
    held: Message | None = None
    rewrite: _Rewrite | None = None
    chunks: list[bytes] = []

    async def send_negotiated(message: Message) -> None:
        nonlocal held, rewrite
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            is_error = message["status"] >= _FIRST_ERROR
            if CHOSEN in scope or (is_error and options.problem_details == "accept"):
                add_vary(headers, "Accept")
            rewrite = _rewrite(scope, options, headers) if is_error else None
            if rewrite is not None:
                held = message
                return
        if held is None or rewrite is None or message["type"] != "http.response.body":
            await send(message)
            return
        chunks.append(message.get("body", b""))
        if message.get("more_body"):
            return
        start, held = held, None
        body = b"".join(chunks)
        written = _written(rewrite.write, start["status"], body)
        if written is not None:
            headers = MutableHeaders(raw=start["headers"])
            headers["content-type"] = rewrite.media_type
            headers["content-length"] = str(len(written))
        await send(start)
        await send({"type": "http.response.body", "body": body if written is None else written, "more_body": False})

    return send_negotiated


class _Rewrite(NamedTuple):
    """What an error is sent as: a media type, and what writes it for a status and the JSON that it was written as."""

    media_type: str
    write: Callable[[int, bytes], bytes | None]


def _rewrite(scope: Scope, options: RouteOptions, headers: MutableHeaders) -> _Rewrite | None:
    """Return what an error has to be sent as, or ``None`` if it stays as it is."""
    written_as = essence(headers.get("content-type", ""))
    if written_as not in {JSON, PROBLEM_JSON} or "content-encoding" in headers:
        return None
    name, media_type = scope.get(CHOSEN, ("json", JSON))
    wanted = options.problem_details
    if wanted == "always" or (wanted == "accept" and asks_for(joined_in(scope, "accept"), PROBLEM_JSON, media_type)):
        return None if written_as == PROBLEM_JSON else _Rewrite(PROBLEM_JSON, problem_of)
    encode = None if name in _AS_JSON else _encoder(name)
    return None if encode is None else _Rewrite(media_type, lambda _, body: encode(json.loads(body)))


def _written(write: Callable[[int, bytes], bytes | None], status: int, body: bytes) -> bytes | None:
    """Return an error as it has to be sent, or ``None`` where that is not possible."""
    try:
        return write(status, body)
    except Exception:  # noqa: BLE001  (the input that an error quotes may be anything: the client still gets the error)
        return None

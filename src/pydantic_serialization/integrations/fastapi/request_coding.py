"""Request bodies that come compressed: they are unpacked, within limits, before FastAPI reads them.

RFC 9110: 8.4 (Content-Encoding), 12.5.3 (a 415 says in Accept-Encoding which codings are understood); RFC 9659 (the window
of zstd in HTTP).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from pydantic_serialization.codecs.packing import decompress_within
from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.errors import DecompressionError, LimitExceededError
from pydantic_serialization.integrations.fastapi.coding import http_codec, joined
from pydantic_serialization.integrations.fastapi.negotiation import IDENTITY

if TYPE_CHECKING:
    from starlette.types import Message, Receive

    from pydantic_serialization.integrations.fastapi.options import RouteOptions

DECODED_BYTES: Final[int] = SerializationConfig.model_fields["max_payload_bytes"].default
"""What an unpacked body may have where a route names no limit."""

DECODED_RATIO: Final[int] = SerializationConfig.model_fields["max_compression_ratio"].default
"""How many times its size as it came an unpacked body may have, where that is more than a mebibyte."""

_OFFLOAD_BYTES: Final = 16_384
"""Bytes of a compressed body from which on a thread unpacks it."""
_MOST_CODINGS: Final = 3
_OF_THE_CODED: Final = frozenset({b"content-encoding", b"content-length"})


async def read_body(request: Request) -> bytes:
    """Return the body as it came.

    Raises:
        HTTPException: (400) the client has gone; FastAPI says the same.
    """
    try:
        return await request.body()
    except ClientDisconnect as error:
        raise HTTPException(400, "There was an error parsing the body") from error


async def decoded_request(request: Request, options: RouteOptions) -> Request:
    """Return the request with its body unpacked, and without the headers that said how it was packed.

    A request of the user's own class is left alone: such classes are FastAPI's documented way to unpack bodies.

    Raises:
        HTTPException: (415) nobody here knows the coding; (413) the body is over the limit; (400) it is damaged.
    """
    header = joined(request, "content-encoding")
    if header is None or type(request) is not Request:
        return request
    named = [name for name in (part.strip().lower() for part in header.split(",")) if name not in {"", IDENTITY}]
    wanted = ["gzip" if name == "x-gzip" else name for name in named]  # RFC 9110, 8.4.1.3: both are the same
    if len(wanted) > _MOST_CODINGS or not set(wanted) <= set(options.request_codings):
        known = ", ".join(options.request_codings)
        raise HTTPException(415, f"send bodies as they are, or as {known}", headers={"Accept-Encoding": known})
    data = await read_body(request)
    if not wanted or not data:
        return request
    limit = options.max_body_bytes or DECODED_BYTES
    for coding in reversed(wanted):
        data = await _unpacked(data, coding, limit)
    scope = dict(request.scope)
    scope["headers"] = [pair for pair in request.scope["headers"] if pair[0] not in _OF_THE_CODED]
    scope["headers"].append((b"content-length", b"%d" % len(data)))
    return Request(scope, _given(data, request.receive), request._send)  # noqa: SLF001


async def _unpacked(data: bytes, coding: str, limit: int) -> bytes:
    unpack = partial(decompress_within, http_codec(coding), data, limit=limit, ratio=DECODED_RATIO)
    try:
        return await run_in_threadpool(unpack) if len(data) >= _OFFLOAD_BYTES else unpack()
    except LimitExceededError as error:
        allowed = (
            f"{limit} bytes" if error.limit == "max_payload_bytes" else f"{DECODED_RATIO} times its size, unpacked"
        )
        raise HTTPException(413, f"a body may have {allowed}") from error
    except DecompressionError as error:
        raise HTTPException(400, f"the body is not what its Content-Encoding says: {coding}") from error


def _given(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives a body, and then what the connection says."""
    bodies = [body]

    async def receive_body() -> Message:
        if bodies:
            return {"type": "http.request", "body": bodies.pop(), "more_body": False}
        return await receive()

    return receive_body

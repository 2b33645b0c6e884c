"""What happens to a finished body: a name for it (ETag), and compression for clients that ask for it.

RFC 9110: 8.4 (content codings), 8.8.3 (entity tags: each coding of a body has its own), 13.1.2 (If-None-Match).
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.integrations.fastapi.negotiation import IDENTITY, choose_coding
from pydantic_serialization.integrations.fastapi.options import CODINGS
from pydantic_serialization.pipeline import OFFLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.datastructures import MutableHeaders
    from starlette.requests import Request
    from starlette.types import Scope

    from pydantic_serialization._types import Payload
    from pydantic_serialization.codecs import Codec
    from pydantic_serialization.integrations.fastapi.options import RouteOptions

_KEPT_BY_304: Final = frozenset(
    {b"cache-control", b"content-location", b"date", b"etag", b"expires", b"vary", b"set-cookie"}
)
"""RFC 9110, 15.4.5; and cookies, which belong to the exchange and not to the body."""


@lru_cache(maxsize=8)
def http_codec(coding: str) -> Codec:
    """Return the codec of a content coding."""
    return CODINGS[coding]()


@lru_cache(maxsize=8)
def _compressor(coding: str) -> Callable[[Payload], bytes]:
    return http_codec(coding).compressor(CompressionLevel.BALANCED)


async def compressed(body: bytes, coding: str) -> bytes:
    """Return a body in a content coding; large ones are compressed in a thread, without holding up the event loop."""
    compress = _compressor(coding)
    return await run_in_threadpool(compress, body) if len(body) >= OFFLOAD_BYTES else compress(body)


def entity_tag(body: bytes) -> str:
    """Return a name for exactly these bytes: the hexadecimal BLAKE2b-128 digest."""
    return blake2b(body, digest_size=16).hexdigest()


def quoted(tag: str, coding: str) -> str:
    """Return the ETag header for a body's tag in a content coding."""
    return f'"{tag}"' if coding == IDENTITY else f'"{tag}-{coding}"'


def is_unchanged(if_none_match: str | None, etag: str) -> bool:
    """Say whether a client has what ``etag`` names: the weak comparison of RFC 9110, 8.8.3.2."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    opaque = etag.removeprefix("W/")
    return any(item.strip().removeprefix("W/") == opaque for item in if_none_match.split(","))


def joined(request: Request, name: str) -> str | None:
    """Return a header that may come several times, joined by commas; ``None`` if it does not come."""
    return joined_in(request.scope, name)


def joined_in(scope: Scope, name: str) -> str | None:
    """Return the same of a connection that no request was made of yet."""
    wanted = name.encode("latin-1")
    values = [value.decode("latin-1") for key, value in scope["headers"] if key == wanted]
    return ", ".join(values) if values else None


def add_vary(headers: MutableHeaders, *names: str) -> None:
    """Add names of headers to Vary, each once."""
    present = [item.strip() for item in headers.get("vary", "").split(",") if item.strip()]
    known = {item.lower() for item in present}
    if "*" not in known:
        present += [name for name in names if name.lower() not in known]
        headers["vary"] = ", ".join(present)


def not_modified(response: Response) -> Response:
    """Return the 304 in place of a response whose body the client has."""
    short = Response(status_code=304, background=response.background)
    short.raw_headers = [(name, value) for name, value in response.raw_headers if name in _KEPT_BY_304]
    return short


class FinalResponse(Response):
    """A response of which everything is known, to which nothing is added.

    Args:
        body: The body.
        status_code: The status.
        raw_headers: All of its headers.
    """

    def __init__(self, body: bytes, status_code: int, raw_headers: list[tuple[bytes, bytes]]) -> None:
        self.body = body
        self.status_code = status_code
        self.background = None
        self.raw_headers = raw_headers


async def finished(request: Request, response: Response, options: RouteOptions) -> Response:
    """Return the response with what the options of its route add: an ETag, a 304 in its place, a compressed body."""
    body: Any = getattr(response, "body", None)
    if (
        not isinstance(body, bytes)
        or not body
        or "content-encoding" in response.headers
        or hasattr(response, "is_final")
    ):
        return response
    coding = IDENTITY
    if options.compression:
        add_vary(response.headers, "Accept-Encoding")
        if len(body) >= options.compression_threshold:
            coding = choose_coding(joined(request, "accept-encoding"), options.compression)
    etag = response.headers.get("etag")
    if response.status_code == 200 and request.method in {"GET", "HEAD"}:
        if options.etag and etag is None:
            etag = response.headers["etag"] = quoted(entity_tag(body), coding)
        if etag is not None and options.etag and is_unchanged(joined(request, "if-none-match"), etag):
            return not_modified(response)
    if coding != IDENTITY:
        packed = await compressed(body, coding)
        response.body = packed
        response.headers["content-encoding"] = coding
        response.headers["content-length"] = str(len(packed))
    return response

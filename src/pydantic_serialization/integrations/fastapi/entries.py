"""What is kept of a response: its final bytes, and what has to be said about them."""

from __future__ import annotations

import re
import struct
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import ormsgpack
from starlette.responses import FileResponse, StreamingResponse

from pydantic_serialization.integrations.fastapi.coding import entity_tag
from pydantic_serialization.integrations.fastapi.media_types import JSON

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

_CACHEABLE: Final = frozenset({200, 203})
_OF_THE_BODY: Final = frozenset({b"content-length", b"content-type", b"etag", b"date"})
_NEVER_KEPT: Final = _OF_THE_BODY | {b"set-cookie", b"vary", b"transfer-encoding", b"connection"}
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_MAGIC: Final = b"psr1"
_HEAD: Final = struct.Struct(">4sI")


class CachedEntry(NamedTuple):
    """A response as it is kept.

    Attributes:
        status: The status.
        media_type: What the body is.
        headers: What the endpoint has set, lower-case names, without what depends on the request.
        tag: A name for exactly this body.
        created: When it was made, in seconds since the epoch.
        merges: Whether headers that dependencies set belong to it, as FastAPI does for values and not for responses.
        body: The body, in no content coding unless ``headers`` names one.
    """

    status: int
    media_type: str
    headers: tuple[tuple[bytes, bytes], ...]
    tag: str
    created: float
    merges: bool
    body: bytes | memoryview

    def has(self, name: bytes) -> bool:
        """Say whether the endpoint has set a header."""
        return any(key == name for key, _ in self.headers)

    def packed(self) -> bytes:
        """Return the bytes to keep: a head in MessagePack, and the body as it is."""
        head = ormsgpack.packb([self.status, self.media_type, self.headers, self.tag, self.created, self.merges])
        return b"".join((_HEAD.pack(_MAGIC, len(head)), head, self.body))


def unpacked(data: bytes) -> CachedEntry | None:
    """Return the entry in ``data``, whose body is not copied; ``None`` if it is none: a cache may hold anything."""
    try:
        magic, size = _HEAD.unpack_from(data)
        start = _HEAD.size + size
        if magic != _MAGIC or start > len(data):
            return None
        status, media_type, headers, tag, created, merges = ormsgpack.unpackb(memoryview(data)[_HEAD.size : start])
        pairs = tuple([(name, value) for name, value in headers])
        said = b"\0".join(
            [media_type.encode("latin-1"), tag.encode("latin-1"), *[part for pair in pairs for part in pair]]
        )
    except (ValueError, TypeError, AttributeError, struct.error):
        return None
    if type(status) is not int or type(created) is not float or type(merges) is not bool:
        return None
    if b"\r" in said or b"\n" in said:
        return None  # a header must not be able to end its line
    if status not in _CACHEABLE or any(name in _NEVER_KEPT or not _NAME.fullmatch(name) for name, _ in pairs):
        return None
    return CachedEntry(status, media_type, pairs, tag, created, merges, memoryview(data)[start:])


def entry_of(response: Response, headers: Iterable[tuple[bytes, bytes]], *, merges: bool) -> CachedEntry | None:
    """Return what to keep of a response, or ``None`` if it must not be kept.

    Args:
        response: The response.
        headers: Those of its headers that do not depend on the request.
        merges: See :class:`CachedEntry`.
    """
    body = getattr(response, "body", None)
    control = response.headers.get("cache-control", "").lower()
    if (
        response.status_code not in _CACHEABLE
        or not isinstance(body, bytes)
        or isinstance(response, StreamingResponse | FileResponse)
        or response.background is not None
        or "set-cookie" in response.headers
        or "no-store" in control
        or "vary" in response.headers
    ):
        return None
    kept = tuple((name.lower(), value) for name, value in headers if name.lower() not in _OF_THE_BODY)
    return CachedEntry(
        response.status_code,
        response.headers.get("content-type", JSON),
        kept,
        entity_tag(body),
        time.time(),
        merges,
        body,
    )

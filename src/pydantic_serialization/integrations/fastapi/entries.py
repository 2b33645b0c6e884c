"""What is kept of a response: its final bytes, and what has to be said about them."""

from __future__ import annotations

import re
import struct
import time
from functools import lru_cache
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
_LONGEST_REMEMBERED: Final = 1024
"""Bytes; longer heads are read each time, so that no store fills the memory with them."""


class EntryHead(NamedTuple):
    """What has to be said about a body that is kept.

    Attributes:
        status: The status.
        media_type: What the body is.
        headers: What the endpoint has set, lower-case names, without what depends on the request.
        tag: A name for exactly this body.
        created: When it was made, in seconds since the epoch.
        merges: Whether headers that dependencies set belong to it, as FastAPI does for values and not for responses.
    """

    status: int
    media_type: str
    headers: tuple[tuple[bytes, bytes], ...]
    tag: str
    created: float
    merges: bool

    def has(self, name: bytes) -> bool:
        """Say whether the endpoint has set a header."""
        return name in dict(self.headers)


class CachedEntry(NamedTuple):
    """A response as it is kept.

    Attributes:
        head: What has to be said about the body.
        body: The body, in no content coding unless a header of ``head`` names one.
    """

    head: EntryHead
    body: bytes | memoryview

    def packed(self) -> bytes:
        """Return the bytes to keep: a head in MessagePack, and the body as it is."""
        head = ormsgpack.packb(list(self.head))
        return b"".join((_HEAD.pack(_MAGIC, len(head)), head, self.body))


def unpacked(data: bytes) -> CachedEntry | None:
    """Return the entry in ``data``, whose body is not copied; ``None`` if it is none: a cache may hold anything."""
    try:
        magic, size = _HEAD.unpack_from(data)
    except struct.error:
        return None
    start = _HEAD.size + size
    if magic != _MAGIC or start > len(data):
        return None
    packed = data[_HEAD.size : start]
    head = _read_before(packed) if size <= _LONGEST_REMEMBERED else _read(packed)
    return None if head is None else CachedEntry(head, memoryview(data)[start:])


def _read(packed: bytes) -> EntryHead | None:
    """Return a head, checked: what it says becomes headers."""
    try:
        status, media_type, headers, tag, created, merges = ormsgpack.unpackb(packed)
        pairs = tuple([(name, value) for name, value in headers])
        said = b"\0".join(
            [media_type.encode("latin-1"), tag.encode("latin-1"), *[part for pair in pairs for part in pair]]
        )
    except (ValueError, TypeError, AttributeError):
        return None
    if type(status) is not int or type(created) is not float or type(merges) is not bool:
        return None
    if b"\r" in said or b"\n" in said:
        return None  # a header must not be able to end its line
    if status not in _CACHEABLE or any(name in _NEVER_KEPT or not _NAME.fullmatch(name) for name, _ in pairs):
        return None
    return EntryHead(status, media_type, pairs, tag, created, merges)


_read_before = lru_cache(maxsize=512)(_read)
"""Every hit of an entry brings the same head."""


def entry_of(response: Response, headers: Iterable[tuple[bytes, bytes]], *, merges: bool) -> CachedEntry | None:
    """Return what to keep of a response, or ``None`` if it must not be kept.

    Args:
        response: The response.
        headers: Those of its headers that do not depend on the request.
        merges: See :class:`EntryHead`.
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
    media_type = response.headers.get("content-type", JSON)
    return CachedEntry(EntryHead(response.status_code, media_type, kept, entity_tag(body), time.time(), merges), body)

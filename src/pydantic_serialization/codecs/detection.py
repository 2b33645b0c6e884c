"""Which codec wrote these bytes: decided by magic number, for the outermost layer, without any library.

Only magics that no JSON, MessagePack or pickle document begins with are recognised. zlib, raw deflate and brotli have
none, and skippable frames (zstd, lz4) say nothing of who wrote them: they are never guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic_serialization.codecs._bounded import flat
from pydantic_serialization.frame import MAGIC

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from pydantic_serialization._types import Payload

GZIP_MAGIC: Final[bytes] = b"\x1f\x8b\x08"
"""RFC 1952 section 2.3.1, with the one compression method that exists."""
ZSTD_MAGIC: Final[bytes] = b"\x28\xb5\x2f\xfd"
"""RFC 8878 section 3.1.1."""
LZ4_MAGIC: Final[bytes] = b"\x04\x22\x4d\x18"
"""lz4_Frame_format.md, version 1.6."""

_SMALLEST_GZIP = 18
"""Bytes: header and trailer of RFC 1952 around nothing."""
_RESERVED_GZIP_FLAGS = 0xE0


def recognises_gzip(data: Payload) -> bool:
    """Say whether ``data`` begins like a gzip member: long enough, method deflate, reserved flags zero (RFC 1952)."""
    return len(data) >= _SMALLEST_GZIP and begins_gzip_member(data)


def begins_gzip_member(head: Payload) -> bool:
    """Say whether ``head`` is how a gzip member begins, however short."""
    return bytes(head[:3]) == GZIP_MAGIC and len(head) > 3 and not head[3] & _RESERVED_GZIP_FLAGS


class Signature(NamedTuple):
    """How the output of one codec is recognised."""

    codec: str
    magic: bytes
    recognises: Callable[[Payload], bool] | None
    """Asked after the magic has matched; ``None`` if the magic is enough."""


_BUILT_IN = (
    Signature("gzip", GZIP_MAGIC, recognises_gzip),
    Signature("zstd", ZSTD_MAGIC, None),
    Signature("lz4", LZ4_MAGIC, None),
)
_signatures = {signature.codec: signature for signature in _BUILT_IN}
_by_first_byte: dict[int, tuple[Signature, ...]] = {}
_first_bytes: set[int] = {MAGIC[0]}

FIRST_BYTES: Final[AbstractSet[int]] = _first_bytes
"""First bytes of all recognised magics, and of the sealed frame. Bytes that begin otherwise are a plain payload.

One live object that grows when a codec is registered: bound pipelines keep it and test ``data[0] in FIRST_BYTES``.
"""


def detect_codec(data: Payload) -> str | None:
    """Return the name of the codec whose output ``data`` begins like, or ``None``.

    One layer, by magic number; the codec's library need not be installed.

    Args:
        data: Any bytes.
    """
    view = data if type(data) is bytes else flat(data)
    if not view:
        return None
    for signature in _by_first_byte.get(view[0], ()):
        magic = signature.magic
        if bytes(view[: len(magic)]) == magic and (signature.recognises is None or signature.recognises(view)):
            return signature.codec
    return None


def is_reserved(data: Payload) -> bool:
    """Say whether a plain payload must not look like this: it would be read as compressed, or as a sealed frame."""
    return bytes(data[: len(MAGIC)]) == MAGIC or detect_codec(data) is not None


def recognised_magics() -> dict[str, bytes]:
    """Return the magic of every codec that is recognised, by name."""
    return {name: signature.magic for name, signature in _signatures.items()}


def recognise(signature: Signature) -> None:
    """Recognise a codec's output from now on, in place of an earlier signature of that name. One thread at a time."""
    _signatures[signature.codec] = signature
    _rebuild()


def forget(codec: str) -> None:
    """Undo :func:`recognise`. One thread at a time."""
    _signatures.pop(codec, None)
    _rebuild()


def _rebuild() -> None:
    """Derive the lookup tables; entries are added before any is removed, so readers never see one missing."""
    table: dict[int, tuple[Signature, ...]] = {}
    for signature in _signatures.values():
        first = signature.magic[0]
        table[first] = (*table.get(first, ()), signature)
    _by_first_byte.update(table)
    _first_bytes.update(table)
    for stale in _by_first_byte.keys() - table.keys():
        del _by_first_byte[stale]
        if stale != MAGIC[0]:
            _first_bytes.discard(stale)


_rebuild()

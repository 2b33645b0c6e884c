"""Read the header of a sealed frame without opening it: no key is needed, nothing is verified, the body is not touched.

The layout is the one that :mod:`pydantic_serialization.envelope` documents.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

from pydantic_serialization.envelope import MAGIC, VERSION, CodecId, Flag, FormatId

_HEADER = struct.Struct("<3sBBBBB8sII")
_TIMES = struct.Struct("<II")
_FOREVER = 0xFFFF_FFFF
LONGEST_HEADER = _HEADER.size + _TIMES.size
"""Bytes."""


def frame_fields(head: bytes) -> dict[str, Any] | None:
    """Return what a frame says about itself, ``None`` if ``head`` is not the beginning of one.

    Args:
        head: The first :data:`LONGEST_HEADER` bytes or more.
    """
    if not head.startswith(MAGIC) or len(head) < _HEADER.size:
        return None
    _, version, format_id, codec, flags, key_id, fingerprint, raw_size, body_size = _HEADER.unpack_from(head)
    if version != VERSION:
        return {"version": version}
    fields: dict[str, Any] = {
        "version": version,
        "format": _name(FormatId, format_id),
        "codec": _name(CodecId, codec),
        "flags": [flag.name.lower() for flag in Flag if flags & flag and flag.name],
        "signed": key_id != 0,
        "schema_fingerprint": fingerprint.hex(),
        "size_decompressed": raw_size,
        "size_of_body": body_size,
        "created": None,
        "ttl": None,
    }
    if flags & Flag.TIME and len(head) >= LONGEST_HEADER:
        created, ttl = _TIMES.unpack_from(head, _HEADER.size)
        fields["created"] = datetime.fromtimestamp(created, UTC).isoformat()
        fields["ttl"] = None if ttl == _FOREVER else ttl
    return fields


def _name(numbers: type[FormatId | CodecId], number: int) -> str:
    return next((item.name.lower() for item in numbers if item == number), f"plug-in {number}")

"""Show the header of a sealed frame."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic_serialization.frame import VERSION, CodecId, Flag, FormatId, read_header


def frame_fields(head: bytes) -> dict[str, Any] | None:
    """Return what a frame says about itself, ``None`` if ``head`` is not the beginning of one.

    Args:
        head: The first bytes of the file, as many as a header has or more.
    """
    header = read_header(head)
    if header is None:
        return None
    if header.version != VERSION:
        return {"version": header.version}
    created = None if header.created is None else datetime.fromtimestamp(header.created, UTC).isoformat()
    return {
        "version": header.version,
        "format": _name(FormatId, header.format),
        "codec": _name(CodecId, header.codec),
        "flags": [flag.name.lower() for flag in Flag if header.flags & flag and flag.name],
        "signed": header.key_id != 0,
        "schema_fingerprint": header.fingerprint.hex(),
        "size_decompressed": header.raw_size,
        "size_of_body": header.size,
        "created": created,
        "ttl": header.ttl,
    }


def _name(numbers: type[FormatId | CodecId], number: int) -> str:
    return next((item.name.lower() for item in numbers if item == number), f"plug-in {number}")

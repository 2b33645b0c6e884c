"""The sealed frame, version 1: what every entry at rest in a shared store is wrapped in.

A frame says what it holds, so that no reader guesses, and proves that it is whole: with a checksum against damage, or
with a message authentication code (MAC) against forgery. Little endian:

======  =====  =========================================================================================
offset  bytes  field
======  =====  =========================================================================================
0       3      ``C1 53 46``: 0xC1 starts no UTF-8, JSON, MessagePack, pickle, gzip, zstd, lz4 or Avro file
3       1      version: 1
4       1      format: :class:`FormatId`, or 128-255 for custom formats
5       1      codec of the body: :class:`CodecId`, or 128-255 for custom codecs
6       1      flags: :class:`Flag`; unknown ones are refused
7       1      key id: 0 without a key, else 1-255, derived from the key
8       8      schema fingerprint
16      4      bytes of the body once decompressed
20      4      bytes of the body as it is here
24      4 + 4  only with ``Flag.TIME``: created (unix seconds) and time to live (seconds, ``FF FF FF FF`` for ever)
then    8/16   checksum (key id 0) or MAC
then           body
======  =====  =========================================================================================
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pydantic_serialization._types import Payload

MAGIC = b"\xc1SF"
"""The first three bytes of every frame."""

VERSION = 1
"""The version of the layout that this module writes, and the only one that it reads."""

ZERO_FINGERPRINT = bytes(8)
"""Stands where no schema fingerprint was given."""

HEADER = struct.Struct("<3sBBBBB8sII")
"""Magic, version, format, codec, flags, key id, fingerprint, size before compression, size of the body."""

TIMES = struct.Struct("<II")
"""Created, time to live; behind the header with ``Flag.TIME``."""

FOREVER = 0xFFFF_FFFF
"""A time to live without an end."""

LONGEST_HEADER = HEADER.size + TIMES.size
"""Bytes."""

CUSTOM_IDS = range(128, 256)
"""Numbers for formats and codecs of plug-ins."""


class FormatId(IntEnum):
    """Formats as a frame numbers them. ORJSON's bytes are JSON's, so they share a number."""

    JSON = 1
    MSGPACK = 2
    PICKLE = 3
    AVRO = 4
    PROTOBUF = 5
    BYTES = 6
    STR = 7


class CodecId(IntEnum):
    """Codecs as a frame numbers them."""

    NONE = 0
    ZSTD = 1
    LZ4 = 2
    GZIP = 3
    BROTLI = 4


class Flag(IntFlag):
    """What else a frame says about itself."""

    FALLBACK = 1
    """The format is not the one that was asked for."""
    NONE = 2
    """The entry records that there is no value."""
    TIME = 4
    """The header ends with the time of writing and the time to live."""
    ENCRYPTED = 8
    """Reserved; this version refuses it."""
    DICTIONARY = 16
    """Reserved; this version refuses it."""


class Header(NamedTuple):
    """What a frame says about itself before anything was checked.

    Attributes:
        version: Version of the layout; all else is only known for :data:`VERSION`.
        format: Number of the body's format.
        codec: Number of the body's codec.
        flags: The :class:`Flag` bits.
        key_id: 0 without a signature.
        fingerprint: The 8 bytes that stand for the schema of the writer.
        raw_size: Bytes of the body once decompressed.
        size: Bytes of the body as it is.
        created: When the frame was written, in unix seconds, if it says so.
        ttl: Seconds for which it is good, if it says so.
    """

    version: int
    format: int
    codec: int
    flags: int
    key_id: int
    fingerprint: bytes
    raw_size: int
    size: int
    created: int | None
    ttl: int | None


def is_frame(data: Payload) -> bool:
    """Say whether ``data`` starts as a frame does. Nothing is checked beyond the magic number."""
    return memoryview(data)[: len(MAGIC)].tobytes() == MAGIC


def read_header(head: bytes) -> Header | None:
    """Return the header of a frame without opening it: no key is needed, nothing is verified.

    Args:
        head: The first :data:`LONGEST_HEADER` bytes or more.

    Returns:
        The header, or ``None`` if ``head`` is not the beginning of a frame.
    """
    if not is_frame(head) or len(head) < HEADER.size:
        return None
    _, version, format_id, codec, flags, key_id, fingerprint, raw_size, size = HEADER.unpack_from(head)
    created = ttl = None
    if flags & Flag.TIME and len(head) >= LONGEST_HEADER:
        created, seconds = TIMES.unpack_from(head, HEADER.size)
        ttl = None if seconds == FOREVER else seconds
    return Header(version, format_id, codec, flags, key_id, fingerprint, raw_size, size, created, ttl)

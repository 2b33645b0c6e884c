"""Whether to compress, and how to read either: bound once for a configuration.

The rule that makes recognition safe: bytes that would themselves be recognised are always compressed, even where
compression is off or makes them larger, so unpacking what was packed gives the payload back, for every payload.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic_serialization.codecs._bounded import raise_out_of_memory
from pydantic_serialization.codecs.detection import FIRST_BYTES, detect_codec, is_reserved
from pydantic_serialization.codecs.registry import get_codec, load_announced
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import Payload
    from pydantic_serialization.codecs._base import Codec

_NEVER_BELOW: Final = 150
"""Bytes of JSON up to which gzip's header and trailer outweigh what it saves."""
_WORTHWHILE: Final = 0.9
"""A compressed payload is used if it is at most this share of the raw one."""
_NO_RATIO: Final = 1 << 62
_PROBE_FROM: Final = 32 * 1024
"""Bytes from which compressing a sample first is cheap beside compressing everything."""
_PROBE_SIZE: Final = 4096
_PROBE_HOPELESS: Final = 0.95
"""Random and already compressed data give a probe over 1.0, base64 .76, MessagePack floats .90."""


class Packing(NamedTuple):
    """Compression as one configuration wants it. All functions may be called from any thread."""

    codec: Codec | None
    """The configured codec; ``None`` if compression is off."""
    pack_with_codec: Callable[[bytes], tuple[bytes, Codec | None]]
    """Compresses a payload if that is worthwhile, and says which codec compressed the result, ``None`` if it is raw.
    Where that codec has no magic, the caller puts the result into a sealed frame that names it."""
    unpack: Callable[[Payload], Payload]
    """Decompresses what is recognised, one layer; returns anything else as it is."""


_ANY_RATIO_UP_TO: Final = 1 << 20
"""Bytes that a payload may have decompressed however small it was."""


def decompress_within(codec: Codec, data: Payload, *, limit: int, ratio: int) -> bytes:
    """Decompress within both limits, which hold while the result is made.

    Args:
        codec: What compressed the data.
        data: The compressed bytes.
        limit: The most bytes that the result may have.
        ratio: How many times the size of ``data`` it may have, where that is more than a mebibyte.

    Raises:
        DecompressionError: the data is truncated, damaged, or followed by something else.
        LimitExceededError: the result would be larger.
    """
    size = data.nbytes if isinstance(data, memoryview) else len(data)
    by_ratio = max(_ANY_RATIO_UP_TO, ratio * size)
    try:
        return codec.decompress(data, limit=min(limit, by_ratio))
    except LimitExceededError as error:
        if by_ratio >= limit or error.limit != "max_payload_bytes":
            raise
        message = (
            f"the {codec.name} data decompresses to more than {ratio} times its size; "
            "raise max_compression_ratio if such payloads are expected"
        )
        raise LimitExceededError(message, limit="max_compression_ratio") from None


def bind_packing(
    *, codec: str, level: CompressionLevel, threshold: int, limit: int, enabled: bool, ratio: int = _NO_RATIO
) -> Packing:
    """Bind the functions that compress payloads and decompress them again.

    A payload stays raw if it is smaller than ``threshold`` or than 150 bytes, if compression would save less than 10 %,
    and, from 32 KiB, if a sample of it does not compress at all.

    Args:
        codec: Name of the codec for writing. Reading recognises every codec that has a magic.
        level: How much time compression may take; ``NONE`` turns it off.
        threshold: Bytes; smaller payloads stay as they are.
        limit: The most bytes that decompression may give.
        enabled: Whether to compress when writing. Reading always recognises compressed data.
        ratio: How many times its own size a payload of more than a mebibyte may have decompressed. What would have more is
            left raw when it is written.

    Raises:
        UnknownCodecError: nobody knows the codec.
        MissingDependencyError: the library of the codec is not installed.
    """
    load_announced()
    chosen = get_codec(codec) if enabled and level is not CompressionLevel.NONE else None
    if chosen is None:
        pack_with_codec = _bind_escape_only()
    else:
        pack_with_codec = _bind_compression(chosen, level, max(threshold, _NEVER_BELOW), ratio)
    return Packing(chosen, pack_with_codec, _bind_unpack(limit, ratio))


def _bind_unpack(limit: int, ratio: int) -> Callable[[Payload], Payload]:
    first_bytes = FIRST_BYTES

    def unpack(data: Payload) -> Payload:
        if type(data) is bytes and (not data or data[0] not in first_bytes):
            return data
        name = detect_codec(data)
        return data if name is None else decompress_within(get_codec(name), data, limit=limit, ratio=ratio)

    return unpack


def _bind_compression(
    codec: Codec, level: CompressionLevel, smallest: int, ratio: int
) -> Callable[[bytes], tuple[bytes, Codec | None]]:
    first_bytes = FIRST_BYTES
    compress = codec.compressor(level)
    escape_codec = codec if codec.magic is not None else get_codec("gzip")
    escape = compress if escape_codec is codec else escape_codec.compressor(level)

    def pack_with_codec(payload: bytes) -> tuple[bytes, Codec | None]:
        if payload and payload[0] in first_bytes and is_reserved(payload):
            return escape(payload), escape_codec
        size = len(payload)
        if size < smallest or (size >= _PROBE_FROM and _looks_random(payload)):
            return payload, None
        try:
            packed = compress(payload)
        except Exception as error:
            raise_out_of_memory(error)
            raise
        if size > _ANY_RATIO_UP_TO and size > ratio * len(packed):  # nobody would read it
            return payload, None
        return (packed, codec) if len(packed) <= size * _WORTHWHILE else (payload, None)

    return pack_with_codec


def _bind_escape_only() -> Callable[[bytes], tuple[bytes, Codec | None]]:
    first_bytes = FIRST_BYTES
    gzip = get_codec("gzip")
    escape = gzip.compressor(CompressionLevel.FAST)

    def pack_with_codec(payload: bytes) -> tuple[bytes, Codec | None]:
        if payload and payload[0] in first_bytes and is_reserved(payload):
            return escape(payload), gzip
        return payload, None

    return pack_with_codec


def _looks_random(payload: bytes) -> bool:
    """Say whether 4 KiB from the middle do not compress; zlib's level 1 tells, faster algorithms misjudge base64."""
    start = (len(payload) - _PROBE_SIZE) // 2
    sample = memoryview(payload)[start : start + _PROBE_SIZE]
    return len(zlib.compress(sample, 1)) > _PROBE_SIZE * _PROBE_HOPELESS

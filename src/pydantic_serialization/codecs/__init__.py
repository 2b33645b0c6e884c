"""Compression: gzip, zstd, lz4, brotli and registered codecs, with recognition and bounded reading."""

from __future__ import annotations

from pydantic_serialization.codecs._base import Codec, MagicCodec
from pydantic_serialization.codecs.detection import FIRST_BYTES, detect_codec
from pydantic_serialization.codecs.packing import Packing, bind_packing, decompress_within
from pydantic_serialization.codecs.registry import (
    available_codecs,
    get_codec,
    get_codec_by_wire_id,
    register_codec,
    unregister_codec,
)

__all__ = [
    "FIRST_BYTES",
    "Codec",
    "MagicCodec",
    "Packing",
    "available_codecs",
    "bind_packing",
    "decompress_within",
    "detect_codec",
    "get_codec",
    "get_codec_by_wire_id",
    "register_codec",
    "unregister_codec",
]

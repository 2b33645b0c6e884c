"""SerializationUtils: the small operations below a manager, for use by themselves."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pydantic_serialization.codecs import Packing, bind_packing, detect_codec
from pydantic_serialization.config import CompressionLevel, SerializationConfig
from pydantic_serialization.container import as_payload
from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.formats import FormatOptions, TreeFormat, get_format
from pydantic_serialization.formats.detection import detect_format
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from pydantic_serialization._types import Payload
    from pydantic_serialization.config import SerializationFormat

_LEVELS = {
    CompressionLevel.NONE: 0,
    CompressionLevel.FAST: 1,
    CompressionLevel.BALANCED: 6,
    CompressionLevel.MAX: 9,
}


class SerializationUtils:
    """Static functions. They keep no state."""

    @staticmethod
    def compress_data(data: Payload | str, config: SerializationConfig | None = None) -> bytes:
        """Return ``data`` compressed as a manager with this configuration would: unchanged where it does not pay.

        Args:
            data: Any bytes; text becomes UTF-8.
            config: Codec, level and threshold; the defaults if ``None``.

        Raises:
            ConfigurationError: the codec is one without a magic number, such as brotli: nobody could recognise the
                result.
        """
        packing = _packing(config if config is not None else SerializationConfig())
        if packing.codec is not None and packing.codec.magic is None:
            message = (
                f"{packing.codec.name} has no magic number: nobody could recognise the result; "
                "choose gzip, zstd or lz4, or let a manager write it"
            )
            raise ConfigurationError(message)
        return packing.pack_with_codec(bytes(as_payload(data)))[0]

    @staticmethod
    def decompress_data(data: Payload, *, max_bytes: int = 67_108_864) -> bytes:
        """Return what was compressed into ``data``, recognised by its magic number; bytes without one are unchanged.

        Args:
            data: Any bytes.
            max_bytes: The most bytes that the result may have.

        Raises:
            DecompressionError: recognised, and truncated or damaged.
            LimitExceededError: the result would be larger than ``max_bytes``.
        """
        return bytes(_packing(SerializationConfig(max_payload_bytes=max_bytes)).unpack(as_payload(data)))

    @staticmethod
    def should_compress(size: int, config: SerializationConfig | None = None) -> bool:
        """Say whether a payload of ``size`` bytes is worth trying to compress under this configuration."""
        settings = config if config is not None else SerializationConfig()
        return _compresses(settings) and size >= settings.compression_threshold

    @staticmethod
    def get_compression_level(level: CompressionLevel | str) -> int:
        """Return the number that zlib and gzip call this level: 0, 1, 6 or 9. Other codecs have tables of their own."""
        return _LEVELS[CompressionLevel(level)]

    @staticmethod
    def generate_hash(data: Payload | str) -> str:
        """Return the SHA-256 of ``data`` as 64 hexadecimal digits; the same in every process. Text becomes UTF-8."""
        return hashlib.sha256(as_payload(data)).hexdigest()

    @staticmethod
    def detect_format(data: Payload) -> str | None:
        """Return ``"json"`` or ``"pickle"`` where the bytes leave no doubt, else ``None``: MessagePack has no mark."""
        return detect_format(data)

    @staticmethod
    def detect_compression(data: Payload) -> str | None:
        """Return the name of the codec whose magic number ``data`` begins with, or ``None``. brotli has none."""
        return detect_codec(data)

    @staticmethod
    def validate_format(data: Payload, format: SerializationFormat | str) -> bool:  # noqa: A002
        """Say whether ``data`` is one well-formed document of a format. A pickle is parsed, never loaded.

        Raises:
            UnknownFormatError: no such format.
        """
        member = get_format(format)
        try:
            payload = as_payload(data)
            if member.name == "pickle":
                _parse_pickle(bytes(payload))
            elif isinstance(member, TreeFormat):
                member.unpack(payload)
            else:
                member.bind(plan_for(Any), FormatOptions()).decode(payload)
        except Exception:  # noqa: BLE001  (every library has its own errors, and each means no)
            return False
        return True


def _compresses(config: SerializationConfig) -> bool:
    return config.enable_compression and config.compression_level is not CompressionLevel.NONE


def _packing(config: SerializationConfig) -> Packing:
    return bind_packing(
        codec=config.compression_codec,
        level=config.compression_level,
        threshold=config.compression_threshold,
        limit=config.max_payload_bytes,
        ratio=config.max_compression_ratio,
        enabled=_compresses(config),
    )


def _parse_pickle(data: bytes) -> None:
    import pickletools  # noqa: PLC0415  (3 ms to import, for one kind of data)

    end = -1
    for _, _, position in pickletools.genops(data):
        end = position or 0
    if end != len(data) - 1:
        message = "bytes follow the pickle"
        raise ValueError(message)

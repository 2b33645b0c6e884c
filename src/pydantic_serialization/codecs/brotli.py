"""Brotli (RFC 7932), through ``brotli``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization._optional import require
from pydantic_serialization.codecs._base import MagicCodec
from pydantic_serialization.codecs._bounded import read_frames
from pydantic_serialization.config import CompressionLevel

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import Payload

_LEVELS: Final = {CompressionLevel.FAST: 1, CompressionLevel.BALANCED: 5, CompressionLevel.MAX: 11}


class BrotliCodec(MagicCodec):
    """Brotli at qualities 1, 5 and 11.

    The format has neither a magic number nor a checksum: its data can only be read when it is known to be brotli, and
    damage may give wrong data. A sealed frame around it supplies both.

    Raises:
        MissingDependencyError: the extra ``brotli`` is not installed.
    """

    name = "brotli"
    wire_id = 4
    magic = None

    def __init__(self) -> None:
        self._brotli: Any = require("brotli", extra="brotli", purpose="the brotli codec")
        self._failures: tuple[type[Exception], ...] = (self._brotli.error,)

    def compressor(self, level: CompressionLevel) -> Callable[[Payload], bytes]:
        """Return the function that compresses at ``level``."""
        compress_stream = self._brotli.compress
        quality = _LEVELS[level]

        def compress(data: Payload) -> bytes:
            packed: bytes = compress_stream(data, quality=quality)
            return packed

        return compress

    def decompress(self, data: Payload, /, *, limit: int) -> bytes:
        """Return what the one stream of ``data`` contains.

        Args:
            data: A brotli stream.
            limit: The most bytes that the result may have. The stream has a window of up to 16 MiB beside it.

        Raises:
            DecompressionError: the data is empty, truncated, damaged, or followed by something else.
            LimitExceededError: the result would be larger than ``limit``.
        """
        return read_frames(data, self._open, codec=self.name, limit=limit, failures=self._failures, joinable=False)

    def _open(self, _head: bytes) -> _StreamReader:
        return _StreamReader(self._brotli.Decompressor())


class _StreamReader:
    """Reads a brotli stream; the decompressor raises when anything follows in the same window."""

    __slots__ = ("_decompressor", "finished")

    def __init__(self, decompressor: Any) -> None:
        self._decompressor = decompressor
        self.finished = False

    def read(self, data: Payload, room: int, /) -> tuple[bytes, int]:
        decompressor = self._decompressor
        given = data if decompressor.can_accept_more_data() else b""
        chunk: bytes = decompressor.process(given, output_buffer_limit=room)
        self.finished = decompressor.is_finished()
        return chunk, len(given)

"""LZ4 frames (lz4_Frame_format.md), through ``lz4``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization._optional import require
from pydantic_serialization.codecs._base import MagicCodec
from pydantic_serialization.codecs._bounded import read_frames
from pydantic_serialization.codecs.detection import LZ4_MAGIC
from pydantic_serialization.config import CompressionLevel

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import Payload

_LEVELS: Final = {CompressionLevel.FAST: 0, CompressionLevel.BALANCED: 3, CompressionLevel.MAX: 12}
_FAILURES: Final = (RuntimeError, ValueError)
"""``lz4`` raises plain ``RuntimeError`` for damaged data."""


class Lz4Codec(MagicCodec):
    """LZ4 frames at levels 0, 3 and 12, always with a checksum of the content: the fastest to read.

    Raises:
        MissingDependencyError: the extra ``lz4`` is not installed.
    """

    name = "lz4"
    wire_id = 2
    magic = LZ4_MAGIC

    def __init__(self) -> None:
        self._frame: Any = require("lz4.frame", extra="lz4", purpose="the lz4 codec")

    def compressor(self, level: CompressionLevel) -> Callable[[Payload], bytes]:
        """Return the function that compresses at ``level``."""
        compress_frame = self._frame.compress
        number = _LEVELS[level]

        def compress(data: Payload) -> bytes:
            packed: bytes = compress_frame(data, compression_level=number, content_checksum=True)
            return packed

        return compress

    def decompress(self, data: Payload, /, *, limit: int) -> bytes:
        """Return the contents of all frames of ``data``, joined; skippable frames among them are skipped.

        Args:
            data: One or more lz4 frames. The legacy format is not read.
            limit: The most bytes that the result may have. A frame has blocks of up to 4 MiB beside it.

        Raises:
            DecompressionError: the data is empty, truncated, damaged, or followed by something else.
            LimitExceededError: the result would be larger than ``limit``.
        """
        return read_frames(data, self._open, codec=self.name, limit=limit, failures=_FAILURES)

    def _open(self, _head: bytes) -> _FrameReader:
        return _FrameReader(self._frame.create_decompression_context(), self._frame.decompress_chunk)


class _FrameReader:
    """Reads one lz4 frame. ``LZ4FrameDecompressor`` is not used: it copies the rest of the input on every call."""

    __slots__ = ("_context", "_decompress_chunk", "finished")

    def __init__(self, context: Any, decompress_chunk: Callable[..., tuple[bytes, int, bool]]) -> None:
        self._context = context
        self._decompress_chunk = decompress_chunk
        self.finished = False

    def read(self, data: Payload, room: int, /) -> tuple[bytes, int]:
        chunk, used, self.finished = self._decompress_chunk(self._context, data, max_length=room)
        return chunk, used

"""Zstandard (RFC 8878), through ``compression.zstd`` of Python 3.14 or its backport."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization._optional import require
from pydantic_serialization.codecs._base import MagicCodec
from pydantic_serialization.codecs._bounded import raise_too_large, read_frames
from pydantic_serialization.codecs.detection import ZSTD_MAGIC
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic_serialization._types import Payload

_LEVELS: Final = {CompressionLevel.FAST: 1, CompressionLevel.BALANCED: 3, CompressionLevel.MAX: 19}
_WINDOW_LOG_MAX = 23
"""8 MiB: what RFC 8878 section 3.1.1.1.2 recommends that every decoder supports; level 19 writes no larger window."""


class ZstdCodec(MagicCodec):
    """Zstandard at levels 1, 3 and 19, always with a checksum of the content.

    Args:
        dictionary: A dictionary trained on samples (:func:`train_dictionary`), which more than halves payloads of 1 KB.
            Writer and reader must have the same one; frames written without a dictionary are read too. Put it to use
            with ``register_codec(ZstdCodec(dictionary=...), replace=True)``.

    Raises:
        MissingDependencyError: the extra ``zstd`` is not installed.
    """

    name = "zstd"
    wire_id = 1
    magic = ZSTD_MAGIC

    def __init__(self, *, dictionary: bytes | None = None) -> None:
        self._zstd: Any = _library()
        self._dictionary = None if dictionary is None else self._zstd.ZstdDict(dictionary)
        self._reading = {self._zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX}
        self._failures: tuple[type[Exception], ...] = (self._zstd.ZstdError,)

    def compressor(self, level: CompressionLevel) -> Callable[[Payload], bytes]:
        """Return the function that compresses at ``level``."""
        parameter = self._zstd.CompressionParameter
        options = {parameter.compression_level: _LEVELS[level], parameter.checksum_flag: 1}
        whole_frame = self._zstd.ZstdCompressor.FLUSH_FRAME

        def new_context() -> Any:
            return self._zstd.ZstdCompressor(options=options, zstd_dict=self._dictionary)

        def compress_in_new_context(data: Payload) -> bytes:
            packed: bytes = new_context().compress(data, whole_frame)
            return packed

        def compress_in_context_of_thread(data: Payload) -> bytes:
            packed: bytes = contexts.compressor.compress(data, whole_frame)
            return packed

        if level is CompressionLevel.MAX:
            # A context of level 19 may keep over 80 MB; making one is nothing beside its work.
            return compress_in_new_context
        contexts = _ContextOfThread(new_context)
        return compress_in_context_of_thread

    def decompress(self, data: Payload, /, *, limit: int) -> bytes:
        """Return the contents of all frames of ``data``, joined; skippable frames among them are skipped.

        Args:
            data: One or more zstd frames.
            limit: The most bytes that the result may have. A frame with a window has up to 8 MiB beside it.

        Raises:
            DecompressionError: the data is empty, truncated, damaged, followed by something else, needs a window over
                8 MiB or an unknown dictionary.
            LimitExceededError: the result would be larger than ``limit``, or a header says that it is.
        """

        def open_frame(head: bytes) -> _FrameReader:
            claimed = self._zstd.get_frame_info(head).decompressed_size
            if claimed is not None and claimed > limit:
                raise_too_large(self.name, limit)
            return _FrameReader(self._zstd.ZstdDecompressor(zstd_dict=self._dictionary, options=self._reading))

        return read_frames(data, open_frame, codec=self.name, limit=limit, failures=self._failures)


def train_dictionary(samples: Iterable[bytes], size: int = 16_384) -> bytes:
    """Return a dictionary for :class:`ZstdCodec`, trained on payloads like those that will be compressed.

    Args:
        samples: At least some hundred payloads, each as it is before compression.
        size: The most bytes that the dictionary may have.

    Raises:
        MissingDependencyError: the extra ``zstd`` is not installed.
        ConfigurationError: the samples are too few or too small to learn from.
    """
    zstd: Any = _library()
    try:
        trained: bytes = zstd.train_dict(samples, size).dict_content
    except (zstd.ZstdError, ValueError) as error:
        message = "the samples are too few or too small to train a zstd dictionary; give some hundred payloads"
        raise ConfigurationError(message) from error
    return trained


class _ContextOfThread(threading.local):
    """One compressor per thread: making one costs more than compressing 1 KB with it."""

    def __init__(self, new_context: Callable[[], Any]) -> None:
        self.compressor = new_context()


class _FrameReader:
    """Reads one zstd frame; the decompressor keeps what it was given and has not used."""

    __slots__ = ("_decompressor", "finished")

    def __init__(self, decompressor: Any) -> None:
        self._decompressor = decompressor
        self.finished = False

    def read(self, data: Payload, room: int, /) -> tuple[bytes, int]:
        decompressor = self._decompressor
        given = data if decompressor.needs_input else b""
        chunk: bytes = decompressor.decompress(given, room)
        self.finished = decompressor.eof
        return chunk, len(given) - len(decompressor.unused_data)


def _library() -> Any:
    module = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    return require(module, extra="zstd", purpose="the zstd codec")

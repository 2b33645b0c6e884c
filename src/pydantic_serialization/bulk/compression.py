"""Compressed files written as streams, in constant memory."""

from __future__ import annotations

import gzip
import io
from typing import IO, TYPE_CHECKING, Any

from pydantic_serialization._optional import require
from pydantic_serialization.bulk.decompression import PIECE, zstd_library

if TYPE_CHECKING:
    from pydantic_serialization.bulk.naming import Compression


def compressing(stream: IO[bytes], compression: Compression | None) -> io.BufferedWriter:
    """Return a stream whose content reaches ``stream`` compressed; close it to finish. ``stream`` stays open.

    gzip files carry no time and no name, zstd and lz4 files carry a checksum of the content.

    Args:
        stream: Where the compressed bytes go.
        compression: Codec and level; ``None`` leaves the bytes as they are.

    Raises:
        MissingDependencyError: the codec's library is not installed.
    """
    return io.BufferedWriter(_Compressing(stream, _compressor(compression)), PIECE)


class _Compressing(io.RawIOBase):
    """Feeds a compressor, and its output to the stream below."""

    def __init__(self, stream: IO[bytes], compressor: Any) -> None:
        self._stream = stream
        self._compressor = compressor

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        data = bytes(piece)
        self._stream.write(data if self._compressor is None else self._compressor.compress(data))
        return len(data)

    def close(self) -> None:
        if not self.closed and self._compressor is not None:
            self._stream.write(self._compressor.flush())
        super().close()


def _compressor(compression: Compression | None) -> Any:
    """Return an object with ``compress`` and ``flush``, as ``zlib.compressobj`` has them."""
    if compression is None:
        return None
    codec, level = compression
    purpose = f"writing {codec} files"
    if codec == "gzip":
        return _Gzip(level)
    if codec == "zstd":
        zstd = zstd_library(purpose)
        parameter = zstd.CompressionParameter
        return zstd.ZstdCompressor(options={parameter.compression_level: level, parameter.checksum_flag: 1})
    if codec == "lz4":
        return _Lz4(require("lz4.frame", extra="lz4", purpose=purpose), level)
    return _Brotli(require("brotli", extra="brotli", purpose=purpose), level)


class _Gzip:
    """gzip through the standard library, with a header that holds neither time nor name."""

    def __init__(self, level: int) -> None:
        self._out = io.BytesIO()
        self._file = gzip.GzipFile(filename="", fileobj=self._out, mode="wb", compresslevel=level, mtime=0)

    def compress(self, data: bytes) -> bytes:
        self._file.write(data)
        return self._taken()

    def flush(self) -> bytes:
        self._file.close()
        return self._taken()

    def _taken(self) -> bytes:
        taken = self._out.getvalue()
        self._out.seek(0)
        self._out.truncate()
        return taken


class _Lz4:
    def __init__(self, lz4: Any, level: int) -> None:
        self._compressor = lz4.LZ4FrameCompressor(compression_level=level, content_checksum=True)
        self._begun = False

    def compress(self, data: bytes) -> bytes:
        return self._header() + bytes(self._compressor.compress(data))

    def flush(self) -> bytes:
        return self._header() + bytes(self._compressor.flush())

    def _header(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return bytes(self._compressor.begin())


class _Brotli:
    def __init__(self, brotli: Any, quality: int) -> None:
        self._compressor = brotli.Compressor(quality=quality)

    def compress(self, data: bytes) -> bytes:
        out: bytes = self._compressor.process(data)
        return out

    def flush(self) -> bytes:
        out: bytes = self._compressor.finish()
        return out

"""Compressed files read as streams, in constant memory.

The codecs of the package work on whole payloads, and the file objects of the libraries ignore what follows the data or
lose what precedes damage. Here the libraries' decompressors are fed piece by piece: everything before a fault is
delivered, and nothing after it is passed over in silence.
"""

from __future__ import annotations

import io
import sys
import zlib
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from pydantic_serialization._optional import require
from pydantic_serialization.codecs import detect_codec
from pydantic_serialization.errors import DecodeError, DecompressionError

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE: Final = 256 * 1024
"""Bytes that are read at once."""
_ENOUGH_TO_RECOGNISE: Final = 64
_GZIP_FORMAT: Final = 31
"""zlib's ``wbits``: a gzip header and trailer, the largest window."""


class Source(io.RawIOBase):
    """The input as it is on the disk, from its beginning, with a count of what was consumed.

    Attributes:
        head: Its first bytes.
        consumed: Bytes that were taken from it.
    """

    @property
    def position(self) -> int:
        """Bytes of content that were delivered: as many as were consumed."""
        return self.consumed

    def __init__(self, stream: IO[bytes]) -> None:
        self.head = stream.read(_ENOUGH_TO_RECOGNISE)
        self.consumed = 0
        self._stream = stream

    def readable(self) -> bool:
        """Say that this stream can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as far as the input goes, and return how far."""
        view = memoryview(buffer).cast("B")
        ahead = self.head[self.consumed : self.consumed + len(view)]
        piece = ahead or self._stream.read(len(view))
        view[: len(piece)] = piece
        self.consumed += len(piece)
        return len(piece)


def recognise(source: Source, named: str | None) -> str | None:
    """Return the codec of a file: what its first bytes say; brotli, which has no mark, by its name.

    Args:
        source: The file.
        named: The codec that its name says.

    Raises:
        DecodeError: its name promises a codec that the bytes are not of.
    """
    found = detect_codec(source.head)
    if found is None and named == "brotli":
        return named
    if found is None and named is not None:
        message = (
            f"the file is named as {named} data and does not begin as that does; rename it if it is not compressed"
        )
        raise DecodeError(message, position=0)
    return found


def decompressed(source: Source, codec: str | None) -> io.BufferedReader:
    """Return the content of ``source``.

    Reading raises ``DecompressionError`` where the data is damaged or ends too early, after everything before that.

    Args:
        source: The file.
        codec: Its codec, ``None`` if it is not compressed.

    Raises:
        MissingDependencyError: the codec's library is not installed.
        DecodeError: the codec cannot be read as a stream.
    """
    if codec is None:
        return io.BufferedReader(source, PIECE)
    library = _library(codec)
    return io.BufferedReader(_Decompressed(source, codec, library), PIECE)


class _Library(NamedTuple):
    """What a codec's library is to a stream."""

    open_frame: Callable[[], _Frame]
    failures: tuple[type[Exception], ...]
    joinable: bool
    """Whether the format allows several frames one after another."""


class _Frame(Protocol):
    """Decompresses one gzip member, zstd frame, lz4 frame or brotli stream."""

    def step(self, piece: bytes, room: int, /) -> bytes:
        """Take ``piece``, return up to about ``room`` decompressed bytes."""
        ...

    @property
    def hungry(self) -> bool:
        """Whether the next step needs input."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the frame has ended and its checksum is verified."""
        ...

    @property
    def rest(self) -> bytes:
        """Once finished: the input behind the end."""
        ...


class _Decompressed(io.RawIOBase):
    """Joins the content of all frames of a file."""

    def __init__(self, source: Source, codec: str, library: _Library) -> None:
        self._source = source
        self._codec = codec
        self._library = library
        self._frame: _Frame | None = None
        self._ahead = b""
        self._out = b""
        self._frames = 0
        self.position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        while not self._out and self._more():
            pass
        piece, self._out = self._out[: len(view)], self._out[len(view) :]
        view[: len(piece)] = piece
        self.position += len(piece)
        return len(piece)

    def _more(self) -> bool:
        """Go one step; return ``False`` at the end of the file."""
        if self._frame is None:
            self._ahead = self._ahead or self._input()
            if not self._ahead and self._frames:
                return False
            if self._frames and not self._library.joinable:
                self._fail("something follows the data", None)
            self._frame = self._library.open_frame()
            self._frames += 1
        frame = self._frame
        hungry = frame.hungry
        given = (self._ahead or self._input()) if hungry else b""
        try:
            self._out = frame.step(given, PIECE)
        except self._library.failures as error:
            self._fail("damaged data, or something else follows it", error)
        if given:
            self._ahead = b""
        if frame.finished:
            self._ahead, self._frame = frame.rest or self._ahead, None
        elif hungry and not given and not self._out:
            self._fail("truncated data", None)
        return True

    def _input(self) -> bytes:
        return self._source.read(PIECE) or b""

    def _fail(self, what: str, cause: Exception | None) -> None:
        message = f"{self._codec}: {what}, after {self.position} decompressed bytes"
        raise DecompressionError(message, position=self.position) from cause


def _library(codec: str) -> _Library:
    purpose = f"reading {codec} files"
    if codec == "gzip":
        return _Library(lambda: _ZlibFrame(zlib.decompressobj(_GZIP_FORMAT)), (zlib.error,), joinable=True)
    if codec == "zstd":
        zstd: Any = zstd_library(purpose)
        return _Library(lambda: _LzmaLikeFrame(zstd.ZstdDecompressor()), (zstd.ZstdError,), joinable=True)
    if codec == "lz4":
        lz4: Any = require("lz4.frame", extra="lz4", purpose=purpose)
        return _Library(lambda: _LzmaLikeFrame(lz4.LZ4FrameDecompressor()), (RuntimeError, ValueError), joinable=True)
    if codec == "brotli":
        brotli: Any = require("brotli", extra="brotli", purpose=purpose)
        return _Library(lambda: _BrotliFrame(brotli.Decompressor()), (brotli.error,), joinable=False)
    message = f"{codec} data cannot be read as a stream; decompress it first"
    raise DecodeError(message)


def zstd_library(purpose: str) -> Any:
    """Return the zstd module of this Python.

    Raises:
        MissingDependencyError: the extra ``zstd`` is not installed.
    """
    module = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    return require(module, extra="zstd", purpose=purpose)


class _ZlibFrame:
    """zlib keeps apart what it has not used for lack of room, and what is behind the end."""

    def __init__(self, inflate: Any) -> None:
        self._inflate = inflate

    def step(self, piece: bytes, room: int) -> bytes:
        out: bytes = self._inflate.decompress(piece or self._inflate.unconsumed_tail, room)
        return out

    @property
    def hungry(self) -> bool:
        return not self._inflate.unconsumed_tail

    @property
    def finished(self) -> bool:
        return bool(self._inflate.eof)

    @property
    def rest(self) -> bytes:
        rest: bytes = self._inflate.unused_data
        return rest


class _LzmaLikeFrame:
    """The zstd and lz4 libraries follow the interface of ``lzma.LZMADecompressor``."""

    def __init__(self, decompressor: Any) -> None:
        self._decompressor = decompressor

    def step(self, piece: bytes, room: int) -> bytes:
        out: bytes = self._decompressor.decompress(piece, room)
        return out

    @property
    def hungry(self) -> bool:
        return bool(self._decompressor.needs_input)

    @property
    def finished(self) -> bool:
        return bool(self._decompressor.eof)

    @property
    def rest(self) -> bytes:
        return self._decompressor.unused_data or b""


class _BrotliFrame:
    """The decompressor raises when anything follows in the same piece."""

    rest = b""

    def __init__(self, decompressor: Any) -> None:
        self._decompressor = decompressor

    def step(self, piece: bytes, room: int) -> bytes:
        out: bytes = self._decompressor.process(piece, output_buffer_limit=room)
        return out

    @property
    def hungry(self) -> bool:
        return bool(self._decompressor.can_accept_more_data())

    @property
    def finished(self) -> bool:
        return bool(self._decompressor.is_finished())

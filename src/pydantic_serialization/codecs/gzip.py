"""gzip (RFC 1952), on the fastest engine installed.

ISA-L (``isal``) compresses several times faster than zlib at zlib's first level, libdeflate (``deflate``) faster and
smaller than zlib at every other level; without them the standard library does everything. All write the same format, so
what one engine wrote every other reads.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization._optional import require
from pydantic_serialization.codecs._bounded import read_frames
from pydantic_serialization.codecs.detection import GZIP_MAGIC, begins_gzip_member, recognises_gzip
from pydantic_serialization.config import CompressionLevel
from pydantic_serialization.errors import DecompressionError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from pydantic_serialization._types import Payload

_GZIP_FORMAT = 31
"""zlib's ``wbits``: a gzip header and trailer, the largest window."""
_HEADER: Final[bytes] = GZIP_MAGIC + b"\x00" * 6 + b"\xff"
"""No flags, no time, unknown operating system: the same bytes at every time and place."""
_LARGE = 1_000_000
"""Bytes from which libdeflate's best level (5 MB/s) gives way to one six times as fast."""


class GzipCodec:
    """gzip, with a reproducible header.

    ==========  ====================  =====================  ==============
    level       with ``isal``         with ``deflate``       neither
    ==========  ====================  =====================  ==============
    FAST        ISA-L 1               zlib 1                 zlib 1
    BALANCED    zlib 6                libdeflate 6           zlib 6
    MAX         zlib 9                libdeflate 12, or 9    zlib 9
                                      from 1 MB
    reading     ISA-L                 zlib                   zlib
    ==========  ====================  =====================  ==============

    The bytes of different engines differ: never derive a key or an ETag from compressed bytes.
    """

    name = "gzip"
    wire_id = 3
    magic = GZIP_MAGIC

    def __init__(self) -> None:
        self._isal = _optional_engine("isal.isal_zlib")
        self._libdeflate = _optional_engine("deflate")
        inflater = self._isal or zlib
        self._decompressobj: Callable[[int], Any] = inflater.decompressobj
        self._failures: tuple[type[Exception], ...] = (inflater.error, zlib.error)

    def recognises(self, data: Payload) -> bool:
        """Say whether ``data`` begins with a whole gzip header whose reserved flags are zero."""
        return recognises_gzip(data)

    def compressor(self, level: CompressionLevel) -> Callable[[Payload], bytes]:
        """Return the function that compresses at ``level`` with the engine of the table above."""
        if level is CompressionLevel.FAST:
            return _with_zlib_interface(self._isal or zlib, 1)
        best = level is CompressionLevel.MAX
        if self._libdeflate is None:
            return _with_zlib_interface(zlib, 9 if best else 6)
        return _with_libdeflate(self._libdeflate, 12 if best else 6, 9 if best else 6)

    def decompress(self, data: Payload, /, *, limit: int) -> bytes:
        """Return the contents of all members of ``data``, joined.

        Args:
            data: One or more gzip members.
            limit: The most bytes that the result may have.

        Raises:
            DecompressionError: the data is empty, truncated, damaged, or followed by something else.
            LimitExceededError: the result would be larger than ``limit``.
        """
        return read_frames(data, self._open, codec=self.name, limit=limit, failures=self._failures)

    def _open(self, head: bytes) -> _MemberReader:
        # ISA-L accepts reserved flags, which RFC 1952 forbids.
        if not begins_gzip_member(head) and len(head) > 3:
            message = "this is not gzip data, or something else follows it"
            raise DecompressionError(message)
        return _MemberReader(self._decompressobj(_GZIP_FORMAT))


class _MemberReader:
    """Reads one gzip member through zlib's or ISA-L's decompression object."""

    __slots__ = ("_inflate", "finished")

    def __init__(self, inflate: Any) -> None:
        self._inflate = inflate
        self.finished = False

    def read(self, data: Payload, room: int, /) -> tuple[bytes, int]:
        inflate = self._inflate
        chunk: bytes = inflate.decompress(data, room)
        self.finished = inflate.eof
        return chunk, len(data) - len(inflate.unconsumed_tail) - len(inflate.unused_data)


def _optional_engine(module: str) -> ModuleType | None:
    try:
        return require(module, extra="gzip", purpose="fast gzip")
    except MissingDependencyError:
        return None


def _with_zlib_interface(engine: Any, level: int) -> Callable[[Payload], bytes]:
    deflate = engine.compress

    def compress(data: Payload) -> bytes:
        return _with_our_header(deflate(data, level, _GZIP_FORMAT))

    return compress


def _with_libdeflate(engine: Any, level: int, level_when_large: int) -> Callable[[Payload], bytes]:
    deflate = engine.gzip_compress

    def compress(data: Payload) -> bytes:
        chosen = level if len(data) < _LARGE else level_when_large
        return _with_our_header(deflate(data, chosen))

    return compress


def _with_our_header(member: bytes | bytearray) -> bytes:
    """Replace the header that an engine wrote, which has the same length since it has no optional fields."""
    return _HEADER + memoryview(member)[len(_HEADER) :]

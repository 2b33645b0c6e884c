"""What a codec is, and what the built-in ones share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import Payload
    from pydantic_serialization.config import CompressionLevel


@runtime_checkable
class Codec(Protocol):
    """One way to compress: gzip, zstd, ... Instances are shared by all threads.

    A plug-in is a class with these members, registered by ``register_codec`` or announced under the entry-point group
    ``pydantic_serialization.codecs``. ``pydantic_serialization.testing.CodecContract`` tests it.

    Attributes:
        name: What the configuration calls it, in lower case.
        wire_id: Its number in a sealed frame. Plug-ins use 128 to 255.
        magic: The bytes that everything it writes begins with, by which readers recognise it; ``None`` if its output
            has no such beginning and so can only be read when it is known what it is.
    """

    @property
    def name(self) -> str:
        """What the configuration calls it."""
        ...

    @property
    def wire_id(self) -> int:
        """Its number in a sealed frame."""
        ...

    @property
    def magic(self) -> bytes | None:
        """How everything it writes begins, if that tells it apart."""
        ...

    def recognises(self, data: Payload) -> bool:
        """Say whether ``data`` looks like something this codec wrote. Whatever it writes must be recognised."""
        ...

    def compressor(self, level: CompressionLevel) -> Callable[[Payload], bytes]:
        """Return the function that compresses at ``level``, which is never ``NONE``.

        Called once, when a pipeline is bound: the choice of an engine is made here. The returned function is called
        from many threads at once and gives the same bytes for the same input.
        """
        ...

    def decompress(self, data: Payload, /, *, limit: int) -> bytes:
        """Return what was compressed into ``data``, all of it and nothing else.

        Args:
            data: Any buffer, views with gaps included; use ``bytes(data)`` if the library wants contiguous memory.
            limit: The most bytes that the result may have. No more memory than about this is used.

        Raises:
            DecompressionError: the data is empty, truncated, damaged, or followed by something else.
            LimitExceededError: the result would be larger than ``limit``.
        """
        ...


class MagicCodec:
    """Recognition by magic number alone, for codecs to inherit."""

    magic: ClassVar[bytes | None] = None

    def recognises(self, data: Payload) -> bool:
        """Say whether ``data`` begins with the magic number."""
        return self.magic is not None and bytes(data[: len(self.magic)]) == self.magic

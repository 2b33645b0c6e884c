"""A format and a codec of one's own: JSON with a checksum, and xz from the standard library.

Both are registered by name and work wherever a name does: in the configuration, in calls, in decorators. A package
announces them instead, under the entry-point groups ``pydantic_serialization.formats`` and ``.codecs``. The tests of a
plug-in are three lines::

    from pydantic_serialization.testing import CodecContract

    class TestXz(CodecContract):
        codec = XzCodec()

Run it with ``python examples/custom_format.py``.
"""

from __future__ import annotations

import json
import lzma
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from pydantic_serialization import (
    CompressionLevel,
    DecodeError,
    DecompressionError,
    LimitExceededError,
    SerializationConfig,
    create_serialization_manager,
    register_codec,
    register_format,
)
from pydantic_serialization.formats import TreeFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    Payload = bytes | bytearray | memoryview


@register_format
class CheckedJsonFormat(TreeFormat):
    """A CRC-32 in eight hexadecimal digits, a space, and JSON: text that notices when it was cut or edited.

    ``TreeFormat`` does the rest: aliases, serializers and computed fields on the way out, validation on the way in.
    """

    name = "checked-json"
    wire_id = 128  # 1 to 127 belong to the package
    media_type = "application/x-checked-json"

    def pack(self, tree: Any) -> bytes:
        """Return the document for a tree of plain values."""
        text = json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode()
        return b"%08x %s" % (zlib.crc32(text), text)

    def unpack(self, data: Payload) -> Any:
        """Return the tree of a document. Whatever ``json`` raises becomes a ``DecodeError`` by itself."""
        checksum, _, text = bytes(data).partition(b" ")
        if checksum != b"%08x" % zlib.crc32(text):
            message = "the checksum does not match"
            raise DecodeError(message)
        return json.loads(text)


@register_codec
class XzCodec:
    """xz: slow to write, and smaller than anything that is fast."""

    name = "xz"
    wire_id = 128
    magic = b"\xfd7zXZ\x00"

    _presets: ClassVar = {CompressionLevel.FAST: 0, CompressionLevel.BALANCED: 4, CompressionLevel.MAX: 6}
    _chunk = 1 << 16
    _memory = 64 << 20  # a header may ask for a window of gigabytes; preset 6 needs 9 MB

    def recognises(self, data: Payload) -> bool:
        """Say whether ``data`` begins as xz does."""
        return bytes(data[: len(self.magic)]) == self.magic

    def compressor(self, level: CompressionLevel) -> Callable[[Payload], bytes]:
        """Return the function that compresses at ``level``."""
        preset = self._presets[level]
        return lambda data: lzma.compress(data, preset=preset)

    def decompress(self, data: Payload, /, *, limit: int) -> bytes:
        """Return what was compressed, in chunks, so that a few bytes cannot become gigabytes before anyone looks.

        Args:
            data: One xz stream.
            limit: The most bytes that the result may have.

        Raises:
            DecompressionError: empty, truncated, damaged, or followed by something else.
            LimitExceededError: the result would be larger than ``limit``.
        """
        reader = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=self._memory)
        output, pending = BytesIO(), bytes(data)
        while not reader.eof:
            try:
                chunk = reader.decompress(pending, self._chunk)
            except lzma.LZMAError:
                message = "damaged xz data, or something else"
                raise DecompressionError(message) from None
            pending = b""
            output.write(chunk)
            if output.tell() > limit:
                message = f"the xz data decompresses to more than max_payload_bytes={limit}"
                raise LimitExceededError(message, limit="max_payload_bytes")
            if not chunk and reader.needs_input and not reader.eof:
                message = "truncated xz data"
                raise DecompressionError(message)
        if reader.unused_data:
            message = "something follows the xz data"
            raise DecompressionError(message)
        return output.getvalue()


class Event(BaseModel):
    """What happened to an order."""

    order: int
    kind: str
    note: str = ""


def main() -> None:
    """Write and read with both, and print what damage does."""
    config = SerializationConfig(default_format="checked-json", compression_codec="xz", compression_threshold=200)
    manager = create_serialization_manager(config)

    data = manager.serialize_sync(Event(order=7, kind="paid"))
    print(f"one event    {data.decode()}")
    print(f"read back    {manager.deserialize_sync(data, Event)!r}")

    events = [Event(order=number, kind="shipped", note="left at the door") for number in range(500)]
    packed = manager.serialize_models_sync(events)
    print(f"500 events   {len(packed)} bytes, which begin with {packed[:6]!r}")
    print(f"read back    equal: {manager.deserialize_models_sync(packed, Event) == events}")

    for label, damaged in (("edited", data.replace(b"7", b"8")), ("cut", packed[:-9])):
        try:
            manager.deserialize_sync(damaged, Event)
        except DecodeError as error:
            print(f"{label:12} {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()

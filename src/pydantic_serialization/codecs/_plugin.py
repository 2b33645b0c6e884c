"""Hold the codecs of plug-ins to what the built-in ones promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization.codecs._bounded import raise_too_large
from pydantic_serialization.errors import DecompressionError, EncodeError, SerializationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization._types import Payload
    from pydantic_serialization.codecs._base import Codec
    from pydantic_serialization.config import CompressionLevel

_OWN_MODULES = f"{__package__}."


def guarded(codec: Codec, name: str) -> Codec:
    """Return ``codec`` itself if its class is one of this package, else with its errors and results checked.

    Args:
        codec: What was registered.
        name: The name that it is registered under.
    """
    return codec if type(codec).__module__.startswith(_OWN_MODULES) else _GuardedCodec(codec, name)


class _GuardedCodec:
    """A codec of a plug-in, with the errors of its library as ours, and its results checked to be bytes.

    Of a foreign error only the kind is told: its text may quote the data.
    """

    __slots__ = ("_codec", "magic", "name", "wire_id")

    def __init__(self, codec: Codec, name: str) -> None:
        self._codec = codec
        self.name = name
        self.wire_id = codec.wire_id
        self.magic = codec.magic

    def recognises(self, data: Payload) -> bool:
        """Say what the codec says. Where it fails, the magic has decided: reading then tells what is wrong."""
        try:
            return self._codec.recognises(data)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  (every library has errors of its own)
            return True

    def compressor(self, level: CompressionLevel) -> Callable[[Payload], bytes]:
        """Return the codec's function for ``level``; what it cannot do, or returns wrongly, is an ``EncodeError``."""
        compress: Callable[[Payload], Any] = self._codec.compressor(level)
        name = self.name

        def checked(data: Payload) -> bytes:
            try:
                packed = compress(data)
            except (SerializationError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001  (every library has errors of its own)
                message = f"the codec {name!r} failed to compress the payload ({type(error).__name__})"
                raise EncodeError(message) from None
            if not isinstance(packed, bytes):
                message = f"the codec {name!r} wrote {type(packed).__name__} where bytes are due"
                raise EncodeError(message)
            return packed

        return checked

    def decompress(self, data: Payload, /, *, limit: int) -> bytes:
        """Return what was compressed into ``data``.

        Raises:
            DecompressionError: the codec raised an error of its own, or returned something other than bytes.
            LimitExceededError: the result is larger than ``limit``.
        """
        try:
            result: Any = self._codec.decompress(data, limit=limit)
        except (SerializationError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  (every library has errors of its own)
            message = f"damaged {self.name} data, or something else follows it ({type(error).__name__})"
            raise DecompressionError(message) from None
        if not isinstance(result, bytes):
            message = f"the codec {self.name!r} returned {type(result).__name__} where bytes are due"
            raise DecompressionError(message)
        if len(result) > limit:
            raise_too_large(self.name, limit)
        return result

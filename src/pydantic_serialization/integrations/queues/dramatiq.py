"""dramatiq: messages whose arguments are models of the codec's list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization._optional import require

require("dramatiq", extra="dramatiq", purpose="pydantic_serialization.integrations.queues.dramatiq")

from dramatiq import Encoder  # noqa: E402  (after the clear error)

if TYPE_CHECKING:
    from pydantic_serialization.integrations.queues.codec import TaggedCodec


class ModelEncoder(Encoder):
    """The encoder of messages and results: ``dramatiq.set_encoder(ModelEncoder(codec))``."""

    def __init__(self, codec: TaggedCodec) -> None:
        self._codec = codec

    def encode(self, data: dict[str, Any]) -> bytes:
        """Return the bytes of a message."""
        return self._codec.dumps(data)

    def decode(self, data: bytes) -> dict[str, Any]:
        """Return a message, or a result; errors are those of ``TaggedCodec.loads``, which dramatiq wraps."""
        found: dict[str, Any] = self._codec.loads(data)
        return found

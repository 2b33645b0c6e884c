"""FastStream: one codec for what a broker publishes and what its subscribers get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_serialization.integrations.queues.codec import TaggedCodec

CONTENT_TYPE = "application/x-pydantic-serialization"
"""What messages say they are; FastStream's own decoder leaves such bytes alone."""


class ModelCodec:
    """FastStream's ``CodecProto``: ``KafkaBroker(..., codec=ModelCodec(codec))``, and so for every broker.

    A subscriber is then called with the models that were published. Needs FastStream 0.7.
    """

    def __init__(self, codec: TaggedCodec) -> None:
        self._codec = codec

    async def encode(self, msg: Any, serializer: Any = None) -> tuple[bytes, str | None]:  # noqa: ARG002
        """Return the bytes of a message, and its content type. ``None`` is an empty message, as in FastStream."""
        return (b"", None) if msg is None else (self._codec.dumps(msg), CONTENT_TYPE)

    async def decode(self, msg: Any) -> Any:
        """Return the value in a message; errors are those of ``TaggedCodec.loads``."""
        return self._codec.loads(msg.body) if msg.body else None

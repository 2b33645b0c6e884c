"""Kafka clients: one pair of functions for kafka-python, aiokafka and confluent-kafka.

=================  ============================================================================
kafka-python       ``KafkaProducer(value_serializer=...)``, ``KafkaConsumer(value_deserializer=...)``
aiokafka           ``AIOKafkaProducer(value_serializer=...)``, ``AIOKafkaConsumer(value_deserializer=...)``
confluent-kafka    ``{"value.serializer": ...}``, ``{"value.deserializer": ...}``
=================  ============================================================================

``None``, which deletes a key in a compacted topic, passes through both.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_serialization._types import Payload
    from pydantic_serialization.integrations.queues.codec import TaggedCodec


class ModelSerializer:
    """Values to bytes; errors are those of ``TaggedCodec.dumps``.

    Args:
        codec: The codec.
    """

    def __init__(self, codec: TaggedCodec) -> None:
        self._codec = codec
        _count_as_own("Serializer", type(self))

    def __call__(self, value: Any, ctx: object = None) -> bytes | None:  # noqa: ARG002  (confluent-kafka's context)
        """Return the bytes of a value."""
        return None if value is None else self._codec.dumps(value)

    def serialize(self, topic: str, headers: Any, data: Any) -> bytes | None:  # noqa: ARG002
        """Do the same, as kafka-python calls it."""
        return self(data)

    def close(self) -> None:
        """Do nothing; kafka-python calls it at the end."""


class ModelDeserializer:
    """Bytes to values; errors are those of ``TaggedCodec.loads``.

    Args:
        codec: The codec.
        expected: The class of every value; ``None`` takes all that the codec lists.
    """

    def __init__(self, codec: TaggedCodec, expected: type[Any] | None = None) -> None:
        self._codec = codec
        self._expected: type[Any] = object if expected is None else expected
        _count_as_own("Deserializer", type(self))

    def __call__(self, value: Payload | None, ctx: object = None) -> Any:  # noqa: ARG002
        """Return the value in some bytes."""
        return None if value is None else self._codec.loads(value, self._expected)

    def deserialize(self, topic: str, headers: Any, data: Payload | None) -> Any:  # noqa: ARG002
        """Do the same, as kafka-python calls it."""
        return self(data)

    def close(self) -> None:
        """Do nothing; kafka-python calls it at the end."""


def _count_as_own(kind: str, cls: type[Any]) -> None:
    """Register with kafka-python, which warns of what is not one of its own classes, if that is what is used."""
    own = sys.modules.get("kafka.serializer")
    if own is not None and not issubclass(cls, getattr(own, kind)):
        getattr(own, kind).register(cls)

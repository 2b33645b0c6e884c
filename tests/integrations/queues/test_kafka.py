"""Kafka clients: what they ask of a serializer, with their own classes. There is no Kafka here."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import aiokafka
import pytest
from confluent_kafka.serialization import MessageField, SerializationContext
from integrations.queues.messages import CODEC, ORDER, PAID, Order, Receipt

from pydantic_serialization import DecodeError
from pydantic_serialization.integrations.queues import kafka as serializers

with warnings.catch_warnings():  # kafka-python reads its files in a way that Python 3.11 alone warns of
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaProducer
    from kafka.serializer import Deserializer, Serializer

WRITE = serializers.ModelSerializer(CODEC)
READ = serializers.ModelDeserializer(CODEC)
DATA = CODEC.dumps(ORDER)


def test_kafka_python() -> None:
    """Its producer's own method calls the serializer, which counts as one of its own, without a warning."""
    assert isinstance(WRITE, Serializer)
    assert isinstance(READ, Deserializer)
    serialize: Any = KafkaProducer._serialize
    assert serialize(None, WRITE, "orders", [], ORDER) == DATA
    assert serialize(None, WRITE, "orders", [], None) is None
    assert READ.deserialize("orders", [], DATA) == ORDER
    assert READ.deserialize("orders", [], None) is None
    WRITE.close()
    READ.close()


def test_aiokafka() -> None:
    """The producer's own method calls the serializer; the consumer takes the deserializer."""

    async def run() -> tuple[Any, Any]:
        producer = aiokafka.AIOKafkaProducer(value_serializer=WRITE)
        consumer = aiokafka.AIOKafkaConsumer(value_deserializer=READ)
        written = producer._serialize(None, PAID, [])
        producer._closed = consumer._closed = True  # they were never started
        return written, consumer._value_deserializer

    (_, data), deserializer = asyncio.run(run())
    assert data == DATA
    assert deserializer(data) == ORDER


def test_confluent_kafka() -> None:
    """It calls with a context."""
    context = SerializationContext("orders", MessageField.VALUE)
    assert WRITE(ORDER, context) == DATA
    assert READ(DATA, context) == ORDER
    assert WRITE(None, context) is None
    assert READ(None, context) is None


def test_a_topic_has_one_class_of_values() -> None:
    """A deserializer that expects receipts refuses orders, and hostile bytes."""
    read = serializers.ModelDeserializer(CODEC, Receipt)
    for data in (DATA, b"", b"\x80\x04N.", DATA[:-1]):
        with pytest.raises(DecodeError):
            read(data)
    assert serializers.ModelDeserializer(CODEC, Order)(DATA) == ORDER

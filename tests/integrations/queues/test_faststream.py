"""FastStream: brokers for Kafka in memory and for Redis with a real server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from faststream.kafka import KafkaBroker, TestKafkaBroker
from faststream.redis import RedisBroker
from integrations.queues.messages import CODEC, ORDER, PAID, Order, Receipt

from pydantic_serialization import DecodeError, UntrustedDataError
from pydantic_serialization.integrations.queues import TaggedCodec
from pydantic_serialization.integrations.queues.faststream import ModelCodec


@pytest.mark.parametrize("order", [ORDER, PAID])
def test_a_subscriber_gets_what_was_published(order: Order) -> None:
    """Through a chain of subscriber and publisher; a subclass gives the listed fields."""
    seen: list[Any] = []

    async def run() -> None:
        broker = KafkaBroker("nowhere:9092", codec=ModelCodec(CODEC))

        @broker.subscriber("orders")
        @broker.publisher("receipts")
        async def ship(order: Order) -> Receipt:
            seen.append(order)
            return Receipt(order=order)

        @broker.subscriber("receipts")
        async def note(receipt: Receipt) -> None:
            seen.append(receipt)

        async with TestKafkaBroker(broker):
            await broker.publish(order, "orders")

    asyncio.run(run())
    assert seen == [ORDER, Receipt(order=ORDER)]
    assert [type(value) for value in seen] == [Order, Receipt]


def test_a_real_redis(redis_port: int) -> None:
    """Published by one broker, received from the server by another."""

    async def run() -> Any:
        received: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        url = f"redis://127.0.0.1:{redis_port}"
        broker = RedisBroker(url, codec=ModelCodec(CODEC))

        @broker.subscriber(list="orders")
        async def ship(body: Any) -> None:
            received.set_result(body)

        async with broker:
            await broker.start()
            await broker.publish({"order": ORDER, "again": [ORDER]}, list="orders")
            return await asyncio.wait_for(received, 60)

    assert asyncio.run(run()) == {"order": ORDER, "again": [ORDER]}


class Message:
    """What the codec looks at of FastStream's messages."""

    def __init__(self, body: bytes) -> None:
        self.body = body


def test_hostile_messages_are_decode_errors() -> None:
    """An empty one is none."""
    codec = ModelCodec(CODEC)
    assert asyncio.run(codec.encode(None)) == (b"", None)
    assert asyncio.run(codec.decode(Message(b""))) is None
    with pytest.raises(DecodeError):
        asyncio.run(codec.decode(Message(b"\x80\x04N.")))
    with pytest.raises(UntrustedDataError):
        asyncio.run(codec.decode(Message(TaggedCodec({"other": Order}).dumps(ORDER))))

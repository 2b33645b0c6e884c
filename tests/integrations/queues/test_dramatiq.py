"""dramatiq, with its broker in memory and a real worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import DecodeError as DramatiqDecodeError
from dramatiq.results import Results
from dramatiq.results.backends import StubBackend
from integrations.queues.messages import CODEC, ORDER, PAID, Order, Receipt

from pydantic_serialization import DecodeError
from pydantic_serialization.integrations.queues.dramatiq import ModelEncoder

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def broker() -> Iterator[StubBroker]:
    encoder = ModelEncoder(CODEC)
    before = dramatiq.get_encoder()
    dramatiq.set_encoder(encoder)
    broker = StubBroker()
    broker.add_middleware(Results(backend=StubBackend(encoder=encoder)))
    worker = dramatiq.Worker(broker, worker_timeout=50, worker_threads=1)
    worker.start()
    yield broker
    worker.stop()
    broker.close()
    dramatiq.set_encoder(before)


@pytest.mark.parametrize("order", [ORDER, PAID])
def test_an_actor_gets_and_returns_models(broker: StubBroker, order: Order) -> None:
    """Arguments and results; a subclass gives the listed fields."""
    seen: list[Any] = []

    def ship(order: Order, *, note: str) -> Receipt:
        seen.append(order)
        return Receipt(order=order, note=note)

    actor = dramatiq.actor(ship, broker=broker, store_results=True)
    message = actor.send(order, note="by sea")
    result = message.get_result(backend=broker.get_results_backend(), block=True, timeout=60_000)
    assert result == Receipt(order=ORDER, note="by sea")
    assert [type(value) for value in seen] == [Order]


@pytest.mark.parametrize("data", [b"", b"\x80\x04N.", CODEC.dumps(ORDER), CODEC.dumps([1])])
def test_hostile_messages_are_dramatiqs_decode_error(broker: StubBroker, data: bytes) -> None:
    """Dramatiq wraps ours, and drops the message."""
    with pytest.raises(DramatiqDecodeError):
        dramatiq.Message.decode(data)


def test_what_cannot_be_read_is_our_error() -> None:
    """The encoder itself raises a ``DecodeError``."""
    with pytest.raises(DecodeError):
        ModelEncoder(CODEC).decode(b"\x80\x04N.")

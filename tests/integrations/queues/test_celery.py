"""Celery, with a real worker in a thread and a broker in memory; and kombu by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kombu
import pytest
from celery import Celery, chain, group
from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging
from integrations.queues.messages import CODEC, ORDER, PAID, Order, Receipt
from kombu.exceptions import ContentDisallowed
from kombu.exceptions import DecodeError as KombuDecodeError
from kombu.serialization import dumps, loads

from pydantic_serialization.integrations.queues import TaggedCodec
from pydantic_serialization.integrations.queues.celery import register, use_codec

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT_TYPE = register(CODEC)


@pytest.fixture(scope="module")
def app() -> Iterator[Celery]:
    app = Celery("tests", broker="memory://", backend="cache+memory://", set_as_current=False)
    use_codec(app, CODEC)
    # Nobody tells a worker of messages in memory: it looks for them, once a second if it is not told otherwise.
    app.conf.update(broker_connection_retry_on_startup=True, broker_transport_options={"polling_interval": 0.01})

    @app.task(name="ship")
    def ship(order: Order, note: str = "") -> Receipt:
        assert type(order) is Order
        return Receipt(order=order, note=note)

    @app.task(name="note of")
    def note_of(receipt: Receipt) -> str:
        assert type(receipt) is Receipt
        return receipt.note

    @app.task(name="fail")
    def fail(order: Order) -> None:
        message = f"order {order.number} is lost"
        raise LookupError(message)

    def leave_alone(**_: Any) -> None:
        """Stand for an application that sets up logging by itself: a worker would raise the level of all loggers."""

    setup_logging.connect(leave_alone)
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=120):
        yield app
    setup_logging.disconnect(leave_alone)


def send(app: Celery, name: str, *arguments: Any, **named: Any) -> Any:
    return app.tasks[name].apply_async(arguments, named).get(timeout=60)


def test_arguments_and_results_are_models(app: Celery) -> None:
    """A task is called with the model that was sent; the caller gets the one that was returned."""
    assert send(app, "ship", ORDER, note="by air") == Receipt(order=ORDER, note="by air")
    assert send(app, "ship", order=PAID) == Receipt(order=ORDER)


def test_canvas(app: Celery) -> None:
    """Chains and groups carry models between tasks."""
    ship, note_of = app.tasks["ship"], app.tasks["note of"]
    assert chain(ship.s(ORDER, note="slow"), note_of.s()).apply_async().get(timeout=60) == "slow"
    both = group(ship.s(ORDER, note="a"), ship.s(ORDER, note="b")).apply_async().get(timeout=60)
    assert [receipt.note for receipt in both] == ["a", "b"]


def test_errors_come_back(app: Celery) -> None:
    """A failing task fails for the caller as Celery has it."""
    with pytest.raises(LookupError, match="order 7 is lost"):
        send(app, "fail", ORDER)


def test_messages_of_other_serializers_are_not_accepted(app: Celery) -> None:
    """A pickle is refused by its content type, before anybody reads it."""
    assert set(app.conf.accept_content) == {"models", "json"}
    content_type, encoding, data = dumps({"x": 1}, serializer="pickle")
    with pytest.raises(ContentDisallowed):
        loads(data, content_type, encoding, accept={CONTENT_TYPE})


def test_kombu_sends_models() -> None:
    """Plain kombu: a producer and a consumer over a broker in memory."""
    received: list[Any] = []
    with kombu.Connection("memory://") as connection, connection.SimpleQueue("orders") as queue:
        queue.put({"order": ORDER}, serializer="models")
        consumer = kombu.Consumer(connection, queue.queue, accept=["models"])
        consumer.register_callback(lambda body, message: (received.append(body), message.ack()))
        with consumer:
            connection.drain_events(timeout=60)
    assert received == [{"order": ORDER}]


@pytest.mark.parametrize("data", [b"", b"\x80\x04N.", CODEC.dumps(ORDER)[:-1], TaggedCodec({"x": Order}).dumps(ORDER)])
def test_hostile_messages_are_kombus_decode_error(data: bytes) -> None:
    """Kombu wraps ours, so that workers handle it as they do every message that cannot be read."""
    if data:
        with pytest.raises(KombuDecodeError):
            loads(data, CONTENT_TYPE, "binary", accept={CONTENT_TYPE})
    else:
        assert loads(data, CONTENT_TYPE, "binary", accept={CONTENT_TYPE}) == data  # kombu asks nobody about nothing

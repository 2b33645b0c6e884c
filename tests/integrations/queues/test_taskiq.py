"""taskiq, with its broker in memory, which formats and parses every message."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from integrations.queues.messages import CODEC, ORDER, PAID, Order, Receipt
from taskiq import InMemoryBroker

from pydantic_serialization import DecodeError, UntrustedDataError
from pydantic_serialization.integrations.queues import TaggedCodec
from pydantic_serialization.integrations.queues.taskiq import ModelFormatter, ModelSerializer, use_codec


def run(*arguments: Any, **named: Any) -> tuple[Any, list[Any]]:
    """Send one task, wait for its result, and return it with what the task was called with."""
    seen: list[Any] = []

    async def work() -> Any:
        broker = InMemoryBroker(await_inplace=True)
        use_codec(broker, CODEC)

        @broker.task(task_name="ship")
        async def ship(order: Any, extra: Any = None) -> Any:
            seen.extend((order, extra))
            return Receipt(order=order) if isinstance(order, Order) else order

        await broker.startup()
        task = await ship.kiq(*arguments, **named)
        result = await task.wait_result(timeout=60)
        await broker.shutdown()
        result.raise_for_error()
        return result.return_value

    return asyncio.run(work()), seen


def test_a_task_gets_models_without_annotations() -> None:
    """The models of the list arrive as such, by position and by name."""
    result, seen = run(ORDER, extra={"more": [ORDER]})
    assert result == Receipt(order=ORDER)
    assert seen == [ORDER, {"more": [ORDER]}]
    assert type(seen[0]) is Order


def test_a_subclass_gives_the_listed_fields() -> None:
    """What the listed class does not declare never leaves, by position and by name."""
    for _, seen in (run(PAID), run(order=PAID), run(PAID, extra=[PAID])):
        assert type(seen[0]) is Order
        assert "4111" not in repr(seen)


def test_a_serializer_of_results() -> None:
    """What a result backend stores is read as it was."""
    serializer = ModelSerializer(CODEC)
    assert serializer.loadb(serializer.dumpb({"result": ORDER})) == {"result": ORDER}


def test_hostile_messages_are_decode_errors() -> None:
    """The formatter reads messages of tasks only."""
    formatter = ModelFormatter(CODEC)
    for data in (b"", b"\x80\x04N.", CODEC.dumps(ORDER), CODEC.dumps([1])):
        with pytest.raises(DecodeError):
            formatter.loads(data)
    with pytest.raises(UntrustedDataError):
        formatter.loads(TaggedCodec({"other": Order}).dumps({"args": [ORDER]}))

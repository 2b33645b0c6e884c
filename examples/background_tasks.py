"""Background work through a task queue: models are the arguments and the results, and nothing else is ever made.

The queue is taskiq's broker in memory, which writes and reads every message as the one for Redis does; Celery, arq,
dramatiq, FastStream and Kafka clients take the same codec. Run it with ``python examples/background_tasks.py``.
"""

import asyncio
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from taskiq import InMemoryBroker

from pydantic_serialization import DecodeError
from pydantic_serialization.bulk import read_records, write_records
from pydantic_serialization.integrations.queues import TaggedCodec
from pydantic_serialization.integrations.queues.taskiq import ModelFormatter, use_codec

# No `from __future__ import annotations` here: taskiq reads the annotations of tasks at run time.


class Order(BaseModel):
    """An order."""

    id: int
    customer: str
    items: dict[str, int]


class CardOrder(Order):
    """An order with something that is nobody's business."""

    card: str


class Export(BaseModel):
    """What is to be exported, and where to."""

    file: Path
    orders: int


class Report(BaseModel):
    """What an export has done."""

    written: int
    bytes: int


# The allow-list, in a module that clients and workers share. Names go over the wire, paths of classes never do.
codec = TaggedCodec({"order": Order, "export": Export, "report": Report}, signing_keys=secrets.token_hex(32))
broker = InMemoryBroker(await_inplace=True)
use_codec(broker, codec)


@broker.task(task_name="confirm")
async def confirm(order: Order) -> str:
    """Answer a customer."""
    return f"{order.customer}, your {len(order.items)} items are on their way; seen: {sorted(dict(order))}"


@broker.task(task_name="export")
async def export(what: Export) -> Report:
    """Write a large file. It takes its name when it is complete, so that nobody ever reads half an export."""

    def orders() -> Iterator[Order]:
        for number in range(what.orders):
            yield Order(id=number, customer=f"customer {number % 97}", items={"chair": number % 5})

    written = await asyncio.to_thread(write_records, what.file, orders(), Order)
    return Report(written=written, bytes=what.file.stat().st_size)


async def main() -> None:
    """Send tasks, wait for their results, and try to send something else."""
    await broker.startup()
    order = CardOrder(id=1, customer="Ada", items={"lamp": 2}, card="4111 1111")
    task = await confirm.kiq(order)
    print(f"confirmed  {(await task.wait_result()).return_value}")

    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "orders.jsonl.gz")
        large = await export.kiq(Export(file=file, orders=20_000))
        print(f"exported   {(await large.wait_result()).return_value!r}")
        with read_records(file, Order) as records:
            print(f"read back  {sum(1 for _ in records)} orders")

    stranger = TaggedCodec({"order": Order})
    for hostile in (b"\x80\x04N.", stranger.dumps({"task_name": "confirm", "args": [order]})):
        try:
            ModelFormatter(codec).loads(hostile)
        except DecodeError as error:
            print(f"refused    {error}")
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(main())

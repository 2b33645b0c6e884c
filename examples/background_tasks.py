"""Work beside the requests: small things after a response, a large export with progress, and an orderly end.

Run it with ``python examples/background_tasks.py``.
"""

import asyncio
import itertools
import logging
import tempfile
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal

import httpx
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, Field

from pydantic_serialization import OptimizedSerializationManager, SerializationConfig, create_serialization_manager
from pydantic_serialization.bulk import RecordWriter, read_records

# No `from __future__ import annotations` here: FastAPI reads annotations at run time.

_logger = logging.getLogger(__name__)


class Order(BaseModel):
    """An order."""

    id: int
    customer: str
    items: dict[str, int]


class Export(BaseModel):
    """How far an export is."""

    id: int
    state: Literal["running", "done", "failed", "stopped"] = "running"
    written: int = 0
    file: Path = Field(exclude=True)  # where files are is nobody's business outside


class Stopping(Exception):  # noqa: N818  (not an error: the application ends)
    """The application ends before the export is complete."""


class Exports:
    """Exports to compressed JSON lines, each in a thread of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count(1)
        self._exports: dict[int, Export] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = threading.Event()

    def start(self, orders: Iterable[Order]) -> Export:
        """Start an export of ``orders``, which may be an iterator over more than fits into memory."""
        number = next(self._numbers)
        export = self._exports[number] = Export(id=number, file=self._directory / f"orders-{number}.jsonl.gz")
        # In a thread, so that requests are answered meanwhile. asyncio itself keeps only a weak reference to a task.
        task = asyncio.create_task(asyncio.to_thread(self._write, export, orders))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return export

    def get(self, number: int) -> Export | None:
        """Return how far an export is."""
        return self._exports.get(number)

    async def drain(self, seconds: float) -> None:
        """Let running exports finish for that long, then stop them between two records."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    def _write(self, export: Export, orders: Iterable[Order]) -> None:
        try:
            # The name says what is written: JSON lines, gzipped. The file takes its name when it is complete, so that
            # nobody ever reads half an export, whatever happens before.
            with RecordWriter(export.file, Order) as writer:
                for order in orders:
                    self._go_on()
                    writer.write(order)
                    export.written = writer.count
            export.state = "done"
        except Stopping:
            export.state = "stopped"
        except Exception:
            export.state = "failed"
            _logger.exception("export %d failed", export.id)

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise Stopping


class Orders:
    """The orders, in a dict where an application has a database."""

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}

    def add(self, order: Order) -> None:
        """Store an order."""
        self._orders[order.id] = order

    def all(self) -> list[Order]:
        """Return a copy of the list: the thread that exports it must not see it change."""
        return list(self._orders.values())


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what requests and background work need, and close it when both are done."""
    # The manager is stopped last: until then, background work may use it.
    async with create_serialization_manager(SerializationConfig(enable_compression=False)) as manager:
        with tempfile.TemporaryDirectory() as directory:
            app.state.manager = manager
            app.state.orders = Orders()
            app.state.exports = Exports(Path(directory))
            try:
                yield
            finally:
                await app.state.exports.drain(seconds=5)


app = FastAPI(title="Orders", lifespan=lifespan)


def get_manager(request: Request) -> OptimizedSerializationManager:
    """Return the application's manager."""
    manager: OptimizedSerializationManager = request.app.state.manager
    return manager


def get_orders(request: Request) -> Orders:
    """Return the application's orders."""
    orders: Orders = request.app.state.orders
    return orders


def get_exports(request: Request) -> Exports:
    """Return the application's exports."""
    exports: Exports = request.app.state.exports
    return exports


ManagerDep = Annotated[OptimizedSerializationManager, Depends(get_manager)]
OrdersDep = Annotated[Orders, Depends(get_orders)]
ExportsDep = Annotated[Exports, Depends(get_exports)]


async def remember(manager: OptimizedSerializationManager, order: Order) -> None:
    """Put an order's bytes into the cache, where the next reader finds them."""
    body = await manager.serialize_model(order)
    await manager.cache_manager.set(f"order:{order.id}", body, ttl=60)


@app.post("/orders", status_code=202)
async def add_order(order: Order, background: BackgroundTasks, manager: ManagerDep, orders: OrdersDep) -> None:
    """Store an order. Its bytes are cached after the response was sent: the client does not wait for that."""
    orders.add(order)
    background.add_task(remember, manager, order)


@app.get("/orders/{order_id}")
async def get_order(order_id: int, manager: ManagerDep) -> Response:
    """Return an order from the cache."""
    body = await manager.cache_manager.get(f"order:{order_id}")
    if body is None:
        raise HTTPException(404, f"order {order_id} is not in the cache")
    return Response(body, media_type="application/json")


@app.post("/exports", status_code=202)
async def start_export(orders: OrdersDep, exports: ExportsDep) -> Export:
    """Start an export of all orders. It takes too long for a request, and outlives this one."""
    return exports.start(orders.all())


@app.get("/exports/{export_id}")
async def get_export(export_id: int, exports: ExportsDep) -> Export:
    """Return how far an export is."""
    export = exports.get(export_id)
    if export is None:
        raise HTTPException(404, f"there is no export {export_id}")
    return export


async def main() -> None:
    """Call the endpoints in this process, print what they answer, and end while an export runs."""
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://orders.example") as client:
            order = {"id": 1, "customer": "Ada", "items": {"lamp": 2}}
            print(f"stored     {(await client.post('/orders', json=order)).status_code}")
            print(f"cached     {(await client.get('/orders/1')).text}")

            for number in range(2, 20_001):
                app.state.orders.add(Order(id=number, customer=f"customer {number % 97}", items={"chair": number % 5}))
            answer = (await client.post("/exports")).json()
            print(f"export     {answer}")
            while answer["state"] == "running":
                await asyncio.sleep(0.01)
                answer = (await client.get(f"/exports/{answer['id']}")).json()
            print(f"export     {answer}")

        export = app.state.exports.get(1)
        with read_records(export.file, Order) as records:
            size = sum(len(order.model_dump_json()) + 1 for order in records)
        print(f"file       {records.good} records, {size} bytes of JSON lines in {export.file.stat().st_size}")
        last = app.state.exports.start(app.state.orders.all())
        print(f"at the end {last.state}")
    print(f"afterwards {last.state}, {last.written} written")


if __name__ == "__main__":
    asyncio.run(main())

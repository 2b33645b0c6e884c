"""How long a client lives: as long as its event loop, or until it is closed."""

from __future__ import annotations

import asyncio
import contextlib
import queue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine

ResultT = TypeVar("ResultT")


class LoopClient:
    """The client of one event loop, which closes itself when the loop is shut down in order."""

    __slots__ = ("_closing", "_tasks", "redis")

    def __init__(self, client: Any) -> None:
        self.redis = client
        self._closing: AsyncGenerator[None, None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def close_with_the_loop(self) -> None:
        """Let ``loop.shutdown_asyncgens()``, which ``asyncio.run`` calls, close the connections."""
        self._closing = _closing(self.redis)
        await anext(self._closing)

    async def apart(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Return the result of ``work``, which goes on when the caller is cancelled."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._is_done)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Close the connections."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._closing is not None:
            await self._closing.aclose()

    def _is_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits any more


async def _closing(client: Any) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        for pool in pools(client):
            await pool.disconnect()
        if not hasattr(client, "connection_pool"):
            await client.aclose()


def disconnect_idle(pool: Any) -> None:
    """Disconnect what a pool of threads has at rest."""
    try:
        pool.disconnect(inuse_connections=False)
    except TypeError:  # the waiting pool of redis-py 6 only knows all, also what other threads are reading from
        resting = _taken_out(pool.pool)
        for connection in reversed(resting):
            if connection is not None:
                connection.disconnect()
            pool.pool.put_nowait(connection)


def _taken_out(rest: queue.Queue[Any]) -> list[Any]:
    """Take all out of a queue."""
    found = []
    with contextlib.suppress(queue.Empty):
        while True:
            found.append(rest.get_nowait())
    return found


def close_sync(client: Any) -> None:
    """Close a client of threads."""
    for pool in pools(client):
        pool.disconnect()
    if not hasattr(client, "connection_pool"):
        client.close()


def pools(client: Any) -> list[Any]:
    """Return the connection pools of a client, and of the Sentinels that it asks; a Cluster's client closes its own."""
    pool = getattr(client, "connection_pool", None)
    if pool is None:
        return []
    sentinels = getattr(getattr(pool, "sentinel_manager", None), "sentinels", ())
    return [pool, *(sentinel.connection_pool for sentinel in sentinels)]

"""Operations of one tick of an event loop as one: a hundred tasks that each want a key make one round trip."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task
    from collections.abc import Callable, Coroutine, Mapping

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Batch(Generic[ItemT, ResultT]):
    """Collects what the tasks of one event loop ask for until the loop comes round, and sends it together.

    Args:
        send: Asks for all of it, given the loop, the items by name, and the longest time to live. Raises nothing.
    """

    __slots__ = ("_items", "_result", "_send", "_tasks", "_ttl")

    # Refers to no loop, or the table by loop would keep it alive.
    def __init__(
        self, send: Callable[[AbstractEventLoop, dict[str, ItemT], float], Coroutine[Any, Any, ResultT]]
    ) -> None:
        self._send = send
        self._items: dict[str, ItemT] = {}
        self._ttl = 0.0
        self._result: Future[ResultT | None] | None = None
        self._tasks: set[Task[None]] = set()

    async def ask(self, loop: AbstractEventLoop, items: Mapping[str, ItemT], ttl: float = 0.0) -> ResultT | None:
        """Return the result for everything that was asked for in this tick of ``loop``, or ``None`` if it was given up.

        Nobody waits longer than the operation may take, however busy the loop is: its time begins when it is sent.
        """
        result = self._result
        if result is None:
            result = self._result = loop.create_future()
            # Of no caller: what the tier does must not see one request's context variables.
            loop.call_soon(self._begin, loop, result, context=Context())
        self._items.update(items)
        self._ttl = max(self._ttl, ttl)
        # A caller that is cancelled leaves it alone.
        return await asyncio.shield(result)

    def _begin(self, loop: AbstractEventLoop, result: Future[ResultT | None]) -> None:
        items, ttl = self._items, self._ttl
        self._items, self._ttl, self._result = {}, 0.0, None
        task = loop.create_task(self._run(loop, items, ttl, result))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(
        self, loop: AbstractEventLoop, items: dict[str, ItemT], ttl: float, result: Future[ResultT | None]
    ) -> None:
        found = None
        try:
            found = await self._send(loop, items, ttl)
        finally:
            if not result.done():
                result.set_result(found)

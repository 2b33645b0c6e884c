"""Operations of one tick of an event loop as one: a hundred tasks that each want a key make one round trip."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task
    from collections.abc import Callable, Coroutine, Mapping

    from pydantic_serialization.cache.shared.budget import Budget

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Batch(Generic[ItemT, ResultT]):
    """Collects what the tasks of one event loop ask for until the loop comes round, and sends it together.

    Args:
        send: Asks for all of it, given the loop, the items by name, the longest time to live, and the seconds that one
            round trip may take. Returns the result, and the seconds that the longest trip has taken. Raises nothing.
    """

    __slots__ = ("_answers", "_items", "_send", "_tasks", "_ttl")

    # Refers to no loop, or the table by loop would keep it alive.
    def __init__(
        self,
        send: Callable[[AbstractEventLoop, dict[str, ItemT], float, float], Coroutine[Any, Any, tuple[ResultT, float]]],
    ) -> None:
        self._send = send
        self._items: dict[str, ItemT] = {}
        self._ttl = 0.0
        # By the seconds that a caller has left: those who have asked the same things before have the same.
        self._answers: dict[float, Future[tuple[ResultT | None, float]]] = {}
        self._tasks: set[Task[None]] = set()

    async def ask(
        self, loop: AbstractEventLoop, items: Mapping[str, ItemT], budget: Budget, ttl: float = 0.0
    ) -> ResultT | None:
        """Return the result for everything that was asked for in this tick of ``loop``, or ``None`` if it was given up.

        Nobody waits longer than its budget, however busy the loop is: its time begins when the batch is sent.
        """
        answer = self._answers.get(budget.left)
        if answer is None:
            if not self._answers:
                # Of no caller: what the tier does must not see one request's context variables.
                loop.call_soon(self._begin, loop, context=Context())
            answer = self._answers[budget.left] = loop.create_future()
        self._items.update(items)
        self._ttl = max(self._ttl, ttl)
        # A caller that is cancelled leaves it alone.
        result, seconds = await asyncio.shield(answer)
        budget.spend(seconds)
        return result

    def _begin(self, loop: AbstractEventLoop) -> None:
        items, ttl, answers = self._items, self._ttl, self._answers
        self._items, self._ttl, self._answers = {}, 0.0, {}
        task = loop.create_task(self._run(loop, items, ttl, answers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(
        self,
        loop: AbstractEventLoop,
        items: dict[str, ItemT],
        ttl: float,
        answers: dict[float, Future[tuple[ResultT | None, float]]],
    ) -> None:
        longest = max(answers)
        timers = [
            loop.call_later(seconds, _give, answer, None, seconds)
            for seconds, answer in answers.items()
            if seconds < longest
        ]
        result, taken = None, longest
        try:
            result, taken = await self._send(loop, items, ttl, longest)
        except MemoryError:
            for answer in answers.values():
                if not answer.done():
                    answer.set_exception(MemoryError())
        finally:
            for timer in timers:
                timer.cancel()
            for answer in answers.values():
                _give(answer, result, taken)


def _give(answer: Future[tuple[ResultT | None, float]], result: ResultT | None, seconds: float) -> None:
    if not answer.done():
        answer.set_result((result, seconds))

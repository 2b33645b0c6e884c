"""How a cache reaches a shared tier: with a deadline, a circuit breaker and counters, and without errors.

Written once, as coroutines, for event loops and for threads: without a loop they call the blocking operations of the
tier, and never suspend.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakKeyDictionary

from pydantic_serialization.cache.shared.breaker import Breaker

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence

    from pydantic_serialization.cache._base import SharedTier
    from pydantic_serialization.cache.shared.invalidation import Invalidation
    from pydantic_serialization.cache.shared.messages import Messenger

ResultT = TypeVar("ResultT")

MOST_NAMES: Final = 1000
"""Names that one round trip asks for at most."""

DEADLINE: Final[ContextVar[float]] = ContextVar("pydantic_serialization_cache_deadline", default=float("inf"))
"""Until when, on ``time.monotonic``, the running operation of a thread may take. A tier that blocks should keep to it."""

_PROBE_PATIENCE = 4

_log = logging.getLogger(__name__)


class Faults:
    """What went wrong between a cache and its shared tier."""

    __slots__ = ("errors", "short_circuits", "timeouts")

    def __init__(self) -> None:
        self.errors = self.timeouts = self.short_circuits = 0


class Access:
    """The operations of a tier that never raise: what fails is counted and logged, and gives ``None``.

    Args:
        tier: The tier.
        timeout: Seconds that one operation may take.
    """

    def __init__(self, tier: SharedTier, timeout: float) -> None:
        self.tier = tier
        self.timeout = timeout
        self.faults = Faults()
        self.round_trips = self.reading_trips = self.names_asked = 0
        chance = random.Random()  # noqa: S311  (not a secret)
        self.reads = Breaker(time.monotonic, chance, patience=_PROBE_PATIENCE * timeout)
        self.writes = Breaker(time.monotonic, chance, patience=_PROBE_PATIENCE * timeout)
        self.after_fork()

    def after_fork(self) -> None:
        """Forget what was under way in the parent process."""
        self._batches: WeakKeyDictionary[AbstractEventLoop, _Batch] = WeakKeyDictionary()
        self.reads.after_fork()
        self.writes.after_fork()

    async def get_many(self, loop: AbstractEventLoop | None, names: Sequence[str]) -> Mapping[str, bytes] | None:
        """Return the values of ``names``, among others; reads of one tick of an event loop share a round trip."""
        if not self.reads.allows():
            self.faults.short_circuits += 1
            return None
        if loop is None:
            return await self._read(None, names)
        batch = self._batches.get(loop)
        if batch is None:
            batch = self._batches[loop] = _Batch(self._read_all)
        return await batch.get_many(loop, names)

    async def set_many(self, loop: AbstractEventLoop | None, items: Mapping[str, bytes], ttl: float) -> bool:
        """Store ``items`` for ``ttl`` seconds; return whether that was confirmed."""
        return await self._guarded(self.writes, self._set(loop, items, ttl), allowed=self.writes.allows()) is not None

    async def add_many(
        self, loop: AbstractEventLoop | None, items: Mapping[str, bytes], ttl: float, deadline: float
    ) -> Mapping[str, bytes] | None:
        """Store those of ``items`` that are not there, and return what is there then.

        Args:
            loop: Of the caller.
            items: Values by name.
            ttl: Seconds.
            deadline: Until when, on ``time.monotonic``.
        """
        work = self._add(loop, items, ttl, deadline)
        return await self._guarded(self.writes, work, allowed=self.writes.allows(), decides=False)

    async def delete_many(self, loop: AbstractEventLoop | None, names: Sequence[str]) -> None:
        """Remove the values of ``names``, whatever the breaker says.

        Raises:
            TimeoutError: it took too long.
            Exception: what the tier raises.
        """
        self.round_trips += 1
        if loop is None:
            with _deadline(self.timeout):
                self.tier.delete_many_sync(names)
        else:
            async with asyncio.timeout(self.timeout):
                await self.tier.delete_many(names)

    async def announce(self, loop: AbstractEventLoop | None, messenger: Messenger, invalidation: Invalidation) -> None:
        """Tell the other processes, whatever the breaker says.

        Raises:
            TimeoutError: it took too long.
            Exception: what the tier raises.
        """
        self.round_trips += 1
        if loop is None:
            with _deadline(self.timeout):
                messenger.send_sync(invalidation)
        else:
            async with asyncio.timeout(self.timeout):
                await messenger.send(invalidation)

    async def _read_all(self, loop: AbstractEventLoop, names: Sequence[str]) -> Mapping[str, bytes] | None:
        if len(names) <= MOST_NAMES:
            return await self._read(loop, names)
        parts = [names[start : start + MOST_NAMES] for start in range(0, len(names), MOST_NAMES)]
        found: dict[str, bytes] = {}
        for part in await asyncio.gather(*(self._read(loop, part) for part in parts)):
            if part is None:
                return None
            found.update(part)
        return found

    async def _read(self, loop: AbstractEventLoop | None, names: Sequence[str]) -> Mapping[str, bytes] | None:
        self.names_asked += len(names)
        self.round_trips += 1
        self.reading_trips += 1
        return await self._guarded(self.reads, self._get(loop, names), allowed=True)

    async def _guarded(
        self, breaker: Breaker, work: Coroutine[Any, Any, ResultT], *, allowed: bool, decides: bool = True
    ) -> ResultT | None:
        if not allowed:
            work.close()
            self.faults.short_circuits += 1
            return None
        try:
            result = await work
        except TimeoutError as error:
            self.faults.timeouts += 1
            self._note(breaker, error)
        except Exception as error:  # noqa: BLE001  (whatever a store raises is a miss)
            self.faults.errors += 1
            self._note(breaker, error)
        except BaseException:
            breaker.abandoned()
            raise
        else:
            # A full Redis may still add versions that are there already, and store nothing.
            if decides:
                breaker.succeeded()
            else:
                breaker.abandoned()
            return result
        return None

    def _note(self, breaker: Breaker, error: Exception) -> None:
        if breaker.failed():
            # The class only: texts of clients repeat addresses and keys.
            what = "read" if breaker is self.reads else "written"
            name = type(error).__qualname__
            _log.warning("the shared cache cannot be %s (%s): going on without it, and trying again", what, name)

    async def _get(self, loop: AbstractEventLoop | None, names: Sequence[str]) -> Mapping[str, bytes]:
        if loop is None:
            with _deadline(self.timeout):
                return self.tier.get_many_sync(names)
        async with asyncio.timeout(self.timeout):
            return await self.tier.get_many(names)

    async def _set(self, loop: AbstractEventLoop | None, items: Mapping[str, bytes], ttl: float) -> bool:
        self.round_trips += 1
        if loop is None:
            with _deadline(self.timeout):
                self.tier.set_many_sync(items, ttl)
        else:
            async with asyncio.timeout(self.timeout):
                await self.tier.set_many(items, ttl)
        return True

    async def _add(
        self, loop: AbstractEventLoop | None, items: Mapping[str, bytes], ttl: float, deadline: float
    ) -> Mapping[str, bytes]:
        self.round_trips += 1
        left = max(0.0, min(self.timeout, deadline - time.monotonic()))
        if loop is None:
            with _deadline(left):
                return self.tier.add_many_sync(items, ttl)
        async with asyncio.timeout(left):
            return await self.tier.add_many(items, ttl)


class _Batch:
    """Collects the names that the tasks of one event loop ask for until the loop comes round."""

    __slots__ = ("_fetch", "_names", "_result", "_tasks")

    # Refers to no loop, or the table by loop would keep it alive.
    def __init__(
        self, fetch: Callable[[AbstractEventLoop, Sequence[str]], Coroutine[Any, Any, Mapping[str, bytes] | None]]
    ) -> None:
        self._fetch = fetch
        self._names: dict[str, None] = {}
        self._result: Future[Mapping[str, bytes] | None] | None = None
        self._tasks: set[Task[None]] = set()

    async def get_many(self, loop: AbstractEventLoop, names: Iterable[str]) -> Mapping[str, bytes] | None:
        result = self._result
        if result is None:
            result = self._result = loop.create_future()
            # Of no caller: what the tier does must not see one request's context variables.
            loop.call_soon(self._send, loop, result, context=Context())
        self._names.update(dict.fromkeys(names))
        # Unlike awaiting the future, this leaves it alone when the caller is cancelled.
        await asyncio.wait((result,))
        return result.result()

    def _send(self, loop: AbstractEventLoop, result: Future[Mapping[str, bytes] | None]) -> None:
        names = list(self._names)
        self._names, self._result = {}, None
        task = loop.create_task(self._run(loop, names, result))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(
        self, loop: AbstractEventLoop, names: Sequence[str], result: Future[Mapping[str, bytes] | None]
    ) -> None:
        found = None
        try:
            found = await self._fetch(loop, names)
        finally:
            if not result.done():
                result.set_result(found)


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    token = DEADLINE.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        DEADLINE.reset(token)

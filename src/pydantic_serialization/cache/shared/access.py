"""How a cache reaches a shared tier: with a deadline, a circuit breaker and counters, and without errors.

Written once, as coroutines, for event loops and for threads: without a loop they call the blocking operations of the
tier, and never suspend.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from pydantic_serialization.cache.shared.batching import Batch
from pydantic_serialization.cache.shared.breaker import Breaker
from pydantic_serialization.cache.shared.budget import Budget, ending_in
from pydantic_serialization.cache.shared.trips import split_names, split_writes

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Coroutine, Mapping, Sequence

    from pydantic_serialization.cache._base import SharedTier
    from pydantic_serialization.cache.shared.invalidation import Invalidation
    from pydantic_serialization.cache.shared.messages import Messenger

ResultT = TypeVar("ResultT")

_PROBE_PATIENCE = 4

_log = logging.getLogger(__name__)


class Faults:
    """What went wrong between a cache and its shared tier."""

    __slots__ = ("errors", "short_circuits", "timeouts")

    def __init__(self) -> None:
        self.errors = self.timeouts = self.short_circuits = 0


class Access:
    """The operations of a tier. They raise ``MemoryError`` only: what else fails is counted and logged, and gives ``None``.

    Args:
        tier: The tier. If it has ``where``, log lines name it so, else by its class.
        timeout: Seconds that one operation may take, and all reads of one call together.
    """

    def __init__(self, tier: SharedTier, timeout: float) -> None:
        self.tier = tier
        # Nothing else of the tier: its text may hold what it stores.
        self.where: str = getattr(tier, "where", type(tier).__name__)
        self.timeout = timeout
        self.faults = Faults()
        self.round_trips = self.reading_trips = self.names_asked = 0
        chance = random.Random()  # noqa: S311  (not a secret)
        self.reads = Breaker(time.monotonic, chance, patience=_PROBE_PATIENCE * timeout)
        self.writes = Breaker(time.monotonic, chance, patience=_PROBE_PATIENCE * timeout)
        self.after_fork()

    def after_fork(self) -> None:
        """Forget what was under way in the parent process."""
        self._batches: WeakKeyDictionary[AbstractEventLoop, _Batches] = WeakKeyDictionary()
        self.reads.after_fork()
        self.writes.after_fork()

    def budget(self) -> Budget:
        """Return what one call may spend."""
        return Budget(self.timeout)

    async def get_many(
        self, loop: AbstractEventLoop | None, names: Sequence[str], budget: Budget
    ) -> Mapping[str, bytes] | None:
        """Return the values of ``names``, among others; reads of one tick of an event loop share a round trip."""
        if not self._may(self.reads, budget):
            return None
        if loop is None:
            with budget.running():
                return await self._read(None, names, budget.left)
        return await self._of(loop).reads.ask(loop, dict.fromkeys(names), budget)

    async def set_many(self, loop: AbstractEventLoop | None, items: Mapping[str, bytes], ttl: float) -> bool:
        """Store ``items`` for at least ``ttl`` seconds; return whether that was confirmed."""
        budget = self.budget()
        if not self._may(self.writes, budget):
            return False
        if loop is None:
            return await self._write(None, items, ttl)
        values = {name: (value, ttl) for name, value in items.items()}
        stored = await self._of(loop).writes.ask(loop, values, budget)
        return stored is not None and stored.issuperset(items)

    async def add_many(
        self, loop: AbstractEventLoop | None, items: Mapping[str, bytes], ttl: float, budget: Budget
    ) -> Mapping[str, bytes] | None:
        """Store those of ``items`` that are not there, for ``ttl`` seconds, and return what is there then, and more."""
        if not self._may(self.writes, budget):
            return None
        if loop is None:
            with budget.running():
                return await self._add(None, items, ttl, budget.left)
        return await self._of(loop).adds.ask(loop, items, budget, ttl)

    async def delete_many(self, loop: AbstractEventLoop | None, names: Sequence[str], budget: Budget) -> None:
        """Remove the values of ``names``, whatever the breaker says.

        Raises:
            TimeoutError: it took too long.
            Exception: what the tier raises.
        """
        self.round_trips += 1
        with budget.running():
            if loop is None:
                with ending_in(budget.left):
                    self.tier.delete_many_sync(names)
            else:
                async with asyncio.timeout(budget.left):
                    await self.tier.delete_many(names)

    async def announce(
        self, loop: AbstractEventLoop | None, messenger: Messenger, invalidation: Invalidation, budget: Budget
    ) -> None:
        """Tell the other processes, whatever the breaker says.

        Raises:
            TimeoutError: it took too long.
            Exception: what the tier raises.
        """
        self.round_trips += 1
        if loop is None:
            with ending_in(budget.left):
                messenger.send_sync(invalidation)
        else:
            async with asyncio.timeout(budget.left):
                await messenger.send(invalidation)

    # One after the other: at once, each would wait for the others within its own time.

    async def read_all(
        self, loop: AbstractEventLoop, names: Mapping[str, None], _: float, seconds: float
    ) -> tuple[Mapping[str, bytes] | None, float]:
        """Read what the tasks of a tick ask for."""
        found: dict[str, bytes] = {}
        longest = 0.0
        for part in split_names(list(names)):
            started = time.monotonic()
            answer = await self._read(loop, part, seconds)
            longest = max(longest, time.monotonic() - started)
            if answer is None:
                return None, longest
            found.update(answer)
        return found, longest

    async def add_all(
        self, loop: AbstractEventLoop, items: Mapping[str, bytes], ttl: float, seconds: float
    ) -> tuple[Mapping[str, bytes] | None, float]:
        """Add what the tasks of a tick want to have added. What one of them needs for longer is kept for longer."""
        added: dict[str, bytes] = {}
        longest = 0.0
        for part in split_names(list(items)):
            started = time.monotonic()
            answer = await self._add(loop, {name: items[name] for name in part}, ttl, seconds)
            longest = max(longest, time.monotonic() - started)
            if answer is None:
                break
            added.update(answer)
        return added, longest

    async def write_all(
        self, loop: AbstractEventLoop, items: Mapping[str, tuple[bytes, float]], _ttl: float, _seconds: float
    ) -> tuple[set[str], float]:
        """Store what the tasks of a tick want to have stored; return the names for which that was confirmed."""
        stored: set[str] = set()
        for part, ttl in split_writes(items):
            if not await self._write(loop, part, ttl):
                break
            stored.update(part)
        return stored, 0.0

    def _of(self, loop: AbstractEventLoop) -> _Batches:
        batches = self._batches.get(loop)
        if batches is None:
            batches = self._batches[loop] = _Batches(self)
        return batches

    def _may(self, breaker: Breaker, budget: Budget) -> bool:
        if budget.left <= 0:
            return False
        if breaker.allows():
            return True
        self.faults.short_circuits += 1
        return False

    async def _read(
        self, loop: AbstractEventLoop | None, names: Sequence[str], seconds: float
    ) -> Mapping[str, bytes] | None:
        self.names_asked += len(names)
        self.reading_trips += 1
        return await self._guarded(self.reads, self._get(loop, names, seconds))

    async def _add(
        self, loop: AbstractEventLoop | None, items: Mapping[str, bytes], ttl: float, seconds: float
    ) -> Mapping[str, bytes] | None:
        # A full store may still add what is there already, and store nothing: only a write closes the breaker.
        return await self._guarded(self.writes, self._put_new(loop, items, ttl, seconds), decides=False)

    async def _write(self, loop: AbstractEventLoop | None, items: Mapping[str, bytes], ttl: float) -> bool:
        return await self._guarded(self.writes, self._put(loop, items, ttl)) is not None

    async def _guarded(
        self, breaker: Breaker, work: Coroutine[Any, Any, ResultT], *, decides: bool = True
    ) -> ResultT | None:
        self.round_trips += 1
        try:
            result = await work
        except TimeoutError as error:
            self.faults.timeouts += 1
            self._note(breaker, error)
        except MemoryError:  # nothing is wrong with the store
            breaker.abandoned()
            raise
        except Exception as error:  # noqa: BLE001  (whatever a store raises is a miss)
            self.faults.errors += 1
            self._note(breaker, error)
        except BaseException:
            breaker.abandoned()
            raise
        else:
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
            where = self.where
            _log.warning("the shared cache %s cannot be %s (%s): going on without it, trying again", where, what, name)

    async def _get(self, loop: AbstractEventLoop | None, names: Sequence[str], seconds: float) -> Mapping[str, bytes]:
        if loop is None:
            with ending_in(seconds):
                return self.tier.get_many_sync(names)
        async with asyncio.timeout(seconds):
            return await self.tier.get_many(names)

    async def _put(self, loop: AbstractEventLoop | None, items: Mapping[str, bytes], ttl: float) -> bool:
        if loop is None:
            with ending_in(self.timeout):
                self.tier.set_many_sync(items, ttl)
        else:
            async with asyncio.timeout(self.timeout):
                await self.tier.set_many(items, ttl)
        return True

    async def _put_new(
        self, loop: AbstractEventLoop | None, items: Mapping[str, bytes], ttl: float, seconds: float
    ) -> Mapping[str, bytes]:
        if loop is None:
            with ending_in(seconds):
                return self.tier.add_many_sync(items, ttl)
        async with asyncio.timeout(seconds):
            return await self.tier.add_many(items, ttl)


class _Batches:
    """What the tasks of one event loop ask for together."""

    __slots__ = ("adds", "reads", "writes")

    def __init__(self, access: Access) -> None:
        self.reads = Batch(access.read_all)
        self.adds = Batch(access.add_all)
        self.writes = Batch(access.write_all)

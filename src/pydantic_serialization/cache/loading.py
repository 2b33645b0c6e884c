"""Reading through the cache: single-flight loads, early refresh, and old values where loading fails."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from pydantic_serialization.cache.flight import LEADING, Flights, Outcome
from pydantic_serialization.cache.shared.sealing import Times
from pydantic_serialization.cache.stats import LoadStats
from pydantic_serialization.cache.values import as_bytes
from pydantic_serialization.errors import CacheError
from pydantic_serialization.frame import ZERO_FINGERPRINT

if TYPE_CHECKING:
    import random

    from pydantic_serialization.cache._base import Entry, Loader
    from pydantic_serialization.cache.background import Background
    from pydantic_serialization.cache.flight import Flight
    from pydantic_serialization.cache.policy import LoadPolicy
    from pydantic_serialization.cache.runner import Runner
    from pydantic_serialization.cache.shared.versions import Ticket
    from pydantic_serialization.cache.store import EntryStore, Intent
    from pydantic_serialization.cache.tiers import Tiers

RETRY_AFTER: Final = 5.0
"""Seconds for which an entry is served without another attempt to replace it, after one was begun or has failed."""

_log = logging.getLogger(__name__)


class ReadThrough:
    """What happens on a read that the entry in the cache does not settle.

    Args:
        store: The entries of this process.
        tiers: Those of all processes too, if there is a shared tier.
        background: Keeps loads that no caller waits for.
        jitter: Largest share of a time to live that is taken off at random, so that what was loaded together does not
            expire together.
        random: Where the jitter comes from.
    """

    def __init__(
        self, store: EntryStore, tiers: Tiers | None, background: Background, *, jitter: float, random: random.Random
    ) -> None:
        self._store = store
        self._tiers = tiers
        self._background = background
        self._jitter = jitter
        self._random = random
        self._flights = Flights()
        self._stats = LoadStats(
            count=0, errors=0, coalesced=0, promoted=0, stale_served=0, refreshes=0, seconds=0.0, saved_seconds=0.0
        )

    def stats(self) -> LoadStats:
        """Return the counters."""
        return self._stats.copy()

    def after_fork(self) -> None:
        """Forget the flights of the parent process."""
        self._flights.after_fork()

    def refresh(self, runner: Runner, key: str, loader: Loader, policy: LoadPolicy, entry: Entry) -> None:
        """Start one load of a key whose entry is still good, unless one is under way or was begun a moment ago."""
        if self._store.clock() < entry.retry_at or not self._background.has_room():
            return
        # One flight per world; the time keeps a second loop or thread from refreshing too.
        entry.retry_at = self._store.clock() + RETRY_AFTER
        flight = self._flights.lead(runner, key)
        if flight is not None:
            self._stats["refreshes"] += 1
            work = self._load(runner, flight, key, loader, policy, refreshing=True)
            runner.start(work, partial(self._flights.end, runner, key, flight, None))

    async def read(self, runner: Runner, key: str, loader: Loader, policy: LoadPolicy) -> bytes | None:
        """Return the value of a key that the cache does not have.

        Raises:
            TimeoutError: loading took longer than ``policy.timeout``, and there is no old value.
            CacheError: the load was cancelled, and the caller was not.
            Exception: what the loader raised, if there is no old value.
        """
        old = self._store.tier.peek(key)
        if old is not None and self._store.clock() < old.retry_at:
            return self._serve_stale(old)
        outcome = await self._fly(runner, key, loader, policy)
        error = outcome.error
        if error is None:
            return outcome.value
        old = self._store.tier.peek(key)
        if old is not None:
            return self._serve_stale(old)
        try:
            # Several callers raise one object: each starts from the loader's traceback, not from the last caller's.
            raise error.with_traceback(outcome.traceback)
        finally:
            # The traceback refers to this frame: without a cycle, what the loader used is freed at once.
            del outcome, error

    async def _fly(self, runner: Runner, key: str, loader: Loader, policy: LoadPolicy) -> Outcome:
        """Return how the load ended, this caller's or another's; a time that is up counts as an error."""
        deadline = None if policy.timeout is None else runner.now() + policy.timeout
        vacant = False
        while True:
            flight, leads = self._flights.join(runner, key)
            if leads:
                self._stats["promoted"] += vacant
                await self._lead(runner, flight, key, loader, policy, deadline)
            else:
                await flight.signal.wait(deadline)
            if not flight.ended:
                flight.detached |= leads
                self._postpone(key)
                message = (
                    f"loading a cache entry took longer than the timeout of {policy.timeout} s; it goes on in the"
                    " background: call again later, raise the timeout, or allow old values with stale_ttl"
                )
                return Outcome(None, TimeoutError(message))
            if flight.outcome is not None:
                self._stats["coalesced"] += not leads
                try:
                    return flight.outcome
                finally:
                    del flight  # see _load
            if leads:
                message = "loading a cache entry was cancelled by its own loader, or because the cache was stopped"
                raise CacheError(message)
            vacant = True

    async def _lead(
        self,
        runner: Runner,
        flight: Flight,
        key: str,
        loader: Loader,
        policy: LoadPolicy,
        deadline: float | None,
    ) -> None:
        entry = self._store.tier.peek(key)
        if entry is not None and self._store.clock() < entry.expires_at:
            # Another flight landed between this caller's lookup and its own flight.
            self._flights.end(runner, key, flight, Outcome(entry.value))
            return
        work = self._load(runner, flight, key, loader, policy)
        if deadline is None:
            del flight  # see _load
            await work
        else:
            await runner.run_apart(work, partial(self._flights.end, runner, key, flight, None), deadline)

    async def _load(
        self,
        runner: Runner,
        flight: Flight,
        key: str,
        loader: Loader,
        policy: LoadPolicy,
        *,
        refreshing: bool = False,
    ) -> None:
        """Look into the shared tier, else call the loader; store the value, and end the flight, whatever happens."""
        clock, outer = self._store.clock, LEADING.get()
        LEADING.set((*flight.outer, flight))
        intent = self._store.intend(key, policy.tags)
        outcome = ticket = started = None
        try:
            if self._tiers is not None:
                found, ticket = await self._tiers.look_up(runner.loop, intent, policy, refreshing=refreshing)
                if found is not None:
                    outcome = Outcome(found.value)
                    return
            started = clock()
            made = await runner.call(loader)
            value = None if made is None else as_bytes(made, "the loader returned")
            times = self._keep(intent, value, policy)
            outcome = Outcome(value)
            if ticket is not None:
                await self._share(runner, key, ticket, value, times, policy)
        except Exception as error:  # noqa: BLE001  (the flight hands it to every caller that waits)
            # Without this frame, which refers to the flight, and so to the error.
            outcome = Outcome(None, error, error.__traceback__ and error.__traceback__.tb_next)
            self._note_failure(flight, key, error)
        finally:
            # Without the token of set(): a coroutine that is closed by the collector is in another context.
            LEADING.set(outer)
            if started is not None:
                self._stats["count"] += 1
                self._stats["seconds"] += clock() - started
            self._flights.end(runner, key, flight, outcome)
            # From CPython 3.12 on the loader's traceback keeps the frames of all coroutines that awaited it. None of
            # them may refer to the error in turn, or what the loader used would wait for the collector.
            del flight, outcome

    def _keep(self, intent: Intent, value: bytes | None, policy: LoadPolicy) -> Times | None:
        """Keep a loaded value in this process; return how long it lives, or ``None`` if it is not to be kept."""
        if value is not None:
            ttl = self._shortened(policy.ttl)
            # Zero first: the product of an infinite time and a share of 0 is not a number.
            share = policy.refresh_after
            times = Times(ttl if share is None else ttl * share if share else 0.0, ttl, policy.stale_ttl)
        elif policy.negative_ttl is not None:
            ttl = self._shortened(policy.negative_ttl)
            times = Times(ttl, ttl, 0.0)
        else:
            self._store.fulfil_without(intent)
            return None
        kept = times.ttl if self._tiers is None else self._tiers.keep_for(times.ttl)
        self._store.fulfil(intent, value, ttl=kept, fresh=times.fresh, stale=times.stale)
        return times

    async def _share(
        self, runner: Runner, key: str, ticket: Ticket, value: bytes | None, times: Times | None, policy: LoadPolicy
    ) -> None:
        """Store a loaded value in the shared tier, behind the caller's back where that is possible."""
        assert self._tiers is not None  # noqa: S101  (there is a ticket)
        shared = self._tiers.shared
        if times is None:
            work = shared.discard(runner.loop, key)
        else:
            entry = shared.entry(ticket, value, times)
            work = shared.write(runner.loop, key, entry, policy.fingerprint or ZERO_FINGERPRINT)
        if not shared.settings.background_writes or not runner.write(work):
            await work

    def _shortened(self, ttl: float) -> float:
        return ttl * (1.0 - self._jitter * self._random.random()) if self._jitter else ttl

    def _note_failure(self, flight: Flight, key: str, error: Exception) -> None:
        self._stats["errors"] += 1
        kept = self._postpone(key)
        if kept or flight.detached:
            # The class only: messages of databases and clients repeat values.
            name = type(error).__qualname__
            _log.warning(
                "loading a cache entry failed with %s; %s", name, "the old one stays" if kept else "no old one"
            )

    def _postpone(self, key: str) -> bool:
        """Leave the loader alone for a while if there is an old value to serve; return whether there is."""
        old = self._store.tier.peek(key)
        if old is None:
            return False
        old.retry_at = self._store.clock() + RETRY_AFTER
        return True

    def _serve_stale(self, old: Entry) -> bytes | None:
        self._stats["stale_served"] += self._store.clock() >= old.expires_at
        return old.value

"""The two tiers as one: what is found in the shared one is kept in this process, and what changes, changes in both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic_serialization._optional import require
from pydantic_serialization.cache._base import Backplane, SharedTier
from pydantic_serialization.cache.shared.hearing import Hearing
from pydantic_serialization.cache.shared.invalidation import Invalidation
from pydantic_serialization.cache.shared.messages import Messenger
from pydantic_serialization.cache.shared.sealing import Times
from pydantic_serialization.cache.shared.settings import SharedSettings
from pydantic_serialization.cache.shared.store import SharedStore
from pydantic_serialization.cache.shared.versions import Names
from pydantic_serialization.cache.stats import BackplaneStats, RejectedEntries, SharedTierStats
from pydantic_serialization.envelope import Sealer
from pydantic_serialization.errors import ConfigurationError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Mapping, Sequence

    from pydantic_serialization.cache.policy import LoadPolicy
    from pydantic_serialization.cache.shared.sealing import SharedEntry
    from pydantic_serialization.cache.shared.versions import Ticket
    from pydantic_serialization.cache.store import EntryStore, Intent
    from pydantic_serialization.envelope import Algorithm


class Tiers:
    """A store in this process before a store that processes share.

    Each method takes the event loop of the caller, or ``None`` in a thread, where it never suspends.

    Args:
        local: The entries of this process.
        shared: The entries of all.
        hearing: Hears what other processes invalidate, where the shared tier has a backplane.
        is_signed: Whether entries of the shared tier are signed.
    """

    def __init__(
        self, local: EntryStore, shared: SharedStore, hearing: Hearing | None = None, *, is_signed: bool = False
    ) -> None:
        self.local = local
        self.shared = shared
        self.hearing = hearing
        self.is_signed = is_signed

    def keep_for(self, ttl: float) -> float:
        """Return for how long this process may keep what lives for ``ttl`` seconds."""
        settings = self.shared.settings
        if self.hearing is None:
            return min(ttl, settings.lonely_ttl)
        return ttl if self.hearing.is_verified() else min(ttl, settings.unheard_ttl)

    async def find(self, loop: AbstractEventLoop | None, key: str) -> bytes | None:
        """Return the value that the shared tier has for ``key``, and keep it here."""
        return (await self.find_many(loop, (key,))).get(key)

    async def find_many(self, loop: AbstractEventLoop | None, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the values that the shared tier has for ``keys``, and keep them here."""
        self.listen()
        intents = [self.local.intend(key, ()) for key in keys]
        found = await self.shared.find_many(loop, keys, self.shared.budget()) or {}
        values = {}
        for intent in intents:
            entry = found.get(intent.key)
            if entry is not None and self.keep(intent, entry) and entry.value is not None:
                values[intent.key] = entry.value
        return values

    async def look_up(
        self,
        loop: AbstractEventLoop | None,
        intent: Intent,
        policy: LoadPolicy,
        *,
        refreshing: bool,
    ) -> tuple[SharedEntry | None, Ticket | None]:
        """Return the entry of the shared tier for a load that is about to begin, else the ticket to store what it makes.

        An entry past its time to live is none, but kept, in case the load fails.

        Args:
            loop: Of the caller.
            intent: Taken before.
            policy: How what will be loaded is stored.
            refreshing: Whether an entry will not do for which a refresh is due.
        """
        self.listen()
        budget = self.shared.budget()
        answer = await self.shared.find(loop, intent.key, budget, policy.tags, policy.fingerprint)
        entry = answer.entry
        # The one that is to be refreshed is here already, and has been marked as being refreshed.
        if entry is not None and not (refreshing and self._is_due(entry)) and self.keep(intent, entry):
            return entry, None
        if not answer.reachable:
            return None, None
        return None, await self.shared.prepare(loop, intent.key, budget, policy.tags, policy.longest)

    def keep(self, intent: Intent, entry: SharedEntry) -> bool:
        """Keep an entry of the shared tier in this process for the time that is left; return whether it is a hit."""
        age, times = entry.age(self.shared.now()), entry.times
        adopted = self.local.adopt(intent, entry.tags)
        if adopted is not None:
            self.local.fulfil(
                adopted,
                entry.value,
                ttl=self.keep_for(times.ttl - age),
                fresh=times.fresh - age,
                stale=times.stale,
            )
        return age < times.ttl

    async def put_many(
        self, loop: AbstractEventLoop | None, items: Mapping[str, bytes], ttl: float, tags: tuple[str, ...]
    ) -> None:
        """Store values that are known now in both tiers, and have the other processes drop their copies."""
        self.listen()
        invalidation = Invalidation(tuple(items))
        intents = [self.local.intend(key, tags) for key in items]
        try:
            if await self.shared.put_many(loop, items, tags, Times(ttl, ttl, 0.0)):
                await self.shared.delivery.announce(loop, invalidation)
        except BaseException:
            # Cancelled: what the shared tier has now nobody knows.
            self.shared.delivery.queue.add(invalidation)
            self.local.invalidate(items)
            raise
        # Afterwards: what a concurrent read has found in the shared tier until now is replaced. What another one has set
        # or invalidated meanwhile may be newer than this.
        for intent in intents:
            self.local.settle(intent, items[intent.key], self.keep_for(ttl))

    async def invalidate(self, loop: AbstractEventLoop | None, invalidation: Invalidation) -> int:
        """Invalidate in both tiers and in the other processes; return how many keys had an entry here.

        Raises:
            InvalidationError: the others could not be told.
        """
        self.listen()
        removed = self.apply(invalidation)
        try:
            await self.shared.delivery.invalidate(loop, invalidation)
        finally:
            # Again: a concurrent read may have brought the old entry back before the shared tier knew.
            self.apply(invalidation)
        return removed

    def apply(self, invalidation: Invalidation) -> int:
        """Invalidate in this process only."""
        if invalidation.everything:
            self.local.clear()
            return 0
        return self.local.invalidate(invalidation.keys, invalidation.tags)

    def listen(self) -> None:
        """Begin to hear what other processes invalidate, before anything of theirs is kept."""
        if self.hearing is not None:
            self.hearing.ensure()

    def stop_listening(self) -> None:
        """Hear nothing more, and forget what this process keeps."""
        if self.hearing is not None:
            self.hearing.stop()

    async def open(self, loop: AbstractEventLoop | None) -> None:
        """Connect, tried again where that fails, and begin to listen."""
        self.listen()
        await self.shared.open(loop)

    async def close(self, loop: AbstractEventLoop | None) -> None:
        """Deliver what is queued, hear nothing more, and give back the connections of ``loop``, or of threads."""
        await self.shared.delivery.recover_once(loop)
        if loop is None:
            self.stop_listening()
        else:
            # The thread may be waiting for a server that does not answer.
            await asyncio.to_thread(self.stop_listening)
        await self.shared.close(loop)

    def backplane_stats(self) -> BackplaneStats:
        """Return the numbers of the backplane."""
        stats, messenger, hearing = no_backplane(), self.shared.delivery.messenger, self.hearing
        stats["queued"] = len(self.shared.delivery.queue)
        if messenger is not None and hearing is not None:
            stats["state"], stats["gaps"] = hearing.state, hearing.gaps
            stats["published"], stats["received"] = messenger.published, messenger.received
            stats["rejected"] = messenger.rejected
        return stats

    def after_fork(self) -> None:
        """Forget what was under way in the parent process, and the entries that its thread would have dropped."""
        self.shared.after_fork()
        if self.shared.delivery.messenger is not None:
            self.shared.delivery.messenger.after_fork()
        if self.hearing is not None:
            self.hearing.after_fork()
            # The tier may not be renewed yet, and a thread of the parent may have held its lock.
            renew = getattr(self.local.tier, "after_fork", None)
            if renew is not None:
                renew()
            self.local.clear()

    def _is_due(self, entry: SharedEntry) -> bool:
        """Say whether a load should replace the entry now."""
        times = entry.times
        return times.fresh < times.ttl and entry.age(self.shared.now()) >= times.fresh


def build_tiers(
    local: EntryStore,
    *,
    redis_url: str | None,
    shared_tier: SharedTier | None,
    namespace: str,
    signing_keys: Sequence[bytes],
    signing_algorithm: Algorithm,
    settings: SharedSettings | None,
) -> Tiers | None:
    """Return the tiers of a cache, or ``None`` if it has no shared one.

    Raises:
        ConfigurationError: both a URL and a tier are given, the URL or a key is not valid, or the tier lacks methods.
        MissingDependencyError: redis-py is not installed.
    """
    used = SharedSettings() if settings is None else settings
    if redis_url is not None:
        if shared_tier is not None:
            message = "a cache has one shared tier: pass redis_url or shared_tier, not both"
            raise ConfigurationError(message)
        require("redis", extra="redis", purpose="redis_url")
        from pydantic_serialization.cache.redis import RedisTier  # noqa: PLC0415  (an optional library)

        shared_tier = RedisTier(redis_url, timeout=used.timeout)
    if shared_tier is None:
        return None
    if not isinstance(shared_tier, SharedTier):
        message = f"shared_tier has not the methods of a SharedTier: {type(shared_tier).__qualname__}"
        raise ConfigurationError(message)
    names = Names(namespace)
    sealer = Sealer(signing_keys, algorithm=signing_algorithm)
    messenger = Messenger(shared_tier, names.backplane, sealer) if isinstance(shared_tier, Backplane) else None
    store = SharedStore(shared_tier, names, sealer, used, messenger)
    tiers = Tiers(local, store, is_signed=sealer.keyed)
    if messenger is not None:
        tiers.hearing = Hearing(store.delivery, messenger, used, apply=tiers.apply, forget=local.clear)
    return tiers


def no_shared_tier() -> SharedTierStats:
    """Return the numbers of a shared tier that does not exist."""
    return SharedTierStats(
        enabled=False,
        hits=0,
        misses=0,
        hit_rate=0.0,
        stale_hits=0,
        rejected=RejectedEntries(mac=0, schema=0, format=0, outdated=0),
        bytes_read=0,
        bytes_written=0,
        writes=0,
        rejected_oversize=0,
        round_trips=0,
        keys_per_trip=0.0,
        errors=0,
        timeouts=0,
        short_circuits=0,
        breaker="closed",
        write_breaker="closed",
        breaker_opened=0,
    )


def no_backplane() -> BackplaneStats:
    """Return the numbers of a backplane that does not exist."""
    return BackplaneStats(state="none", published=0, received=0, rejected=0, gaps=0, queued=0)

"""The entries of a shared tier: found, promised, stored and invalidated over processes."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic_serialization.cache.shared.access import Access
from pydantic_serialization.cache.shared.delivery import Delivery, pause
from pydantic_serialization.cache.shared.invalidation import Invalidation
from pydantic_serialization.cache.shared.sealing import EntrySealer, SharedEntry, Times
from pydantic_serialization.cache.shared.versions import Ticket, new_version, stamps_of
from pydantic_serialization.cache.stats import RejectedEntries, SharedTierStats
from pydantic_serialization.frame import ZERO_FINGERPRINT

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Mapping, Sequence

    from pydantic_serialization.cache._base import SharedTier
    from pydantic_serialization.cache.shared.budget import Budget
    from pydantic_serialization.cache.shared.messages import Messenger
    from pydantic_serialization.cache.shared.settings import SharedSettings
    from pydantic_serialization.cache.shared.versions import Names
    from pydantic_serialization.envelope import Sealer

LONGEST_LIFE: Final = 30 * 86_400.0
"""Seconds; an entry that may live for longer is stored for so long."""

LONGEST_LOAD: Final = 600.0
"""Seconds that versions outlive the entries made under them: a load that takes longer may be stored in vain."""

_log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What the tier says of one key.

    Attributes:
        entry: The entry, if there is one that may be served.
        reachable: Whether the tier has answered at all.
    """

    entry: SharedEntry | None
    reachable: bool


class SharedStore:
    """The entries of one namespace in a shared tier. Only invalidations raise; everything else fails as a miss.

    Each method takes the event loop of the caller, or ``None`` in a thread, where it never suspends.

    Args:
        tier: The tier.
        names: The namespace.
        sealer: Seals entries.
        settings: Times and bounds.
        messenger: Tells other processes; ``None`` where the tier has no backplane.
    """

    def __init__(
        self,
        tier: SharedTier,
        names: Names,
        sealer: Sealer,
        settings: SharedSettings,
        messenger: Messenger | None = None,
    ) -> None:
        self.settings = settings
        self._tier = tier
        self._names = names
        self._access = Access(tier, settings.timeout)
        self.delivery = Delivery(self._access, names, settings, messenger)
        self._rejected = RejectedEntries(mac=0, schema=0, format=0, outdated=0)
        self._sealer = EntrySealer(sealer, settings.max_bytes, self._rejected)
        self._hits = self._misses = self._stale = 0
        self._writes = self._oversize = self._bytes_read = self._bytes_written = 0

    def after_fork(self) -> None:
        """Forget what was under way in the parent process."""
        self._access.after_fork()
        self.delivery.queue.after_fork()

    def budget(self) -> Budget:
        """Return how long one read, or one load, may wait for the tier, all its questions together."""
        return self._access.budget()

    async def find(
        self,
        loop: AbstractEventLoop | None,
        key: str,
        budget: Budget,
        tags: Sequence[str] = (),
        fingerprint: bytes | None = None,
    ) -> Answer:
        """Look for the entry of ``key``, which is found for as long as it exists, past its time to live too.

        Args:
            loop: Of the caller.
            key: The key.
            budget: Of the caller.
            tags: Tags that it may have: knowing them saves a round trip.
            fingerprint: Of the schema, where it is known.
        """
        found = await self.find_many(loop, (key,), budget, tags, fingerprint)
        return Answer(None, reachable=False) if found is None else Answer(found.get(key), reachable=True)

    async def find_many(
        self,
        loop: AbstractEventLoop | None,
        keys: Sequence[str],
        budget: Budget,
        tags: Sequence[str] = (),
        fingerprint: bytes | None = None,
    ) -> dict[str, SharedEntry] | None:
        """Return the entries of those ``keys`` that have one, or ``None`` if the tier does not answer."""
        if self.delivery.queue:
            await self.delivery.recover_in_passing(loop, budget)
        names = self._names
        wanted = [names.everything, *map(names.of_tag, tags)]
        for key in keys:
            wanted += (names.entry(key), names.of_key(key))
        values = await self._access.get_many(loop, wanted, budget)
        if values is None:
            self._misses += len(keys)
            return None
        opened = self._open(keys, values, fingerprint)
        known = set(tags)
        other = {tag for entry in opened.values() for tag in entry.tags if tag not in known}
        if other:
            versions = await self._access.get_many(loop, [names.of_tag(tag) for tag in other], budget)
            values = {**values, **(versions or {})}
        now = self._tier.now()
        found = {key: entry for key, entry in opened.items() if self._is_current(key, entry, values, now)}
        hits = sum(entry.age(now) < entry.times.ttl for entry in found.values())
        self._hits += hits
        self._misses += len(keys) - hits
        self._stale += len(found) - hits
        return found

    def now(self) -> float:
        """Return unix seconds on the tier's clock."""
        return self._tier.now()

    async def prepare(
        self, loop: AbstractEventLoop | None, key: str, budget: Budget, tags: tuple[str, ...], longest: float
    ) -> Ticket | None:
        """Return what :meth:`entry` needs, to be called before the value is asked for; ``None`` if there is no tier now.

        Args:
            loop: Of the caller.
            key: The key.
            budget: Of the caller.
            tags: Names that will invalidate the entry.
            longest: Seconds that it may exist.
        """
        names = self._names.versions(key, tags)
        stamps = await self._stamps(loop, names, min(longest, LONGEST_LIFE), budget)
        return None if stamps is None else Ticket(tags, stamps)

    def entry(self, ticket: Ticket, value: bytes | None, times: Times) -> SharedEntry:
        """Return the entry of a value that was just loaded: its life begins now, whenever it is stored."""
        return SharedEntry(value, self._tier.now(), times, ticket.tags, ticket.stamps)

    async def write(
        self,
        loop: AbstractEventLoop | None,
        key: str,
        entry: SharedEntry,
        fingerprint: bytes = ZERO_FINGERPRINT,
    ) -> None:
        """Store an entry. If its key or a tag was invalidated since its ticket, nobody will be served it."""
        name = self._names.entry(key)
        left = min(entry.times.total - entry.age(self._tier.now()), LONGEST_LIFE)
        if left <= 0:
            return
        sealed = self._sealer.seal(name, entry, fingerprint)
        if sealed is None:
            self._oversize += 1
        elif await self._access.set_many(loop, {name: sealed}, left):
            self._writes += 1
            self._bytes_written += len(sealed)

    async def discard(self, loop: AbstractEventLoop | None, key: str) -> None:
        """Remove the entry of a key whose source has no value any more, and any that is on its way, if that is possible."""
        with contextlib.suppress(Exception):
            await self._access.delete_many(loop, (self._names.of_key(key), self._names.entry(key)), self.budget())

    async def put_many(
        self, loop: AbstractEventLoop | None, items: Mapping[str, bytes], tags: tuple[str, ...], times: Times
    ) -> bool:
        """Store values that are known now, in place of what is stored and of what is being loaded anywhere.

        Returns:
            Whether that was confirmed. If not, the former entries will be invalidated as soon as that is possible.
        """
        life = min(times.total, LONGEST_LIFE)
        shared = [self._names.everything, *map(self._names.of_tag, tags)]
        stamps = await self._stamps(loop, shared, life, self.budget())
        if stamps is not None:
            made, oversized = self._sealed(items, tags, stamps, times)
            self._oversize += oversized
            if await self._access.set_many(loop, made, life):
                self._writes += len(items) - oversized
                self._bytes_written += sum(map(len, made.values()))
                return True
        self.delivery.queue.add(Invalidation(tuple(items)))
        return False

    async def open(self, loop: AbstractEventLoop | None) -> None:
        """Reach the tier once, tried again where that fails. If it all fails, that is logged."""
        settings = self.settings
        for attempt in range(settings.max_retries + 1):
            if attempt:
                await pause(loop, settings.retry_delay * 2 ** (attempt - 1))
            if await self._access.get_many(loop, [self._names.everything], self.budget()) is not None:
                return
        where = self._access.where
        _log.warning("the shared cache %s cannot be reached: the application starts without it", where)

    async def close(self, loop: AbstractEventLoop | None) -> None:
        """Give back the connections of ``loop``, if there is one, and of threads."""
        with contextlib.suppress(Exception):
            self._tier.close_sync()
            if loop is not None:
                await self._tier.close()

    def stats(self) -> SharedTierStats:
        """Return the counters."""
        hits, misses, access = self._hits, self._misses, self._access
        return SharedTierStats(
            enabled=True,
            hits=hits,
            misses=misses,
            hit_rate=hits / (hits + misses) if hits + misses else 0.0,
            stale_hits=self._stale,
            rejected=self._rejected.copy(),
            bytes_read=self._bytes_read,
            bytes_written=self._bytes_written,
            writes=self._writes,
            rejected_oversize=self._oversize,
            round_trips=access.round_trips,
            keys_per_trip=access.names_asked / access.reading_trips if access.reading_trips else 0.0,
            errors=access.faults.errors,
            timeouts=access.faults.timeouts,
            short_circuits=access.faults.short_circuits,
            breaker=access.reads.state,
            write_breaker=access.writes.state,
            breaker_opened=access.reads.opened + access.writes.opened,
        )

    async def _stamps(
        self, loop: AbstractEventLoop | None, names: Sequence[str], life: float, budget: Budget
    ) -> tuple[bytes, ...] | None:
        """Return the versions under ``names``, new ones where there were none; ``None`` if one cannot be had."""
        found = await self._access.add_many(loop, {name: new_version() for name in names}, life + LONGEST_LOAD, budget)
        stamps = stamps_of(found, names)
        if found is not None and stamps is None:
            # Damaged ones would stay, and nothing that depends on them be stored again. The next load makes new ones.
            damaged = [name for name in names if stamps_of(found, [name]) is None]
            with contextlib.suppress(Exception):
                await self._access.delete_many(loop, damaged, budget)
        return stamps

    def _open(
        self, keys: Sequence[str], values: Mapping[str, bytes], fingerprint: bytes | None
    ) -> dict[str, SharedEntry]:
        opened = {}
        for key in keys:
            name = self._names.entry(key)
            data = values.get(name)
            if data is not None:
                self._bytes_read += len(data)
                entry = self._sealer.open(name, data, fingerprint)
                if entry is not None:
                    opened[key] = entry
        return opened

    def _is_current(self, key: str, entry: SharedEntry, values: Mapping[str, bytes], now: float) -> bool:
        """Say whether an entry may be served, and count it if not."""
        if entry.age(now) >= entry.times.total:
            return False
        versions = map(values.get, self._names.versions(key, entry.tags))
        # A version that is missing is a new one: no stamp is None.
        if tuple(versions) == entry.stamps and not self.delivery.queue.concerns(key, entry.tags):
            return True
        self._rejected["outdated"] += 1
        return False

    def _sealed(
        self, items: Mapping[str, bytes], tags: tuple[str, ...], stamps: tuple[bytes, ...], times: Times
    ) -> tuple[dict[str, bytes], int]:
        """Return entries with new versions of their keys, by name, and how many were too large to be stored."""
        everything, *of_tags = stamps
        now = self._tier.now()
        made: dict[str, bytes] = {}
        oversized = 0
        for key, value in items.items():
            version, name = new_version(), self._names.entry(key)
            made[self._names.of_key(key)] = version
            sealed = self._sealer.seal(name, SharedEntry(value, now, times, tags, (everything, version, *of_tags)))
            if sealed is None:
                oversized += 1  # without an entry: the new version of the key ends the old one
            else:
                made[name] = sealed
        return made, oversized

"""The cache that applications use."""

from __future__ import annotations

import random
import time
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Final, Self

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization.cache._base import CacheStats, SharedTierStats
from pydantic_serialization.cache.background import Background
from pydantic_serialization.cache.keys import check_key, check_tags
from pydantic_serialization.cache.loading import LoadPolicy, ReadThrough
from pydantic_serialization.cache.memory import MemoryTier
from pydantic_serialization.cache.runner import LoopRunner, ThreadRunner, run
from pydantic_serialization.cache.store import EntryStore
from pydantic_serialization.cache.values import as_bytes, as_seconds, as_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_serialization._types import Payload
    from pydantic_serialization.cache._base import CacheTier, Clock, Loader, SyncLoader

JITTER: Final = 0.1
"""Share of a time to live that ``get_or_load`` takes off at most."""

DRAIN_SECONDS: Final = 5.0
"""How long ``stop`` waits for loads in the background."""


class CacheManager:
    """A cache of bytes, with loading, invalidation and statistics, for coroutines and for threads.

    Values are ``bytes``; ``bytearray`` and ``memoryview`` are copied. Serialize anything else first. Each asynchronous
    method has a twin for threads, called ``..._sync``. Both may be used at once, from any number of event loops and
    threads, and after a fork. Nothing has to be started; :meth:`stop` waits for the work in the background.

    Args:
        max_size: Most entries in this process.
        max_bytes: Most bytes in this process: payloads, keys and bookkeeping.
        ttl: Seconds for which a value is a hit, where a call names none. Infinity is allowed.
        namespace: Goes before every key in a store that other applications use too; keys in this process do without.
        clock: Returns seconds. The default does not follow the wall clock.
        tier: Where entries are kept in this process, in place of a ``MemoryTier``; ``max_size`` and ``max_bytes`` are
            then the tier's own. Its clock must be ``clock``.
        jitter: Share of a time to live, 0 to 1, of which :meth:`get_or_load` takes off a random part, so that what was
            loaded together does not expire together. :meth:`set` keeps to the time it is given.
        random_source: Where the jitter comes from; seed one to have it repeatable.

    Raises:
        ConfigurationError: an argument is out of range.
    """

    def __init__(
        self,
        *,
        max_size: int = 1000,
        max_bytes: int = 67_108_864,
        ttl: float = 3600.0,
        namespace: str = "pydantic_serialization",
        clock: Clock = time.monotonic,
        tier: CacheTier | None = None,
        jitter: float = JITTER,
        random_source: random.Random | None = None,
    ) -> None:
        self.namespace = check_key(namespace)
        self.ttl = as_seconds(ttl, "ttl")
        self._tier: CacheTier = MemoryTier(max_size, max_bytes, clock=clock) if tier is None else tier
        self._clock = clock
        self._store = EntryStore(self._tier, clock)
        self._background = Background()
        self._reading = ReadThrough(
            self._store,
            self._background,
            jitter=as_share(jitter, "jitter"),
            random=random.Random() if random_source is None else random_source,  # noqa: S311  (not a secret)
        )
        renew_after_fork(self)

    async def get(self, key: str) -> bytes | None:
        """Return the value of ``key``, or ``None`` if there is none.

        Raises:
            UnsupportedTypeError: (a ``TypeError``) the key is no str.
            ConfigurationError: (a ``ValueError``) the key is empty, or longer than 1024 characters. (Both hold for
                every method.)
        """
        return self.get_sync(key)

    def get_sync(self, key: str) -> bytes | None:
        """Do what :meth:`get` does, in a thread."""
        entry = self._tier.get(check_key(key))
        return None if entry is None else entry.value

    async def set(self, key: str, value: Payload, ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """Store ``value`` under ``key``. A load of the key that is under way will not overwrite it.

        A value over an eighth of ``max_bytes`` is not stored, and counted as ``rejected_oversize``.

        Args:
            key: The key.
            value: Bytes.
            ttl: Seconds; ``None`` takes the default of the cache.
            tags: Names by which :meth:`invalidate` removes the entry.

        Raises:
            UnsupportedTypeError: (a ``TypeError``) the value is not bytes-like; serialize it first.
            ConfigurationError: (a ``ValueError``) ``ttl`` is not positive.
        """
        self.set_sync(key, value, ttl, tags)

    def set_sync(self, key: str, value: Payload, ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """Do what :meth:`set` does, in a thread."""
        self.set_many_sync({key: value}, ttl, tags)

    async def delete(self, key: str) -> bool:
        """Remove ``key``, also from a load of it that is under way; return whether it had an entry."""
        return self.delete_sync(key)

    def delete_sync(self, key: str) -> bool:
        """Do what :meth:`delete` does, in a thread."""
        return self._store.invalidate((check_key(key),)) > 0

    async def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the values of those ``keys`` that have one."""
        return self.get_many_sync(keys)

    def get_many_sync(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Do what :meth:`get_many` does, in a thread."""
        found = ((key, self.get_sync(key)) for key in keys)
        return {key: value for key, value in found if value is not None}

    async def set_many(self, items: Mapping[str, Payload], ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """Store each value of ``items`` under its key, as :meth:`set` does. If one of them is wrong, none is stored."""
        self.set_many_sync(items, ttl, tags)

    def set_many_sync(self, items: Mapping[str, Payload], ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """Do what :meth:`set_many` does, in a thread."""
        seconds = self.ttl if ttl is None else as_seconds(ttl, "ttl")
        names = check_tags(tags)
        values = [(check_key(key), as_bytes(value, "the value is")) for key, value in items.items()]
        for key, value in values:
            self._store.put(key, value, seconds, names)

    async def get_or_load(
        self,
        key: str,
        loader: Loader,
        *,
        ttl: float | None = None,
        stale_ttl: float = 0,
        refresh_after: float | None = None,
        negative_ttl: float | None = None,
        tags: Iterable[str] = (),
        timeout: float | None = None,  # noqa: ASYNC109  (it bounds the wait and lets the load go on)
    ) -> bytes | None:
        """Return the value of ``key``; if there is none, call ``loader`` and store what it returns.

        Of concurrent callers that miss the same key one calls its loader, per event loop; the others wait, and get the
        same bytes or the same exception. If the caller that loads is cancelled, a waiting one takes over with its own
        loader. Exceptions are not cached. If the key or a tag is invalidated, or the key set, while the loader runs,
        its result is returned and not stored. A loader that asks for its own key gets a direct load instead of a
        deadlock, and so do loaders that wait for each other's keys.

        Args:
            key: The key.
            loader: Called without arguments; a ``def``, which blocks the event loop, or an ``async def``. Returns
                bytes, or ``None`` if there is no value.
            ttl: Seconds for which the value is a hit, less the jitter; ``None`` takes the default of the cache.
            stale_ttl: Seconds past ``ttl`` in which the old value is returned where the loader raises or exceeds
                ``timeout``; the loader is then left alone for 5 seconds.
            refresh_after: Share of ``ttl``, 0 to 1, after which a read starts one refresh in the background, and does
                not wait for it. The loader then outlives the caller: it must not use what a request closes.
            negative_ttl: Seconds for which ``None`` is remembered; ``None`` asks the loader each time.
            tags: Names by which :meth:`invalidate` removes the value.
            timeout: Seconds to wait; the load itself goes on in the background, and stores what it makes.

        Raises:
            TimeoutError: the wait took longer than ``timeout``, and there is no old value.
            UnsupportedTypeError: (a ``TypeError``) the loader returned something that is not bytes-like.
            ConfigurationError: (a ``ValueError``) an argument is out of range. Arguments are looked at on a miss only.
            Exception: what the loader raised, if there is no old value.
        """
        entry = self._tier.get(check_key(key))
        if entry is not None and (entry.fresh_until == entry.expires_at or self._clock() < entry.fresh_until):
            return entry.value
        policy = self._policy(ttl, stale_ttl, refresh_after, negative_ttl, tags, timeout)
        runner = LoopRunner(self._background)
        if entry is None:
            return await self._reading.read(runner, key, loader, policy)
        self._reading.refresh(runner, key, loader, policy, entry)
        return entry.value

    def get_or_load_sync(
        self,
        key: str,
        loader: SyncLoader,
        *,
        ttl: float | None = None,
        stale_ttl: float = 0,
        refresh_after: float | None = None,
        negative_ttl: float | None = None,
        tags: Iterable[str] = (),
        timeout: float | None = None,
    ) -> bytes | None:
        """Do what :meth:`get_or_load` does, in a thread; the callers that share one load are those in threads.

        With ``timeout``, and for a refresh, the loader runs in a thread of its own, with the context variables of the
        caller. In a thread whose event loop is running, the call never waits for another thread's load.
        """
        entry = self._tier.get(check_key(key))
        if entry is not None and (entry.fresh_until == entry.expires_at or self._clock() < entry.fresh_until):
            return entry.value
        policy = self._policy(ttl, stale_ttl, refresh_after, negative_ttl, tags, timeout)
        runner = ThreadRunner(self._background)
        if entry is None:
            return run(self._reading.read(runner, key, loader, policy))
        self._reading.refresh(runner, key, loader, policy, entry)
        return entry.value

    async def invalidate(self, *keys: str, tags: Iterable[str] = ()) -> None:
        """Remove ``keys`` and every entry that has one of ``tags``, also from loads that are under way."""
        self.invalidate_sync(*keys, tags=tags)

    def invalidate_sync(self, *keys: str, tags: Iterable[str] = ()) -> None:
        """Do what :meth:`invalidate` does, in a thread."""
        names = check_tags(tags)
        self._store.invalidate([check_key(key) for key in keys], names)

    async def clear(self) -> None:
        """Remove every entry, also from loads that are under way. The statistics go on."""
        self.clear_sync()

    def clear_sync(self) -> None:
        """Do what :meth:`clear` does, in a thread."""
        self._store.clear()

    def get_stats(self) -> CacheStats:
        """Return the numbers of the tiers and of the loads since the cache was made."""
        return CacheStats(
            l1_cache=self._tier.stats(),
            l2_cache=SharedTierStats(enabled=False, hits=0, misses=0, hit_rate=0.0),
            loads=self._reading.stats(),
        )

    async def start(self) -> None:
        """Let refreshes run in the background again after :meth:`stop`. A new cache need not be started."""
        self.start_sync()

    def start_sync(self) -> None:
        """Do what :meth:`start` does, in a thread."""
        self._background.open()

    async def stop(self, timeout: float = DRAIN_SECONDS) -> None:  # noqa: ASYNC109  (what is late is not an error)
        """Wait for the background loads of this event loop and of threads, and start no further refresh.

        The cache can still be used; what expires is loaded while the caller waits.

        Args:
            timeout: Seconds; loads that take longer are cancelled, or left to themselves if they are threads.
        """
        await self._background.drain(timeout)

    def stop_sync(self, timeout: float = DRAIN_SECONDS) -> None:
        """Do what :meth:`stop` does for the background loads of threads."""
        self._background.drain_sync(timeout)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        self.start_sync()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_sync()

    def after_fork(self) -> None:
        """Replace locks, and forget loads under way, in a child process. Called by the interpreter."""
        self._store.after_fork()
        self._reading.after_fork()
        self._background.after_fork()

    def _policy(
        self,
        ttl: float | None,
        stale_ttl: float,
        refresh_after: float | None,
        negative_ttl: float | None,
        tags: Iterable[str],
        timeout: float | None,
    ) -> LoadPolicy:
        return LoadPolicy(
            ttl=self.ttl if ttl is None else as_seconds(ttl, "ttl"),
            stale_ttl=as_seconds(stale_ttl, "stale_ttl", zero=True),
            refresh_after=None if refresh_after is None else as_share(refresh_after, "refresh_after"),
            negative_ttl=None if negative_ttl is None else as_seconds(negative_ttl, "negative_ttl"),
            tags=check_tags(tags),
            # The platform's timers overflow for more than some centuries.
            timeout=None if timeout is None or as_seconds(timeout, "timeout") > TIMEOUT_MAX else timeout,
        )

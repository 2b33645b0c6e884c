"""The cache that applications use."""

from __future__ import annotations

import random
import time
import weakref
from asyncio import get_running_loop
from typing import TYPE_CHECKING, Final

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization.cache.background import Background
from pydantic_serialization.cache.invalidating import Invalidating
from pydantic_serialization.cache.keys import check_entry_tags, check_key
from pydantic_serialization.cache.lifecycle import Lifecycle
from pydantic_serialization.cache.loading import ReadThrough
from pydantic_serialization.cache.memory import MemoryTier
from pydantic_serialization.cache.policy import LoadPolicy
from pydantic_serialization.cache.runner import LoopRunner, ThreadRunner, run
from pydantic_serialization.cache.stats import CacheStats
from pydantic_serialization.cache.store import EntryStore
from pydantic_serialization.cache.tiers import build_tiers, no_backplane, no_shared_tier
from pydantic_serialization.cache.values import as_bytes, as_seconds, as_share

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pydantic_serialization._types import Payload
    from pydantic_serialization.cache._base import CacheTier, Clock, Loader, SharedTier, SyncLoader
    from pydantic_serialization.cache.shared.settings import SharedSettings
    from pydantic_serialization.envelope import Algorithm

JITTER: Final = 0.1
"""Share of a time to live that ``get_or_load`` takes off at most."""


class CacheManager(Invalidating, Lifecycle):
    """A cache of bytes, with loading, invalidation and statistics, for coroutines and for threads.

    Values are ``bytes``; ``bytearray`` and ``memoryview`` are copied. Serialize anything else first. Each asynchronous
    method has a twin for threads, called ``..._sync``. Both may be used at once, from any number of event loops and
    threads, and after a fork. Nothing has to be started; :meth:`stop` waits for the work in the background.

    Attributes:
        get_fresh: Takes a key, and returns its value if this process has one for which no refresh is due. It counts a
            hit, or nothing: where it returns ``None``, :meth:`get_or_load` is to be asked, and counts.

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
        redis_url: A Redis that processes share, as :class:`~pydantic_serialization.cache.redis.RedisTier` takes it. It is
            connected when it is first needed; while it cannot be reached, the cache works without it.
        shared_tier: Another store that processes share, in place of ``redis_url``.
        signing_keys: Secrets of at least 32 bytes, newest first: entries in the shared tier are signed with the first,
            and those that none of them has signed are not served.
        signing_algorithm: How to sign.
        shared_settings: Times and bounds of the shared tier.

    Raises:
        ConfigurationError: an argument is out of range.
        MissingDependencyError: ``redis_url`` is given, and redis-py is not installed.
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
        redis_url: str | None = None,
        shared_tier: SharedTier | None = None,
        signing_keys: Sequence[bytes] = (),
        signing_algorithm: Algorithm = "blake2b",
        shared_settings: SharedSettings | None = None,
    ) -> None:
        self.namespace = check_key(namespace)
        self.ttl = as_seconds(ttl, "ttl")
        self._tier: CacheTier = MemoryTier(max_size, max_bytes, clock=clock) if tier is None else tier
        self._clock = clock
        self._store = EntryStore(self._tier, clock)
        # Not by a method of this class: it would be a third of what a hit takes.
        holder = self._tier if isinstance(self._tier, MemoryTier) else self._store
        self.get_fresh: Callable[[str], bytes | None] = holder.get_fresh
        self._background = Background()
        self._tiers = build_tiers(
            self._store,
            redis_url=redis_url,
            shared_tier=shared_tier,
            namespace=namespace,
            signing_keys=signing_keys,
            signing_algorithm=signing_algorithm,
            settings=shared_settings,
        )
        if self._tiers is not None and self._tiers.hearing is not None:
            # The thread must not keep a cache alive that nobody uses any more.
            weakref.finalize(self, self._tiers.hearing.request_stop)
        self._reading = ReadThrough(
            self._store,
            self._tiers,
            self._background,
            jitter=as_share(jitter, "jitter"),
            random=random.Random() if random_source is None else random_source,  # noqa: S311  (not a secret)
        )
        renew_after_fork(self)

    @property
    def shares_unsigned(self) -> bool:
        """Whether entries are shared with other processes, and not signed: then the store is to be trusted with them."""
        return self._tiers is not None and not self._tiers.is_signed

    async def get(self, key: str) -> bytes | None:
        """Return the value of ``key``, or ``None`` if there is none.

        Raises:
            UnsupportedTypeError: (a ``TypeError``) the key is no str.
            ConfigurationError: (a ``ValueError``) the key is empty, or longer than 1024 characters. (Both hold for
                every method.)
        """
        entry = self._tier.get(check_key(key))
        if entry is not None:
            return entry.value
        return None if self._tiers is None else await self._tiers.find(get_running_loop(), key)

    def get_sync(self, key: str) -> bytes | None:
        """Do what :meth:`get` does, in a thread."""
        entry = self._tier.get(check_key(key))
        if entry is not None:
            return entry.value
        return None if self._tiers is None else run(self._tiers.find(None, key))

    async def set(self, key: str, value: Payload, ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """Store ``value`` under ``key``. A load of the key that is under way, in any process, will not overwrite it.

        A value over an eighth of ``max_bytes`` is not stored in this process, and counted as ``rejected_oversize``. Where
        the shared tier cannot be written to, the entry that others may see is invalidated as soon as that is possible.

        Args:
            key: The key.
            value: Bytes.
            ttl: Seconds; ``None`` takes the default of the cache.
            tags: Names by which :meth:`invalidate` removes the entry.

        Raises:
            UnsupportedTypeError: (a ``TypeError``) the value is not bytes-like; serialize it first.
            ConfigurationError: (a ``ValueError``) ``ttl`` is not positive.
        """
        await self.set_many({key: value}, ttl, tags)

    def set_sync(self, key: str, value: Payload, ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """Do what :meth:`set` does, in a thread."""
        self.set_many_sync({key: value}, ttl, tags)

    async def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the values of those ``keys`` that have one."""
        return await self._get_many(get_running_loop() if self._tiers else None, keys)

    def get_many_sync(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Do what :meth:`get_many` does, in a thread."""
        return run(self._get_many(None, keys))

    async def set_many(self, items: Mapping[str, Payload], ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """Store each value of ``items`` under its key, as :meth:`set` does. If one of them is wrong, none is stored."""
        await self._set_many(get_running_loop() if self._tiers else None, items, ttl, tags)

    def set_many_sync(self, items: Mapping[str, Payload], ttl: float | None = None, tags: Iterable[str] = ()) -> None:
        """Do what :meth:`set_many` does, in a thread."""
        run(self._set_many(None, items, ttl, tags))

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
        fingerprint: bytes | None = None,
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
            fingerprint: 8 bytes that stand for the schema of the value: an entry of the shared tier that was stored with
                others is a miss. (Two schemas that are in use at once need two keys.)

        Raises:
            TimeoutError: the wait took longer than ``timeout``, and there is no old value.
            UnsupportedTypeError: (a ``TypeError``) the loader returned something that is not bytes-like.
            ConfigurationError: (a ``ValueError``) an argument is out of range. Arguments are looked at on a miss only.
            Exception: what the loader raised, if there is no old value.
        """
        entry = self._tier.get(check_key(key))
        if entry is not None and (entry.fresh_until == entry.expires_at or self._clock() < entry.fresh_until):
            return entry.value
        policy = LoadPolicy.checked(
            self.ttl if ttl is None else ttl, stale_ttl, refresh_after, negative_ttl, tags, timeout, fingerprint
        )
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
        fingerprint: bytes | None = None,
    ) -> bytes | None:
        """Do what :meth:`get_or_load` does, in a thread; the callers that share one load are those in threads.

        With ``timeout``, and for a refresh, the loader runs in a thread of its own, with the context variables of the
        caller. In a thread whose event loop is running, the call never waits for another thread's load.
        """
        entry = self._tier.get(check_key(key))
        if entry is not None and (entry.fresh_until == entry.expires_at or self._clock() < entry.fresh_until):
            return entry.value
        policy = LoadPolicy.checked(
            self.ttl if ttl is None else ttl, stale_ttl, refresh_after, negative_ttl, tags, timeout, fingerprint
        )
        runner = ThreadRunner(self._background)
        if entry is None:
            return run(self._reading.read(runner, key, loader, policy))
        self._reading.refresh(runner, key, loader, policy, entry)
        return entry.value

    def get_stats(self) -> CacheStats:
        """Return the numbers of the tiers and of the loads since the cache was made."""
        first, loads = self._tier.stats(), self._reading.stats()
        second = no_shared_tier() if self._tiers is None else self._tiers.shared.stats()
        if loads["count"]:
            answered = first["hits"] + second["hits"] + loads["coalesced"]
            loads["saved_seconds"] = answered * loads["seconds"] / loads["count"]
        backplane = no_backplane() if self._tiers is None else self._tiers.backplane_stats()
        return CacheStats(l1_cache=first, l2_cache=second, loads=loads, backplane=backplane)

    async def _get_many(self, loop: AbstractEventLoop | None, keys: Iterable[str]) -> dict[str, bytes]:
        found, missing = {}, []
        for key in keys:
            entry = self._tier.get(check_key(key))
            if entry is None:
                missing.append(key)
            elif entry.value is not None:
                found[key] = entry.value
        if self._tiers is not None and missing:
            found.update(await self._tiers.find_many(loop, tuple(dict.fromkeys(missing))))
        return found

    async def _set_many(
        self, loop: AbstractEventLoop | None, items: Mapping[str, Payload], ttl: float | None, tags: Iterable[str]
    ) -> None:
        seconds = self.ttl if ttl is None else as_seconds(ttl, "ttl")
        names = check_entry_tags(tags)
        values = {check_key(key): as_bytes(value, "the value is") for key, value in items.items()}
        if self._tiers is None:
            for key, value in values.items():
                self._store.put(key, value, seconds, names)
        elif values:
            await self._tiers.put_many(loop, values, seconds, names)

"""What a cache is made of: the entry, the two kinds of tier, and the shapes of the statistics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypedDict, runtime_checkable

from pydantic_serialization._types import Payload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_serialization.cache.generation import Generation

Clock: TypeAlias = Callable[[], float]
"""Returns seconds; only differences matter, and it never goes back. The default everywhere is ``time.monotonic``."""

SyncLoader: TypeAlias = Callable[[], Payload | None]
"""Makes the value of a key that is not cached; ``None`` says that there is none."""

Loader: TypeAlias = Callable[[], Payload | Awaitable[Payload | None] | None]
"""A :data:`SyncLoader`, or the same as an ``async def``."""


BEFORE_ALL: Final = float("-inf")
"""A time that is past on every clock."""


class Entry:
    """One cached value and its times, in seconds on the tier's clock.

    ``fresh_until <= expires_at <= stale_until`` cut an entry's life in three: served as it is; served while one read
    starts a refresh; served only where loading a new value fails.

    Attributes:
        value: The payload. ``None`` is a negative entry: the loader said that there is no value.
        fresh_until: From here on, a read should start a refresh.
        expires_at: End of the time to live; the entry is no hit from here on.
        stale_until: From here on the entry does not exist.
        retry_at: Before this time no further attempt to replace the entry should be made.
        generations: What the entry was made under. It does not exist once one of them has ended.
    """

    __slots__ = ("expires_at", "fresh_until", "generations", "retry_at", "stale_until", "value")

    def __init__(
        self,
        value: bytes | None,
        expires_at: float,
        *,
        fresh_until: float | None = None,
        stale_until: float | None = None,
        generations: tuple[Generation, ...] = (),
    ) -> None:
        self.value = value
        self.expires_at = expires_at
        self.fresh_until = expires_at if fresh_until is None else fresh_until
        self.stale_until = expires_at if stale_until is None else stale_until
        self.retry_at = BEFORE_ALL
        self.generations = generations

    def is_current(self) -> bool:
        """Say whether nothing that the entry depends on has been invalidated."""
        for generation in self.generations:  # noqa: SIM110  (a generator costs four times the loop, and reads are hot)
            if generation.ended:
                return False
        return True

    def exists(self, now: float) -> bool:
        """Say whether the entry may be served at all at ``now`` (seconds on the tier's clock)."""
        return now < self.stale_until and self.is_current()


class TierStats(TypedDict):
    """Numbers of an in-process tier. ``hits + misses`` is the number of lookups."""

    hits: int
    misses: int
    hit_rate: float
    """Share of hits among the lookups; 0.0 before the first."""
    stale_hits: int
    """Those of the misses that found a value past its time to live which may still stand in for a failing load."""
    items: int
    bytes: int
    """Payloads, keys and bookkeeping."""
    max_items: int
    max_bytes: int
    evictions: int
    """Entries that made room for others."""
    expirations: int
    """Entries removed because their time was up."""
    rejected_oversize: int
    """Values that were too large to be stored."""


class SharedTierStats(TypedDict):
    """Numbers of the tier that processes share."""

    enabled: bool
    hits: int
    misses: int
    hit_rate: float


class LoadStats(TypedDict):
    """What reading through the cache cost and saved."""

    count: int
    """Calls of a loader."""
    errors: int
    """Those that raised."""
    coalesced: int
    """Reads that were given the outcome of another read's load."""
    promoted: int
    """Waiting reads that took over because the load they waited for was cancelled."""
    stale_served: int
    """Reads answered with a value past its time to live, because loading failed or took too long."""
    refreshes: int
    """Loads started in the background before an entry expired."""
    seconds: float
    """Time spent in loaders."""


class CacheStats(TypedDict):
    """What ``CacheManager.get_stats`` returns."""

    l1_cache: TierStats
    l2_cache: SharedTierStats
    loads: LoadStats


@runtime_checkable
class CacheTier(Protocol):
    """An in-process tier. Every method is thread-safe, returns at once and raises nothing.

    ``testing.CacheContract`` checks an implementation.
    """

    def get(self, key: str) -> Entry | None:
        """Return the entry of ``key`` while it is within its time to live and current, and count a hit or a miss."""
        ...

    def peek(self, key: str) -> Entry | None:
        """Return the entry of ``key`` for as long as it exists, past its time to live too, and count nothing."""
        ...

    def set(
        self,
        key: str,
        value: bytes | None,
        expires_at: float,
        *,
        fresh_until: float | None = None,
        stale_until: float | None = None,
        generations: tuple[Generation, ...] = (),
    ) -> bool:
        """Store a value in place of what ``key`` had before; the arguments are the attributes of :class:`Entry`.

        Returns:
            Whether it was stored. If not, ``key`` has no entry: the former value never outlives the attempt.
        """
        ...

    def delete(self, key: str) -> bool:
        """Remove the entry of ``key``; return whether there was one that could have been served."""
        ...

    def clear(self) -> None:
        """Remove every entry. The counters go on."""
        ...

    def stats(self) -> TierStats:
        """Return the counters and sizes as one consistent set."""
        ...


@runtime_checkable
class SharedTier(Protocol):
    """A store that processes share: bytes by name, with a time to live. Each operation exists for coroutines and threads.

    What a cache needs beyond that is built on top, the same for every store: sealed entries, invalidation, deadlines, a
    circuit breaker, coalesced reads, statistics. So a tier

    * stores bytes and understands nothing. Names come with the namespace in front; they are printable ASCII, and at
      most 250 characters long.
    * may raise whatever its library raises. The cache counts it and reads its source instead.
    * may forget a value at any time, and need not remember one until its time to live is over. It must not return
      a value under another name, or one that was deleted or replaced before the read began.
    * bounds the time of a blocking operation itself. A coroutine is cancelled when its time is up; what it was doing
      must then not disturb the next operation.
    * is safe from any number of threads and event loops, and across ``fork``.

    ``testing.SharedTierContract`` checks an implementation.
    """

    def now(self) -> float:
        """Return unix seconds on a clock that all who share the store agree on; ``time.time()`` will do."""
        ...

    async def get_many(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the values of those ``names`` that have one."""
        ...

    async def set_many(self, items: Mapping[str, bytes], ttl: float) -> None:
        """Store ``items`` for ``ttl`` seconds, in their order, in place of what their names had before."""
        ...

    async def add_many(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        """Store those of ``items`` whose name has no value yet, and return the value that each name has then.

        A value that was there already lives on for at least ``ttl`` seconds, where the store can do that. Two callers
        at once need not agree: the later one may replace what the earlier one was told.
        """
        ...

    async def delete_many(self, names: Sequence[str]) -> None:
        """Remove the values of ``names``, in this order; one that does not exist is no error."""
        ...

    async def close(self) -> None:
        """Give back the connections of the running event loop. The tier can still be used."""
        ...

    def get_many_sync(self, names: Sequence[str]) -> dict[str, bytes]:
        """Do what :meth:`get_many` does, blocking the thread."""
        ...

    def set_many_sync(self, items: Mapping[str, bytes], ttl: float) -> None:
        """Do what :meth:`set_many` does, blocking the thread."""
        ...

    def add_many_sync(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        """Do what :meth:`add_many` does, blocking the thread."""
        ...

    def delete_many_sync(self, names: Sequence[str]) -> None:
        """Do what :meth:`delete_many` does, blocking the thread."""
        ...

    def close_sync(self) -> None:
        """Give back the connections of threads. The tier can still be used."""
        ...

"""What a cache is made of: the entry, and the two kinds of tier."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, runtime_checkable

from pydantic_serialization._types import Payload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_serialization.cache.generation import Generation
    from pydantic_serialization.cache.stats import TierStats

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


class Listener(Protocol):
    """A subscription to a topic of a :class:`Backplane`, used by one thread."""

    def receive(self, timeout: float) -> tuple[int, bytes] | None:
        """Return the next message with its number, or ``None`` if there is none for ``timeout`` seconds."""
        ...

    def close(self) -> None:
        """End the subscription; another thread that is in :meth:`receive` returns or raises."""
        ...


@runtime_checkable
class Backplane(Protocol):
    """A channel on which processes tell each other what they have invalidated; a shared tier may have one.

    Messages of a topic are numbered by the store, so that a listener knows whether it has missed one.
    """

    async def announce(self, topic: str, message: bytes) -> None:
        """Give ``message`` the next number of ``topic``, and send it to all who listen."""
        ...

    def announce_sync(self, topic: str, message: bytes) -> None:
        """Do what :meth:`announce` does, blocking the thread."""
        ...

    def last_announced(self, topic: str) -> int:
        """Return the number of the last message of ``topic``, or the one before its first; blocking.

        Where the store has lost the number, it is another one than before.
        """
        ...

    def listen(self, topic: str) -> Listener:
        """Subscribe to ``topic``; blocking. Every message that is announced after the return will be received."""
        ...

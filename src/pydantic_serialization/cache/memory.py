"""The in-process tier: bounded by entries and by bytes, with a time to live for each entry."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization.cache._base import BEFORE_ALL
from pydantic_serialization.cache.s3fifo import MOST_VISITS, Node, Queues
from pydantic_serialization.cache.stats import TierStats
from pydantic_serialization.cache.values import as_bound

if TYPE_CHECKING:
    from pydantic_serialization.cache._base import Clock, Entry
    from pydantic_serialization.cache.generation import Generation

_LARGEST_SHARE: Final = 8
_SWEEP_LOOKS: Final = 8
_SWEEP_LIVE: Final = 2


class MemoryTier:
    """A :class:`CacheTier` in the memory of this process, which evicts by S3-FIFO.

    Neither bound is ever exceeded, not even during a write. Reads take no lock; writes take one. Expired entries leave
    when they are read, and each write removes a few more; there is no thread. The counters are exact on a CPython with
    a global interpreter lock and may lose counts on a free-threaded one; sizes are exact on both.

    Args:
        max_items: Most entries.
        max_bytes: Most bytes: payloads, keys and bookkeeping. A payload over an eighth of it is not stored.
        clock: Returns seconds. The default does not follow the wall clock.

    Raises:
        ConfigurationError: a bound is not a positive whole number.
    """

    __slots__ = (
        "__weakref__",
        "_bytes",
        "_clock",
        "_evictions",
        "_expirations",
        "_hand",
        "_hits",
        "_lock",
        "_misses",
        "_nodes",
        "_queues",
        "_rejected",
        "_ring",
        "_stale_hits",
        "_writing",
        "max_bytes",
        "max_items",
    )

    def __init__(self, max_items: int, max_bytes: int, *, clock: Clock = time.monotonic) -> None:
        self.max_items = as_bound(max_items, "max_items")
        self.max_bytes = as_bound(max_bytes, "max_bytes")
        self._clock = clock
        # Re-entrant: a finaliser or a signal handler may call the cache in the middle of a write of its own thread.
        self._lock = threading.RLock()
        self._writing = False
        self._hits = self._misses = self._stale_hits = 0
        self._evictions = self._expirations = self._rejected = 0
        self._empty()
        renew_after_fork(self)

    def get(self, key: str) -> Entry | None:
        """Return the entry of ``key`` while it is within its time to live and current, and count a hit or a miss."""
        node = self._nodes.get(key)
        if node is not None:
            now = self._clock()
            if now < node.expires_at and (not node.generations or node.is_current()):
                self._hits += 1
                if node.visits < MOST_VISITS:
                    node.visits += 1
                return node
            if node.exists(now):
                self._stale_hits += 1
            else:
                self._remove(node, now)
        self._misses += 1
        return None

    def get_fresh(self, key: str) -> bytes | None:
        """Return the value of ``key`` while no refresh is due, and count a hit; else count nothing."""
        node = self._nodes.get(key)
        if node is None or self._clock() >= node.fresh_until:
            return None
        for generation in node.generations:  # the lines of is_current(): a call costs as much as they do
            if generation.ended:
                return None
        value = node.value
        if value is not None:
            self._hits += 1
            if node.visits < MOST_VISITS:
                node.visits += 1
        return value

    def peek(self, key: str) -> Entry | None:
        """Return the entry of ``key`` for as long as it exists, past its time to live too, and count nothing."""
        node = self._nodes.get(key)
        return node if node is not None and node.exists(self._clock()) else None

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
        """Store a value in place of what ``key`` had before.

        Returns:
            Whether it was stored: not if the payload is over an eighth of ``max_bytes``, nor in a finaliser or signal
            handler that interrupted another write of the same thread. ``key`` has no entry then.
        """
        node = Node(key, value, expires_at, fresh_until, stale_until, generations)
        now = self._clock()
        with self._lock:
            if self._writing:
                self._bury(key)
                return False
            self._writing = True
            try:
                self._sweep(now)
                return self._store(node)
            except BaseException:
                # A half-done write (KeyboardInterrupt, MemoryError) leaves wrong sums: a cache may always be empty.
                self._empty()
                raise
            finally:
                self._writing = False

    def delete(self, key: str) -> bool:
        """Remove the entry of ``key``; return whether there was one that could have been served."""
        node = self._nodes.get(key)
        if node is None:
            return False
        now = self._clock()
        existed = node.exists(now)
        return self._remove(node, now) and existed

    def clear(self) -> None:
        """Remove every entry. The counters go on."""
        with self._lock:
            if self._writing:
                for key in list(self._nodes):
                    self._bury(key)
            else:
                self._empty()

    def stats(self) -> TierStats:
        """Return the counters and sizes as one consistent set."""
        with self._lock:
            hits, misses = self._hits, self._misses
            return TierStats(
                hits=hits,
                misses=misses,
                hit_rate=hits / (hits + misses) if hits + misses else 0.0,
                stale_hits=self._stale_hits,
                items=len(self._nodes),
                bytes=self._bytes,
                max_items=self.max_items,
                max_bytes=self.max_bytes,
                evictions=self._evictions,
                expirations=self._expirations,
                rejected_oversize=self._rejected,
            )

    def after_fork(self) -> None:
        """Replace the lock in a child process; drop the entries if another thread was in the middle of a write."""
        self._lock = threading.RLock()
        if self._writing:
            self._writing = False
            self._empty()

    def _empty(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._queues: Queues[Node] = Queues(self.max_items, self.max_bytes)
        # The same nodes in a list, so that the sweep can look at a few of them without an iterator that writes break.
        self._ring: list[Node] = []
        self._hand = 0
        self._bytes = 0

    def _store(self, node: Node) -> bool:
        old = self._nodes.get(node.key)
        size = 0 if node.value is None else len(node.value)
        if size * _LARGEST_SHARE > self.max_bytes or node.weight > self.max_bytes:
            self._rejected += 1
            if old is not None:
                self._drop(old)
            return False
        if old is not None:
            # It stays in the table until the new one takes its place: a reader in another thread sees no gap.
            self._leave_ring(old)
            self._queues.replace(old, node)
        while len(self._ring) >= self.max_items or self._bytes + node.weight > self.max_bytes:
            self._drop(self._queues.victim())
            self._evictions += 1
        if old is not None:
            self._queues.add(node)
        else:
            self._queues.place(node)
        node.position = len(self._ring)
        self._ring.append(node)
        self._bytes += node.weight
        self._nodes[node.key] = node
        return True

    def _remove(self, node: Node, now: float) -> bool:
        """Remove ``node``; return false if somebody else already has."""
        with self._lock:
            if self._writing:
                self._bury(node.key)
                return True
            self._writing = True
            try:
                if self._nodes.get(node.key) is not node:
                    return False
                self._expirations += now >= node.stale_until
                self._drop(node)
            except BaseException:
                self._empty()
                raise
            else:
                return True
            finally:
                self._writing = False

    def _bury(self, key: str) -> None:
        """Make an entry unreadable without touching the structures, which an interrupted write is changing."""
        node = self._nodes.get(key)
        if node is not None:
            node.expires_at = node.stale_until = BEFORE_ALL

    def _sweep(self, now: float) -> None:
        """Look at up to eight nodes where the hand points, until two live ones are met, and remove the others."""
        ring, hand, live = self._ring, self._hand, 0
        for _ in range(_SWEEP_LOOKS):
            if hand >= len(ring):
                hand = 0
                if not ring:
                    break
            node = ring[hand]
            if now < node.stale_until and (not node.generations or node.is_current()):
                hand += 1
                live += 1
                if live == _SWEEP_LIVE:
                    break
            else:
                # The last node of the ring takes the free place, so the hand stays.
                self._expirations += now >= node.stale_until
                self._drop(node)
        self._hand = hand

    def _drop(self, node: Node) -> None:
        del self._nodes[node.key]
        self._queues.remove(node)
        self._leave_ring(node)

    def _leave_ring(self, node: Node) -> None:
        last = self._ring.pop()
        if last is not node:
            self._ring[node.position] = last
            last.position = node.position
        self._bytes -= node.weight

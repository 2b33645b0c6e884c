"""A bounded store of objects in this process, for what is only ever read: its owners say what may be shared."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, TypedDict

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization.cache.s3fifo import Queues

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

NODE_BYTES: Final = 480
"""Bytes that an entry costs besides its key and value: the node, its key's tuple, its places in three tables. Measured
with ``tracemalloc`` on CPython 3.11 for 1,000 entries, rounded up."""

_LARGEST_SHARE: Final = 8
_SIGHTINGS: Final = 4096


class StoreStats(TypedDict):
    """Sizes of a store of objects."""

    items: int
    bytes: int
    """Estimated: what the objects and their keys take, and the bookkeeping."""
    max_items: int
    max_bytes: int
    evictions: int
    rejected_oversize: int


class Stored:
    """One entry.

    Attributes:
        key: What it is found by; the first part is the owner's own object.
        value: What the owner keeps.
        weight: Bytes that it counts for.
        visits: Reads since it was placed, at most three.
        in_main: Which queue of S3-FIFO it is in.
    """

    __slots__ = ("in_main", "key", "value", "visits", "weight")

    def __init__(self, key: tuple[object, Hashable], value: Any, size: int) -> None:
        self.key = key
        self.value = value
        self.weight = NODE_BYTES + size
        self.visits = 0
        self.in_main = False


class InstanceStore:
    """Objects by key, bounded by their number and by the bytes that they take, which evicts by S3-FIFO.

    Reads take no lock: :attr:`find` is the ``get`` of a dict, and the caller counts a visit. Writes take one lock.
    Several owners share a store; each puts an object of its own into its keys.

    Args:
        max_items: Most entries.
        max_bytes: Most bytes. What takes more than an eighth of it is not stored.

    Attributes:
        find: Takes a key, and returns its entry or ``None``.
    """

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self.max_items, self.max_bytes = max_items, max_bytes
        # Re-entrant: dropping an object may run a finaliser that comes back here.
        self._lock = threading.RLock()
        self._writing = False
        self._evictions = self._rejected = 0
        self._nodes: dict[tuple[object, Hashable], Stored] = {}
        self.find: Callable[[tuple[object, Hashable]], Stored | None] = self._nodes.get
        self._sightings: set[int] = set()
        self._former_sightings: set[int] = set()
        self._empty()
        renew_after_fork(self)

    def is_second_sighting(self, key: tuple[object, Hashable]) -> bool:
        """Say whether a key was asked for lately, and remember that it was: what is read once is not worth storing."""
        mark = hash(key)
        if mark in self._sightings or mark in self._former_sightings:
            return True
        self._sightings.add(mark)
        if len(self._sightings) >= _SIGHTINGS:
            self._former_sightings, self._sightings = self._sightings, set()
        return False

    def put(self, node: Stored) -> bool:
        """Store an entry in place of what its key had before.

        Returns:
            Whether it was stored: not if it is too large, nor in a finaliser that interrupted another write.
        """
        # What is dropped is released after the write: releasing an object may run code of its class.
        dropped: list[Stored] = []
        with self._lock:
            if self._writing:
                return False
            self._writing = True
            try:
                return self._place(node, dropped)
            except BaseException:
                self._empty()
                raise
            finally:
                self._writing = False

    def drop(self, key: tuple[object, Hashable]) -> None:
        """Remove one entry, if there is one."""
        self._drop((key,))

    def drop_owned(self, owner: object) -> None:
        """Remove all entries of an owner."""
        self._drop([key for key in tuple(self._nodes) if key[0] is owner])

    def stats(self) -> StoreStats:
        """Return the sizes."""
        with self._lock:
            return StoreStats(
                items=len(self._nodes),
                bytes=self._bytes,
                max_items=self.max_items,
                max_bytes=self.max_bytes,
                evictions=self._evictions,
                rejected_oversize=self._rejected,
            )

    def after_fork(self) -> None:
        """Replace the lock in a child process; drop everything if another thread was in the middle of a write."""
        self._lock = threading.RLock()
        if self._writing:
            self._writing = False
            self._empty()

    def _empty(self) -> None:
        self._nodes.clear()  # in place: owners hold its "get"
        self._queues: Queues[Stored] = Queues(self.max_items, self.max_bytes)
        self._bytes = 0

    def _place(self, node: Stored, dropped: list[Stored]) -> bool:
        old = self._nodes.get(node.key)
        if old is not None:
            self._remove(old)
            dropped.append(old)
        if node.weight * _LARGEST_SHARE > self.max_bytes:
            self._rejected += 1
            return False
        while len(self._nodes) >= self.max_items or self._bytes + node.weight > self.max_bytes:
            victim = self._queues.victim()
            self._remove(victim)
            dropped.append(victim)
            self._evictions += 1
        self._queues.place(node)
        self._nodes[node.key] = node
        self._bytes += node.weight
        return True

    def _remove(self, node: Stored) -> None:
        del self._nodes[node.key]
        self._queues.remove(node)
        self._bytes -= node.weight

    def _drop(self, keys: Iterable[tuple[object, Hashable]]) -> None:
        dropped: list[Stored] = []
        with self._lock:
            if self._writing:  # in a finaliser: owners do not rely on it
                return
            self._writing = True
            try:
                for key in keys:
                    node = self._nodes.get(key)
                    if node is not None:
                        self._remove(node)
                        dropped.append(node)
            except BaseException:
                self._empty()
                raise
            finally:
                self._writing = False

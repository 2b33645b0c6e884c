"""S3-FIFO with an adaptive share: the order in which the in-process tier gives entries up.

From J. Yang, Y. Zhang, Z. Qiu, Y. Yue, K. V. Rashmi: "FIFO queues are all you need for cache eviction", SOSP 2023. New
entries wait in a *small* queue, at first a tenth of the room. One that is read there moves to the *main* queue; the
others leave, and only a *ghost* of their key stays. A key that comes back while its ghost is remembered goes to main at
once. A scan of keys that are read once therefore passes through the small queue and leaves main alone. A read moves
nothing, so it needs no lock.

How much room the small queue deserves depends on the workload: little where the same keys are popular for long, most of
it where they change. So main has ghosts too, and a key that comes back says which queue was too short, which then gets
some of the other's room (N. Megiddo, D. Modha: "ARC: a self-tuning, low overhead replacement cache", FAST 2003).
``benchmarks/cache.py`` compares the hit ratios with those of LRU and of W-TinyLFU.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from pydantic_serialization.cache._base import BEFORE_ALL, Entry

if TYPE_CHECKING:
    from collections.abc import Hashable

    from pydantic_serialization.cache.generation import Generation

ENTRY_OVERHEAD: Final = 704
"""Bytes that an entry costs besides its key and payload: objects, hash tables, its share of the ghosts. The most that
``tracemalloc`` showed on CPython 3.11 for 1,000 to 100,000 entries, rounded up."""

GENERATION_OVERHEAD: Final = 256
"""Bytes that a tag costs an entry when no other entry has the same tag. Measured likewise."""

MOST_VISITS: Final = 3
"""Reads that are remembered of an entry: the paper's two bits."""

_FIRST_SHARE: Final = 0.1
_SMALLEST_SHARE: Final = 0.01
_LARGEST_SHARE: Final = 0.99
_STEP: Final = 1 / 200
"""What a key that comes back moves at least, as a share of the room: a wrong share is put right by some hundred keys."""


class Queued(Protocol):
    """What can stand in the queues.

    Attributes:
        weight: Bytes that it counts for.
        visits: Reads since it was placed, at most :data:`MOST_VISITS`.
        in_main: Which queue it is in.
    """

    weight: int
    visits: int
    in_main: bool

    @property
    def key(self) -> Hashable:
        """What it is found by."""
        ...


QueuedT = TypeVar("QueuedT", bound=Queued)


class Node(Entry):
    """An entry with its key and its place.

    Attributes:
        weight: Bytes that the entry counts for.
        visits: Reads since it was placed, at most :data:`MOST_VISITS`.
        in_main: Which queue it is in.
        position: Index in the tier's list of nodes.
    """

    __slots__ = ("in_main", "key", "position", "visits", "weight")

    # Sets everything itself: the initialiser of the base, called with keywords, would triple the cost of a node.
    def __init__(
        self,
        key: str,
        value: bytes | None,
        expires_at: float,
        fresh_until: float | None,
        stale_until: float | None,
        generations: tuple[Generation, ...],
    ) -> None:
        self.key = key
        self.value = value
        self.expires_at = expires_at
        self.fresh_until = expires_at if fresh_until is None else fresh_until
        self.stale_until = expires_at if stale_until is None else stale_until
        self.retry_at = BEFORE_ALL
        self.generations = generations
        weight = ENTRY_OVERHEAD + (len(key) if key.isascii() else 4 * len(key))
        if value is not None:
            weight += len(value)
        self.weight = weight + GENERATION_OVERHEAD * len(generations) if generations else weight
        self.visits = 0
        self.in_main = False
        self.position = -1


class Ghosts:
    """The keys that were evicted last, as hashes: a collision costs one wrong admission, a key would cost memory."""

    __slots__ = ("_marks", "_order")

    def __init__(self) -> None:
        self._marks: set[int] = set()
        self._order: deque[int] = deque()

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._marks)

    def remember(self, mark: int, most: int) -> None:
        """Add a hash, and forget the oldest beyond ``most``."""
        if mark not in self._marks:
            self._marks.add(mark)
            self._order.append(mark)
        while len(self._order) > most:
            self._marks.discard(self._order.popleft())

    def recall(self, mark: int) -> bool:
        """Forget a hash; return whether it was remembered."""
        if mark in self._marks:
            self._marks.remove(mark)
            return True
        return False


class Queues(Generic[QueuedT]):
    """The queues and their ghosts. Not thread-safe: the tier's lock guards every call.

    Args:
        max_items: Most nodes that the tier holds.
        max_bytes: Most weight that the tier holds.

    Attributes:
        share: What the small queue may have of the room before it gives up a node, 0 to 1.
    """

    __slots__ = ("_left_main", "_left_small", "_main", "_max_bytes", "_max_items", "_small", "_small_bytes", "share")

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._max_items, self._max_bytes = max_items, max_bytes
        self.share = _FIRST_SHARE
        self._small: OrderedDict[Hashable, QueuedT] = OrderedDict()
        self._main: OrderedDict[Hashable, QueuedT] = OrderedDict()
        self._small_bytes = 0
        self._left_small, self._left_main = Ghosts(), Ghosts()

    def place(self, node: QueuedT) -> None:
        """Add a node whose key has none, to the queue that the key's past has earned."""
        mark = hash(node.key)
        small, main = self._left_small, self._left_main
        if small.recall(mark):
            node.in_main = True
            self.share = min(self.share + _STEP * max(1.0, len(main) / (len(small) + 1)), _LARGEST_SHARE)
        elif main.recall(mark):
            node.in_main = True
            self.share = max(self.share - _STEP * max(1.0, len(small) / (len(main) + 1)), _SMALLEST_SHARE)
        self.add(node)

    def replace(self, old: QueuedT, new: QueuedT) -> None:
        """Remove ``old``, and let ``new``, which is not added yet, inherit its queue and its visits."""
        self.remove(old)
        new.visits, new.in_main = old.visits, old.in_main

    def add(self, node: QueuedT) -> None:
        """Add a node to the young end of its queue."""
        if node.in_main:
            self._main[node.key] = node
        else:
            self._small[node.key] = node
            self._small_bytes += node.weight

    def remove(self, node: QueuedT) -> None:
        """Take a node out of its queue."""
        if node.in_main:
            del self._main[node.key]
        else:
            del self._small[node.key]
            self._small_bytes -= node.weight

    def victim(self) -> QueuedT:
        """Return the node to evict, giving others the further turn that their reads have earned.

        At least one node must have been added. The victim is still in its queue.
        """
        small, main = self._small, self._main
        enough_items, enough_bytes = self.share * self._max_items, self.share * self._max_bytes
        while True:
            if small and (not main or len(small) >= enough_items or self._small_bytes >= enough_bytes):
                node = next(iter(small.values()))
                if not node.visits:
                    self._left_small.remember(hash(node.key), self._most_ghosts())
                    return node
                self.remove(node)
                node.visits, node.in_main = 0, True
                main[node.key] = node
            else:
                node = next(iter(main.values()))
                if not node.visits:
                    self._left_main.remember(hash(node.key), self._most_ghosts())
                    return node
                node.visits -= 1
                main.move_to_end(node.key)

    def _most_ghosts(self) -> int:
        """Return how many each queue may have: together never more than there are nodes, so their memory is bounded."""
        return (len(self._small) + len(self._main)) // 2

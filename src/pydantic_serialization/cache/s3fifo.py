"""S3-FIFO: the order in which the in-process tier gives entries up.

From J. Yang, Y. Zhang, Z. Qiu, Y. Yue, K. V. Rashmi: "FIFO queues are all you need for cache eviction", SOSP 2023. New
entries wait in a *small* queue, a tenth of the room. One that is read there more than once moves to the *main* queue;
the others leave, and only a *ghost* of their key stays. A key that comes back while its ghost is remembered goes to
main at once. A scan of keys that are read once therefore passes through the small queue and leaves main alone. A read
moves nothing, so it needs no lock.
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

_SMALL_SHARE: Final = 10


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


class Queues(Generic[QueuedT]):
    """The three queues. Not thread-safe: the tier's lock guards every call.

    Args:
        max_items: Most nodes that the tier holds.
        max_bytes: Most weight that the tier holds.
    """

    __slots__ = ("_enough_bytes", "_enough_items", "_ghost_order", "_ghosts", "_main", "_small", "_small_bytes")

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._enough_items = max_items / _SMALL_SHARE
        self._enough_bytes = max_bytes / _SMALL_SHARE
        self._small: OrderedDict[Hashable, QueuedT] = OrderedDict()
        self._main: OrderedDict[Hashable, QueuedT] = OrderedDict()
        self._small_bytes = 0
        # Hashes, not keys: a collision costs one wrong admission, a key would cost memory.
        self._ghosts: set[int] = set()
        self._ghost_order: deque[int] = deque()

    def place(self, node: QueuedT) -> None:
        """Add a node whose key has none, to the queue that the key's past has earned."""
        ghost = hash(node.key)
        if ghost in self._ghosts:
            self._ghosts.remove(ghost)
            node.in_main = True
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
        while True:
            if small and (not main or len(small) >= self._enough_items or self._small_bytes >= self._enough_bytes):
                node = next(iter(small.values()))
                if node.visits <= 1:
                    self._remember(hash(node.key))
                    return node
                self.remove(node)
                node.visits, node.in_main = 0, True
                main[node.key] = node
            else:
                node = next(iter(main.values()))
                if not node.visits:
                    return node
                node.visits -= 1
                main.move_to_end(node.key)

    def _remember(self, ghost: int) -> None:
        """Keep the hash of a key. There are never more ghosts than nodes, so their memory is bounded too."""
        if ghost not in self._ghosts:
            self._ghosts.add(ghost)
            self._ghost_order.append(ghost)
        while len(self._ghost_order) > len(self._small) + len(self._main):
            self._ghosts.discard(self._ghost_order.popleft())

"""The in-process tier beyond its contract: bounds, eviction, sweeping, threads, forks and interrupted writes."""

from __future__ import annotations

import os
import sys
import threading
import tracemalloc
import warnings
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise
from random import Random
from typing import TYPE_CHECKING

import pytest

from pydantic_serialization.cache.generation import Generation
from pydantic_serialization.cache.memory import MemoryTier
from pydantic_serialization.cache.s3fifo import ENTRY_OVERHEAD, GENERATION_OVERHEAD
from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FOREVER = float("inf")


@pytest.mark.parametrize("bound", [0, -1, 1.5, True, "10", None])
def test_a_bound_is_a_positive_whole_number(bound: object) -> None:
    """A bound that cannot work is refused when it is given, and named."""
    with pytest.raises(ConfigurationError, match="max_items"):
        MemoryTier(bound, 1000)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="max_bytes"):
        MemoryTier(10, bound)  # type: ignore[arg-type]


def test_the_weight_is_payload_key_and_bookkeeping() -> None:
    """An entry counts for its payload, for its key as stored, and for the measured constants."""
    tier = MemoryTier(10, 1_000_000)
    tier.set("k" * 20, b"v" * 1000, FOREVER)
    assert tier.stats()["bytes"] == 20 + 1000 + ENTRY_OVERHEAD
    tier.set("ä" * 20, None, FOREVER, generations=(Generation(), Generation()))
    assert tier.stats()["bytes"] == 20 + 1000 + 4 * 20 + 2 * ENTRY_OVERHEAD + 2 * GENERATION_OVERHEAD


def test_the_weight_covers_the_memory_that_is_used() -> None:
    """What the interpreter allocates for a full tier, ghosts included, is not more than the tier counts."""
    rounds, items = 4, 2000
    tier = MemoryTier(items, 1 << 30)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(rounds * items):
            tier.set(f"user:{number:011d}", b"%0100d" % number, 1e9 + number, stale_until=2e9 + number)
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert used <= tier.stats()["bytes"]


def test_an_eighth_of_the_bytes_is_the_largest_value() -> None:
    """A payload of exactly an eighth is stored, one byte more is refused, counted, and evicts nothing."""
    tier = MemoryTier(100, 80_000)
    tier.set("other", b"x", FOREVER)
    assert tier.set("key", bytes(10_000), FOREVER)
    assert not tier.set("key", bytes(10_001), FOREVER)
    assert tier.peek("key") is None
    stats = tier.stats()
    assert (stats["rejected_oversize"], stats["evictions"], stats["items"]) == (1, 0, 1)


def test_a_key_that_fills_the_tier_is_refused() -> None:
    """A short payload under a key that does not fit in is refused like a long payload."""
    tier = MemoryTier(100, ENTRY_OVERHEAD + 100)
    assert not tier.set("k" * 200, b"", FOREVER)
    assert tier.set("k" * 100, b"", FOREVER)
    assert tier.stats()["rejected_oversize"] == 1


def test_room_is_made_before_an_entry_comes_in() -> None:
    """A large value takes the place of as many small ones as it needs, and the sum never exceeds the bound."""
    tier = MemoryTier(1000, 100_000)
    for number in range(120):
        tier.set(str(number), bytes(100), FOREVER)
    full = tier.stats()
    assert tier.set("large", bytes(12_500), FOREVER)
    stats = tier.stats()
    assert stats["bytes"] <= 100_000 < full["bytes"] + 12_500 + ENTRY_OVERHEAD
    assert stats["evictions"] > full["evictions"] + 10
    assert tier.peek("large") is not None


def test_growing_a_value_in_place_keeps_the_bound() -> None:
    """Overwriting with a larger value evicts others, never exceeds the bound, and keeps the entry."""
    tier = MemoryTier(1000, 100_000)
    for number in range(100):
        tier.set(str(number), bytes(100), FOREVER)
    for size in range(0, 12_500, 500):
        assert tier.set("50", bytes(size), FOREVER)
        assert tier.stats()["bytes"] <= 100_000
        entry = tier.peek("50")
        assert entry is not None
        assert entry.value == bytes(size)


def test_a_tier_of_one_entry_works() -> None:
    """The smallest bound holds the last entry."""
    tier = MemoryTier(1, 1_000_000)
    for number in range(10):
        tier.set(str(number), b"x", FOREVER)
        assert tier.get(str(number)) is not None
    assert tier.stats()["items"] == 1


def test_an_entry_that_is_read_outlives_those_that_are_not() -> None:
    """The small queue gives up what was never read, and keeps what was read once."""
    tier = MemoryTier(100, 1 << 30)
    for number in range(100):
        tier.set(f"old:{number}", b"", FOREVER)
    tier.get("old:3")
    for number in range(95):
        tier.set(f"new:{number}", b"", FOREVER)
    assert tier.peek("old:3") is not None
    assert tier.peek("old:4") is None


def test_a_key_that_comes_back_goes_to_the_main_queue() -> None:
    """A key whose ghost is remembered survives the next scan, though it was never read."""
    tier = MemoryTier(100, 1 << 30)
    for number in range(101):
        tier.set(f"a:{number}", b"", FOREVER)
    assert tier.peek("a:0") is None
    tier.set("a:0", b"again", FOREVER)
    for number in range(1000):
        tier.set(f"b:{number}", b"", FOREVER)
    assert tier.peek("a:0") is not None
    assert tier.peek("b:0") is None


def test_a_scan_leaves_the_hot_set() -> None:
    """After 100,000 keys that are read once, at least 90 % of a hot set are still there."""
    tier = MemoryTier(1000, 1 << 30)
    hot = [f"hot:{number}" for number in range(500)]
    for key in hot:
        tier.set(key, b"x", FOREVER)
    for _ in range(3):
        for key in hot:
            assert tier.get(key) is not None
    for number in range(100_000):
        tier.set(f"scan:{number}", b"x", FOREVER)
    assert sum(tier.get(key) is not None for key in hot) >= 450


def test_expired_entries_do_not_accumulate() -> None:
    """Writes sweep what has expired, a few at a time, without a read of it and without evicting what is live."""
    clock = FakeClock()
    tier = MemoryTier(20_000, 1 << 30, clock=clock)
    for number in range(10_000):
        tier.set(f"old:{number}", b"x", clock.now + 10)
    clock.advance(10)
    for number in range(2500):
        tier.set(f"new:{number}", b"x", FOREVER)
    stats = tier.stats()
    assert stats["items"] == 2500
    assert (stats["expirations"], stats["evictions"]) == (10_000, 0)


def test_a_write_removes_at_most_eight_expired_entries() -> None:
    """The work of the sweep within one write is bounded."""
    clock = FakeClock()
    tier = MemoryTier(1000, 1 << 30, clock=clock)
    for number in range(100):
        tier.set(f"old:{number}", b"x", clock.now + 10)
    clock.advance(10)
    tier.set("new:0", b"x", FOREVER)
    assert tier.stats()["expirations"] == 8


def test_the_sweep_also_removes_what_was_invalidated() -> None:
    """Entries of an ended generation leave without a read, and are not counted as expired."""
    tier = MemoryTier(1000, 1 << 30)
    generation = Generation()
    for number in range(100):
        tier.set(f"old:{number}", b"x", FOREVER, generations=(generation,))
    generation.ended = True
    for number in range(100):
        tier.set(f"new:{number}", b"x", FOREVER)
    stats = tier.stats()
    assert (stats["items"], stats["expirations"]) == (100, 0)


def test_the_wall_clock_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wall clock that is set an hour forward or back leaves the time to live alone."""
    for step in (3600.0, -3600.0):
        tier = MemoryTier(10, 1_000_000)
        import time

        now, wall = time.monotonic(), time.time() + step
        tier.set("short", b"x", now - 1)
        tier.set("long", b"x", now + 600)
        monkeypatch.setattr(time, "time", lambda wall=wall: wall)
        assert tier.get("short") is None
        assert tier.get("long") is not None
        monkeypatch.undo()


def _hammer(tier: MemoryTier, threads: int, steps: int) -> list[int]:
    """Read, write and delete from many threads; return the lookups of each. A switch of threads after every 10 µs."""
    barrier = threading.Barrier(threads)

    def work(seed: int) -> int:
        chance, lookups = Random(seed), 0
        barrier.wait()
        for _ in range(steps):
            key = f"key:{chance.randrange(400)}"
            choice = chance.random()
            if choice < 0.5:
                entry = tier.get(key)
                lookups += 1
                assert entry is None or entry.value is None or entry.value.startswith(key.encode())
            elif choice < 0.9:
                tier.set(
                    key,
                    key.encode() + bytes(chance.randrange(2000)),
                    tier._clock() + chance.choice((-1, 600, 600, 600)),
                )
            elif choice < 0.999:
                tier.delete(key)
            else:
                tier.clear()
            stats = tier.stats()
            assert stats["items"] <= stats["max_items"]
            assert stats["bytes"] <= stats["max_bytes"]
        return lookups

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(threads)))


def test_the_sums_are_exact_after_eight_threads() -> None:
    """Bounds hold at every moment, and afterwards bytes, items and lookups are what counting them gives."""
    tier = MemoryTier(100, 150_000)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        lookups = _hammer(tier, 8, 2500)
    finally:
        sys.setswitchinterval(interval)
    stats = tier.stats()
    nodes = list(tier._nodes.values())
    assert stats["bytes"] == sum(node.weight for node in nodes)
    assert stats["items"] == len(nodes) == len(tier._ring)
    assert {id(node) for node in nodes} == {id(node) for node in tier._ring}
    assert all(tier._ring[node.position] is node for node in nodes)
    queues = tier._queues
    assert {*queues._small, *queues._main} == set(tier._nodes)
    assert queues._small_bytes == sum(node.weight for node in queues._small.values())
    assert stats["hits"] + stats["misses"] == sum(lookups)
    assert stats["evictions"] > 0
    assert stats["expirations"] > 0


def test_there_are_never_more_ghosts_than_entries() -> None:
    """What is remembered of evicted keys is bounded by what is cached."""
    tier = MemoryTier(100, 1 << 30)
    for round_ in range(50):
        for number in range(100):
            tier.set(f"{round_}:{number}", b"", FOREVER)
            tier.get(f"{round_}:{number % 50}")
    kept = (tier._queues._left_small, tier._queues._left_main)
    assert all(ghosts._marks <= set(ghosts._order) for ghosts in kept)
    assert all(kept)
    assert sum(len(ghosts._order) for ghosts in kept) <= 100


def read_through(tier: MemoryTier, keys: Iterable[str]) -> int:
    """Read each key, and store it where it is missing; return how many were there."""
    hits = 0
    for key in keys:
        if tier.get(key) is None:
            tier.set(key, b"", FOREVER)
        else:
            hits += 1
    return hits


def least_recently_used(size: int, keys: Iterable[str]) -> int:
    """Return the hits of an LRU of ``size`` entries."""
    entries: OrderedDict[str, None] = OrderedDict()
    hits = 0
    for key in keys:
        hits += key in entries
        entries[key] = None
        entries.move_to_end(key)
        if len(entries) > size:
            entries.popitem(last=False)
    return hits


def popular(chance: Random, prefix: str, count: int) -> list[str]:
    """Return keys of which a few are asked for often (Zipf with an exponent of 1 over 5000 keys)."""
    weights = list(accumulate(1 / rank for rank in range(1, 5001)))
    return [f"{prefix}{number}" for number in chance.choices(range(5000), cum_weights=weights, k=count)]


def test_what_is_popular_for_long_is_kept_better_than_by_lru() -> None:
    """The small queue stays small, and hits are a tenth more at least."""
    keys = popular(Random(5), "", 20_000)
    tier = MemoryTier(200, 1 << 30)
    assert read_through(tier, keys) > 1.1 * least_recently_used(200, keys)
    assert tier._queues.share < 0.3


def test_what_changes_is_kept_as_well_as_by_lru() -> None:
    """Where other keys become popular, the small queue gets the room that the old ones have in main."""
    chance = Random(5)
    keys = [key for phase in range(10) for key in popular(chance, f"{phase}:", 2000)]
    tier = MemoryTier(1000, 1 << 30)
    assert read_through(tier, keys) > 0.99 * least_recently_used(1000, keys)
    assert tier._queues.share > 0.5
    # And gives it back when they stay.
    read_through(tier, popular(chance, "", 40_000))
    assert tier._queues.share < 0.3


def test_a_read_waits_for_no_lock() -> None:
    """A thread in the middle of a write does not hold up a hit, a miss or a peek."""
    tier = MemoryTier(10, 1_000_000)
    tier.set("key", b"x", FOREVER)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with tier._lock:
            held.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        held.wait(10)
        results: list[object] = []
        reader = threading.Thread(target=lambda: results.extend([tier.get("key"), tier.get("no"), tier.peek("key")]))
        reader.start()
        reader.join(5)
        assert len(results) == 3
    finally:
        done.set()
        holder.join()


class _Interrupting(str):
    """A key whose hashing runs other code, as a finaliser or a signal handler would in the middle of a write."""

    __slots__ = ("action", "countdown")

    action: Callable[[], object]
    countdown: int

    def __hash__(self) -> int:
        self.countdown -= 1
        if self.countdown == 0:
            self.action()
        return str.__hash__(self)


def _interrupting(action: Callable[[], object], countdown: int) -> _Interrupting:
    key = _Interrupting("interrupting")
    key.action, key.countdown = action, countdown
    return key


@pytest.mark.parametrize("countdown", range(1, 7))
def test_a_write_within_a_write_neither_blocks_nor_corrupts(countdown: int) -> None:
    """What a finaliser writes during a write of its own thread is dropped, never the older value kept."""
    tier = MemoryTier(10, 1_000_000)
    for number in range(10):
        tier.set(str(number), b"old", FOREVER)
    stored: list[bool] = []
    key = _interrupting(lambda: stored.append(tier.set("3", b"new", FOREVER)), countdown)
    tier.set(key, b"x", FOREVER)
    if stored == [False]:
        assert tier.peek("3") is None
    nodes = list(tier._nodes.values())
    assert tier.stats()["bytes"] == sum(node.weight for node in nodes)
    assert len(nodes) == len(tier._ring) <= 10


@pytest.mark.parametrize("countdown", range(1, 7))
@pytest.mark.parametrize("method", ["delete", "clear"])
def test_an_invalidation_within_a_write_is_not_lost(countdown: int, method: str) -> None:
    """What a finaliser deletes during a write of its own thread cannot be read afterwards."""
    tier = MemoryTier(20, 1_000_000)
    for number in range(10):
        tier.set(str(number), b"old", FOREVER)
    reached: list[int] = []

    def act() -> None:
        reached.append(countdown)
        if method == "delete":
            tier.delete("3")
        else:
            tier.clear()

    tier.set(_interrupting(act, countdown), b"x", FOREVER)
    if reached:
        assert tier.get("3") is None
    assert tier.stats()["bytes"] == sum(node.weight for node in tier._nodes.values())


@pytest.mark.parametrize("countdown", range(1, 5))
def test_an_aborted_write_leaves_an_empty_tier_at_worst(countdown: int) -> None:
    """An exception in the middle of a write, as Ctrl-C raises, leaves sums that are right."""

    def stop() -> None:
        raise KeyboardInterrupt

    tier = MemoryTier(10, 1_000_000)
    for number in range(10):
        tier.set(str(number), b"old", FOREVER)
    with pytest.raises(KeyboardInterrupt):
        tier.set(_interrupting(stop, countdown), b"x", FOREVER)
    assert tier.stats()["bytes"] == sum(node.weight for node in tier._nodes.values())
    assert tier.set("key", b"x", FOREVER)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_child_process_can_write_though_a_thread_held_the_lock() -> None:
    """After a fork in the middle of another thread's write, the child has a free lock and entries that add up."""
    tier = MemoryTier(10, 1_000_000)
    tier.set("key", b"x", FOREVER)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with tier._lock:
            tier._writing = True
            held.set()
            done.wait(10)
            tier._writing = False

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        held.wait(10)
        with warnings.catch_warnings():
            # Newer Pythons warn of what is tested here.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            ok = tier.peek("key") is None and tier.set("key", b"y", FOREVER) and tier.get("key") is not None
            os._exit(0 if ok else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        done.set()
        holder.join()
    assert tier.get("key") is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_child_process_keeps_the_entries() -> None:
    """A fork at rest gives the child a warm cache."""
    tier = MemoryTier(10, 1_000_000)
    tier.set("key", b"x", FOREVER)
    child = os.fork()
    if child == 0:
        os._exit(0 if tier.get("key") is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_hit_ratio_on_a_skewed_load_is_above_lru() -> None:
    """On a Zipf load much larger than the cache, S3-FIFO hits more often than the order of last use would."""
    chance = Random(5)
    weights = [1 / rank for rank in range(1, 20_001)]
    keys = [f"k{number}" for number in chance.choices(range(20_000), weights, k=60_000)]
    tier = MemoryTier(200, 1 << 30)
    lru: dict[str, None] = {}
    lru_hits = 0
    for key in keys:
        if tier.get(key) is None:
            tier.set(key, b"", FOREVER)
        if key in lru:
            lru_hits += 1
            del lru[key]
        elif len(lru) == 200:
            del lru[next(iter(lru))]
        lru[key] = None
    assert tier.stats()["hits"] > lru_hits * 1.05


def test_the_hand_visits_every_entry() -> None:
    """However writes and removals alternate, no expired entry is passed over for ever."""
    clock = FakeClock()
    tier = MemoryTier(500, 1 << 30, clock=clock)
    chance = Random(1)
    for _ in range(3000):
        tier.set(f"k{chance.randrange(800)}", b"", clock.now + chance.choice((1, 5, 50)))
        clock.advance(0.01)
    leftovers = []
    clock.advance(100)
    for number in range(400):
        tier.set("same", b"", FOREVER)
        if number % 100 == 0:
            leftovers.append(tier.stats()["items"])
    assert all(later < earlier for earlier, later in pairwise(leftovers[:2]))
    assert tier.stats()["items"] == 1

"""What the cache costs and how often it hits, beside an LRU and plain redis-py in the same run.

    python benchmarks/cache.py [--operations 200000] [--only shared]

The yardstick is an ``OrderedDict`` in the order of last use, with a time to live, a bound on bytes and a lock: what one
writes by hand. Costs are the best of several interleaved rounds; trust ratios, not nanoseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate

from _shared_tier import shared_tables

from pydantic_serialization.cache import CacheManager, MemoryTier, compile_key, encode_parts

ROUNDS = 7
POPULATION = 100_000
PAYLOAD = b"x" * 100


class Lru:
    """The yardstick: least recently used goes first."""

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self.max_items, self.max_bytes, self.bytes = max_items, max_bytes, 0
        self.entries: OrderedDict[str, tuple[bytes, float, int]] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Return the value of ``key``, and make it the last to go."""
        with self.lock:
            entry = self.entries.get(key)
            if entry is None or time.monotonic() >= entry[1]:
                return None
            self.entries.move_to_end(key)
            return entry[0]

    def set(self, key: str, value: bytes, expires_at: float) -> None:
        """Store ``value`` until ``expires_at``, and drop what was not used for longest."""
        weight = len(key) + len(value) + 300
        with self.lock:
            old = self.entries.pop(key, None)
            if old is not None:
                self.bytes -= old[2]
            while len(self.entries) >= self.max_items or self.bytes + weight > self.max_bytes:
                self.bytes -= self.entries.popitem(last=False)[1][2]
            self.entries[key] = (value, expires_at, weight)
            self.bytes += weight


Operation = Callable[[], None]


def best_of(operations: dict[str, Operation], size: int) -> dict[str, float]:
    """Return nanoseconds per step of each operation, which does ``size`` of them: the best of interleaved rounds."""
    best = dict.fromkeys(operations, float("inf"))
    for _ in range(ROUNDS):
        for name, operation in operations.items():
            started = time.perf_counter_ns()
            operation()
            best[name] = min(best[name], (time.perf_counter_ns() - started) / size)
    return best


def cost_table(items: int) -> None:
    """Print what one operation costs on a tier of ``items`` entries."""
    steps = min(items, 20_000)
    chance = random.Random(1)
    keys = [f"user:{number:011d}" for number in range(items)]
    present = chance.sample(keys, steps)
    absent = [f"none:{number:011d}" for number in range(steps)]
    expires_at = time.monotonic() + 1e6
    fresh = (f"new:{number:011d}" for number in range(10**9))
    tables: dict[str, dict[str, float]] = {}
    stores: dict[str, MemoryTier | Lru] = {"S3-FIFO": MemoryTier(items, 1 << 40), "LRU": Lru(items, 1 << 40)}
    for store in stores.values():
        for key in keys:
            store.set(key, PAYLOAD, expires_at)
    operations: dict[str, Callable[[MemoryTier | Lru], None]] = {
        "get, hit": lambda store: _reads(store, present),
        "get, miss": lambda store: _reads(store, absent),
        "overwrite": lambda store: _writes(store, present, expires_at),
        "insert and evict": lambda store: _writes(store, _take(fresh, steps), expires_at),
    }
    for operation, action in operations.items():
        tables[operation] = best_of({name: partial(action, store) for name, store in stores.items()}, steps)
    print(f"\n{items} entries, ns per operation")
    print(f"{'':20}{'S3-FIFO':>10}{'LRU':>10}{'ratio':>10}")
    for operation, costs in tables.items():
        ours, theirs = costs["S3-FIFO"], costs["LRU"]
        print(f"{operation:20}{ours:10.0f}{theirs:10.0f}{ours / theirs:10.2f}")


def _reads(store: MemoryTier | Lru, keys: Sequence[str]) -> None:
    get = store.get
    for key in keys:
        get(key)


def _writes(store: MemoryTier | Lru, keys: Sequence[str], expires_at: float) -> None:
    write = store.set
    for key in keys:
        write(key, PAYLOAD, expires_at)


def _take(source: Iterator[str], count: int) -> list[str]:
    return [next(source) for _ in range(count)]


def manager_table() -> None:
    """Print what a hit costs through the manager, and what a key costs."""
    cache = CacheManager()
    steps = 20_000
    keys = [f"user:{number}" for number in range(500)] * (steps // 500)

    def load() -> bytes:
        return PAYLOAD

    for key in keys[:500]:
        cache.get_or_load_sync(key, load)

    def hits() -> None:
        for key in keys:
            cache.get_sync(key)

    def loads() -> None:
        for key in keys:
            cache.get_or_load_sync(key, load)

    async def async_loads() -> None:
        for key in keys:
            await cache.get_or_load(key, load)

    def function(user_id: int, page: int = 1) -> None: ...

    signature = inspect.signature(function)
    key_of = compile_key("user:{user_id}", signature)

    def compiled() -> None:
        for number in range(steps):
            key_of((number,), {})

    def bound() -> None:
        for number in range(steps):
            signature.bind(number).apply_defaults()

    def parts() -> None:
        for number in range(steps):
            encode_parts(number, "page")

    print("\nCacheManager and keys, ns per call")
    rows = {
        "get_sync, hit": hits,
        "get_or_load_sync, hit": loads,
        "await get_or_load, hit": lambda: asyncio.run(async_loads()),
        "compiled key, one parameter": compiled,
        "encode_parts, two parts": parts,
        "Signature.bind (yardstick)": bound,
    }
    for name, cost in best_of(rows, steps).items():
        print(f"{name:30}{cost:10.0f}")


def zipf(exponent: float, count: int, chance: random.Random) -> list[str]:
    """Return ``count`` keys, where the n-th most frequent one has the weight ``1 / n ** exponent``."""
    cumulative = list(accumulate(1 / rank**exponent for rank in range(1, POPULATION + 1)))
    return [f"k{number}" for number in chance.choices(range(POPULATION), cum_weights=cumulative, k=count)]


def traces(count: int) -> Iterator[tuple[str, list[str]]]:
    """Return named sequences of keys, each of about ``count`` reads."""
    chance = random.Random(7)
    for exponent in (0.8, 1.0):
        yield f"zipf {exponent}", zipf(exponent, count, chance)
    base = zipf(1.0, count // 2, chance)
    yield "zipf 1.0 + 50 % one-hit", [key for pair in zip(base, _ones("one", count // 2), strict=True) for key in pair]
    scans: list[str] = []
    for start in range(0, len(base), 10_000):
        scans += base[start : start + 10_000]
        scans += _ones(f"scan{start}-", 10_000)
    yield "zipf 1.0 + scans", scans
    shifting: list[str] = []
    for phase in range(10):
        shifting += [f"{key}-{phase}" for key in zipf(1.0, count // 10, chance)]
    yield "shifting every 10 %", shifting


def _ones(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def hit_ratio(store: MemoryTier | Lru, keys: Sequence[str]) -> float:
    """Return the per cent of ``keys`` that ``store`` has when they are read in order, and stored on a miss."""
    hits = 0
    for key in keys:
        if store.get(key) is None:
            store.set(key, b"", float("inf"))
        else:
            hits += 1
    return 100 * hits / len(keys)


def ratio_table(count: int) -> None:
    """Print the hit ratios of both policies."""
    print(f"\nhit ratio in %, {count} reads of {POPULATION} keys")
    print(f"{'':28}{'1,000 entries':>20}{'10,000 entries':>22}")
    print(f"{'':28}{'S3-FIFO':>12}{'LRU':>8}{'S3-FIFO':>14}{'LRU':>8}")
    for name, keys in traces(count):
        ratios = [
            hit_ratio(store, keys)
            for items in (1000, 10_000)
            for store in (MemoryTier(items, 1 << 40), Lru(items, 1 << 40))
        ]
        print(f"{name:28}{ratios[0]:12.1f}{ratios[1]:8.1f}{ratios[2]:14.1f}{ratios[3]:8.1f}")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=200_000, help="reads per trace of the hit ratio table")
    parser.add_argument("--only", choices=["shared"], help="measure the shared tier only")
    options = parser.parse_args()
    if options.only == "shared":
        shared_tables()
        return
    for items in (1000, 100_000):
        cost_table(items)
    manager_table()
    ratio_table(options.operations)
    shared_tables()


if __name__ == "__main__":
    main()

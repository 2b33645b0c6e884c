"""What the cache costs and how often it hits, beside an LRU, W-TinyLFU, cashews, aiocache and redis-py in the same run.

    python benchmarks/cache.py [--operations 200000] [--only hits]

The yardstick is an ``OrderedDict`` in the order of last use, with a time to live, a bound on bytes and a lock: what one
writes by hand. Costs are the best of several interleaved rounds; trust ratios, not nanoseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from _cache_footprint import footprint_table
from _decorated_hits import decorated_tables
from _hit_ratio import Lru, ratio_table
from _shared_tier import shared_tables

from pydantic_serialization.cache import CacheManager, MemoryTier, compile_key, encode_parts

ROUNDS = 7
PAYLOAD = b"x" * 100


Operation = Callable[[], None]


def best_of(operations: dict[str, Operation], size: int) -> dict[str, float]:
    """Return nanoseconds per step of each operation, which does ``size`` of them: the best of interleaved rounds."""
    best = dict.fromkeys(operations, float("inf"))
    for _ in range(ROUNDS):
        for name, operation in operations.items():
            started = time.process_time_ns()
            operation()
            best[name] = min(best[name], (time.process_time_ns() - started) / size)
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


def cost_tables() -> None:
    """Print what operations cost on small and large tiers, and through the manager."""
    for items in (1000, 100_000):
        cost_table(items)
    manager_table()


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=200_000, help="reads per trace of the hit ratio table")
    tables: dict[str, Callable[[], None]] = {
        "costs": cost_tables,
        "hits": decorated_tables,
        "ratios": lambda: ratio_table(parser.parse_args().operations),
        "footprint": footprint_table,
        "shared": shared_tables,
    }
    parser.add_argument("--only", choices=tables, help="print these tables only")
    only = parser.parse_args().only
    for name, show in tables.items():
        if only in (None, name):
            show()


if __name__ == "__main__":
    main()

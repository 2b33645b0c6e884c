"""How often the in-process tier hits, beside an LRU and the W-TinyLFU of theine, on the shapes of published traces."""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from importlib import import_module
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol

from pydantic_serialization.cache import MemoryTier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POPULATION = 100_000
SIZES = (1000, 10_000)


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


class WTinyLfu:
    """theine's cache, with the methods that are needed here."""

    def __init__(self, max_items: int, _: int) -> None:
        # It starts a thread when it is imported.
        self._cache: Any = import_module("theine").Cache(max_items)

    def get(self, key: str) -> object | None:
        """Return the value of ``key``."""
        value, is_there = self._cache.get(key)
        return value if is_there else None

    def set(self, key: str, value: bytes, _: float) -> None:
        """Store ``value``."""
        self._cache.set(key, value)

    def close(self) -> None:
        """Let its thread go."""
        self._cache.close()


class Store(Protocol):
    """What the traces are read through."""

    def get(self, key: str) -> object | None:
        """Return what is stored under ``key``."""
        ...

    def set(self, key: str, value: bytes, expires_at: float) -> object:
        """Store ``value``."""
        ...


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
    for phases in (10, 50):
        shifting: list[str] = []
        for phase in range(phases):
            shifting += [f"{key}-{phase}" for key in zipf(1.0, count // phases, chance)]
        yield f"shifting every {100 // phases} %", shifting
    # Each key is asked for some four times, soon after it came up first.
    yield "sliding window", [f"w{n // 4 - int(chance.expovariate(1 / 1000))}" for n in range(count)]


def _ones(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def hit_ratio(store: Store, keys: list[str]) -> float:
    """Return the per cent of ``keys`` that ``store`` has when they are read in order, and stored on a miss."""
    hits = 0
    for key in keys:
        if store.get(key) is None:
            store.set(key, b"", float("inf"))
        else:
            hits += 1
    return 100 * hits / len(keys)


def ratio_table(count: int) -> None:
    """Print the hit ratios of all policies."""
    policies: dict[str, Callable[[int, int], Store]] = {"ours": MemoryTier, "LRU": Lru}
    try:
        import_module("theine")
    except ImportError:
        print("\ntheine is not installed: without W-TinyLFU")
    else:
        policies["W-TinyLFU"] = WTinyLfu
    width = 10 * len(policies)
    print(f"\nhit ratio in %, {count} reads of {POPULATION} keys")
    print(f"{'':26}" + "".join(f"{f'{size:,} entries':>{width}}" for size in SIZES))
    print(f"{'':26}" + "".join(f"{name:>10}" for _ in SIZES for name in policies))
    for name, keys in traces(count):
        cells = ""
        for size in SIZES:
            for policy in policies.values():
                store = policy(size, 1 << 40)
                cells += f"{hit_ratio(store, keys):10.1f}"
                if isinstance(store, WTinyLfu):
                    store.close()
        print(f"{name:26}{cells}")

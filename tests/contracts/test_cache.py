"""The contract of cache tiers, run on the tiers of this package."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from pydantic_serialization.cache import Entry, MemoryTier
from pydantic_serialization.testing import CacheContract, FakeClock

if TYPE_CHECKING:
    from pydantic_serialization.cache import CacheTier, TierStats


class TestMemoryTier(CacheContract):
    def make_tier(self, clock: FakeClock) -> CacheTier:
        return MemoryTier(100, 1_000_000, clock=clock)


class TestMemoryTierBoundByBytes(CacheContract):
    def make_tier(self, clock: FakeClock) -> CacheTier:
        return MemoryTier(1_000_000, 120_000, clock=clock)


class DictTier:
    """The least that a tier of one's own may be: a dict behind a lock, which refuses what does not fit."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.entries: dict[str, Entry] = {}
        self.hits = self.misses = self.stale_hits = self.rejected = 0

    def get(self, key: str) -> Entry | None:
        with self.lock:
            entry = self.peek(key)
            if entry is not None and self.clock() < entry.expires_at:
                self.hits += 1
                return entry
            self.misses += 1
            self.stale_hits += entry is not None
            return None

    def peek(self, key: str) -> Entry | None:
        entry = self.entries.get(key)
        return entry if entry is not None and entry.exists(self.clock()) else None

    def set(self, key: str, value: bytes | None, expires_at: float, **parts: Any) -> bool:
        with self.lock:
            self.entries.pop(key, None)
            if len(value or b"") > 5000 or len(self.entries) >= 100:
                self.rejected += 1
                return False
            self.entries[key] = Entry(value, expires_at, **parts)
            return True

    def delete(self, key: str) -> bool:
        with self.lock:
            existed = self.peek(key) is not None
            self.entries.pop(key, None)
            return existed

    def clear(self) -> None:
        with self.lock:
            self.entries.clear()

    def stats(self) -> TierStats:
        with self.lock:
            lookups = self.hits + self.misses
            return {
                "hits": self.hits,
                "misses": self.misses,
                "hit_rate": self.hits / lookups if lookups else 0.0,
                "stale_hits": self.stale_hits,
                "items": len(self.entries),
                "bytes": sum(len(key) + len(entry.value or b"") for key, entry in self.entries.items()),
                "max_items": 100,
                "max_bytes": 600_000,
                "evictions": 0,
                "expirations": 0,
                "rejected_oversize": self.rejected,
            }


class TestTierOfOnesOwn(CacheContract):
    def make_tier(self, clock: FakeClock) -> CacheTier:
        return DictTier(clock)


def test_a_suite_without_a_tier_says_what_is_missing() -> None:
    """Inheriting the contract without a tier names the method to write."""

    class Unfinished(CacheContract):
        pass

    unfinished: Any = Unfinished
    with pytest.raises(TypeError, match="make_tier"):
        unfinished()

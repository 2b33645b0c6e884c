"""The in-process tier against a model: a dict, a clock, and nothing else."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pydantic_serialization.cache.generation import Generations
from pydantic_serialization.cache.memory import MemoryTier
from pydantic_serialization.testing import FakeClock

KEYS = st.sampled_from([f"key:{number}" for number in range(12)])
TAGS = st.sampled_from(["red", "green"])


class Known(NamedTuple):
    """What the model knows of one key."""

    value: bytes | None
    expires_at: float
    stale_until: float
    tags: frozenset[str]


class TierMachine(RuleBasedStateMachine):
    """A tier may forget an entry at any time, but what it returns has to be right."""

    @initialize(max_items=st.integers(1, 9), max_bytes=st.integers(800, 9000))
    def make(self, max_items: int, max_bytes: int) -> None:
        self.clock = FakeClock()
        self.tier = MemoryTier(max_items, max_bytes, clock=self.clock)
        self.generations = Generations()
        self.model: dict[str, Known] = {}
        self.hits = self.misses = self.stale_hits = 0

    @rule(
        key=KEYS,
        value=st.none() | st.binary(max_size=40) | st.integers(0, 1500).map(bytes),
        ttl=st.integers(0, 5),
        stale=st.integers(0, 5),
        tags=st.frozensets(TAGS),
    )
    def set(self, key: str, value: bytes | None, ttl: int, stale: int, tags: frozenset[str]) -> None:
        expires_at = self.clock.now + ttl
        stored = self.tier.set(
            key,
            value,
            expires_at,
            stale_until=expires_at + stale,
            generations=tuple(self.generations.current(tag) for tag in tags),
        )
        fits = len(value or b"") <= self.tier.max_bytes // 8
        assert fits or not stored
        if stored:
            self.model[key] = Known(value, expires_at, expires_at + stale, tags)
        else:
            self.model.pop(key, None)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        known, entry, now = self.model.get(key), self.tier.get(key), self.clock.now
        if entry is None:
            self.misses += 1
        else:
            self.hits += 1
            assert known is not None
            assert now < known.expires_at
            assert entry.value == known.value

    @rule(key=KEYS)
    def peek(self, key: str) -> None:
        known, entry = self.model.get(key), self.tier.peek(key)
        if entry is not None:
            assert known is not None
            assert self.clock.now < known.stale_until
            assert entry.value == known.value

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        there = self.tier.peek(key) is not None
        assert self.tier.delete(key) is there
        self.model.pop(key, None)

    @rule(tag=TAGS)
    def invalidate(self, tag: str) -> None:
        self.generations.end(tag)
        self.model = {key: known for key, known in self.model.items() if tag not in known.tags}

    @rule(seconds=st.integers(1, 6))
    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def clear(self) -> None:
        self.tier.clear()
        self.model.clear()

    @rule(key=KEYS)
    def a_small_value_that_was_just_set_is_there(self, key: str) -> None:
        if self.tier.set(key, b"now", self.clock.now + 1):
            self.model[key] = Known(b"now", self.clock.now + 1, self.clock.now + 1, frozenset())
            entry = self.tier.peek(key)
            assert entry is not None
            assert entry.value == b"now"
        else:
            self.model.pop(key, None)

    @invariant()
    def bounds_and_sums(self) -> None:
        stats = self.tier.stats()
        assert stats["items"] <= stats["max_items"]
        assert stats["bytes"] <= stats["max_bytes"]
        assert stats["bytes"] == sum(node.weight for node in self.tier._ring)
        assert stats["items"] == len(self.tier._ring)
        assert (stats["hits"], stats["misses"]) == (self.hits, self.misses)
        queues = self.tier._queues
        assert len(queues._small) + len(queues._main) == stats["items"]
        assert queues._small_bytes == sum(node.weight for node in queues._small.values())


TestTier = TierMachine.TestCase
TestTier.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)

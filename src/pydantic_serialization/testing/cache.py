"""The contract of an in-process cache tier, as a test class to inherit, and a clock that tests move by hand."""

# ruff: noqa: S101  (assertions are what a contract consists of)

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NoReturn

import pytest

from pydantic_serialization.cache._base import CacheTier
from pydantic_serialization.cache.generation import Generation

if TYPE_CHECKING:
    from pydantic_serialization.cache.stats import TierStats

_FOREVER = float("inf")


class FakeClock:
    """A clock that stands still until it is told to go on; give it to a cache as ``clock=``.

    Args:
        start: Seconds that it shows first.
    """

    def __init__(self, start: float = 1000.0) -> None:
        self.now = start

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass at once."""
        self.now += seconds


class CacheContract(ABC):
    """What every in-process tier has to do.

    Inherit it in a test module and say how to make the tier::

        from pydantic_serialization.testing import CacheContract

        class TestMyTier(CacheContract):
            def make_tier(self, clock):
                return MyTier(clock=clock)

    The tier needs room for a hundred short entries. Needs pytest.
    """

    @abstractmethod
    def make_tier(self, clock: FakeClock) -> CacheTier:
        """Return an empty tier that takes its time from ``clock``."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        """Return the clock of one test."""
        return FakeClock()

    @pytest.fixture
    def tier(self, clock: FakeClock) -> CacheTier:
        """Return the tier of one test."""
        return self.make_tier(clock)

    def test_has_the_methods_of_a_tier(self, tier: CacheTier) -> None:
        """A tier can be read, written, emptied and asked for its numbers."""
        assert isinstance(tier, CacheTier)

    @pytest.mark.parametrize("value", [b"", b"x", b"\x00\xff" * 500, None])
    def test_returns_what_was_stored(self, tier: CacheTier, value: bytes | None) -> None:
        """A value comes back as the same bytes, and a negative entry as one."""
        assert tier.set("key", value, _FOREVER)
        entry = tier.get("key")
        assert entry is not None
        assert entry.value == value
        assert entry.value is None or type(entry.value) is bytes

    def test_keys_are_told_apart(self, tier: CacheTier) -> None:
        """Keys that differ in anything are different keys."""
        keys = ["a", "A", "a ", " a", "a\n", "a\x00", "ä", "a\u0308", "\ud800", "a:b", "a/b", "1", "x" * 1024]
        for key in keys:
            assert tier.set(key, key.encode("utf-8", "surrogatepass"), _FOREVER)
        for key in keys:
            assert _value(tier, key) == key.encode("utf-8", "surrogatepass")

    def test_an_unknown_key_has_no_entry(self, tier: CacheTier) -> None:
        """Reading and deleting what was never stored is no error."""
        assert tier.get("key") is None
        assert tier.peek("key") is None
        assert tier.delete("key") is False

    def test_the_last_write_counts(self, tier: CacheTier) -> None:
        """A second write replaces the value and the times of the first."""
        tier.set("key", b"old", 1001.0)
        tier.set("key", b"new", _FOREVER)
        assert _value(tier, "key") == b"new"
        assert tier.stats()["items"] == 1

    def test_an_entry_is_no_hit_from_its_expiry_on(self, tier: CacheTier, clock: FakeClock) -> None:
        """The time to live ends exactly when it says, and the entry with it if it may not be stale."""
        tier.set("key", b"value", clock.now + 10)
        clock.advance(9.5)
        assert _value(tier, "key") == b"value"
        clock.advance(0.5)
        assert tier.get("key") is None
        assert tier.peek("key") is None
        assert tier.delete("key") is False

    def test_a_stale_entry_can_be_peeked_at(self, tier: CacheTier, clock: FakeClock) -> None:
        """Between expiry and the end of its stale time an entry is no hit, but there."""
        tier.set("key", b"value", clock.now + 10, stale_until=clock.now + 20)
        clock.advance(10)
        assert tier.get("key") is None
        entry = tier.peek("key")
        assert entry is not None
        assert entry.value == b"value"
        clock.advance(10)
        assert tier.peek("key") is None

    def test_an_entry_keeps_its_times(self, tier: CacheTier, clock: FakeClock) -> None:
        """The three times come back as given; the outer two default to the expiry."""
        tier.set("given", b"", clock.now + 20, fresh_until=clock.now + 10, stale_until=clock.now + 30)
        tier.set("plain", b"", clock.now + 20)
        given, plain = tier.get("given"), tier.get("plain")
        assert given is not None
        assert plain is not None
        assert (given.fresh_until, given.expires_at, given.stale_until) == (1010.0, 1020.0, 1030.0)
        assert (plain.fresh_until, plain.expires_at, plain.stale_until) == (1020.0, 1020.0, 1020.0)

    def test_an_ended_generation_takes_its_entries_along(self, tier: CacheTier) -> None:
        """An entry does not exist once any generation that it was made under has ended."""
        first, second = Generation(), Generation()
        tier.set("both", b"", _FOREVER, generations=(first, second))
        tier.set("first", b"", _FOREVER, generations=(first,))
        tier.set("none", b"", _FOREVER)
        second.ended = True
        assert tier.get("both") is None
        assert tier.peek("both") is None
        assert tier.get("first") is not None
        assert tier.get("none") is not None

    def test_delete_removes_one_entry(self, tier: CacheTier) -> None:
        """Deleting says whether there was an entry, and leaves the others."""
        tier.set("one", b"1", _FOREVER)
        tier.set("two", b"2", _FOREVER)
        assert tier.delete("one") is True
        assert tier.delete("one") is False
        assert tier.get("one") is None
        assert _value(tier, "two") == b"2"

    def test_clear_removes_every_entry(self, tier: CacheTier) -> None:
        """Nothing is left, and the tier can be used as before."""
        for number in range(50):
            tier.set(str(number), b"x", _FOREVER)
        tier.clear()
        assert all(tier.peek(str(number)) is None for number in range(50))
        assert tier.stats()["items"] == 0
        assert tier.set("0", b"y", _FOREVER)
        assert _value(tier, "0") == b"y"

    def test_the_numbers_add_up(self, tier: CacheTier, clock: FakeClock) -> None:
        """Every ``get`` is a hit or a miss, a stale one is a miss too, and nothing else is counted."""
        assert tier.stats()["hit_rate"] == 0.0
        tier.set("key", b"value", clock.now + 10, stale_until=clock.now + 20)
        for _ in range(7):
            tier.get("key")
        for key in ("a", "b"):
            tier.get(key)
        tier.peek("key")
        tier.peek("a")
        tier.delete("a")
        clock.advance(10)
        tier.get("key")
        stats: TierStats = tier.stats()
        assert (stats["hits"], stats["misses"], stats["stale_hits"]) == (7, 3, 1)
        assert stats["hit_rate"] == pytest.approx(0.7)

    def test_the_bounds_hold(self, tier: CacheTier) -> None:
        """However much is stored, neither bound is exceeded."""
        for number in range(300):
            tier.set(f"key:{number}", bytes(number), _FOREVER)
            stats = tier.stats()
            assert stats["items"] <= stats["max_items"]
            assert stats["bytes"] <= stats["max_bytes"]

    def test_a_value_that_is_refused_leaves_no_older_one(self, tier: CacheTier) -> None:
        """If a value is too large to be stored, the former value of its key is gone too, and the refusal is counted."""
        tier.set("key", b"old", _FOREVER)
        refused = tier.stats()["rejected_oversize"]
        if tier.set("key", bytes(tier.stats()["max_bytes"] + 1), _FOREVER):
            pytest.fail("a value that is larger than max_bytes was stored")
        assert tier.peek("key") is None
        assert tier.stats()["rejected_oversize"] == refused + 1

    def test_works_from_many_threads(self, tier: CacheTier) -> None:
        """A hit is right whatever other threads do, and nothing is raised."""

        def work(seed: int) -> None:
            for step in range(300):
                key = f"key:{(seed * 7 + step * 13) % 40}"
                tier.set(key, key.encode(), _FOREVER)
                entry = tier.get(key)
                assert entry is None or entry.value == key.encode()
                if step % 17 == 0:
                    tier.delete(key)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        stats = tier.stats()
        assert stats["items"] == sum(tier.peek(f"key:{number}") is not None for number in range(40))


def _value(tier: CacheTier, key: str) -> bytes | None:
    entry = tier.get(key)
    return entry.value if entry is not None else _missing(key)


def _missing(key: str) -> NoReturn:
    pytest.fail(f"{key!r} is missing")

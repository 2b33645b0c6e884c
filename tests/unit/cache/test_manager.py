"""The cache as applications see it: values, keys, tags, times, statistics, and the two twins of each method."""

from __future__ import annotations

import asyncio
import gc
import inspect
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from pydantic import BaseModel

from pydantic_serialization.cache import CacheManager, CacheTier, MemoryTier, SharedTierStats
from pydantic_serialization.errors import ConfigurationError, UnsupportedTypeError
from pydantic_serialization.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable


class User(BaseModel):
    name: str


def make(**options: Any) -> tuple[CacheManager, FakeClock]:
    clock = FakeClock()
    return CacheManager(clock=clock, **options), clock


@pytest.mark.parametrize("value", [b"", b"x", bytearray(b"abc"), memoryview(b"abc"), memoryview(b"abcdef")[::2]])
def test_what_is_bytes_like_is_stored_as_bytes(value: bytes | bytearray | memoryview) -> None:
    """Any bytes-like value comes back as bytes."""
    cache, _ = make()
    cache.set_sync("key", value)
    stored = cache.get_sync("key")
    assert type(stored) is bytes
    assert stored == bytes(value)


def test_a_value_that_changes_later_does_not_change_the_cache() -> None:
    """A mutable buffer is copied when it is stored."""
    cache, _ = make()
    buffer = bytearray(b"before")
    cache.set_sync("key", buffer)
    buffer[:] = b"after!"
    assert cache.get_sync("key") == b"before"


def test_a_subclass_of_bytes_is_stored_as_bytes() -> None:
    """What a subclass adds is not kept."""

    class Tagged(bytes):
        pass

    cache, _ = make()
    cache.set_sync("key", Tagged(b"x"))
    assert type(cache.get_sync("key")) is bytes


@pytest.mark.parametrize("value", ["text", 5, None, User(name="hunter2"), [b"x"], {"a": 1}])
def test_another_value_is_an_error_that_says_what_to_do(value: Any) -> None:
    """A live object is refused with the advice to serialize it; the error shows its type and not its content."""
    cache, _ = make()
    with pytest.raises(TypeError, match="serialize it first") as caught:
        cache.set_sync("key", value)
    assert isinstance(caught.value, UnsupportedTypeError)
    assert type(value).__name__ in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "x" * 1025, b"key", 5, None])
def test_every_method_refuses_a_key_that_cannot_be_one(key: Any) -> None:
    """Empty, over-long and non-str keys are errors in every method."""
    cache, _ = make()
    calls: list[Callable[[], object]] = [
        lambda: cache.get_sync(key),
        lambda: cache.set_sync(key, b""),
        lambda: cache.delete_sync(key),
        lambda: cache.get_many_sync([key]),
        lambda: cache.set_many_sync({key: b""}),
        lambda: cache.get_or_load_sync(key, lambda: b""),
        lambda: cache.invalidate_sync(key),
        lambda: cache.invalidate_sync(tags=(key,)),
        lambda: cache.set_sync("key", b"", tags=(key,)),
    ]
    for call in calls:
        with pytest.raises((ConfigurationError, UnsupportedTypeError)):
            call()
    assert cache.get_stats()["l1_cache"]["items"] == 0


def test_a_wrong_item_stores_none_of_them() -> None:
    """``set_many`` looks at everything before it stores anything."""
    cache, _ = make()
    with pytest.raises(UnsupportedTypeError):
        cache.set_many_sync({"a": b"1", "b": "text"})  # type: ignore[dict-item]
    assert cache.get_sync("a") is None


@pytest.mark.parametrize(
    "options",
    [
        {"max_size": 0}, {"max_bytes": 0}, {"ttl": 0}, {"ttl": -1}, {"ttl": "1h"}, {"namespace": ""},
        {"jitter": 2}, {"jitter": -0.1}, {"max_size": 1.5},
    ],
)  # fmt: skip
def test_an_argument_out_of_range_is_an_error(options: dict[str, Any]) -> None:
    """A cache that cannot work is refused when it is made."""
    with pytest.raises(ConfigurationError):
        CacheManager(**options)


def test_the_default_time_to_live_can_be_overridden() -> None:
    """Entries live for the cache's ``ttl`` unless a call names another; ``set`` takes it exactly."""
    cache, clock = make(ttl=100)
    cache.set_sync("default", b"x")
    cache.set_sync("short", b"x", 10)
    cache.set_sync("long", b"x", ttl=1000)
    clock.advance(9.99)
    assert len(cache.get_many_sync(["default", "short", "long"])) == 3
    clock.advance(0.01)
    assert cache.get_sync("short") is None
    clock.advance(89.9)
    assert cache.get_sync("default") == b"x"
    clock.advance(0.1)
    assert cache.get_sync("default") is None
    assert cache.get_sync("long") == b"x"


def test_the_default_clock_is_monotonic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting the wall clock an hour forward or back changes no time to live."""
    cache = CacheManager()
    cache.set_sync("key", b"x", ttl=60)
    wall = time.time()
    for step in (3600.0, -3600.0):
        monkeypatch.setattr(time, "time", lambda step=step: wall + step)
        assert cache.get_sync("key") == b"x"


def test_delete_says_whether_there_was_an_entry() -> None:
    """The first deletion finds the entry, the second does not."""
    cache, _ = make()
    cache.set_sync("key", b"x")
    assert cache.delete_sync("key") is True
    assert cache.delete_sync("key") is False


def test_tags_remove_their_entries_and_no_others() -> None:
    """Invalidating a tag removes every entry that has it; keys and tags can be named together."""
    cache, _ = make()
    cache.set_many_sync({"a": b"1", "b": b"2"}, tags=("red", "all"))
    cache.set_sync("c", b"3", tags=["all"])
    cache.set_sync("d", b"4")
    cache.set_sync("e", b"5")
    cache.invalidate_sync("d", tags=("red",))
    assert cache.get_many_sync("abcde") == {"c": b"3", "e": b"5"}
    cache.set_sync("a", b"again", tags=("red",))
    assert cache.get_sync("a") == b"again", "a new entry is of the new generation"
    cache.invalidate_sync(tags={"all"})
    assert cache.get_many_sync("abcde") == {"a": b"again", "e": b"5"}


@pytest.mark.usefixtures("frozen_heap")
def test_tags_of_what_is_gone_are_forgotten() -> None:
    """The memory for tags is bounded by the entries that have them."""
    cache, _ = make(max_size=10)
    for number in range(500):
        cache.set_sync(f"key:{number}", b"x", tags=(f"tag:{number}",))
        cache.invalidate_sync(f"key:{number}", tags=(f"none:{number}",))
    gc.collect()
    assert len(cache._store._tags._running) <= 10
    assert len(cache._store._keys._running) == 0


def test_clear_removes_everything() -> None:
    """After ``clear`` nothing can be read; the statistics go on."""
    cache, _ = make()
    cache.set_many_sync({"a": b"1", "b": b"2"})
    cache.get_sync("a")
    cache.clear_sync()
    assert cache.get_many_sync(["a", "b"]) == {}
    stats = cache.get_stats()["l1_cache"]
    assert (stats["items"], stats["bytes"], stats["hits"], stats["misses"]) == (0, 0, 1, 2)


def test_hit_rate_is_the_share_of_hits() -> None:
    """Three misses and seven hits are 0.7; before any lookup it is 0.0; the sums are those of the calls."""
    cache, _ = make()
    assert cache.get_stats()["l1_cache"]["hit_rate"] == 0.0
    cache.set_sync("key", b"x")
    for _ in range(7):
        cache.get_sync("key")
    for name in "abc":
        cache.get_sync(name)
    stats = cache.get_stats()
    assert stats["l1_cache"]["hit_rate"] == pytest.approx(0.7)
    assert (stats["l1_cache"]["hits"], stats["l1_cache"]["misses"]) == (7, 3)


def test_loads_and_lookups_add_up() -> None:
    """Each read through the cache is one lookup; each miss is a load, a shared load, or a failure."""
    cache, _ = make()
    for number in (0, 1, 0, 1, 2, 0):
        cache.get_or_load_sync(f"key:{number}", lambda: b"x")
    stats = cache.get_stats()
    assert (stats["l1_cache"]["hits"], stats["l1_cache"]["misses"]) == (3, 3)
    assert stats["loads"] == {
        "count": 3, "errors": 0, "coalesced": 0, "promoted": 0, "stale_served": 0, "refreshes": 0,
        "seconds": stats["loads"]["seconds"], "saved_seconds": stats["loads"]["saved_seconds"],
    }  # fmt: skip


def test_the_statistics_have_their_shape() -> None:
    """The keys are those of the contract, also without a shared tier, and a copy is returned."""
    cache, _ = make(max_size=5, max_bytes=10_000)
    stats = cache.get_stats()
    assert stats["l2_cache"].keys() == SharedTierStats.__annotations__.keys()
    assert (stats["l2_cache"]["enabled"], stats["l2_cache"]["hit_rate"]) == (False, 0.0)
    assert stats["backplane"]["state"] == "none"
    assert (stats["l1_cache"]["max_items"], stats["l1_cache"]["max_bytes"]) == (5, 10_000)
    stats["loads"]["count"] = 99
    assert cache.get_stats()["loads"]["count"] == 0


def test_an_own_tier_takes_the_entries() -> None:
    """A tier that is passed in is the one that is read and written."""
    clock = FakeClock()
    tier: CacheTier = MemoryTier(3, 100_000, clock=clock)
    cache = CacheManager(tier=tier, clock=clock)
    cache.set_sync("key", b"x")
    assert tier.peek("key") is not None
    assert cache.get_stats()["l1_cache"]["max_items"] == 3


def test_oversized_values_are_loaded_and_returned_all_the_same() -> None:
    """A value that the cache will not hold reaches the caller."""
    cache, _ = make(max_bytes=80_000)
    big = bytes(20_000)
    assert cache.get_or_load_sync("key", lambda: big) == big
    assert cache.get_sync("key") is None
    assert cache.get_stats()["l1_cache"]["rejected_oversize"] == 1


TWINS = ["get", "set", "delete", "get_many", "set_many", "get_or_load", "invalidate", "clear", "start", "stop"]


@pytest.mark.parametrize("name", TWINS)
def test_each_method_has_a_twin_with_the_same_parameters(name: str) -> None:
    """The asynchronous and the synchronous method are called alike."""
    first, second = getattr(CacheManager, name), getattr(CacheManager, f"{name}_sync")
    assert inspect.iscoroutinefunction(first)
    assert not inspect.iscoroutinefunction(second)

    def shape(function: Any) -> list[tuple[str, Any, Any]]:
        return [(item.name, item.kind, item.default) for item in inspect.signature(function).parameters.values()]

    assert shape(first) == shape(second)


def test_the_asynchronous_methods_do_the_same() -> None:
    """Everything that can be done in a thread can be awaited, on the same entries."""

    async def scenario() -> None:
        cache, _ = make()
        await cache.start()
        await cache.set("a", b"1", 10, ("t",))
        await cache.set_many({"b": b"2", "c": b"3"}, tags=("t",))
        assert await cache.get("a") == cache.get_sync("a") == b"1"
        assert await cache.get_many(["a", "b", "x"]) == {"a": b"1", "b": b"2"}
        assert await cache.delete("a") is True
        await cache.invalidate("b")
        assert await cache.get_or_load("b", lambda: b"loaded") == b"loaded"
        await cache.invalidate(tags=("t",))
        assert await cache.get("c") is None
        await cache.clear()
        assert cache.get_sync("b") is None
        await cache.stop()

    asyncio.run(scenario())


@pytest.mark.usefixtures("frozen_heap")
def test_a_cache_that_is_dropped_is_freed() -> None:
    """No registry keeps a cache, its tier or its entries alive."""
    cache, _ = make()
    cache.get_or_load_sync("key", lambda: b"x")
    reference = weakref.ref(cache)
    tier = weakref.ref(cache._tier)
    del cache
    gc.collect()
    assert reference() is None
    assert tier() is None


KEYS = st.sampled_from(["a", "b", "c"])
TAGS = st.frozensets(st.sampled_from(["red", "green"]))


class CacheMachine(RuleBasedStateMachine):
    """A cache with room for everything is a dict whose entries end."""

    @initialize()
    def make(self) -> None:
        self.cache, self.clock = make(jitter=0)
        self.model: dict[str, tuple[bytes, float, frozenset[str]]] = {}

    def known(self, key: str) -> bytes | None:
        value, expires_at, _ = self.model.get(key, (b"", 0.0, frozenset()))
        return value if self.clock.now < expires_at else None

    @rule(key=KEYS, value=st.binary(max_size=3), ttl=st.integers(1, 5), tags=TAGS)
    def set(self, key: str, value: bytes, ttl: int, tags: frozenset[str]) -> None:
        self.cache.set_sync(key, value, ttl, tags)
        self.model[key] = (value, self.clock.now + ttl, tags)

    @rule(key=KEYS, value=st.binary(max_size=3), ttl=st.integers(1, 5), tags=TAGS)
    def load(self, key: str, value: bytes, ttl: int, tags: frozenset[str]) -> None:
        known = self.known(key)
        loaded = self.cache.get_or_load_sync(key, lambda: value, ttl=ttl, tags=tags)
        if known is None:
            self.model[key] = (value, self.clock.now + ttl, tags)
        assert loaded == self.known(key)

    @rule(key=KEYS, inner=st.sampled_from(["set", "delete", "tag", "clear"]))
    def change_during_a_load(self, key: str, inner: str) -> None:
        if self.known(key) is not None:
            return

        def load() -> bytes:
            match inner:
                case "set":
                    self.set(key, b"set", 3, frozenset())
                case "delete":
                    self.delete(key)
                case "tag":
                    self.invalidate(frozenset({"red"}))
                case _:
                    self.clear()
            return b"old"

        assert self.cache.get_or_load_sync(key, load, tags=("red",)) == b"old"
        assert self.cache.get_sync(key) == self.known(key)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        assert self.cache.get_sync(key) == self.known(key)

    @rule()
    def get_many(self) -> None:
        known = {key: self.known(key) for key in "abc"}
        assert self.cache.get_many_sync("abc") == {key: value for key, value in known.items() if value is not None}

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        assert self.cache.delete_sync(key) is (self.known(key) is not None)
        self.model.pop(key, None)

    @rule(tags=TAGS)
    def invalidate(self, tags: frozenset[str]) -> None:
        self.cache.invalidate_sync(tags=tags)
        self.model = {key: known for key, known in self.model.items() if not known[2] & tags}

    @rule()
    def clear(self) -> None:
        self.cache.clear_sync()
        self.model.clear()

    @rule(seconds=st.integers(1, 3))
    def advance(self, seconds: int) -> None:
        self.clock.advance(seconds)


TestCache = CacheMachine.TestCase
TestCache.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


class Plain:
    """A tier of somebody else's, which has what the protocol says and nothing more."""

    def __init__(self, clock: FakeClock) -> None:
        inner = MemoryTier(10, 1 << 20, clock=clock)
        for name in ("get", "peek", "set", "delete", "clear", "stats"):
            setattr(self, name, getattr(inner, name))


@pytest.mark.parametrize("is_ours", [True, False])
def test_what_is_fresh_counts_as_a_hit_and_nothing_else_counts(is_ours: bool) -> None:
    """Where ``get_fresh`` has nothing, ``get_or_load`` is asked, and counts the miss: no lookup counts twice."""
    clock = FakeClock()
    cache = CacheManager(clock=clock, jitter=0.0, tier=None if is_ours else Plain(clock))  # type: ignore[arg-type]
    assert cache.get_fresh("key") is None
    assert cache.get_or_load_sync("key", lambda: b"1", ttl=100, refresh_after=0.5, tags=("tag",)) == b"1"
    assert cache.get_or_load_sync("absent", lambda: None, negative_ttl=100) is None
    assert [cache.get_fresh("key"), cache.get_fresh("absent")] == [b"1", None]
    clock.advance(50)
    assert cache.get_fresh("key") is None  # a refresh is due
    clock.advance(-1)
    cache.invalidate_sync(tags=("tag",))
    assert cache.get_fresh("key") is None
    stats = cache.get_stats()["l1_cache"]
    assert (stats["hits"], stats["misses"]) == (1, 2)

"""Two caches over one shared tier, as two processes would have them: what is found, kept, invalidated and counted."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from shared_tiers import DictTier

from pydantic_serialization.cache import CacheManager, SharedSettings
from pydantic_serialization.cache.shared.invalidation import Invalidation
from pydantic_serialization.errors import ConfigurationError, InvalidationError
from pydantic_serialization.testing import FakeClock

NO_RETRIES = SharedSettings(timeout=10, max_retries=0, background_writes=False)
FOREVER = float("inf")


class Pair:
    """Two caches over one tier. Time stands still."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock()
        self.tier = DictTier(self.clock)
        options = {"shared_settings": NO_RETRIES, "jitter": 0.0, **options}
        self.one, self.other = (CacheManager(shared_tier=self.tier, clock=self.clock, **options) for _ in range(2))

    def forget(self) -> None:
        """Empty the first tier of both."""
        for cache in (self.one, self.other):
            cache._store.clear()


@pytest.fixture
def pair() -> Pair:
    return Pair()


class _Raising:
    """Raises what is listed for an operation, one after the other."""

    def __init__(self, errors: dict[str, list[type[Exception]]]) -> None:
        self._errors = errors

    def __call__(self, what: str) -> None:
        if self._errors.get(what):
            raise self._errors[what].pop(0)


def no_load() -> bytes:
    raise AssertionError("the shared tier has it")


def test_what_one_process_stores_the_other_finds(pair: Pair) -> None:
    """By each way to store and each way to read."""
    pair.one.set_sync("set", b"1", tags=("tag",))
    pair.one.set_many_sync({"many": b"2"})
    pair.one.get_or_load_sync("loaded", lambda: b"3", tags=("tag",))
    assert pair.other.get_sync("set") == b"1"
    assert pair.other.get_many_sync(["set", "many", "loaded", "absent"]) == {"set": b"1", "many": b"2", "loaded": b"3"}
    pair.forget()
    assert pair.other.get_or_load_sync("loaded", no_load) == b"3"
    assert pair.other.get_stats()["loads"]["count"] == 0


def test_what_was_found_is_kept_for_the_time_that_is_left(pair: Pair) -> None:
    """An entry that is 50 of its 60 seconds old lives for 10 more, in the first tier too."""
    pair = Pair(shared_settings=SharedSettings(lonely_ttl=FOREVER))
    pair.one.set_sync("key", b"1", 60)
    pair.clock.advance(50)
    assert pair.other.get_sync("key") == b"1"
    trips = pair.other.get_stats()["l2_cache"]["round_trips"]
    pair.clock.advance(9.5)
    assert pair.other.get_sync("key") == b"1"
    assert pair.other.get_stats()["l2_cache"]["round_trips"] == trips
    pair.clock.advance(0.5)
    assert pair.other.get_sync("key") is None


def test_a_tier_without_a_backplane_shortens_what_is_kept(pair: Pair) -> None:
    """Where others cannot be heard, the first tier asks again soon."""
    pair.one.set_sync("key", b"old", 60)
    assert pair.other.get_sync("key") == b"old"
    pair.one.set_sync("key", b"new", 60)
    assert pair.other.get_sync("key") == b"old"
    pair.clock.advance(SharedSettings().lonely_ttl)
    assert pair.other.get_sync("key") == b"new"


def test_wall_clocks_do_not_matter() -> None:
    """Caches whose own clocks differ by an hour agree, because both go by the clock of the store."""
    pair = Pair(shared_settings=SharedSettings(lonely_ttl=FOREVER))
    late = CacheManager(shared_tier=pair.tier, clock=lambda: pair.clock() - 3600)
    pair.one.set_sync("key", b"1", 60)
    assert late.get_sync("key") == b"1"
    pair.clock.advance(60)
    assert late.get_sync("key") is None


@pytest.mark.parametrize("how", ["key", "tag", "everything", "delete"])
def test_an_invalidated_entry_is_found_by_nobody(pair: Pair, how: str) -> None:
    """Also when its bytes are still in the store, or come back there later."""
    pair.one.set_sync("key", b"old", tags=("tag",))
    before = dict(pair.tier.values)
    invalidate(pair.one, how)
    pair.forget()
    pair.tier.values.update({name: value for name, value in before.items() if ":e:" in name})
    for cache in (pair.one, pair.other):
        assert cache.get_sync("key") is None
        assert cache.get_many_sync(["key"]) == {}
    assert pair.other.get_stats()["l2_cache"]["rejected"]["outdated"] == 2
    assert pair.other.get_or_load_sync("key", lambda: b"new") == b"new"
    assert pair.one.get_sync("key") == b"new"


def invalidate(cache: CacheManager, how: str) -> None:
    if how == "delete":
        cache.delete_sync("key")
    elif how == "everything":
        cache.clear_sync()
    else:
        cache.invalidate_sync(*["key"] * (how == "key"), tags=["tag"] * (how == "tag"))


@pytest.mark.parametrize("how", ["key", "tag", "everything", "delete", "set"])
@pytest.mark.parametrize("by", ["one", "other"])
def test_a_load_that_began_before_does_not_store(pair: Pair, how: str, by: str) -> None:
    """The invalidating process may be the loading one or another one."""

    def load() -> bytes:
        cache = getattr(pair, by)
        if how == "set":
            cache.set_sync("key", b"new", tags=("tag",))
        else:
            invalidate(cache, how)
        return b"old"

    assert pair.one.get_or_load_sync("key", load, tags=("tag",)) == b"old"
    if by == "other":
        # It has no backplane to hear of it: the first tier may have it for a moment.
        pair.clock.advance(SharedSettings().lonely_ttl)
    expected = {b"new", None} if how == "set" else {None}
    for cache in (pair.one, pair.other):
        assert cache.get_sync("key") in expected
        assert cache.get_sync("key") != b"old"


@pytest.mark.parametrize("how", ["key", "tag", "everything"])
def test_a_read_that_is_overtaken_keeps_nothing(pair: Pair, how: str) -> None:
    """Its caller gets what was there when it asked; the first tier of the process does not."""
    pair.one.set_sync("key", b"old", tags=("tag",))
    pair.forget()
    reads = 0

    async def get_many(names: Any) -> dict[str, bytes]:
        nonlocal reads
        found = pair.tier.get_many_sync(names)
        reads += 1
        if reads == 2:  # the versions of the tags, which were not known before
            invalidate(pair.one, how)
        return found

    pair.tier.get_many = get_many  # type: ignore[method-assign]
    assert asyncio.run(pair.one.get("key")) == b"old"
    assert pair.one.get_sync("key") is None


@pytest.mark.parametrize("how", ["key", "tag", "everything", "delete"])
def test_a_read_during_an_invalidation_does_not_undo_it(pair: Pair, how: str) -> None:
    """The old entry may be read until the store knows, and not afterwards."""
    pair.one.set_sync("key", b"old", tags=("tag",))
    seen = []

    def before(what: str) -> None:
        if what == "delete":
            pair.tier.before = lambda _: None
            seen.append(pair.one.get_sync("key"))

    pair.tier.before = before
    invalidate(pair.one, how)
    assert seen == [b"old"]
    assert pair.one.get_sync("key") is None


def test_a_set_that_is_cancelled_leaves_no_old_entry(pair: Pair) -> None:
    """Whether the store has the new value nobody knows: others load theirs, and so does this process."""
    pair.one.set_sync("key", b"old")
    pair.tier.before = lambda what: cancel_if(what == "set")
    with pytest.raises(asyncio.CancelledError):
        pair.one.set_sync("key", b"new")
    pair.tier.before = lambda _: None
    assert pair.one.get_sync("key") is None
    assert pair.other.get_sync("key") is None


@pytest.mark.parametrize("by", ["process", "thread", "invalidation"])
def test_a_set_that_is_overtaken_keeps_nothing(pair: Pair, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another one has stored since then is served, by this process too, and not what was there for a moment."""
    delivery = pair.one._tiers.shared.delivery  # type: ignore[union-attr]

    async def announce(loop: Any, told: Invalidation) -> None:
        monkeypatch.undo()
        if by == "thread":
            pair.one.set_sync("key", b"newer", tags=("tag",))
        elif by == "process":
            pair.other.set_sync("key", b"newer", tags=("tag",))
            pair.one._tiers.apply(told)  # type: ignore[union-attr]  # heard by the backplane
        else:
            pair.other.invalidate_sync(tags=["tag"])
            pair.one._tiers.apply(Invalidation(tags=("tag",)))  # type: ignore[union-attr]

    monkeypatch.setattr(delivery, "announce", announce)
    pair.one.set_sync("key", b"new", tags=("tag",))
    assert pair.one.get_sync("key") == (None if by == "invalidation" else b"newer")


def test_a_lost_version_is_a_miss(pair: Pair) -> None:
    """When the store has evicted any of the versions, the entry is gone: what was invalidated never comes back."""
    for kind in (":k:", ":t:", ":all"):
        pair.one.set_sync("key", b"1", tags=("tag",))
        pair.forget()
        assert pair.other.get_sync("key") == b"1"
        for name in [name for name in pair.tier.values if kind in name]:
            del pair.tier.values[name]
        pair.forget()
        assert pair.other.get_sync("key") is None


def test_a_version_outlives_the_entries_made_under_it(pair: Pair) -> None:
    """A long-lived entry is not lost because its tag was first used for a short-lived one."""
    pair.one.get_or_load_sync("short", lambda: b"1", ttl=1, tags=("tag",))
    pair.one.get_or_load_sync("long", lambda: b"2", ttl=100_000, tags=("tag",))
    pair.clock.advance(99_999)
    assert pair.other.get_sync("long") == b"2"


def test_a_load_may_take_longer_than_its_entry_lives(pair: Pair) -> None:
    """The versions that it began under are still there when it is stored."""

    def load() -> bytes:
        pair.clock.advance(500)
        return b"1"

    pair.one.get_or_load_sync("key", load, ttl=10, tags=("tag",))
    assert pair.other.get_sync("key") == b"1"


def test_another_schema_is_a_miss_that_is_replaced(pair: Pair) -> None:
    """An entry of another deploy under the same key is not served."""
    pair.one.get_or_load_sync("key", lambda: b"1", fingerprint=b"schema-1")
    pair.forget()
    assert pair.other.get_or_load_sync("key", no_load, fingerprint=b"schema-1") == b"1"
    pair.forget()
    assert pair.other.get_or_load_sync("key", lambda: b"2", fingerprint=b"schema-2") == b"2"
    assert pair.other.get_stats()["l2_cache"]["rejected"]["schema"] == 1
    pair.forget()
    assert pair.one.get_or_load_sync("key", no_load, fingerprint=b"schema-2") == b"2"


def test_old_values_of_the_store_stand_in_for_a_failing_load(pair: Pair) -> None:
    """A process that has none of its own has those of the others; it asks the loader first."""
    pair.one.get_or_load_sync("key", lambda: b"old", ttl=10, stale_ttl=60)
    pair.clock.advance(20)

    def fail() -> bytes:
        raise LookupError("down")

    assert pair.other.get_or_load_sync("key", fail, ttl=10, stale_ttl=60) == b"old"
    stats = pair.other.get_stats()
    assert (stats["loads"]["count"], stats["loads"]["stale_served"]) == (1, 1)
    assert (stats["l2_cache"]["hits"], stats["l2_cache"]["misses"], stats["l2_cache"]["stale_hits"]) == (0, 1, 1)
    pair.clock.advance(60)
    pair.forget()
    with pytest.raises(LookupError):
        pair.other.get_or_load_sync("key", fail, ttl=10, stale_ttl=60)


def test_a_refresh_takes_what_another_process_has_refreshed(pair: Pair) -> None:
    """Of many processes that have an ageing entry the first one loads."""
    options = {"ttl": 60.0, "refresh_after": 0.5}
    wide = Pair(shared_settings=SharedSettings(lonely_ttl=FOREVER, background_writes=False))
    wide.one.get_or_load_sync("key", lambda: b"1", **options)
    assert wide.other.get_or_load_sync("key", no_load, **options) == b"1"
    wide.clock.advance(31)
    assert wide.one.get_or_load_sync("key", lambda: b"2", **options) == b"1"
    wide.one.stop_sync()
    assert wide.other.get_or_load_sync("key", no_load, **options) == b"1"
    wide.other.stop_sync()
    assert wide.other.get_or_load_sync("key", no_load, **options) == b"2"
    assert wide.other.get_stats()["loads"] | {"seconds": 0.0} == wide.other.get_stats()["loads"] | {
        "seconds": 0.0, "count": 0, "errors": 0, "refreshes": 1,
    }  # fmt: skip


def test_negative_entries_are_shared(pair: Pair) -> None:
    """One process asks the source, and all know that there is no value."""
    assert pair.one.get_or_load_sync("key", lambda: None, negative_ttl=10) is None
    assert pair.other.get_or_load_sync("key", no_load, negative_ttl=10) is None
    assert pair.other.get_sync("key") is None
    assert pair.other.get_stats()["l2_cache"]["hits"] == 1


def test_poison_is_a_miss_that_heals(pair: Pair) -> None:
    """Whatever stands in the store: the value is loaded, the poison counted and overwritten."""
    pair.one.set_sync("key", b"1")
    pair.one.set_sync("foreign", b"2")
    name, foreign = (
        next(name for name in pair.tier.values if name.endswith(f":e:{key}")) for key in ("key", "foreign")
    )
    good = pair.tier.values[name][0]
    poison = [b"", b"garbage", good[:-1], good + b"x", good[:40] + bytes([good[40] ^ 1]) + good[41:],
              pair.tier.values[foreign][0], b"\x80\x04K\x01."]  # fmt: skip
    for number, data in enumerate(poison, start=1):
        pair.tier.values[name] = (data, FOREVER)
        pair.forget()
        assert pair.other.get_or_load_sync("key", lambda: b"loaded") == b"loaded"
        assert sum(pair.other.get_stats()["l2_cache"]["rejected"].values()) == number
        pair.forget()
        assert pair.other.get_or_load_sync("key", no_load) == b"loaded"


def test_namespaces_do_not_meet() -> None:
    """Two applications that share a store have nothing in common, whatever their names look like."""
    tier = DictTier()
    names = ["a", "a:e", "a%3Ae", "A", "#a", "ä", "x" * 100, "x" * 101]
    caches = [CacheManager(shared_tier=tier, namespace=name) for name in names]
    for cache in caches:
        cache.set_sync("e:key", cache.namespace.encode())
        cache.set_sync("key", cache.namespace.encode())
    caches[0].clear_sync()
    for cache in caches[1:]:
        cache._store.clear()
        assert cache.get_many_sync(["key", "e:key"]) == dict.fromkeys(["key", "e:key"], cache.namespace.encode())


@pytest.mark.parametrize("key", ["x" * 1024, "ä" * 1024, "\ud800", "a b", "a\nb", "\x00", "#x", "{a}b", "*"])
def test_every_key_can_be_shared(pair: Pair, key: str) -> None:
    """Whatever a key contains, its names in the store are what every store takes."""
    pair.one.set_sync(key, b"1", tags=(key,))
    assert pair.other.get_sync(key) == b"1"
    assert all(
        name.isascii() and name.isprintable() and " " not in name and len(name) <= 250 for name in pair.tier.values
    )


def test_a_value_that_is_too_large_leaves_no_older_one() -> None:
    """It is kept in process if it fits there, and others load it."""
    pair = Pair(shared_settings=SharedSettings(max_bytes=200, background_writes=False))
    pair.one.set_sync("key", b"old")
    pair.one.set_sync("key", bytes(1000))
    assert pair.one.get_sync("key") == bytes(1000)
    assert pair.other.get_sync("key") is None
    pair.one.get_or_load_sync("large", lambda: bytes(1000))
    assert pair.one.get_stats()["l2_cache"]["rejected_oversize"] == 2


class TestInvalidationThatFails:
    """It is told, kept, and delivered when that is possible."""

    def test_is_told_after_its_retries(self, pair: Pair) -> None:
        pair = Pair(shared_settings=SharedSettings(max_retries=2, retry_delay=0.0))
        pair.one.set_sync("key", b"1")
        pair.tier.calls.clear()
        pair.tier.fault = ConnectionError("canary")
        with pytest.raises(InvalidationError, match="could not be delivered") as caught:
            pair.one.invalidate_sync("key", tags=("tag",))
        assert isinstance(caught.value.__cause__, ConnectionError)
        assert "canary" not in str(caught.value)
        assert [call for call, _ in pair.tier.calls] == ["delete"] * 3
        assert pair.one.get_stats()["backplane"]["queued"] == 2

    def test_is_not_undone_by_this_process(self, pair: Pair) -> None:
        """Reading is possible again, and the old entry is still there: this process knows better."""
        pair.one.set_sync("key", b"old", tags=("tag",))
        pair.tier.before = lambda what: fail_if(what == "delete")
        for _ in range(2):
            with pytest.raises(InvalidationError):
                pair.one.invalidate_sync(tags=("tag",))
            assert pair.one.get_sync("key") is None
        pair.tier.before = lambda _: None
        pair.one._tiers.shared.delivery._recover_at = 0.0  # type: ignore[union-attr]
        assert pair.one.get_sync("key") is None
        assert pair.one.get_stats()["backplane"]["queued"] == 0
        assert pair.other.get_sync("key") is None

    def test_is_delivered_when_the_cache_stops(self, pair: Pair) -> None:
        pair.one.set_sync("key", b"old")
        pair.tier.fault = ConnectionError()
        with pytest.raises(InvalidationError):
            pair.one.delete_sync("key")
        pair.tier.fault = None
        pair.one.stop_sync()
        assert pair.other.get_sync("key") is None
        assert pair.tier.closed == 1

    def test_that_is_cancelled_is_kept_too(self, pair: Pair) -> None:
        """What became of it nobody knows, so it is done again."""
        pair.one.set_sync("key", b"old")
        pair.tier.before = lambda what: cancel_if(what == "delete")
        with pytest.raises(asyncio.CancelledError):
            pair.one.invalidate_sync("key")
        pair.tier.before = lambda _: None
        assert pair.one.get_stats()["backplane"]["queued"] == 1
        assert pair.one.get_sync("key") is None
        assert pair.other.get_sync("key") is None

    def test_of_a_task_that_is_cancelled_is_kept_too(self, pair: Pair) -> None:
        """The store hangs, and the loop ends with its tasks: the statistics tell, and the next operation delivers."""
        pair.one.set_sync("key", b"old", tags=("tag",))
        delete = pair.tier.delete_many

        async def hang(names: Any) -> None:
            await asyncio.Event().wait()

        async def main() -> None:
            pair.tier.delete_many = hang  # type: ignore[method-assign]
            for kind in ({"tags": ("tag",)}, {"tags": ("other",)}):
                asyncio.create_task(pair.one.invalidate(**kind)).add_done_callback(ended.append)
            await asyncio.sleep(0.01)

        ended: list[asyncio.Task[None]] = []
        asyncio.run(main())
        assert [task.cancelled() for task in ended] == [True, True]
        assert pair.one.get_stats()["backplane"]["queued"] == 2
        assert pair.one.get_sync("key") is None
        pair.tier.delete_many = delete  # type: ignore[method-assign]
        assert pair.other.get_sync("key") is None
        assert pair.one.get_stats()["backplane"]["queued"] == 0

    def test_a_set_that_fails_invalidates_later(self, pair: Pair) -> None:
        """The value is kept here; others load theirs once the store can be reached."""
        pair.one.set_sync("key", b"old")
        pair.tier.fault = ConnectionError()
        pair.one.set_sync("key", b"new")
        assert pair.one.get_sync("key") == b"new"
        pair.tier.fault = None
        pair.one.get_sync("anything")
        assert pair.other.get_sync("key") is None

    @pytest.mark.parametrize("how", ["key", "tag", "everything"])
    def test_again_while_it_is_delivered_is_not_lost(self, pair: Pair, how: str) -> None:
        """The first one is removed from the queue, and the second one stays."""
        pair.tier.fault = ConnectionError()
        with pytest.raises(InvalidationError):
            invalidate(pair.one, how)
        pair.tier.fault = None
        again: list[str] = []

        def before(what: str) -> None:
            # After the store has done it and before this process knows: the value has changed once more.
            if what == "delete" and not again:
                again.append(what)
                queue = pair.one._tiers.shared.delivery.queue  # type: ignore[union-attr]
                queue.add(queue.content()[0])

        pair.tier.before = before
        pair.one.get_sync("anything")
        assert again
        assert pair.one.get_stats()["backplane"]["queued"] == 1

    def test_too_many_are_one_for_everything(self, pair: Pair) -> None:
        """The queue is bounded, and nothing in it is lost."""
        pair.one.set_sync("key", b"old")
        pair.tier.fault = ConnectionError()
        with pytest.raises(InvalidationError):
            pair.one.invalidate_sync(*(f"k{number}" for number in range(10_001)))
        assert pair.one.get_stats()["backplane"]["queued"] == 1
        pair.tier.fault = None
        pair.one.get_sync("anything")
        assert pair.other.get_sync("key") is None


def fail_if(condition: bool) -> None:
    if condition:
        raise ConnectionError


def cancel_if(condition: bool) -> None:
    if condition:
        raise asyncio.CancelledError


def test_a_fault_is_logged_without_its_text(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """Once when the breaker opens; texts of clients repeat addresses and keys."""
    pair.tier.fault = RuntimeError("canary")
    with caplog.at_level(logging.DEBUG):
        for number in range(10):
            assert pair.one.get_sync(f"canary:{number}") is None
    assert caplog.text.count("RuntimeError") == 1
    assert "canary" not in caplog.text


def test_a_faulty_read_does_not_cost_a_second_one(pair: Pair) -> None:
    """A load after it asks the tier for nothing more: one operation's time is what a fault may cost."""
    pair.tier.fault = TimeoutError()
    assert pair.one.get_or_load_sync("key", lambda: b"1") == b"1"
    assert [call for call, _ in pair.tier.calls] == ["get"]
    assert pair.one.get_stats()["l2_cache"]["timeouts"] == 1


def test_a_lack_of_memory_is_the_callers(pair: Pair) -> None:
    """It says nothing of the store: it is raised, the breaker stays closed, and the next call finds everything."""
    pair.one.set_sync("key", b"1")
    pair.forget()

    async def read(times: int) -> None:
        for _ in range(times):
            with pytest.raises(MemoryError):
                await pair.other.get("key")
        with pytest.raises(MemoryError):
            await pair.other.get_or_load("key", no_load)

    pair.tier.fault = MemoryError()
    for _ in range(10):
        with pytest.raises(MemoryError):
            pair.other.get_sync("key")
    with pytest.raises(MemoryError):
        pair.other.get_or_load_sync("key", no_load)
    asyncio.run(read(10))
    stats = pair.other.get_stats()["l2_cache"]
    assert (stats["errors"], stats["timeouts"], stats["breaker"]) == (0, 0, "closed")
    pair.tier.fault = None
    assert pair.other.get_or_load_sync("key", no_load) == b"1"
    pair.forget()
    assert asyncio.run(pair.other.get("key")) == b"1"


def test_a_thousand_misses_make_one_load(pair: Pair) -> None:
    """Also with a shared tier behind: one reading trip, one ticket, one load, one write."""

    async def main() -> None:
        loads = 0

        async def load() -> bytes:
            nonlocal loads
            loads += 1
            await asyncio.sleep(0.01)
            pair.clock.advance(0.5)
            return b"value"

        async with pair.one:
            pair.tier.calls.clear()
            assert set(await asyncio.gather(*(pair.one.get_or_load("key", load) for _ in range(1000)))) == {b"value"}
        assert loads == 1
        assert [call for call, _ in pair.tier.calls] == ["get", "add", "set"]
        stats = pair.one.get_stats()
        assert stats["loads"]["coalesced"] == 999
        assert (stats["loads"]["seconds"], stats["loads"]["saved_seconds"]) == (0.5, 999 * 0.5)

    asyncio.run(main())


def test_reads_of_one_tick_are_one_round_trip(pair: Pair) -> None:
    """A hundred concurrent reads of different keys, by each way of reading, ask the tier once."""
    pair.one.set_many_sync({f"key:{number}": str(number).encode() for number in range(100)})

    async def main() -> None:
        pair.tier.calls.clear()
        gets = [pair.other.get(f"key:{number}") for number in range(50)]
        loads = [pair.other.get_or_load(f"key:{number}", no_load) for number in range(50, 90)]
        *found, many = await asyncio.gather(*gets, *loads, pair.other.get_many(f"key:{n}" for n in range(90, 100)))
        assert found == [str(number).encode() for number in range(90)]
        assert many == {f"key:{number}": str(number).encode() for number in range(90, 100)}
        assert [call for call, _ in pair.tier.calls] == ["get"]

    asyncio.run(main())


def test_a_cancelled_reader_does_not_disturb_the_others(pair: Pair) -> None:
    """They share a round trip, not a fate."""
    pair.one.set_many_sync({"a": b"1", "b": b"2"})

    async def main() -> None:
        cancelled, other = asyncio.create_task(pair.other.get("a")), asyncio.create_task(pair.other.get("b"))
        await asyncio.sleep(0)
        cancelled.cancel()
        assert await other == b"2"
        with pytest.raises(asyncio.CancelledError):
            await cancelled

    asyncio.run(main())


@pytest.mark.parametrize("background", [True, False])
def test_writes_of_threads_in_the_background_are_drained(background: bool) -> None:
    """No thread waits for the store after a load, and stopping loses nothing; where asked, the load waits."""
    pair = Pair(shared_settings=SharedSettings(background_writes=background))
    opened = threading.Event()
    tier, writers = pair.tier, set()

    def slow_set(items: Any, ttl: float) -> None:
        writers.add(threading.current_thread())
        assert not background or opened.wait(10)
        DictTier.set_many_sync(tier, items, ttl)

    tier.set_many_sync = slow_set  # type: ignore[method-assign]
    with pair.one:
        for number in range(20):
            assert pair.one.get_or_load_sync(str(number), lambda: b"1") == b"1"
        assert pair.one.get_or_load_sync("absent", lambda: None) is None
        assert pair.one.get_stats()["l2_cache"]["writes"] == (0 if background else 20)
        opened.set()
    assert pair.one.get_stats()["l2_cache"]["writes"] == 20
    assert (threading.current_thread() in writers) is not background
    assert len(writers) == 1
    assert len(pair.other.get_many_sync(str(number) for number in range(20))) == 20


def test_what_cannot_be_written_in_the_background_is_counted(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    """The thread outlives a store that raises, and one that raises what no store should."""
    pair = Pair(shared_settings=SharedSettings(max_retries=0))
    pair.tier.before = _Raising({"set": [ConnectionError, AssertionError]})
    with pair.one:
        for number in range(3):
            pair.one.get_or_load_sync(str(number), lambda: b"1")
    stats = pair.one.get_stats()["l2_cache"]
    assert (stats["errors"], stats["writes"]) == (2, 1)


def test_writes_that_the_store_does_not_take_in_time_are_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """Stopping waits for so long and no longer, says what is left, and later loads store while their callers wait."""
    pair = Pair(shared_settings=SharedSettings(max_retries=0))
    opened = threading.Event()
    pair.tier.before = lambda what: what != "set" or not opened.wait(10) or None
    for number in range(5):
        pair.one.get_or_load_sync(str(number), lambda: b"1")
    with caplog.at_level(logging.WARNING):
        pair.one.stop_sync(0.05)
    assert "5 background loads or writes had not ended" in caplog.text
    opened.set()
    pair.one.get_or_load_sync("later", lambda: b"1")
    assert pair.other.get_sync("later") == b"1"
    assert pair.other.get_sync("4") is None


@pytest.mark.parametrize("background", [True, False])
def test_writes_in_the_background_are_drained(background: bool) -> None:
    """Nobody waits for the store after a load, and stopping loses nothing; where asked, the load waits."""
    pair = Pair(shared_settings=SharedSettings(background_writes=background))
    tier = pair.tier

    async def slow_set(items: Any, ttl: float) -> None:
        await asyncio.sleep(0.01)
        tier.set_many_sync(items, ttl)

    tier.set_many = slow_set  # type: ignore[method-assign]

    async def main() -> None:
        async with pair.one:
            await asyncio.gather(*(pair.one.get_or_load(str(number), lambda: b"1") for number in range(20)))
            assert pair.one.get_stats()["l2_cache"]["writes"] == (0 if background else 20)
        assert pair.one.get_stats()["l2_cache"]["writes"] == 20

    asyncio.run(main())
    assert len(pair.other.get_many_sync(str(number) for number in range(20))) == 20


def test_a_promoted_waiter_uses_its_own_loader(pair: Pair) -> None:
    """The leader is cancelled while it waits for the shared tier: another caller takes over, in its own task."""

    async def main() -> None:
        entered = asyncio.Event()
        plain = pair.tier.get_many

        async def slow_get(names: Any) -> dict[str, bytes]:
            entered.set()
            await asyncio.sleep(0.02)
            return await plain(names)

        pair.tier.get_many = slow_get  # type: ignore[method-assign]
        leader = asyncio.create_task(pair.one.get_or_load("key", lambda: b"leader's"))
        await entered.wait()
        waiter = asyncio.create_task(pair.one.get_or_load("key", lambda: b"waiter's"))
        await asyncio.sleep(0)
        leader.cancel()
        assert await waiter == b"waiter's"
        assert pair.one.get_stats()["loads"]["promoted"] == 1
        await pair.one.stop()

    asyncio.run(main())


def test_a_sync_call_on_a_loop_that_loads_does_not_wait_for_it(pair: Pair) -> None:
    """And a loader that asks for its own key gets a load of its own, with a shared tier too."""

    async def outer() -> bytes | None:
        return pair.one.get_or_load_sync("key", lambda: b"inner")

    async def recursive() -> bytes | None:
        return await pair.one.get_or_load("again", lambda: b"inner")

    async def main() -> None:
        assert await pair.one.get_or_load("key", outer) == b"inner"
        assert await pair.one.get_or_load("again", recursive) == b"inner"
        await pair.one.stop()

    asyncio.run(asyncio.wait_for(main(), 5))


def test_the_numbers_add_up(pair: Pair) -> None:
    """Each lookup is a hit or a miss, of each tier, and a shared tier is asked about misses of the first only."""
    for _ in range(3):
        pair.one.get_or_load_sync("key", lambda: b"1")
    pair.one.get_sync("absent")
    pair.forget()
    pair.one.get_sync("key")
    stats = pair.one.get_stats()
    first, second = stats["l1_cache"], stats["l2_cache"]
    assert (first["hits"], first["misses"], first["hit_rate"]) == (2, 3, pytest.approx(0.4))
    assert (second["hits"], second["misses"], second["hit_rate"]) == (1, 2, pytest.approx(1 / 3))
    assert (second["writes"], second["enabled"]) == (1, True)
    assert second["bytes_written"] == second["bytes_read"] > 0
    assert pair.other.get_stats()["l2_cache"]["hit_rate"] == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shared_tier": DictTier(), "redis_url": "redis://h"}, "not both"),
        ({"shared_tier": object()}, "methods of a SharedTier"),
        ({"shared_tier": DictTier(), "signing_keys": [b"short"]}, "shorter than 32"),
        ({"redis_url": "http://h"}, "redis_url"),
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, Any], message: str) -> None:
    """When the cache is made, with the way out."""
    with pytest.raises(ConfigurationError, match=message):
        CacheManager(**options)


@pytest.mark.parametrize("field", ["timeout", "unheard_ttl", "lonely_ttl", "heartbeat", "max_bytes", "max_retries"])
def test_settings_are_checked(field: str) -> None:
    """A number that is out of range is named."""
    with pytest.raises(ConfigurationError, match=field):
        SharedSettings(**{field: -1})


class TwoProcesses(RuleBasedStateMachine):
    """Random work in two processes on a few keys and tags: nobody is ever served what was invalidated before."""

    keys = st.sampled_from(["a", "b"])
    tags = st.sampled_from([(), ("t",), ("u",), ("t", "u")])
    one_tag = st.sampled_from("tu")
    which = st.sampled_from([0, 1])

    @initialize()
    def begin(self) -> None:
        # Without a backplane each read asks the store: what is in the first tier is not what this is about.
        self.pair = Pair(shared_settings=SharedSettings(lonely_ttl=1e-9))
        self.caches = (self.pair.one, self.pair.other)
        self.version = 0
        self.oldest = {"a": 0, "b": 0}
        self.tagged: dict[int, tuple[str, ...]] = {}
        self.dead: set[int] = set()
        self.loads: list[tuple[str, int, threading.Event, threading.Thread]] = []

    def value(self, tags: tuple[str, ...]) -> bytes:
        self.version += 1
        self.tagged[self.version] = tags
        return str(self.version).encode()

    def check(self, key: str, value: bytes | None) -> None:
        if value is not None:
            number = int(value)
            assert number > self.oldest[key]
            assert number not in self.dead

    @rule(which=which, key=keys)
    def get(self, which: int, key: str) -> None:
        self.pair.clock.advance(1e-6)
        self.check(key, self.caches[which].get_sync(key))

    @rule(which=which, key=keys, tags=tags)
    def set(self, which: int, key: str, tags: tuple[str, ...]) -> None:
        self.pair.clock.advance(1e-6)
        self.oldest[key] = self.version
        self.caches[which].set_sync(key, self.value(tags), tags=tags)

    @rule(which=which, key=keys, tags=tags, by=which, how=st.sampled_from(["key", "tag", "all", "set", "no"]))
    def load(self, which: int, key: str, tags: tuple[str, ...], by: int, how: str) -> None:
        self.pair.clock.advance(1e-6)

        def loader() -> bytes:
            value = self.value(tags)
            if how == "set":
                self.set(by, key, tags)
            elif how != "no":
                self.invalidate(by, key, (tags or ("t",))[0], how)
            return value

        loaded = self.caches[which].get_or_load_sync(key, loader, tags=tags)
        if loaded is not None and how == "no":
            self.check(key, loaded)

    @rule(which=which, key=keys, tag=one_tag, how=st.sampled_from(["key", "tag", "all"]))
    def invalidate(self, which: int, key: str, tag: str, how: str) -> None:
        self.pair.clock.advance(1e-6)
        cache = self.caches[which]
        if how == "key":
            cache.invalidate_sync(key)
            self.oldest[key] = self.version
        elif how == "tag":
            cache.invalidate_sync(tags=(tag,))
            self.dead |= {number for number, tags in self.tagged.items() if tag in tags}
        else:
            cache.clear_sync()
            self.oldest = dict.fromkeys(self.oldest, self.version)

    @rule(name=st.integers(0, 20))
    def evict(self, name: int) -> None:
        names = list(self.pair.tier.values)
        if names:
            del self.pair.tier.values[names[name % len(names)]]


TestTwoProcesses = TwoProcesses.TestCase
TestTwoProcesses.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)

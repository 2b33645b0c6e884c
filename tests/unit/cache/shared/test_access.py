"""Reaching a shared tier: what is asked for at once is asked together, in trips of a bounded size."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_tiers import DictTier

from pydantic_serialization.cache import CacheManager, SharedSettings
from pydantic_serialization.cache.runner import run
from pydantic_serialization.cache.shared.access import Access
from pydantic_serialization.cache.shared.budget import DEADLINE
from pydantic_serialization.cache.shared.trips import MOST_NAMES, MOST_WRITES, MOST_WRITTEN, split_writes


@given(st.dictionaries(st.text(), st.tuples(st.binary(max_size=50), st.floats(1e-3, 1e7)), max_size=300))
def test_writes_are_grouped(items: dict[str, tuple[bytes, float]]) -> None:
    """Nothing is lost, no trip is too large, nothing ends before its time, or lives more than twice as long."""
    found: dict[str, bytes] = {}
    for part, ttl in split_writes(items):
        assert 0 < len(part) <= MOST_WRITES
        assert not found.keys() & part.keys()
        assert all(items[name][1] <= ttl <= 2 * items[name][1] for name in part)
        found |= part
    assert found == {name: value for name, (value, _) in items.items()}


def test_large_values_go_alone() -> None:
    """A trip carries a bounded number of bytes, or one value."""
    large, small = bytes(MOST_WRITTEN + 1), bytes(MOST_WRITTEN // 3)
    items = {f"l{n}": (large, 60.0) for n in range(3)} | {f"s{n}": (small, 60.0) for n in range(7)}
    assert sorted(len(part) for part, _ in split_writes(items)) == [1, 1, 1, 1, 3, 3]


def test_a_burst_of_loads_makes_few_trips() -> None:
    """A thousand different keys at once: every one is stored, and the tier is asked some ten times."""
    tier, patient = DictTier(), SharedSettings(timeout=5.0)

    async def main() -> None:
        async with CacheManager(shared_tier=tier, max_size=2000, shared_settings=patient) as cache:
            tier.calls.clear()
            keys = [f"key:{number}" for number in range(1000)]
            assert await asyncio.gather(*(cache.get_or_load(key, key.encode, tags=("tag",)) for key in keys)) == [
                key.encode() for key in keys
            ]
        assert cache.get_stats()["l2_cache"]["writes"] == 1000
        called = [call for call, _ in tier.calls]
        assert (called.count("get"), called.count("add"), called.count("set")) == (3, 2, 1000 // MOST_WRITES)
        assert all(len(names) <= MOST_NAMES for _, names in tier.calls)

    asyncio.run(main())
    other = CacheManager(shared_tier=tier)
    assert len(other.get_many_sync(f"key:{number}" for number in range(1000))) == 1000


def test_each_caller_learns_what_became_of_its_own() -> None:
    """When a trip fails, what went before is confirmed, and what was on it or after it is not."""
    tier = DictTier()
    access = Access(tier, 1.0)
    trips = 0

    def before(what: str) -> None:
        nonlocal trips
        trips += what == "set"
        if trips == 2:
            raise ConnectionError

    tier.before = before

    async def main() -> None:
        loop = asyncio.get_running_loop()
        items = [{f"name:{number:03}": b"x"} for number in range(3 * MOST_WRITES)]
        done = await asyncio.gather(*(access.set_many(loop, item, 60.0) for item in items))
        assert done == [True] * MOST_WRITES + [False] * 2 * MOST_WRITES
        assert trips == 2

    asyncio.run(main())


def test_a_slow_operation_is_cut_off() -> None:
    """At its deadline a coroutine of the tier is cancelled, for all who share it."""
    tier = DictTier()
    cancelled = []

    async def get_many(names: object) -> dict[str, bytes]:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(names)
            raise
        return {}

    tier.get_many = get_many  # type: ignore[method-assign]

    async def main() -> None:
        access = Access(tier, 0.01)
        loop = asyncio.get_running_loop()
        assert await asyncio.gather(*(access.get_many(loop, [str(n)], access.budget()) for n in range(5))) == [None] * 5
        assert access.faults.timeouts == 1
        assert len(cancelled) == 1

    asyncio.run(main())


@pytest.mark.parametrize("collect", [True, False])
@pytest.mark.usefixtures("frozen_heap")
def test_loops_are_not_kept(collect: bool) -> None:
    """A loop that is over is forgotten, with what its tasks asked for."""
    cache = CacheManager(shared_tier=DictTier())
    loops = []

    async def main() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await cache.get_or_load("key", lambda: b"x")
        await cache.set("other", b"x")
        if collect:
            await cache.stop()

    for _ in range(3):
        asyncio.run(main())
    gc.collect()
    assert [loop() for loop in loops] == [None] * 3


def test_a_thread_gives_its_second_question_what_the_first_has_left() -> None:
    """The deadline of each operation is that of the call."""
    tier = DictTier()
    access = Access(tier, 5.0)
    budget = access.budget()
    left = []

    def before(_: str) -> None:
        left.append(DEADLINE.get() - time.monotonic())
        time.sleep(0.1)

    tier.before = before
    run(access.get_many(None, ["name"], budget))
    run(access.add_many(None, {"name": b"x"}, 60.0, budget))
    assert 0.1 < left[0] <= 5.0
    assert left[1] <= left[0] - 0.1
    assert budget.left <= left[1] - 0.1


def slow(tier: DictTier, seconds: float) -> None:
    """Let the coroutines of a tier take their time."""

    async def get_many(names: Sequence[str]) -> dict[str, bytes]:
        await asyncio.sleep(seconds)
        return tier.get_many_sync(names)

    tier.get_many = get_many  # type: ignore[method-assign]


def test_a_coroutine_pays_for_its_questions_from_one_budget() -> None:
    """What is asked while nothing is left is not asked, and disturbs no breaker."""
    tier = DictTier()
    slow(tier, 0.05)

    async def main() -> None:
        access, loop = Access(tier, 5.0), asyncio.get_running_loop()
        budget = access.budget()
        assert await access.get_many(loop, ["name"], budget) == {}
        assert await access.get_many(loop, ["name"], budget) == {}
        assert 0 < budget.left <= 4.9
        budget.left = 0.0
        trips = access.round_trips
        assert await access.get_many(loop, ["name"], budget) is None
        assert (access.round_trips, access.reads.state) == (trips, "closed")

    asyncio.run(main())


def test_callers_of_one_trip_wait_as_long_as_each_of_them_may() -> None:
    """One that has little left gives up, and leaves the answer to the others."""
    tier = DictTier()
    tier.set_many_sync({"a": b"1", "b": b"2"}, 60.0)
    slow(tier, 0.2)

    async def main() -> None:
        access, loop = Access(tier, 5.0), asyncio.get_running_loop()
        poor, rich = access.budget(), access.budget()
        poor.left = 0.02
        found = await asyncio.gather(access.get_many(loop, ["a"], poor), access.get_many(loop, ["b"], rich))
        assert found == [None, {"a": b"1", "b": b"2"}]
        assert poor.left == 0.0
        assert access.reading_trips == 1
        assert access.faults.timeouts == 0

    asyncio.run(main())

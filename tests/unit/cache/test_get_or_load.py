"""Reading through the cache in coroutines: single-flight, cancellation, refresh, stale values, timeouts."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

import pytest

from pydantic_serialization.cache import CacheManager, Entry, MemoryTier
from pydantic_serialization.cache.background import MOST_REFRESHES
from pydantic_serialization.cache.loading import RETRY_AFTER
from pydantic_serialization.errors import CacheError, ConfigurationError, UnsupportedTypeError
from pydantic_serialization.testing import FakeClock

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own, and fail instead of hanging."""

    async def bounded() -> T:
        return await asyncio.wait_for(coroutine, 10)

    return asyncio.run(bounded())


class Source:
    """A loader that counts its calls, and may be held up, replaced by an error, or told what to return."""

    def __init__(self, value: bytes | None = b"value") -> None:
        self.value = value
        self.error: Exception | None = None
        self.calls = 0
        self.started = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> bytes | None:
        self.calls += 1
        self.started.set()
        value = self.value
        await asyncio.sleep(0)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return value


def make(clock: FakeClock | None = None, **options: Any) -> tuple[CacheManager, FakeClock]:
    clock = clock or FakeClock()
    return CacheManager(clock=clock, random_source=random.Random(1), **{"jitter": 0, **options}), clock


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_thousand_misses_are_one_load() -> None:
    """Concurrent readers of a missing key share one call of a loader, and get the same bytes."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source()
        results = await asyncio.gather(*(cache.get_or_load("key", source) for _ in range(1000)))
        assert results == [b"value"] * 1000
        assert source.calls == 1
        loads = cache.get_stats()["loads"]
        assert (loads["count"], loads["coalesced"], loads["promoted"]) == (1, 999, 0)
        assert await cache.get_or_load("key", source) == b"value"
        assert source.calls == 1

    run(scenario())


def test_different_keys_load_side_by_side() -> None:
    """A load of one key does not hold up another key."""

    async def scenario() -> None:
        cache, _ = make()
        slow, fast = Source(), Source(b"fast")
        slow.gate.clear()
        task = asyncio.create_task(cache.get_or_load("slow", slow))
        assert await cache.get_or_load("fast", fast) == b"fast"
        slow.gate.set()
        assert await task == b"value"

    run(scenario())


def test_a_cancelled_leader_hands_over() -> None:
    """When the caller that loads is cancelled, a waiter loads in its place, and nobody else notices."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source()
        source.gate.clear()
        leader = asyncio.create_task(cache.get_or_load("key", source))
        await source.started.wait()
        waiters = [asyncio.create_task(cache.get_or_load("key", source)) for _ in range(20)]
        await settle()
        leader.cancel()
        await settle()
        source.gate.set()
        assert await asyncio.gather(*waiters) == [b"value"] * 20
        with pytest.raises(asyncio.CancelledError):
            await leader
        assert source.calls == 2
        assert cache.get_stats()["loads"]["promoted"] == 1
        assert cache.get_stats()["loads"]["coalesced"] == 19

    run(scenario())


def test_a_cancelled_waiter_disturbs_nobody() -> None:
    """A waiter that is cancelled leaves the load and the other waiters alone."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source()
        source.gate.clear()
        leader = asyncio.create_task(cache.get_or_load("key", source))
        await source.started.wait()
        first, second = (asyncio.create_task(cache.get_or_load("key", source)) for _ in range(2))
        await settle()
        first.cancel()
        await settle()
        source.gate.set()
        assert await leader == await second == b"value"
        assert first.cancelled()
        assert source.calls == 1

    run(scenario())


@pytest.mark.parametrize("timeout", [None, 5.0])
def test_every_leader_in_turn_may_be_cancelled(timeout: float | None) -> None:
    """However many leaders are cancelled one after the other, the last waiter gets the value."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source()
        source.gate.clear()
        tasks = [asyncio.create_task(cache.get_or_load("key", source, timeout=timeout)) for _ in range(5)]
        await settle()
        for task in tasks[:-1]:
            task.cancel()
            await settle()
        source.gate.set()
        assert await tasks[-1] == b"value"
        assert source.calls == 5

    run(scenario())


TENANT: ContextVar[str] = ContextVar("tenant")


def test_the_waiter_that_takes_over_uses_its_own_session_and_context() -> None:
    """After a hand-over the loader, the session and the context variables are those of the waiter."""

    async def scenario() -> None:
        cache, _ = make()
        seen: list[str] = []
        started = asyncio.Event()

        async def request(name: str) -> bytes | None:
            TENANT.set(name)
            session = {"open": True, "owner": name}

            async def load() -> bytes:
                started.set()
                seen.append(f"{session['owner']} in {TENANT.get()}")
                await asyncio.sleep(0.02)
                assert session["open"]
                return name.encode()

            try:
                return await cache.get_or_load("key", load)
            finally:
                session["open"] = False

        leader = asyncio.create_task(request("first"))
        await started.wait()
        waiter = asyncio.create_task(request("second"))
        await settle()
        leader.cancel()
        assert await waiter == b"second"
        assert seen == ["first in first", "second in second"]

    run(scenario())


def test_an_error_goes_to_those_who_wait_and_is_not_cached() -> None:
    """Everyone who waited gets the same exception; the next caller loads again."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source()
        source.error = ValueError("down")
        results = await asyncio.gather(*(cache.get_or_load("key", source) for _ in range(10)), return_exceptions=True)
        assert results == [source.error] * 10
        assert source.calls == 1
        source.error = None
        assert await cache.get_or_load("key", source) == b"value"
        assert cache.get_stats()["loads"]["errors"] == 1

    run(scenario())


def test_a_shared_exception_does_not_grow() -> None:
    """The traceback that each of many waiters sees is that of the loader, not of the waiters before."""

    async def scenario() -> list[int]:
        cache, _ = make()
        source = Source()
        source.error = ValueError("down")
        depths = []

        async def read() -> None:
            try:
                await cache.get_or_load("key", source)
            except ValueError as error:
                depth, traceback = 0, error.__traceback__
                while traceback:
                    depth, traceback = depth + 1, traceback.tb_next
                depths.append(depth)

        await asyncio.gather(*(read() for _ in range(20)))
        return depths

    depths = run(scenario())
    assert len(set(depths)) == 1


@pytest.mark.parametrize("timeout", [None, 5.0])
@pytest.mark.parametrize("callers", [1, 3])
@pytest.mark.usefixtures("frozen_heap")
def test_a_failed_load_leaves_no_garbage_cycle(timeout: float | None, callers: int) -> None:
    """What the loader used is freed when the error has been dealt with, without the collector."""

    class Session:
        pass

    async def scenario() -> weakref.ref[Session]:
        cache, _ = make()

        async def request() -> weakref.ref[Session]:
            session = Session()

            async def load() -> bytes:
                await asyncio.sleep(0)
                raise ValueError(repr(session))

            async def call() -> None:
                with pytest.raises(ValueError, match="Session"):
                    await cache.get_or_load("key", load, timeout=timeout)

            await asyncio.gather(*(call() for _ in range(callers)))
            return weakref.ref(session)

        return await request()

    gc.collect()
    gc.disable()
    try:
        assert run(scenario())() is None
    finally:
        gc.enable()


def test_a_loader_may_ask_for_its_own_key() -> None:
    """A loader that reads the key that it loads gets a direct load instead of a deadlock."""

    async def scenario() -> None:
        cache, _ = make()
        depth = 0

        async def load() -> bytes | None:
            nonlocal depth
            depth += 1
            return b"inner" if depth == 2 else await cache.get_or_load("key", load)

        assert await cache.get_or_load("key", load) == b"inner"
        assert depth == 2
        assert await cache.get("key") == b"inner"

    run(scenario())


def test_a_task_of_a_loader_may_ask_for_its_key() -> None:
    """Tasks that a loader starts and awaits count as the loader itself."""

    async def scenario() -> None:
        cache, _ = make()

        async def load() -> bytes:
            inner = await asyncio.gather(*(cache.get_or_load("key", Source(b"inner")) for _ in range(2)))
            return b"+".join(value or b"" for value in inner)

        assert await cache.get_or_load("key", load) == b"inner+inner"

    run(scenario())


def test_loaders_may_ask_for_the_keys_of_each_other() -> None:
    """Two loads that need each other's key end, where each waiting for the other never would."""

    async def scenario() -> None:
        cache, _ = make()
        both = asyncio.Barrier(2)

        def loader(other: str) -> Callable[[], Awaitable[bytes | None]]:
            async def load() -> bytes | None:
                await both.wait()
                return await cache.get_or_load(other, Source(other.encode()))

            return load

        results = await asyncio.gather(cache.get_or_load("a", loader("b")), cache.get_or_load("b", loader("a")))
        assert all(results)

    run(scenario())


def test_a_task_that_outlives_its_loader_waits_like_any_other() -> None:
    """What a finished loader left running has no special rights on the key."""

    async def scenario() -> None:
        cache, _ = make()
        left: list[asyncio.Task[bytes | None]] = []
        go = asyncio.Event()
        later = Source(b"later")

        async def straggler() -> bytes | None:
            await go.wait()
            return await cache.get_or_load("key", later)

        async def load() -> bytes:
            left.append(asyncio.create_task(straggler()))
            return b"value"

        await cache.get_or_load("key", load)
        await cache.delete("key")
        later.gate.clear()
        leader = asyncio.create_task(cache.get_or_load("key", later))
        await later.started.wait()
        go.set()
        await settle()
        later.gate.set()
        assert await leader == await left[0] == b"later"
        assert later.calls == 1

    run(scenario())


def test_a_plain_function_can_load() -> None:
    """An asynchronous read accepts a loader that is a ``def``, and any bytes-like result."""

    async def scenario() -> None:
        cache, _ = make()
        assert await cache.get_or_load("a", lambda: b"plain") == b"plain"
        assert await cache.get_or_load("b", lambda: bytearray(b"array")) == b"array"
        assert await cache.get_or_load("c", lambda: memoryview(b"view")) == b"view"
        assert type(await cache.get("b")) is bytes

    run(scenario())


@pytest.mark.parametrize("made", ["text", 5, ["x"], {"a": 1}])
def test_a_loader_has_to_return_bytes(made: object) -> None:
    """A loader that returns something else is told to serialize it, and nothing is stored."""

    async def scenario() -> None:
        cache, _ = make()
        with pytest.raises(TypeError, match=r"the loader returned .*serialize it first"):
            await cache.get_or_load("key", lambda: made)  # type: ignore[arg-type,return-value]
        assert await cache.get("key") is None

    run(scenario())


def test_none_is_not_cached_by_default() -> None:
    """Without ``negative_ttl`` the loader is asked each time."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source(None)
        for _ in range(3):
            assert await cache.get_or_load("key", source) is None
        assert source.calls == 3

    run(scenario())


def test_none_is_remembered_for_the_negative_time() -> None:
    """With ``negative_ttl`` "there is no value" is a hit for that long, and never stale."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source(None)
        for _ in range(3):
            assert await cache.get_or_load("key", source, negative_ttl=5, stale_ttl=100) is None
        assert source.calls == 1
        assert cache.get_stats()["l1_cache"]["hits"] == 2
        assert await cache.get("key") is None
        assert await cache.get_many(["key"]) == {}
        clock.advance(5)
        source.value = b"now"
        assert await cache.get_or_load("key", source, negative_ttl=5) == b"now"

    run(scenario())


def test_a_value_that_is_gone_is_not_served_stale() -> None:
    """After the loader has said that there is no value, the old one does not come back when the loader fails."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source(b"old")
        await cache.get_or_load("key", source, ttl=10, stale_ttl=100)
        clock.advance(20)
        source.value = None
        assert await cache.get_or_load("key", source, ttl=10, stale_ttl=100) is None
        source.error = ValueError("down")
        with pytest.raises(ValueError, match="down"):
            await cache.get_or_load("key", source, ttl=10, stale_ttl=100)

    run(scenario())


def test_an_old_value_stands_in_for_a_failing_loader(caplog: pytest.LogCaptureFixture) -> None:
    """Within ``stale_ttl`` a failure is answered with the old value, counted, logged without values, and throttled."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source(b"old")

        async def read() -> bytes | None:
            return await cache.get_or_load("secret-key", source, ttl=10, stale_ttl=60)

        await read()
        source.error = ValueError("password=hunter2")
        clock.advance(10)
        assert await asyncio.gather(*(read() for _ in range(5))) == [b"old"] * 5
        assert source.calls == 2
        assert await read() == b"old"
        assert source.calls == 2, "the loader is left alone for a while"
        clock.advance(RETRY_AFTER)
        assert await read() == b"old"
        assert source.calls == 3
        assert cache.get_stats()["loads"]["stale_served"] == 7
        clock.advance(60)
        with pytest.raises(ValueError, match="hunter2"):
            await read()

    with caplog.at_level(logging.WARNING):
        run(scenario())
    assert "ValueError" in caplog.text
    assert "hunter2" not in caplog.text
    assert "secret-key" not in caplog.text


def test_recovery_ends_the_stale_time() -> None:
    """Once the loader works again, its value replaces the old one."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source(b"old")
        await cache.get_or_load("key", source, ttl=10, stale_ttl=60)
        clock.advance(10)
        source.error = ValueError("down")
        assert await cache.get_or_load("key", source, ttl=10, stale_ttl=60) == b"old"
        source.error, source.value = None, b"new"
        clock.advance(RETRY_AFTER)
        assert await cache.get_or_load("key", source, ttl=10, stale_ttl=60) == b"new"

    run(scenario())


def test_a_plain_read_does_not_see_stale_values() -> None:
    """``get`` returns what is within its time to live, and nothing else."""

    async def scenario() -> None:
        cache, clock = make()
        await cache.get_or_load("key", Source(), ttl=10, stale_ttl=60)
        clock.advance(10)
        assert await cache.get("key") is None
        stats = cache.get_stats()["l1_cache"]
        assert (stats["misses"], stats["stale_hits"]) == (2, 1)

    run(scenario())


def test_early_refresh_is_one_load_that_nobody_waits_for() -> None:
    """Fifty readers at 85 % of the time to live all get the old value at once, and one refresh is started."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source(b"old")

        async def read() -> bytes | None:
            return await cache.get_or_load("key", source, ttl=100, refresh_after=0.8)

        await read()
        clock.advance(79)
        await read()
        await settle()
        assert source.calls == 1, "it is too early"
        clock.advance(6)
        source.value = b"new"
        source.gate.clear()
        assert await asyncio.gather(*(read() for _ in range(50))) == [b"old"] * 50
        await settle()
        assert source.calls == 2
        source.gate.set()
        await settle()
        assert await read() == b"new"
        assert cache.get_stats()["loads"]["refreshes"] == 1
        clock.advance(79)
        assert await read() == b"new"
        assert source.calls == 2, "the refreshed value has its full time"

    run(scenario())


def test_a_reader_after_expiry_joins_the_refresh() -> None:
    """A refresh that is still running when the entry expires is what the next readers wait for."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source(b"old")
        await cache.get_or_load("key", source, ttl=100, refresh_after=0.8)
        clock.advance(90)
        source.value = b"new"
        source.gate.clear()
        assert await cache.get_or_load("key", source, ttl=100, refresh_after=0.8) == b"old"
        await settle()
        clock.advance(50)
        late = asyncio.create_task(cache.get_or_load("key", source, ttl=100, refresh_after=0.8))
        await settle()
        source.gate.set()
        assert await late == b"new"
        assert source.calls == 2

    run(scenario())


def test_a_failing_refresh_is_throttled_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A refresh that fails leaves the value, tells the log, and is not tried again at once."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source(b"old")

        async def read() -> bytes | None:
            value = await cache.get_or_load("key", source, ttl=100, refresh_after=0.5)
            await settle()
            return value

        await read()
        clock.advance(60)
        source.error = ValueError("down")
        assert [await read() for _ in range(5)] == [b"old"] * 5
        assert source.calls == 2
        clock.advance(RETRY_AFTER)
        assert await read() == b"old"
        assert source.calls == 3
        assert cache.get_stats()["loads"]["stale_served"] == 0

    with caplog.at_level(logging.WARNING):
        run(scenario())
    assert caplog.text.count("ValueError") == 2


@pytest.mark.usefixtures("frozen_heap")
def test_refresh_keeps_the_loader_alive() -> None:
    """A refresh runs to its end though nothing but the cache refers to it."""

    async def scenario() -> None:
        cache, clock = make()
        await cache.get_or_load("key", Source(b"old"), ttl=100, refresh_after=0.5)
        clock.advance(60)

        async def load() -> bytes:
            waiting = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.02, waiting.set_result, None)
            await waiting
            return b"new"

        await cache.get_or_load("key", load, ttl=100, refresh_after=0.5)
        for _ in range(3):
            await asyncio.sleep(0)
            gc.collect()
        while await cache.get("key") != b"new":  # noqa: ASYNC110  (within the time of run())
            await asyncio.sleep(0.01)

    run(scenario())


def test_stop_waits_for_refreshes() -> None:
    """``stop`` returns when the refreshes under way have stored their values, and no further one starts until then."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source(b"old")
        async with cache:
            await cache.get_or_load("key", source, ttl=100, refresh_after=0.5)
            clock.advance(60)
            source.value = b"new"
            source.gate.clear()
            await cache.get_or_load("key", source, ttl=100, refresh_after=0.5)
            asyncio.get_running_loop().call_later(0.02, source.gate.set)
        assert await cache.get("key") == b"new"
        clock.advance(60)
        assert await cache.get_or_load("key", source, ttl=100, refresh_after=0.5) == b"new"
        await settle()
        assert source.calls == 2, "a stopped cache refreshes nothing"
        await cache.start()
        await cache.get_or_load("key", source, ttl=100, refresh_after=0.5)
        await settle()
        assert source.calls == 3

    run(scenario())


def test_stop_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """A refresh that does not end within the time is cancelled, and said to be lost."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source(b"old")
        await cache.get_or_load("key", source, ttl=100, refresh_after=0.5)
        clock.advance(60)
        source.gate.clear()
        await cache.get_or_load("key", source, ttl=100, refresh_after=0.5)
        await cache.stop(0.02)
        assert await cache.get("key") == b"old"
        assert len(asyncio.all_tasks()) <= 2

    with caplog.at_level(logging.WARNING):
        run(scenario())
    assert "background loads or writes had not ended" in caplog.text


def test_a_refresh_may_stop_the_cache() -> None:
    """Stopping from inside a background load does not wait for itself."""

    async def scenario() -> None:
        cache, clock = make()
        await cache.get_or_load("key", Source(), ttl=100, refresh_after=0.5)
        clock.advance(60)

        async def load() -> bytes:
            await cache.stop()
            return b"new"

        await cache.get_or_load("key", load, ttl=100, refresh_after=0.5)
        await settle()
        assert await cache.get("key") == b"new"

    run(scenario())


def test_the_number_of_refreshes_is_bounded() -> None:
    """Beyond the bound a read returns the good value and starts nothing."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source()
        for number in range(MOST_REFRESHES + 20):
            await cache.get_or_load(f"key:{number}", source, ttl=100, refresh_after=0.5)
        clock.advance(60)
        source.gate.clear()
        for number in range(MOST_REFRESHES + 20):
            await cache.get_or_load(f"key:{number}", source, ttl=100, refresh_after=0.5)
        assert cache.get_stats()["loads"]["refreshes"] == MOST_REFRESHES
        source.gate.set()
        await cache.stop()

    run(scenario())


@pytest.mark.parametrize("how", ["invalidate", "delete", "clear", "tag", "set"])
def test_an_invalidation_during_a_load_keeps_its_result_out(how: str) -> None:
    """What was read before the invalidation is returned to those who wait, and not stored."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source(b"old")
        source.gate.clear()
        reader = asyncio.create_task(cache.get_or_load("key", source, tags=("users",)))
        await source.started.wait()
        match how:
            case "invalidate":
                await cache.invalidate("key")
            case "delete":
                assert await cache.delete("key") is False
            case "clear":
                await cache.clear()
            case "tag":
                await cache.invalidate(tags=["users"])
            case _:
                await cache.set("key", b"newer")
        source.gate.set()
        assert await reader == b"old"
        assert await cache.get("key") == (b"newer" if how == "set" else None)
        source.value = b"new"
        if how != "set":
            assert await cache.get_or_load("key", source) == b"new"

    run(scenario())


def test_other_keys_and_tags_do_not_disturb_a_load() -> None:
    """Only an invalidation of the key or of one of its tags keeps the result out."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source()
        source.gate.clear()
        reader = asyncio.create_task(cache.get_or_load("key", source, tags=("users",)))
        await source.started.wait()
        await cache.invalidate("other", tags=("orders",))
        source.gate.set()
        await reader
        assert await cache.get("key") == b"value"

    run(scenario())


def test_invalidation_also_reaches_a_refresh() -> None:
    """A refresh that began before an invalidation does not bring the old value back."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source(b"old")
        await cache.get_or_load("key", source, ttl=100, refresh_after=0.5)
        clock.advance(60)
        source.gate.clear()
        await cache.get_or_load("key", source, ttl=100, refresh_after=0.5)
        await settle()
        await cache.invalidate("key")
        source.gate.set()
        await settle()
        assert source.calls == 2
        assert await cache.get("key") is None

    run(scenario())


def test_a_timeout_bounds_the_wait_and_not_the_load() -> None:
    """Without an old value the caller gets a TimeoutError; the load goes on, and its value is a later hit."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source()
        source.gate.clear()
        with pytest.raises(TimeoutError, match=r"0.01 s") as caught:
            await cache.get_or_load("secret-key", source, timeout=0.01)
        assert "secret" not in str(caught.value)
        source.gate.set()
        await settle()
        assert await cache.get("secret-key") == b"value"
        assert source.calls == 1

    run(scenario())


def test_a_timeout_with_an_old_value_serves_it() -> None:
    """With an old value the slow load is not an error; while it goes on, others get the old value at once."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source(b"old")
        await cache.get_or_load("key", source, ttl=10, stale_ttl=60)
        clock.advance(20)
        source.value = b"new"
        source.gate.clear()
        assert await cache.get_or_load("key", source, ttl=10, stale_ttl=60, timeout=0.01) == b"old"
        assert await cache.get_or_load("key", source, ttl=10, stale_ttl=60) == b"old"
        assert source.calls == 2
        source.gate.set()
        await settle()
        assert await cache.get("key") == b"new"
        assert cache.get_stats()["loads"]["stale_served"] == 2

    run(scenario())


def test_each_waiter_has_its_own_timeout() -> None:
    """A waiter whose time is up leaves; the load and the more patient ones go on."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source()
        source.gate.clear()
        patient = asyncio.create_task(cache.get_or_load("key", source))
        await source.started.wait()
        with pytest.raises(TimeoutError):
            await cache.get_or_load("key", source, timeout=0.01)
        source.gate.set()
        assert await patient == b"value"
        assert source.calls == 1

    run(scenario())


def test_a_caller_that_is_cancelled_takes_its_timed_load_along() -> None:
    """A load under ``timeout`` ends with its caller, before what the caller owns is closed."""

    async def scenario() -> None:
        cache, _ = make()
        events: list[str] = []
        started = asyncio.Event()

        async def load() -> bytes:
            started.set()
            try:
                await asyncio.sleep(60)
            finally:
                events.append("loader ended")
            return b""

        async def request() -> None:
            try:
                await cache.get_or_load("key", load, timeout=60)
            finally:
                events.append("session closed")

        task = asyncio.create_task(request())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert events == ["loader ended", "session closed"]

    run(scenario())


def test_a_load_that_times_out_and_fails_later_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An error that no caller is left to see is in the log."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source()
        source.gate.clear()
        with pytest.raises(TimeoutError):
            await cache.get_or_load("key", source, timeout=0.01)
        source.error = ValueError("hunter2")
        source.gate.set()
        await settle()

    with caplog.at_level(logging.WARNING):
        run(scenario())
    assert "ValueError" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("timeout", [None, 5.0])
def test_a_loader_that_cancels_itself_is_an_error_and_no_loop(timeout: float | None) -> None:
    """A loader that raises CancelledError ends its read; waiters try their own loaders, each once."""

    async def scenario() -> None:
        cache, _ = make()
        calls = 0

        async def load() -> bytes:
            nonlocal calls
            calls += 1
            await asyncio.sleep(0)
            raise asyncio.CancelledError

        reads = [cache.get_or_load("key", load, timeout=timeout) for _ in range(3)]
        results = await asyncio.gather(*reads, return_exceptions=True)
        assert all(isinstance(result, (CacheError, asyncio.CancelledError)) for result in results)
        assert calls == 3
        assert await cache.get_or_load("key", Source()) == b"value"

    run(scenario())


def test_jitter_only_shortens_and_can_be_repeated() -> None:
    """Loaded values expire between 90 % and 100 % of the time to live, spread by the given random source."""

    async def lifetimes(seed: int) -> list[float]:
        clock = FakeClock(0.0)
        cache = CacheManager(clock=clock, random_source=random.Random(seed))
        for number in range(200):
            await cache.get_or_load(f"key:{number}", lambda: b"x", ttl=100)
        entries = [cache._tier.peek(f"key:{number}") for number in range(200)]
        return [entry.expires_at for entry in entries if entry is not None]

    first = run(lifetimes(1))
    assert len(first) == 200
    assert min(first) >= 90
    assert max(first) <= 100
    assert max(first) - min(first) > 8
    assert run(lifetimes(1)) == first
    assert run(lifetimes(2)) != first


def test_an_infinite_time_to_live_never_expires() -> None:
    """Infinity is a time to live, also together with jitter and refresh."""

    async def scenario() -> None:
        cache, clock = make(jitter=1)
        forever = float("inf")
        for share in (None, 0, 0.5, 1):
            await cache.get_or_load(f"{share}", lambda: b"x", ttl=forever, refresh_after=share, stale_ttl=forever)
        clock.advance(1e12)
        assert len(await cache.get_many(["None", "0", "0.5", "1"])) == 4

    run(scenario())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ttl", 0), ("ttl", -1), ("ttl", float("nan")), ("ttl", "10"), ("ttl", True),
        ("stale_ttl", -1), ("stale_ttl", None), ("negative_ttl", 0), ("timeout", 0), ("timeout", -1),
        ("refresh_after", -0.1), ("refresh_after", 1.1), ("refresh_after", "x"),
    ],
)  # fmt: skip
def test_an_option_out_of_range_is_an_error(name: str, value: object) -> None:
    """An argument that cannot work is refused by name, before the loader is called."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source()
        with pytest.raises(ConfigurationError, match=name):
            await cache.get_or_load("key", source, **{name: value})  # type: ignore[arg-type]
        assert source.calls == 0

    run(scenario())


def test_an_error_about_an_option_does_not_show_what_was_passed() -> None:
    """A misplaced argument may be a secret: only its type is shown."""
    cache, _ = make()
    with pytest.raises(ConfigurationError, match="a str") as caught:
        cache.set_sync("key", b"", ttl="hunter2")  # type: ignore[arg-type]
    assert "hunter2" not in str(caught.value)


def test_a_huge_timeout_is_no_timeout() -> None:
    """A wait that the platform's timers cannot express waits as long as it takes."""

    async def scenario() -> None:
        cache, _ = make()
        assert await cache.get_or_load("a", Source(), timeout=float("inf")) == b"value"
        assert await cache.get_or_load("b", Source(), timeout=1e300) == b"value"

    run(scenario())


def test_loops_one_after_the_other_share_the_entries() -> None:
    """Three event loops in sequence use one cache; no future of a closed loop is touched."""
    cache, _ = make()

    async def use(number: int, source_calls: list[int]) -> bytes | None:
        source = Source(str(number).encode())
        await asyncio.gather(*(cache.get_or_load(f"key:{number}", source) for _ in range(10)))
        source_calls.append(source.calls)
        return await cache.get_or_load("shared", source)

    calls: list[int] = []
    assert [asyncio.run(use(number, calls)) for number in range(3)] == [b"0"] * 3
    assert calls == [1, 1, 1]


def test_a_loop_that_was_closed_in_the_middle_leaves_the_key_usable() -> None:
    """A load that ended with its event loop does not block the key for the next loop."""
    cache, _ = make()

    async def abandon() -> None:
        source = Source()
        source.gate.clear()
        tasks = [asyncio.create_task(cache.get_or_load("key", source)) for _ in range(3)]
        await settle()
        assert not any(task.done() for task in tasks)

    asyncio.run(abandon())
    assert run(cache.get_or_load("key", lambda: b"value")) == b"value"


def test_a_background_task_that_never_began_does_not_block_the_key() -> None:
    """A refresh that is cancelled before its first step ends its flight all the same."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source(b"old")
        await cache.get_or_load("key", source, ttl=100, refresh_after=0.5)
        clock.advance(60)
        await cache.get_or_load("key", source, ttl=100, refresh_after=0.5)
        for task in cache._background._tasks:
            task.cancel()
        await settle()
        assert source.calls == 1
        clock.advance(100)
        assert await cache.get_or_load("key", source) == b"old"
        assert source.calls == 2

    run(scenario())


def test_a_key_that_is_being_loaded_is_not_refreshed_too() -> None:
    """While a flight of the key is under way, a read past the refresh point starts no other."""

    async def scenario() -> None:
        cache, _ = make()
        gate, started = asyncio.Event(), asyncio.Event()

        async def load() -> bytes | None:
            inner = await cache.get_or_load("key", lambda: b"inner", refresh_after=0)
            started.set()
            await gate.wait()
            return inner

        leader = asyncio.create_task(cache.get_or_load("key", load))
        await started.wait()
        other = Source()
        assert await cache.get_or_load("key", other, refresh_after=0) == b"inner"
        await settle()
        gate.set()
        assert await leader == b"inner"
        assert other.calls == 0
        assert cache.get_stats()["loads"]["refreshes"] == 0

    run(scenario())


def test_a_loop_and_a_thread_do_not_both_refresh() -> None:
    """A refresh that one event loop has just begun keeps threads and other loops from beginning one."""

    async def scenario() -> None:
        cache, clock = make()
        source = Source()
        await cache.get_or_load("key", source, ttl=100, refresh_after=0.5)
        clock.advance(60)
        source.gate.clear()
        await cache.get_or_load("key", source, ttl=100, refresh_after=0.5)
        threads = Source()
        assert cache.get_or_load_sync("key", lambda: b"thread", ttl=100, refresh_after=0.5) == b"value"
        await asyncio.to_thread(asyncio.run, cache.get_or_load("key", threads, ttl=100, refresh_after=0.5))
        source.gate.set()
        await cache.stop()
        assert threads.calls == 0
        assert cache.get_stats()["loads"]["refreshes"] == 1

    run(scenario())


def test_three_loaders_may_ask_for_each_others_keys_in_a_circle() -> None:
    """A circle of loads of any length is recognised, and ended flights in it do not count."""

    async def scenario() -> None:
        cache, _ = make()
        all_of_them = asyncio.Barrier(3)

        def loader(other: str) -> Callable[[], Awaitable[bytes | None]]:
            async def load() -> bytes | None:
                await cache.get_or_load(f"done before {other}", lambda: b"x")
                await all_of_them.wait()
                return await cache.get_or_load(other, Source(other.encode()))

            return load

        circle = (("a", "b"), ("b", "c"), ("c", "a"))
        assert all(await asyncio.gather(*(cache.get_or_load(key, loader(other)) for key, other in circle)))

    run(scenario())


def test_no_value_from_an_overtaken_load_removes_nothing() -> None:
    """A loader that found no value before the key was set does not remove what was set."""

    async def scenario() -> None:
        cache, _ = make()
        source = Source(None)
        source.gate.clear()
        reader = asyncio.create_task(cache.get_or_load("key", source))
        await source.started.wait()
        await cache.set("key", b"newer")
        source.gate.set()
        assert await reader is None
        assert await cache.get("key") == b"newer"

    run(scenario())


class ScriptedTier(MemoryTier):
    """A tier in which something happens at a moment that is hard to hit."""

    __slots__ = ("on_get", "on_set")

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(100, 1_000_000, clock=clock)
        self.on_get: Callable[[], object] | None = None
        self.on_set: Callable[[], object] | None = None

    def get(self, key: str) -> Entry | None:
        found = super().get(key)
        if self.on_get is not None:
            action, self.on_get = self.on_get, None
            action()
        return found

    def set(self, key: str, value: bytes | None, expires_at: float, **parts: Any) -> bool:
        if self.on_set is not None:
            action, self.on_set = self.on_set, None
            action()
        return super().set(key, value, expires_at, **parts)


def test_a_reader_that_was_overtaken_does_not_load() -> None:
    """A value that was stored between a reader's miss and its flight is what the reader gets."""
    clock = FakeClock()
    tier = ScriptedTier(clock)
    cache, _ = make(clock, tier=tier)
    tier.on_get = lambda: tier.set("key", b"other's", float("inf"))
    source = Source()
    assert run(cache.get_or_load("key", source)) == b"other's"
    assert source.calls == 0


def test_an_invalidation_in_the_middle_of_storing_is_not_lost() -> None:
    """What a finaliser invalidates while its own thread stores a loaded value is gone afterwards."""
    clock = FakeClock()
    tier = ScriptedTier(clock)
    cache, _ = make(clock, tier=tier)
    tier.on_set = lambda: cache.invalidate_sync("key")
    assert run(cache.get_or_load("key", lambda: b"old")) == b"old"
    assert cache.get_sync("key") is None


def test_seconds_are_those_of_the_loaders() -> None:
    """The time in loaders is added up, on the cache's clock."""

    async def scenario() -> None:
        cache, clock = make()

        async def load() -> bytes:
            clock.advance(2.5)
            return b"x"

        await cache.get_or_load("a", load)
        await cache.get_or_load("b", load)
        assert cache.get_stats()["loads"]["seconds"] == 5.0

    run(scenario())


def test_a_loader_of_the_wrong_type_fails_like_any_loader() -> None:
    """With an old value, a loader that returns the wrong type is answered with it, as any failure is."""

    async def scenario() -> None:
        cache, clock = make()
        await cache.get_or_load("key", lambda: b"old", ttl=1, stale_ttl=100)
        clock.advance(5)
        assert await cache.get_or_load("key", lambda: "text", ttl=1, stale_ttl=100) == b"old"  # type: ignore[arg-type,return-value]
        with pytest.raises(UnsupportedTypeError):
            await cache.get_or_load("other", lambda: "text")  # type: ignore[arg-type,return-value]

    run(scenario())

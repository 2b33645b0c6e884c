"""Reading through the cache in threads, in threads beside event loops, and after a fork."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest
from disturbances import hurried

from pydantic_serialization.cache import CacheManager
from pydantic_serialization.cache.runner import run
from pydantic_serialization.errors import CacheError, UnsupportedTypeError
from pydantic_serialization.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 10.0


class Source:
    """A loader that counts its calls and may be held up."""

    def __init__(self, value: bytes | None = b"value") -> None:
        self.value = value
        self.error: BaseException | None = None
        self.calls = 0
        self.started = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> bytes | None:
        self.calls += 1
        value = self.value
        self.started.set()
        assert self.gate.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        return value


def make(**options: Any) -> tuple[CacheManager, FakeClock]:
    clock = FakeClock()
    return CacheManager(clock=clock, **{"jitter": 0, **options}), clock


def until(condition: Callable[[], bool]) -> None:
    """Wait until something that other threads do has happened."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.001)


def waiters_of(cache: CacheManager) -> int:
    """Return how many threads wait for the one flight under way."""
    (flight,) = cache._reading._flights._of_threads.values()
    return len(flight.signal._event._cond._waiters)  # type: ignore[attr-defined]


def test_threads_share_one_load() -> None:
    """Concurrent threads that miss the same key share one call of a loader."""
    cache, _ = make()
    source = Source()
    source.gate.clear()
    with ThreadPoolExecutor(16) as pool:
        reads = [pool.submit(cache.get_or_load_sync, "key", source) for _ in range(16)]
        until(lambda: bool(cache._reading._flights._of_threads) and waiters_of(cache) == 15)
        source.gate.set()
        assert [read.result(PATIENCE) for read in reads] == [b"value"] * 16
    assert source.calls == 1
    assert cache.get_stats()["loads"]["coalesced"] == 15


def test_a_thread_that_comes_late_does_not_load_again() -> None:
    """A thread that missed before another's load landed looks once more before it loads itself."""
    cache, _ = make()
    source = Source()
    for _ in range(200):
        cache.clear_sync()
        source.calls = 0
        barrier = threading.Barrier(4)

        def read(barrier: threading.Barrier = barrier) -> bytes | None:
            barrier.wait(PATIENCE)
            return cache.get_or_load_sync("key", source)

        with ThreadPoolExecutor(4) as pool:
            assert [future.result(PATIENCE) for future in [pool.submit(read) for _ in range(4)]] == [b"value"] * 4
        assert source.calls == 1


def test_a_leader_that_is_stopped_hands_over() -> None:
    """When a loading thread is ended by something that is no Exception, a waiting thread loads in its place."""
    cache, _ = make()
    first, second = Source(), Source(b"second")
    first.gate.clear()
    first.error = SystemExit()
    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(cache.get_or_load_sync, "key", first)
        assert first.started.wait(PATIENCE)
        waiter = pool.submit(cache.get_or_load_sync, "key", second)
        until(lambda: waiters_of(cache) == 1)
        first.gate.set()
        assert waiter.result(PATIENCE) == b"second"
        assert isinstance(leader.exception(PATIENCE), SystemExit)
    assert cache.get_stats()["loads"]["promoted"] == 1


def test_an_error_goes_to_the_threads_that_wait() -> None:
    """Waiting threads get the exception of the loader; the next one loads again."""
    cache, _ = make()
    source = Source()
    source.gate.clear()
    source.error = ValueError("down")
    with ThreadPoolExecutor(3) as pool:
        reads = [pool.submit(cache.get_or_load_sync, "key", source) for _ in range(3)]
        until(lambda: bool(cache._reading._flights._of_threads) and waiters_of(cache) == 2)
        source.gate.set()
        assert all(read.exception(PATIENCE) is source.error for read in reads)
    source.error = None
    assert cache.get_or_load_sync("key", source) == b"value"
    assert source.calls == 2


def test_a_loader_may_ask_for_its_own_key() -> None:
    """A loader that reads the key that it loads gets a direct load instead of a deadlock."""
    cache, _ = make()
    depth = 0

    def load() -> bytes | None:
        nonlocal depth
        depth += 1
        return b"inner" if depth == 2 else cache.get_or_load_sync("key", load)

    assert cache.get_or_load_sync("key", load) == b"inner"
    assert depth == 2


def test_loaders_may_ask_for_the_keys_of_each_other() -> None:
    """Two threads whose loaders need each other's key end, where each waiting for the other never would."""
    cache, _ = make()
    both = threading.Barrier(2)

    def loader(other: str) -> Callable[[], bytes | None]:
        def load() -> bytes | None:
            both.wait(PATIENCE)
            return cache.get_or_load_sync(other, other.encode)

        return load

    with ThreadPoolExecutor(2) as pool:
        reads = [pool.submit(cache.get_or_load_sync, key, loader(other)) for key, other in (("a", "b"), ("b", "a"))]
        assert all(read.result(PATIENCE) for read in reads)


@pytest.mark.usefixtures("frozen_heap")
def test_an_async_loader_is_refused() -> None:
    """A synchronous read with an ``async def`` loader says which method takes one, and leaves no warning behind."""
    cache, _ = make()

    async def load() -> bytes:
        return b""

    with pytest.raises(UnsupportedTypeError, match=r"await get_or_load\(\)"):
        cache.get_or_load_sync("key", load)  # type: ignore[arg-type]
    gc.collect()


def test_a_synchronous_call_never_waits_for_its_own_loop() -> None:
    """A coroutine that calls the synchronous twin, while its loop loads the same key, gets a load of its own."""

    async def scenario() -> None:
        cache, _ = make()
        started, gate = asyncio.Event(), asyncio.Event()

        async def load() -> bytes:
            started.set()
            await gate.wait()
            return b"async"

        leader = asyncio.create_task(cache.get_or_load("key", load))
        await started.wait()
        assert cache.get_or_load_sync("key", lambda: b"sync") == b"sync"
        gate.set()
        assert await leader == b"async"

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE))


def test_a_thread_with_a_running_loop_waits_for_no_thread() -> None:
    """What another thread loads may need this thread's loop, so a synchronous call in it loads directly."""

    async def scenario() -> None:
        cache, _ = make()
        loop = asyncio.get_running_loop()
        started = threading.Event()

        async def answer() -> bytes:
            return b"thread"

        def load() -> bytes:
            started.set()
            return asyncio.run_coroutine_threadsafe(answer(), loop).result(PATIENCE)

        worker = asyncio.create_task(asyncio.to_thread(cache.get_or_load_sync, "key", load))
        await asyncio.to_thread(started.wait, PATIENCE)
        assert cache.get_or_load_sync("key", lambda: b"direct") in (b"direct", b"thread")
        assert await worker in (b"direct", b"thread")

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE))


def test_eight_threads_with_loops_of_their_own() -> None:
    """Eight event loops in eight threads read through one cache; each loads at most once, none touches another's."""
    cache, _ = make()
    calls: list[int] = []

    def serve(number: int) -> list[bytes | None]:
        async def load() -> bytes:
            calls.append(number)
            await asyncio.sleep(0.001)
            return b"value"

        async def reads() -> list[bytes | None]:
            return await asyncio.gather(*(cache.get_or_load("key", load) for _ in range(50)))

        return asyncio.run(reads())

    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(serve, range(8)):
            assert result == [b"value"] * 50
    assert len(calls) == len(set(calls))


USER: ContextVar[str] = ContextVar("user", default="nobody")


def test_a_refresh_runs_in_a_thread_that_nobody_waits_for() -> None:
    """Readers past the refresh point get the old value at once; one thread loads, in the reader's context."""
    cache, clock = make()
    source = Source(b"old")
    users: list[str] = []

    def load() -> bytes | None:
        users.append(USER.get())
        return source()

    def read() -> bytes | None:
        return cache.get_or_load_sync("key", load, ttl=100, refresh_after=0.8)

    read()
    clock.advance(85)
    source.value = b"new"
    source.gate.clear()
    token = USER.set("ann")
    try:
        assert [read() for _ in range(50)] == [b"old"] * 50
    finally:
        USER.reset(token)
    assert source.started.wait(PATIENCE)
    source.gate.set()
    cache.stop_sync()
    assert read() == b"new"
    assert users == ["nobody", "ann"]
    assert cache.get_stats()["loads"]["refreshes"] == 1


def test_stop_in_a_loop_waits_for_threads_too() -> None:
    """The asynchronous ``stop`` drains refreshes that synchronous reads have started."""
    cache, clock = make()
    source = Source(b"old")
    cache.get_or_load_sync("key", source, ttl=100, refresh_after=0.5)
    clock.advance(60)
    source.value = b"new"
    source.gate.clear()
    cache.get_or_load_sync("key", source, ttl=100, refresh_after=0.5)
    threading.Timer(0.02, source.gate.set).start()
    asyncio.run(cache.stop())
    assert cache.get_sync("key") == b"new"


def test_stop_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """A thread that does not end within the time is left to itself, and said to be."""
    cache, clock = make()
    source = Source(b"old")
    cache.get_or_load_sync("key", source, ttl=100, refresh_after=0.5)
    clock.advance(60)
    source.gate.clear()
    cache.get_or_load_sync("key", source, ttl=100, refresh_after=0.5)
    with caplog.at_level(logging.WARNING):
        cache.stop_sync(0.01)
    assert "background loads or writes had not ended" in caplog.text
    source.gate.set()
    cache.stop_sync()


def test_a_with_block_drains() -> None:
    """Leaving a ``with`` block waits for refreshes."""
    cache, clock = make()
    source = Source(b"old")
    with cache as entered:
        assert entered is cache
        cache.get_or_load_sync("key", source, ttl=100, refresh_after=0.5)
        clock.advance(60)
        source.value = b"new"
        cache.get_or_load_sync("key", source, ttl=100, refresh_after=0.5)
    assert cache.get_sync("key") == b"new"


def test_a_timeout_bounds_the_wait_and_not_the_load() -> None:
    """The thread gets a TimeoutError; the load goes on beside it, and its value is a later hit."""
    cache, _ = make()
    source = Source()
    source.gate.clear()
    with pytest.raises(TimeoutError, match=r"0\.01 s"):
        cache.get_or_load_sync("key", source, timeout=0.01)
    source.gate.set()
    cache.stop_sync()
    assert cache.get_sync("key") == b"value"


def test_a_waiting_thread_has_its_own_timeout() -> None:
    """A waiting thread whose time is up leaves; the load goes on."""
    cache, _ = make()
    source = Source()
    source.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(cache.get_or_load_sync, "key", source)
        assert source.started.wait(PATIENCE)
        with pytest.raises(TimeoutError):
            cache.get_or_load_sync("key", source, timeout=0.01)
        source.gate.set()
        assert leader.result(PATIENCE) == b"value"
    assert source.calls == 1


def test_a_load_within_its_timeout_is_returned() -> None:
    """A loader that is fast enough is none the worse for a timeout, and its exceptions arrive."""
    cache, _ = make()
    assert cache.get_or_load_sync("key", Source(), timeout=PATIENCE) == b"value"
    failing = Source()
    failing.error = ValueError("down")
    with pytest.raises(ValueError, match="down"):
        cache.get_or_load_sync("other", failing, timeout=PATIENCE)


def _no_more_threads(self: threading.Thread) -> None:
    message = "can't start new thread"
    raise RuntimeError(message)


def test_without_threads_a_timed_load_runs_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives no thread, the value is loaded in the caller's, and the key is not blocked."""
    cache, _ = make()
    monkeypatch.setattr(threading.Thread, "start", _no_more_threads)
    assert cache.get_or_load_sync("key", Source(), timeout=PATIENCE) == b"value"
    failing = Source()
    failing.error = ValueError("down")
    with pytest.raises(ValueError, match="down"):
        cache.get_or_load_sync("other", failing, timeout=PATIENCE)
    assert cache.get_or_load_sync("other", Source(), timeout=PATIENCE) == b"value"


def test_without_threads_there_is_no_refresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives no thread, a read past the refresh point still returns the good value."""
    cache, clock = make()
    source = Source()
    cache.get_or_load_sync("key", source, ttl=100, refresh_after=0.5)
    clock.advance(60)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _no_more_threads)
        assert cache.get_or_load_sync("key", source, ttl=100, refresh_after=0.5) == b"value"
    clock.advance(100)
    assert cache.get_or_load_sync("key", source) == b"value"
    assert source.calls == 2


def test_invalidation_from_another_thread_keeps_a_load_out() -> None:
    """An invalidation during a load in another thread wins over what the load brings."""
    cache, _ = make()
    source = Source(b"old")
    source.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(cache.get_or_load_sync, "key", source)
        assert source.started.wait(PATIENCE)
        cache.invalidate_sync("key")
        source.gate.set()
        assert read.result(PATIENCE) == b"old"
    assert cache.get_sync("key") is None


def test_no_reader_sees_what_was_before_an_invalidation() -> None:
    """While one thread changes the source and invalidates, others never read a value older than the invalidation."""
    cache, _ = make()
    current, stop = [0], threading.Event()
    wrong: list[tuple[int, int]] = []

    def load() -> bytes:
        value = current[0]
        time.sleep(0)
        return str(value).encode()

    def read() -> None:
        while not stop.is_set():
            known = current[0]
            value = cache.get_or_load_sync("key", load, tags=("tag",))
            # A value that was loaded before the last invalidation may be returned to those who waited for it, but what
            # is in the cache after it must not be older.
            cached = cache.get_sync("key")
            if cached is not None and int(cached) < known - 1:
                wrong.append((known, int(cached)))
            assert value is not None

    with hurried(1e-4), ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        for number in range(1, 300):
            current[0] = number
            if number % 2:
                cache.invalidate_sync("key")
            else:
                cache.invalidate_sync(tags=("tag",))
            time.sleep(0.0002)
        stop.set()
        for reader in readers:
            reader.result(PATIENCE)
    assert wrong == []
    final = cache.get_sync("key")
    assert final is None or int(final) == 299


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_child_process_waits_for_no_flight_of_its_parent() -> None:
    """After a fork in the middle of a load, the child keeps the entries, and loads the key itself."""
    cache, _ = make()
    cache.set_sync("warm", b"w")
    source = Source()
    source.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(cache.get_or_load_sync, "key", source)
        assert source.started.wait(PATIENCE)
        with cache._store._lock, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
            if child == 0:
                ok = cache.get_sync("warm") == b"w" and cache.get_or_load_sync("key", lambda: b"child") == b"child"
                os._exit(0 if ok else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        source.gate.set()
        assert read.result(PATIENCE) == b"value"


def test_a_coroutine_that_suspends_cannot_be_run_without_a_loop() -> None:
    """Driving something that needs an event loop is an error, not a hang."""
    with pytest.raises(CacheError, match="event loop"):
        run(asyncio.sleep(0))

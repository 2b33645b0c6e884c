"""Whatever Redis and the network do: no wrong value, no error at the caller, and no waiting beyond the deadline."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from faults.callers import OPERATIONS, WARM, Loop, Threads, key_of, truth, warm
from faults.kinds import FAULTS, Fault
from faults.proxy import Proxy
from redis_servers import Server, free_port

from pydantic_serialization import InvalidationError
from pydantic_serialization.cache import CacheManager, SharedSettings
from pydantic_serialization.cache.tiers import Tiers


@pytest.fixture
def proxy(redis_url: str, shared_server: Server) -> Iterator[Proxy]:
    proxy = Proxy(shared_server.port)
    yield proxy
    proxy.close()


@pytest.mark.parametrize("world", [Threads, Loop])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_a_miss(
    proxy: Proxy, shared_server: Server, fault: Fault, world: Callable[..., Threads | Loop]
) -> None:
    """150 reads under a fault give the right values; few of them ask Redis; afterwards Redis is used again.

    An invalidation is confirmed only if it was done, whatever is said in its place.
    """
    caller = world(proxy.url)
    try:
        warm(caller)
        proxy.set(fault.mode, fault.arg)
        if fault.is_at_the_door:
            proxy.cut()
        trips, connections = caller.stats()["round_trips"], proxy.connections
        for number in range(OPERATIONS):
            caller.read(key_of(number))
        stats = caller.stats()
        if not fault.is_answered:
            assert stats["short_circuits"] > OPERATIONS / 2
            assert stats["round_trips"] - trips < OPERATIONS / 2
            assert proxy.connections - connections < OPERATIONS / 2
        try:
            caller.invalidate("warm:0")
        except InvalidationError:
            pass
        else:
            with shared_server.client() as client:
                assert not client.keys("*:k:warm:0")
        proxy.set("pass")
        # Nothing else is done for it: what is left of the fault on a connection is not used, nor asked for ever.
        warm(caller)
    finally:
        caller.close()


@pytest.mark.parametrize("world", [Threads, Loop])
def test_what_is_slow_within_the_deadline_is_used(proxy: Proxy, world: Callable[..., Threads | Loop]) -> None:
    """A reply that is late, and in time, is a hit: nothing is loaded in its place."""
    caller = world(proxy.url, timeout=5.0)
    try:
        warm(caller)
        proxy.set("latency", 0.02)
        loads = caller.loads
        for number in range(2 * WARM):
            caller.read(f"warm:{number % WARM}")
        assert caller.loads == loads
        assert caller.stats()["timeouts"] == 0
    finally:
        caller.close()


@pytest.mark.parametrize("world", [Threads, Loop])
@pytest.mark.parametrize("second", ["ticket", "tags"])
def test_a_load_waits_once_for_all_that_it_asks(
    proxy: Proxy, world: Callable[..., Threads | Loop], second: str
) -> None:
    """The first answer takes most of the time that a load has, the second does not come: it waits for the rest only."""
    caller = world(proxy.url, timeout=2.0)
    try:
        warm(caller)
        if second == "tags":
            # Written with a tag that a reader does not know, and so has to ask for.
            caller.cache.set_sync("cold", truth("cold"), tags=("tag",))
            caller.read("warm:0")  # takes its place in the first tier
            proxy.set("one_late", 1.6)
        else:
            proxy.set("late_hole", 1.6)
        started = time.monotonic()
        caller.read("cold")
        assert 1.6 <= time.monotonic() - started < 3.4  # not a speed: with two seconds each, it would be 3.6
        assert caller.loads > 0
    finally:
        caller.close()


@pytest.mark.parametrize("world", [Threads, Loop])
def test_a_frozen_server_is_a_miss(world: Callable[..., Threads | Loop]) -> None:
    """A stopped process holds connections open and answers nothing: few reads wait for it, and it is used again."""
    server = Server()
    caller = world(server.url)
    try:
        warm(caller)
        server.freeze()
        timeouts = caller.stats()["timeouts"]
        for number in range(OPERATIONS):
            caller.read(f"warm:{number % WARM}")
        stats = caller.stats()
        assert 1 <= stats["timeouts"] - timeouts < 20
        assert stats["breaker"] != "closed"
        server.thaw()
        warm(caller)
        assert caller.stats()["breaker"] == "closed"
    finally:
        caller.close()
        server.close()


@pytest.mark.parametrize("world", [Threads, Loop])
def test_an_application_starts_without_redis(world: Callable[..., Threads | Loop]) -> None:
    """Nothing listens: the cache works in process, tries a few times, and finds Redis when it comes."""
    port = free_port()
    caller = world(f"redis://127.0.0.1:{port}")
    server = None
    try:
        for number in range(50):
            caller.read(f"warm:{number % WARM}")
        stats = caller.stats()
        assert stats["errors"] + stats["timeouts"] < 10
        assert stats["short_circuits"] > 40
        server = Server(port=port)
        warm(caller)
    finally:
        caller.close()
        if server is not None:
            server.close()


def test_start_does_not_need_redis(caplog: pytest.LogCaptureFixture) -> None:
    """Starting tries, logs where, and goes on."""
    settings = SharedSettings(max_retries=1, retry_delay=0.01)
    where = f"127.0.0.1:{free_port()}"
    cache = CacheManager(redis_url=f"redis://:canary@{where}", shared_settings=settings)
    with cache:
        assert cache.get_or_load_sync("key", lambda: b"value") == b"value"
    assert f"the shared cache Redis at {where} cannot be reached" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("world", [Threads, Loop])
def test_a_killed_server_comes_back_empty(world: Callable[..., Threads | Loop]) -> None:
    """After a restart without its data Redis has no entries, and no old value is found."""
    server = Server()
    caller = world(server.url)
    try:
        warm(caller)
        server.kill()
        for number in range(30):
            caller.read(f"warm:{number % WARM}")
        server.start()
        warm(caller)
    finally:
        caller.close()
        server.close()


@pytest.mark.parametrize("world", [Threads, Loop])
def test_a_full_or_read_only_server_is_still_read(world: Callable[..., Threads | Loop]) -> None:
    """A replica and a full memory refuse writes: reads are answered, and writes are soon not tried any more."""
    server = Server()
    caller = world(server.url, timeout=5.0)
    try:
        for break_it, mend_it in (
            (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
            (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        ):
            with server.client() as client:
                client.flushall()
                warm(caller)
                client.execute_command(*break_it)
                hits, loads = caller.stats()["hits"], caller.loads
                for number in range(OPERATIONS):
                    caller.read(key_of(number))
                assert caller.stats()["hits"] - hits == OPERATIONS * 4 // 5
                assert caller.loads - loads == OPERATIONS // 5
                assert caller.stats()["breaker"] == "closed"
                assert caller.stats()["write_breaker"] != "closed"
                client.execute_command(*mend_it)
            for number in range(1000):
                caller.read(f"after {break_it[0]}:{number}")
                if caller.stats()["write_breaker"] == "closed":
                    break
                time.sleep(0.01)
            else:
                pytest.fail("writing is not tried again")
    finally:
        caller.close()
        server.close()


def test_stopping_does_not_hold_the_loop_up(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the thread that listens is waited for, which may be waiting for a frozen server, other tasks go on."""
    going_on, stop_listening = threading.Event(), Tiers.stop_listening

    def slowly(self: Tiers) -> None:
        assert going_on.wait(30), "the loop is held up"
        stop_listening(self)

    monkeypatch.setattr(Tiers, "stop_listening", slowly)

    async def main() -> None:
        cache = CacheManager(redis_url=redis_url, shared_settings=SharedSettings(heartbeat=0.1))
        await cache.get("key")
        stopping = asyncio.create_task(cache.stop())
        for _ in range(10):
            await asyncio.sleep(0.001)
        assert not stopping.done()
        going_on.set()
        await stopping

    asyncio.run(main())

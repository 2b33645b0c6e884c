"""Whatever Redis and the network do: no wrong value, no error at the caller, and no waiting beyond the deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from faults.proxy import MARKER, Proxy
from redis_servers import Server, free_port, wait_until

from pydantic_serialization.cache import CacheManager, SharedSettings

if TYPE_CHECKING:
    from pydantic_serialization.cache import SharedTierStats

OPERATIONS = 150
WARM = 10

# Mode of the proxy, its argument, and whether Redis is reached all the same.
FAULTS = [
    ("reset_on_accept", 0.0),
    ("hole_on_accept", 0.0),
    ("hole_request", 0.0),
    ("hole_reply", 0.0),
    ("latency", 0.5),
    ("late_hole", 0.03),
    ("drop", 0.0),
    ("reset", 0.0),
    ("stall", 0.0),
    ("trickle", 0.002),
    ("flip", 0.0),
    ("garbage", 0.0),
    ("extra", 0.0),
    ("error", b"-LOADING Redis is loading the dataset in memory"),
    ("error", b"-NOAUTH Authentication required."),
    ("error", b"-MOVED 3999 127.0.0.1:6381"),
    ("error", b"-CLUSTERDOWN The cluster is down"),
    ("error", b"-ERR max number of clients reached"),
    ("error", b"-NOPERM this user has no permissions to run this command"),
    ("write_error", b"-READONLY You can't write against a read only replica."),
    ("write_error", b"-OOM command not allowed when used memory > 'maxmemory'."),
    ("write_error", b"-MISCONF Redis is configured to save RDB snapshots"),
]
# Faults that only new connections meet.
AT_THE_DOOR = {"reset_on_accept", "hole_on_accept"}
# Faults that leave reading as it is.
READABLE = {"write_error", "late_hole"}


@pytest.fixture
def proxy(redis_url: str, shared_server: Server) -> Iterator[Proxy]:
    proxy = Proxy(shared_server.port)
    yield proxy
    proxy.close()


class Caller:
    """Reads keys through a cache whose first tier holds next to nothing, and compares each value with the truth."""

    def __init__(self, url: str, *, timeout: float = 0.05) -> None:
        settings = SharedSettings(timeout=timeout)
        self.cache = CacheManager(max_size=1, redis_url=url, shared_settings=settings)
        self.loads = 0

    def stats(self) -> SharedTierStats:
        return self.cache.get_stats()["l2_cache"]

    def close(self) -> None: ...


class Threads(Caller):
    def read(self, key: str) -> None:
        assert self.cache.get_or_load_sync(key, lambda: self._load(key)) == truth(key)

    def close(self) -> None:
        self.cache.stop_sync()

    def _load(self, key: str) -> bytes:
        self.loads += 1
        return truth(key)


class Loop(Caller):
    def __init__(self, url: str, *, timeout: float = 0.05) -> None:
        super().__init__(url, timeout=timeout)
        self.runner = asyncio.Runner()

    def read(self, key: str) -> None:
        assert self.runner.run(self._read(key)) == truth(key)

    def close(self) -> None:
        self.runner.run(self.cache.stop())
        self.runner.close()

    async def _read(self, key: str) -> bytes | None:
        async def load() -> bytes:
            self.loads += 1
            return truth(key)

        value = await self.cache.get_or_load(key, load)
        await asyncio.sleep(0)  # lets the write in the background begin
        return value


def truth(key: str) -> bytes:
    return MARKER + key.encode() * 5


def warm(caller: Caller) -> None:
    """Read the warm keys until the shared tier has them all."""
    assert isinstance(caller, Threads | Loop)

    def all_hit() -> bool:
        before = caller.loads
        for number in range(WARM):
            caller.read(f"warm:{number}")
        return caller.loads == before

    wait_until(all_hit, "the shared tier has all keys", 15)


@pytest.mark.parametrize("world", [Threads, Loop])
@pytest.mark.parametrize(("mode", "arg"), FAULTS, ids=[f"{mode}-{arg!r:.12}" for mode, arg in FAULTS])
def test_a_fault_is_a_miss(proxy: Proxy, mode: str, arg: float | bytes, world: Callable[..., Threads | Loop]) -> None:
    """150 reads under a fault give the right values; few of them ask Redis; afterwards Redis is used again."""
    caller = world(proxy.url)
    try:
        warm(caller)
        proxy.set(mode, arg)
        if mode in AT_THE_DOOR:
            proxy.cut()
        trips, connections = caller.stats()["round_trips"], proxy.connections
        for number in range(OPERATIONS):
            # Every fifth key is new, so that writing is tried too.
            key = f"cold:{number}" if number % 5 == 0 else f"warm:{number % WARM}"
            caller.read(key)
        stats = caller.stats()
        if mode not in READABLE | {"flip"}:
            assert stats["short_circuits"] > OPERATIONS / 2
            assert stats["round_trips"] - trips < OPERATIONS / 2
            assert proxy.connections - connections < OPERATIONS / 2
        proxy.set("pass")
        proxy.cut()
        warm(caller)
    finally:
        caller.close()


@pytest.mark.parametrize("world", [Threads, Loop])
@pytest.mark.parametrize("second", ["ticket", "tags"])
def test_a_load_waits_once_for_all_that_it_asks(
    proxy: Proxy, world: Callable[..., Threads | Loop], second: str
) -> None:
    """The first answer takes most of the time that a load has, the second does not come: it waits for the rest only."""
    caller = world(proxy.url, timeout=1.0)
    try:
        warm(caller)
        if second == "tags":
            # Written with a tag that a reader does not know, and so has to ask for.
            caller.cache.set_sync("cold", truth("cold"), tags=("tag",))
            caller.read("warm:0")  # takes its place in the first tier
            proxy.set("one_late", 0.8)
        else:
            proxy.set("late_hole", 0.8)
        started = time.monotonic()
        caller.read("cold")
        assert 0.8 <= time.monotonic() - started < 1.4  # not a speed: with a second each, it would be 1.8
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
        started = time.monotonic()
        for number in range(OPERATIONS):
            caller.read(f"warm:{number % WARM}")
        # Not a speed: at 50 ms each, without a breaker, this would take more than seven seconds.
        assert time.monotonic() - started < 5
        stats = caller.stats()
        assert 3 <= stats["timeouts"] < 20
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
    """Starting tries, logs, and goes on."""
    settings = SharedSettings(max_retries=1, retry_delay=0.01)
    cache = CacheManager(redis_url=f"redis://:canary@127.0.0.1:{free_port()}", shared_settings=settings)
    with cache:
        assert cache.get_or_load_sync("key", lambda: b"value") == b"value"
    assert "cannot be reached" in caplog.text
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
    caller = world(server.url)
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
                    caller.read(f"cold:{number}" if number % 5 == 0 else f"warm:{number % WARM}")
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


def test_stopping_does_not_hold_the_loop_up() -> None:
    """While the thread that listens waits for a frozen server, other tasks go on."""
    server = Server()

    async def main() -> None:
        cache = CacheManager(redis_url=server.url, shared_settings=SharedSettings(heartbeat=0.1))
        await cache.get("key")
        while cache.get_stats()["backplane"]["state"] != "verified":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        server.freeze()
        await asyncio.sleep(0.3)  # now it asks, and gets no answer
        stopping = asyncio.create_task(cache.stop())
        ticks = 0
        while not stopping.done():
            await asyncio.sleep(0.001)
            ticks += 1
        assert ticks > 10
        await stopping

    try:
        asyncio.run(main())
    finally:
        server.close()

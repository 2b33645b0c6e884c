"""Redis as the shared tier: round trips, event loops, forks, deadlines, and the server's clock."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import redis
from faults.proxy import Proxy
from redis_servers import Server, wait_until

from pydantic_serialization.cache import CacheManager, SharedSettings
from pydantic_serialization.cache.redis import RedisTier
from pydantic_serialization.cache.redis.lifetime import disconnect_idle
from pydantic_serialization.cache.shared.budget import ending_in

PATIENT = SharedSettings(timeout=5.0)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """A plain client, which has reset the server's counters."""
    with redis.Redis.from_url(redis_url) as client:
        client.config_resetstat()
        yield client


@pytest.fixture
def proxy(redis_url: str, shared_server: Server) -> Iterator[Proxy]:
    proxy = Proxy(shared_server.port)
    yield proxy
    proxy.close()


def calls(client: redis.Redis, command: str) -> int:
    """Return how often the server has run a command."""
    return int(client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])


def test_a_hundred_concurrent_hits_are_one_mget(client: redis.Redis, redis_url: str) -> None:
    """On one connection; another one listens, and may be made meanwhile."""
    writer = CacheManager(redis_url=redis_url, shared_settings=PATIENT)
    writer.set_many_sync({f"key:{number}": str(number).encode() for number in range(100)})
    client.config_resetstat()

    async def main() -> None:
        async with CacheManager(redis_url=redis_url, shared_settings=PATIENT) as reader:
            before, connections = calls(client, "mget"), client.info("stats")["total_connections_received"]
            found = await asyncio.gather(*(reader.get(f"key:{number}") for number in range(100)))
            assert found == [str(number).encode() for number in range(100)]
            assert calls(client, "mget") == before + 1
            assert client.info("stats")["total_connections_received"] - connections <= 2

    asyncio.run(main())
    writer.stop_sync()


def test_reads_of_a_cluster_are_grouped_by_slot(cluster_url: str) -> None:
    """Keys of one slot are one command, and all nodes together one answer."""
    tier = RedisTier(cluster_url, timeout=5.0)
    names = [f"{{{slot}}}:{number}" for slot in "abc" for number in range(10)]
    tier.set_many_sync({name: name.encode() for name in names}, 60)
    nodes = [
        redis.Redis(host=node.host, port=node.port, protocol=2)  # type: ignore[attr-defined]
        for node in tier._sync.get_nodes()
    ]
    for node in nodes:
        node.config_resetstat()
    assert tier.get_many_sync(names) == {name: name.encode() for name in names}
    assert sum(calls(node, "mget") for node in nodes) == 3
    for node in nodes:
        node.close()
    tier.close_sync()


@pytest.mark.usefixtures("frozen_heap")
def test_each_event_loop_has_its_own_connections(redis_url: str) -> None:
    """Three loops one after the other and eight at once, without a start or stop, and nothing is left open."""
    cache = CacheManager(redis_url=redis_url, max_size=1, shared_settings=PATIENT)
    failures: list[BaseException] = []

    async def work(seed: int) -> None:
        for number in range(20):
            key = f"key:{(seed + number) % 7}"
            value = await cache.get_or_load(key, key.encode)
            assert value == key.encode()

    def thread(seed: int) -> None:
        try:
            asyncio.run(work(seed))
        except BaseException as error:
            failures.append(error)

    for seed in range(3):
        asyncio.run(work(seed))
    threads = [threading.Thread(target=thread, args=(seed,)) for seed in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not failures
    stats = cache.get_stats()["l2_cache"]
    assert (stats["errors"], stats["timeouts"]) == (0, 0)
    gc.collect()  # a connection that is still open warns here
    cache.stop_sync()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_process_makes_its_own_connections(redis_url: str) -> None:
    """Parent and child work on, and neither gets the other's replies; the child hears invalidations too."""
    cache = CacheManager(redis_url=redis_url, shared_settings=SharedSettings(timeout=5.0, heartbeat=0.2))
    cache.set_sync("before", b"1")
    wait_until(lambda: cache.get_stats()["backplane"]["state"] == "verified", "the parent hears")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for number in range(200):
                key = f"child:{number}"
                assert cache.get_or_load_sync(key, key.encode) == key.encode()
            assert cache.get_sync("before") == b"1"
            wait_until(lambda: cache.get_stats()["backplane"]["state"] == "verified", "the child hears")
            assert cache.get_sync("before") == b"1"
            os.write(write, b"x")
            wait_until(lambda: cache._tier.peek("before") is None, "the child drops its copy")
            assert cache.get_stats()["l2_cache"]["errors"] == 0
            status = 0
        finally:
            os._exit(status)
    for number in range(200):
        key = f"parent:{number}"
        assert cache.get_or_load_sync(key, key.encode) == key.encode()
    assert os.read(read, 1) == b"x"
    cache.invalidate_sync("before")
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert cache.get_stats()["l2_cache"]["errors"] == 0
    cache.stop_sync()
    os.close(read)
    os.close(write)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_eight_children_at_once_share_no_connection(redis_url: str) -> None:
    """Each has its own replies, and the values of all are found by all."""
    cache = CacheManager(redis_url=redis_url, max_size=1, shared_settings=SharedSettings(timeout=5.0))
    cache.set_sync("before", b"1")
    children = []
    for number in range(8):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for key in (f"{number}:{count}" for count in range(100)):
                    assert cache.get_or_load_sync(key, key.encode) == key.encode()
                    assert cache.get_sync("before") == b"1"
                cache.stop_sync()
                assert cache.get_stats()["l2_cache"]["errors"] == 0
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 8
    keys = [f"{number}:{count}" for number in range(8) for count in range(100)]
    assert cache.get_many_sync(keys) == {key: key.encode() for key in keys}
    cache.stop_sync()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.usefixtures("frozen_heap")
def test_a_child_leaves_the_connections_of_the_parents_loop_alone(redis_url: str) -> None:
    """Forked while a loop runs, a child that forgets the loop's client takes nothing from the parent."""

    async def main() -> None:
        async with CacheManager(redis_url=redis_url, max_size=1, shared_settings=PATIENT) as cache:
            await cache.set("key", b"1")
            child = os.fork()
            if child == 0:
                failed = 1
                try:
                    gc.collect()
                    asyncio._set_running_loop(None)
                    failed = asyncio.run(cache.get("key")) != b"1"
                    gc.collect()
                finally:
                    os._exit(failed)
            _, status = os.waitpid(child, 0)  # noqa: ASYNC222
            assert os.waitstatus_to_exitcode(status) == 0
            with redis.Redis.from_url(redis_url) as client:
                connections = client.info("stats")["total_connections_received"]
                for _ in range(20):
                    cache._store.clear()
                    assert await cache.get("key") == b"1"
                assert client.info("stats")["total_connections_received"] == connections

    asyncio.run(main())


def test_entries_go_by_the_clock_of_the_server(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose wall clock is an hour off keeps what it finds for the time that Redis has left."""
    writer = CacheManager(redis_url=redis_url, shared_settings=PATIENT)
    writer.set_sync("key", b"1", 50)
    real = time.time
    for error in (-3600, 3600):
        monkeypatch.setattr(time, "time", lambda error=error: real() + error)
        reader = CacheManager(redis_url=redis_url, shared_settings=SharedSettings(timeout=5.0, unheard_ttl=1e9))
        assert reader.get_sync("key") == b"1"
        entry = reader._tier.peek("key")
        assert entry is not None
        with redis.Redis.from_url(redis_url) as client:
            left = client.pttl("pydantic_serialization:e:key") / 1000
        assert left - 6 < entry.expires_at - time.monotonic() < left + 1
        reader.stop_sync()
    writer.stop_sync()


def test_a_thread_waits_for_a_free_connection_until_its_deadline(client: redis.Redis, proxy: Proxy) -> None:
    """Others use all connections, and get no answer: it gives up when its time is up, not after the tier's."""
    tier = RedisTier(f"{proxy.url}?max_connections=1", timeout=30.0)
    tier.get_many_sync(["name"])
    asked = calls(client, "mget")
    proxy.set("hole_reply")
    other = threading.Thread(target=tier.get_many_sync, args=(["name"],))
    other.start()
    wait_until(lambda: calls(client, "mget") > asked, "the other one has the connection")
    with pytest.raises(redis.ConnectionError), ending_in(0.05):
        tier.get_many_sync(["name"])
    assert other.is_alive()
    proxy.set("pass")
    proxy.cut()
    other.join()
    assert tier.get_many_sync(["name"]) == {}
    tier.close_sync()


@pytest.mark.parametrize("world", ["loop", "threads"])
def test_connecting_goes_on_after_the_deadline(proxy: Proxy, world: str) -> None:
    """Where connecting takes longer than an operation may, one operation fails and a later one succeeds."""
    tier = RedisTier(proxy.url, timeout=5.0)
    proxy.set("latency", 0.5)

    async def later() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.04):
                await tier.get_many(["name"])
        proxy.set("pass")
        assert await tier.get_many(["name"]) == {}
        assert proxy.connections == 1
        await tier.close()

    if world == "loop":
        asyncio.run(later())
        return
    proxy.set("pass")
    with pytest.MonkeyPatch.context() as patch:
        slow = threading.Event()
        resolve = socket.getaddrinfo

        def slowly(*args: object, **kwargs: object) -> object:
            slow.wait(10)
            return resolve(*args, **kwargs)  # type: ignore[arg-type]

        patch.setattr(socket, "getaddrinfo", slowly)
        with pytest.raises(TimeoutError), ending_in(0.04):
            tier.get_many_sync(["name"])
        slow.set()
        wait_until(lambda: proxy.connections == 1, "the connection was made")
    assert tier.get_many_sync(["name"]) == {}
    assert proxy.connections == 1
    tier.close_sync()


def test_a_broken_connection_is_made_anew_once(proxy: Proxy) -> None:
    """An operation that finds its connection broken succeeds on a new one, in both worlds."""
    tier = RedisTier(proxy.url, timeout=5.0)
    tier.set_many_sync({"name": b"1"}, 60)
    for _ in range(3):
        proxy.cut()
        assert tier.get_many_sync(["name"]) == {"name": b"1"}
    tier.close_sync()

    async def main() -> None:
        for _ in range(3):
            assert await tier.get_many(["name"]) == {"name": b"1"}
            proxy.cut()
        assert await tier.get_many(["name"]) == {"name": b"1"}
        await tier.close()

    asyncio.run(main())


def test_cancelled_operations_leave_no_reply_behind(proxy: Proxy) -> None:
    """However operations are cut off, the next one gets its own reply."""
    tier = RedisTier(proxy.url, timeout=5.0)

    async def main() -> None:
        await tier.set_many({f"name:{number}": str(number).encode() for number in range(50)}, 60)
        proxy.set("latency", 0.002)
        for number in range(200):
            task = asyncio.create_task(tier.get_many([f"name:{number % 50}"]))
            await asyncio.sleep(number % 7 / 1000)
            task.cancel()
            await asyncio.wait([task])
            if number % 5 == 0:
                other = (number + 1) % 50
                assert await tier.get_many([f"name:{other}"]) == {f"name:{other}": str(other).encode()}
        await tier.close()

    asyncio.run(main())


def test_replies_that_are_not_to_the_question_are_none(proxy: Proxy) -> None:
    """A reply of somebody else's that came before is an error of the connection, never a value."""
    tier = RedisTier(proxy.url, timeout=5.0)
    tier.set_many_sync({"a": b"1", "bcdef": b"2"}, 60)
    tier.close_sync()
    proxy.set("extra")
    for names in (["a"], ["a", "b", "c", "d", "e"]):
        with pytest.raises((ConnectionError, redis.RedisError, TypeError, ValueError)):
            tier.get_many_sync(names)
    proxy.set("pass")
    assert tier.get_many_sync(["a"]) == {"a": b"1"}
    tier.close_sync()


@pytest.mark.usefixtures("frozen_heap")
def test_a_cache_that_nobody_uses_any_more_ends_its_thread(redis_url: str) -> None:
    """The thread that listens does not keep its cache, nor itself, alive."""
    cache = CacheManager(redis_url=redis_url, shared_settings=PATIENT)
    cache.get_sync("key")
    thread = cache._tiers.hearing._thread  # type: ignore[union-attr]
    assert thread is not None
    assert thread.is_alive()
    cache._tiers.shared._tier.close_sync()  # type: ignore[union-attr]
    del cache
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()


def test_sentinel_finds_the_new_master() -> None:
    """After a failover the cache goes on with the promoted replica, in both worlds."""
    from redis_servers import sentinel_group

    with sentinel_group() as (url, (master, _), _):
        cache = CacheManager(redis_url=url, max_size=1, shared_settings=SharedSettings(timeout=2.0, heartbeat=0.2))
        cache.set_sync("key", b"1")
        with master.client() as client:
            wait_until(lambda: client.wait(1, 100) == 1, "the replica has it")
        master.kill()

        def found() -> bool:
            cache._store.clear()
            return cache.get_sync("key") == b"1"

        wait_until(found, "the promoted replica answers", 30)

        async def found_on_loop() -> None:
            cache._store.clear()
            assert await cache.get("key") == b"1"
            await cache.set("other", b"2")
            await cache.stop()

        asyncio.run(asyncio.wait_for(found_on_loop(), 20))
        assert cache.get_sync("other") == b"2"
        wait_until(lambda: cache.get_stats()["backplane"]["state"] == "verified", "others are heard again")
        cache.stop_sync()


class PoolOfOld(redis.BlockingConnectionPool):  # type: ignore[misc]
    """The pool that waits as redis-py 6 has it: its ``disconnect`` takes all or nothing."""

    def disconnect(self) -> None:
        super().disconnect()


@pytest.mark.parametrize("kind", [redis.BlockingConnectionPool, PoolOfOld])
def test_only_connections_at_rest_are_disconnected(redis_url: str, kind: type[redis.BlockingConnectionPool]) -> None:
    """Another thread goes on reading from its own, whatever became of an operation beside it."""
    pool = kind.from_url(redis_url, max_connections=3)
    used, resting = pool.get_connection(), pool.get_connection()
    pool.release(resting)
    used.send_command("PING")
    disconnect_idle(pool)
    assert used.read_response() == b"PONG"
    assert resting._sock is None
    pool.release(used)
    with contextlib.ExitStack() as held:  # all three places are there as before
        for _ in range(3):
            held.callback(pool.release, pool.get_connection())
    pool.disconnect()

"""What the shared tier costs, with a Redis of its own on the loopback, beside plain redis-py in the same run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import redis
import redis.asyncio

from pydantic_serialization.cache import CacheManager, SharedSettings

ROUNDS = 30
KEYS = 100
CALLS = 1000
PAYLOAD = b"x" * 100

Operation = Callable[[], Awaitable[object]]


@contextlib.contextmanager
def server() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Start a Redis, and yield its port and its process."""
    port = free_port()
    arguments = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port) as client:
            while not is_up(client):
                time.sleep(0.01)
        yield port, process
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def is_up(client: redis.Redis) -> bool:
    """Say whether the server answers."""
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


async def best(operations: dict[str, Operation]) -> dict[str, float]:
    """Return the microseconds of each operation: the best of interleaved rounds."""
    found = dict.fromkeys(operations, float("inf"))
    for _ in range(ROUNDS):
        for name, operation in operations.items():
            started = time.perf_counter_ns()
            await operation()
            found[name] = min(found[name], (time.perf_counter_ns() - started) / 1000)
    return found


async def cost_table(port: int) -> None:
    """Print what reads cost that the shared tier answers."""
    keys = [f"key:{number}" for number in range(KEYS)]
    settings = SharedSettings(timeout=5.0)
    first = CacheManager(redis_url=f"redis://127.0.0.1:{port}", shared_settings=settings)
    # One entry of room: every read is a miss of the first tier.
    second = CacheManager(redis_url=f"redis://127.0.0.1:{port}", shared_settings=settings, max_bytes=1)
    plain = redis.asyncio.Redis(port=port)
    plain_sync = redis.Redis(port=port)
    async with first, second:
        await first.set_many(dict.fromkeys(keys, PAYLOAD))
        await plain.mset(dict.fromkeys(keys, PAYLOAD))
        second.start_sync()

        async def sync(call: Callable[[], object]) -> None:
            call()

        rows: dict[str, Operation] = {
            "hit in tier 1": lambda: first.get(keys[0]),
            "hit in tier 2": lambda: second.get(keys[0]),
            "GET, redis-py": lambda: plain.get(keys[0]),
            "hit in tier 2, sync": partial(sync, lambda: second.get_sync(keys[0])),
            "GET, redis-py, sync": partial(sync, lambda: plain_sync.get(keys[0])),
            "100 hits in tier 2 at once": lambda: asyncio.gather(*map(second.get, keys)),
            "100 GETs at once, redis-py": lambda: asyncio.gather(*map(plain.get, keys)),
            "get_many of 100 in tier 2": lambda: second.get_many(keys),
            "MGET of 100, redis-py": lambda: plain.mget(keys),
            "miss, load and store": lambda: miss(second),
        }
        print("\nshared tier, 100 B values, microseconds")
        for name, cost in (await best(rows)).items():
            print(f"{name:30}{cost:10.1f}")
    await plain.aclose()
    plain_sync.close()


async def miss(cache: CacheManager) -> None:
    """Load a value that neither tier has, as a caller sees it: the store is written to in the background."""
    await cache.get_or_load(f"new:{time.perf_counter_ns()}", lambda: PAYLOAD)


async def fault_table(port: int, process: subprocess.Popen[bytes]) -> None:
    """Print what Redis costs when it is not there, and when it does not answer."""
    print(f"\nRedis is gone, {CALLS} reads that load, milliseconds")
    print(f"{'':30}{'all':>10}{'median':>10}{'worst':>10}")
    for name, where in (("refused", free_port()), ("frozen", port)):
        cache = CacheManager(redis_url=f"redis://127.0.0.1:{where}", max_bytes=1)
        await cache.get_or_load("warm", lambda: PAYLOAD)
        if name == "frozen":
            os.kill(process.pid, signal.SIGSTOP)
        times = []
        for number in range(CALLS):
            started = time.perf_counter()
            await cache.get_or_load(f"key:{number}", lambda: PAYLOAD)
            times.append((time.perf_counter() - started) * 1000)
        print(f"{name:30}{sum(times):10.1f}{sorted(times)[CALLS // 2]:10.3f}{max(times):10.1f}")
        if name == "frozen":
            os.kill(process.pid, signal.SIGCONT)
        await cache.stop()
    started = time.perf_counter()
    plain = redis.asyncio.Redis(port=free_port())
    with contextlib.suppress(redis.ConnectionError):
        await plain.get("key")
    await plain.aclose()
    print(f"{'one GET, redis-py, refused':30}{(time.perf_counter() - started) * 1000:10.1f}")


def shared_tables() -> None:
    """Print both tables, where there is a redis-server."""
    if shutil.which("redis-server") is None:
        print("\nno redis-server here: the shared tier is not measured")
        return
    with server() as (port, process):
        asyncio.run(cost_table(port))
        asyncio.run(fault_table(port, process))

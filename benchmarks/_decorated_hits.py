"""What a hit of a decorated function costs, beside the decorators of cashews and aiocache; and a cached large result."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pydantic_serialization import SerializationConfig, create_serialization_manager, serialized

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROUNDS = 15
CALLS = 2000
DATA = b"x" * 100


class User(BaseModel):
    """What the functions return."""

    id: int
    name: str


async def _nanoseconds(call: Callable[[], Awaitable[object]], calls: int) -> float:
    started = time.process_time_ns()
    for _ in range(calls):
        await call()
    return (time.process_time_ns() - started) / calls


async def _rivals() -> dict[str, Callable[[], Awaitable[object]]]:
    """Return a hit of each library's decorator, as its documentation has it, with a store in this process."""
    found: dict[str, Callable[[], Awaitable[object]]] = {}
    for name in ("cashews", "aiocache"):
        try:
            library: Any = import_module(name)
        except ImportError:
            continue

        if name == "cashews":
            cache = library.Cache()
            cache.setup("mem://")
            decorate = cache(ttl="1h", key="user:{user_id}")
        else:
            decorate = library.cached(ttl=3600, key_builder=lambda _f, user_id: f"user:{user_id}")

        found[f"{name}, decorated"] = partial(decorate(_load), 7)
    return found


async def _load(user_id: int) -> bytes:  # noqa: ARG001  (the key is made of it)
    return DATA


async def _decorated() -> None:
    manager = create_serialization_manager()

    @serialized("json", key="user:{user_id}", ttl=3600, manager=manager)
    async def get_user(user_id: int) -> User:
        return User(id=user_id, name="Grace")

    @serialized("json", key="user:{user_id}:sync", ttl=3600, manager=manager)
    def get_user_sync(user_id: int) -> User:
        return User(id=user_id, name="Grace")

    async def call_sync() -> object:
        return get_user_sync(7)

    cache = manager.cached_manager.cache_manager
    await cache.set("key", DATA)
    rows: dict[str, Callable[[], Awaitable[object]]] = {
        "await get_or_load, hit": lambda: cache.get_or_load("key", lambda: DATA),
        "@serialized, async, hit": lambda: get_user(7),
        "@serialized, def, hit (in a coroutine)": call_sync,
        **await _rivals(),
    }
    best = dict.fromkeys(rows, float("inf"))
    for _ in range(ROUNDS):
        for name, call in rows.items():
            best[name] = min(best[name], await _nanoseconds(call, CALLS))
    print("\nhits of a decorated function, ns per call; how many times ours are faster")
    ours = best["@serialized, async, hit"]
    for name, cost in best.items():
        print(f"{name:42}{cost:10.0f}{cost / ours:10.1f}")


class Row(BaseModel):
    """One of many."""

    id: int
    name: str
    email: str
    tags: list[str]


class Page(BaseModel):
    """About 60 KB of JSON."""

    rows: list[Row]


def result_table() -> None:
    """Print what a large model costs with compression: made anew, and by its ``cache_key``."""
    rows = [
        Row(id=number, name=f"User {number}", email=f"user{number}@example.com", tags=["a", f"t{number}"])
        for number in range(700)
    ]
    page = Page(rows=rows)
    print("\na model of 60 KB, compressed, microseconds")
    print(f"{'':12}{'JSON, B':>10}{'stored, B':>12}{'anew':>10}{'by cache_key':>14}{'x':>8}")
    for codec in ("gzip", "zstd", "lz4"):
        manager = create_serialization_manager(SerializationConfig(compression_codec=codec))
        stored = manager.serialize_sync(page, cache_key="page")

        def anew(manager: Any = manager) -> None:
            manager.serialize_sync(page)

        def kept(manager: Any = manager) -> None:
            manager.serialize_sync(page, cache_key="page")

        made, found = (
            min(_microseconds(call, calls) for _ in range(ROUNDS)) for call, calls in ((anew, 5), (kept, 500))
        )
        size = len(page.model_dump_json())
        print(f"{codec:12}{size:10}{len(stored):12}{made:10.1f}{found:14.2f}{made / found:8.0f}")


def _microseconds(call: Callable[[], None], calls: int) -> float:
    started = time.process_time_ns()
    for _ in range(calls):
        call()
    return (time.process_time_ns() - started) / calls / 1000


def decorated_tables() -> None:
    """Print both tables."""
    asyncio.run(_decorated())
    result_table()

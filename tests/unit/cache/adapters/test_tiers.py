"""What every shared tier has to do, held against the real libraries."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import shelve
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiocache
import cashews
import django.conf
import dogpile.cache
import pytest

from pydantic_serialization.cache import CacheManager, SharedTier
from pydantic_serialization.cache.adapters.aiocache import AiocacheTier
from pydantic_serialization.cache.adapters.cashews import CashewsTier
from pydantic_serialization.cache.adapters.django import DjangoTier
from pydantic_serialization.cache.adapters.dogpile import DogpileTier
from pydantic_serialization.cache.adapters.mapping import MappingTier
from pydantic_serialization.cache.shared.budget import ending_in

django.conf.settings.configure(
    CACHES={
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "files": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": "/nonexistent"},
        "redis": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1"},
    }
)

# aiocache and cashews call what redis-py has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")

MAKERS = (
    *("mapping", "shelve", "django", "django files", "django redis", "dogpile", "dogpile pickle", "dogpile redis"),
    *("cashews", "cashews redis", "aiocache", "aiocache redis"),
)


def django_tier(alias: str, location: str) -> DjangoTier:
    """Return a tier on a cache at this place."""
    from django.core.cache import caches

    caches.settings[alias]["LOCATION"] = location
    for name in list(caches.settings):
        if hasattr(caches._connections, name):
            delattr(caches._connections, name)
    return DjangoTier(alias)


@pytest.fixture(params=MAKERS)
def tier(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SharedTier]:
    """Return an empty tier of each library and store."""
    port = request.getfixturevalue("redis_port") if "redis" in request.param else 0
    url = f"redis://127.0.0.1:{port}"
    region = dogpile.cache.make_region
    shelf = shelve.open(str(tmp_path / "shelf"))  # noqa: SIM115  (closed below)
    redis_region = {"url": url, "thread_local_lock": False}
    makers: dict[str, Callable[[], SharedTier]] = {
        "mapping": lambda: MappingTier({}),
        "shelve": lambda: MappingTier(shelf, blocking=True),
        "django": lambda: django_tier("default", tmp_path.name),
        "django files": lambda: django_tier("files", str(tmp_path)),
        "django redis": lambda: django_tier("redis", url),
        "dogpile": lambda: DogpileTier(region().configure("dogpile.cache.memory")),
        "dogpile pickle": lambda: DogpileTier(region().configure("dogpile.cache.memory_pickle")),
        "dogpile redis": lambda: DogpileTier(region().configure("dogpile.cache.redis", arguments=redis_region)),
        "cashews": lambda: CashewsTier(lambda: cashews.Cache().setup("mem://")),
        "cashews redis": lambda: CashewsTier(
            lambda: cashews.Cache().setup(url, suppress=False, pickle_type="default", secret="s")
        ),
        "aiocache": lambda: AiocacheTier(lambda: aiocache.SimpleMemoryCache(namespace=tmp_path.name)),
        "aiocache redis": lambda: AiocacheTier(lambda: aiocache.RedisCache(endpoint="127.0.0.1", port=port)),
    }
    made = makers[request.param]()
    yield made
    made.close_sync()
    shelf.close()


def name_of(text: str) -> str:
    """Return a name that no other test uses: stores outlive tests."""
    return f"test:{uuid.uuid4().hex}:{text}"


def test_has_the_operations_of_a_tier(tier: SharedTier) -> None:
    """For coroutines and for threads."""
    assert isinstance(tier, SharedTier)
    assert abs(tier.now() - time.time()) < 5


@pytest.mark.parametrize("value", [b"", b"x", b"12", b"bytes:x", b"\x80\x04N.", bytes(range(256)) * 300])
def test_bytes_come_back_as_they_are(tier: SharedTier, value: bytes) -> None:
    """Also those that look like a number, a pickle, or a library's own marks."""
    name, other = name_of("a"), name_of("b")
    tier.set_many_sync({name: value, other: b"other"}, 60)
    assert tier.get_many_sync([name, name_of("c"), other]) == {name: value, other: b"other"}
    assert type(tier.get_many_sync([name])[name]) is bytes


def test_coroutines_and_threads_see_the_same(tier: SharedTier) -> None:
    """On loops that come and go."""
    name = name_of("a")

    async def write(value: bytes) -> None:
        await tier.set_many({name: value}, 60)

    async def read() -> dict[str, bytes]:
        return await tier.get_many([name])

    for number in range(3):
        asyncio.run(write(b"%d" % number))
        assert tier.get_many_sync([name]) == {name: b"%d" % number}
        assert asyncio.run(read()) == {name: b"%d" % number}
    asyncio.run(tier.delete_many([name]))  # type: ignore[arg-type]
    assert tier.get_many_sync([name]) == {}
    asyncio.run(tier.close())  # type: ignore[arg-type]
    tier.set_many_sync({name: b"again"}, 60)
    assert tier.get_many_sync([name]) == {name: b"again"}


def test_the_last_write_counts_and_deleting_is_final(tier: SharedTier) -> None:
    """Deleting what does not exist is no error, nor is doing nothing."""
    name = name_of("a")
    tier.set_many_sync({name: b"old"}, 60)
    tier.set_many_sync({name: b"new"}, 60)
    assert tier.get_many_sync([name]) == {name: b"new"}
    tier.delete_many_sync([name, name_of("never")])
    tier.delete_many_sync([name])
    assert tier.get_many_sync([name]) == {}
    assert tier.get_many_sync([]) == {}
    tier.set_many_sync({}, 60)
    tier.delete_many_sync([])


def test_a_value_goes_when_its_time_is_up(tier: SharedTier) -> None:
    """Times are rounded up to whole seconds at most; infinity and centuries are allowed.

    What somebody has wanted to add meanwhile lives on for at least the time that was asked for then.
    """
    name, forever, long, kept, added = map(name_of, "abcde")
    tier.set_many_sync({forever: b"x"}, float("inf"))
    tier.set_many_sync({long: b"x"}, 86_400 * 20)
    tier.set_many_sync({kept: b"there"}, 0.8)
    assert tier.add_many_sync({kept: b"x", added: b"new"}, 60) == {kept: b"there", added: b"new"}
    tier.set_many_sync({name: b"x"}, 0.8)
    assert set(tier.get_many_sync([name, forever, long])) == {name, forever, long}
    deadline = time.monotonic() + 10
    while name in tier.get_many_sync([name]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert set(tier.get_many_sync([name, forever, long])) == {forever, long}
    assert tier.get_many_sync([kept, added]) == {kept: b"there", added: b"new"}


def test_adding_keeps_what_is_there(tier: SharedTier) -> None:
    """What is there already is told, and stays until it is deleted."""
    name, other = name_of("a"), name_of("b")
    tier.set_many_sync({name: b"there"}, 60)
    assert tier.add_many_sync({name: b"x", other: b"new"}, 60) == {name: b"there", other: b"new"}
    assert asyncio.run(tier.add_many({name: b"y"}, 60)) == {name: b"there"}  # type: ignore[arg-type]
    tier.delete_many_sync([name])
    assert tier.add_many_sync({name: b"y"}, 60) == {name: b"y"}


def test_long_names_are_told_apart(tier: SharedTier) -> None:
    """Up to 250 characters, whatever a library puts in front."""
    start = name_of("")
    names = [start + "x" * (249 - len(start)) + last for last in "ab"]
    tier.set_many_sync({name: name.encode() for name in names}, 60)
    assert tier.get_many_sync(names) == {name: name.encode() for name in names}


# Django gives each thread a pool of connections of its own, and closes none of them.
@pytest.mark.filterwarnings("ignore:Exception ignored in.*socket:pytest.PytestUnraisableExceptionWarning")
def test_works_from_many_threads_and_loops(tier: SharedTier) -> None:
    """A hit is right whatever others do."""
    names = [name_of(str(number)) for number in range(10)]

    async def swap(step: int) -> None:
        name = names[step % 10]
        await tier.set_many({name: name.encode()}, 60)
        assert await tier.get_many([name]) in ({name: name.encode()}, {})

    def work(seed: int) -> None:
        for step in range(10):
            name = names[(seed + step) % 10]
            tier.set_many_sync({name: name.encode()}, 60)
            assert tier.get_many_sync([name]).get(name, name.encode()) == name.encode()
        asyncio.run(swap(seed))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    if isinstance(tier, DjangoTier):
        gc.collect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_can_use_it(tier: SharedTier) -> None:
    """The child has connections, threads and locks of its own."""
    name = name_of("a")
    tier.set_many_sync({name: b"parent"}, 60)
    child = os.fork()
    if child == 0:
        try:
            mine = name_of("child")
            tier.set_many_sync({mine: b"child"}, 60)
            is_right = tier.get_many_sync([mine]) == {mine: b"child"}
            os._exit(0 if is_right else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert tier.get_many_sync([name]) == {name: b"parent"}


# -- single libraries -----------------------------------------------------------------------------------------------


def test_a_mapping_forgets_what_is_past_its_time() -> None:
    """When it is read, or all at once; what others have written is no value."""
    mapping: dict[str, Any] = {}
    clock = [1000.0]
    tier = MappingTier(mapping, clock=lambda: clock[0])
    tier.set_many_sync({"a": b"1", "b": b"2"}, 10)
    tier.set_many_sync({"c": b"3"}, 20)
    mapping["foreign"] = "text"
    clock[0] += 10
    assert tier.get_many_sync(["a", "c", "foreign"]) == {"c": b"3"}
    assert set(mapping) == {"b", "c"}
    assert tier.remove_expired() == 1
    assert set(mapping) == {"c"}


class Bomb:
    """A pickle that does something when it is read."""

    exploded = False

    def __reduce__(self) -> Any:
        return _explode, ()


def _explode() -> bytes:
    Bomb.exploded = True
    return b"x"


@pytest.mark.parametrize("library", ["cashews", "aiocache", "dogpile"])
def test_a_pickle_in_the_store_is_not_read(library: str, redis_port: int) -> None:
    """Who can write to the store cannot run code through a tier, however the library is configured."""
    redis = pytest.importorskip("redis")
    url = f"redis://127.0.0.1:{redis_port}"
    region = dogpile.cache.make_region()
    region.configure("dogpile.cache.redis", arguments={"url": url, "thread_local_lock": False})
    tiers: dict[str, Callable[[], SharedTier]] = {
        "cashews": lambda: CashewsTier(lambda: cashews.Cache().setup(url, suppress=False, pickle_type="default")),
        "aiocache": lambda: AiocacheTier(
            lambda: aiocache.RedisCache(
                endpoint="127.0.0.1", port=redis_port, serializer=aiocache.serializers.PickleSerializer()
            )
        ),
        "dogpile": lambda: DogpileTier(region),
    }
    tier, name = tiers[library](), name_of("bomb")
    with redis.Redis(port=redis_port) as client:
        client.set(name, pickle.dumps(Bomb()))
        client.set(name + "2", b'{"ct":1}|' + pickle.dumps(Bomb()))
    tier.get_many_sync([name, name + "2"])
    tier.close_sync()
    assert not Bomb.exploded


def test_a_library_that_hangs_is_not_waited_for() -> None:
    """A thread waits for the timeout of the tier; the next operation is not disturbed."""

    class Slow(aiocache.SimpleMemoryCache):  # type: ignore[misc]
        async def multi_get(self, keys: Any, **kwargs: Any) -> Any:
            if "slow" in keys:
                await asyncio.sleep(30)
            return await super().multi_get(keys, **kwargs)

    tier = AiocacheTier(Slow, timeout=1.0)
    tier.set_many_sync({"fast": b"1"}, 60)
    with pytest.raises(TimeoutError):
        tier.get_many_sync(["slow"])

    async def impatient() -> None:
        async with asyncio.timeout(0.1):
            await tier.get_many(["slow"])

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    assert tier.get_many_sync(["fast"]) == {"fast": b"1"}
    tier.close_sync()


def test_a_cache_waits_for_a_library_as_long_as_for_redis() -> None:
    """A tier whose own timeout is longer is given up when the cache's time is over; the load goes on without it."""

    class Slow(aiocache.SimpleMemoryCache):  # type: ignore[misc]
        async def multi_get(self, keys: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(30)

    cache = CacheManager(shared_tier=AiocacheTier(Slow, timeout=20))
    assert cache.get_or_load_sync("key", lambda: b"1") == b"1"
    assert cache.get_stats()["l2_cache"]["timeouts"] == 1
    cache.stop_sync()


def test_a_library_that_opens_slowly_is_open_in_the_end() -> None:
    """Opening takes longer than an operation may: it goes on, and is begun once."""
    opened, go_on = [], threading.Event()

    class Slow(AiocacheTier):
        async def _open(self, cache: Any) -> None:
            opened.append(cache)
            while not go_on.is_set():  # noqa: ASYNC110  (set by another thread)
                await asyncio.sleep(0.01)
            await super()._open(cache)

    tier = Slow(aiocache.SimpleMemoryCache, timeout=10)
    for _ in range(2):
        with pytest.raises(TimeoutError), ending_in(0.05):
            tier.set_many_sync({"name": b"1"}, 60)
    go_on.set()
    tier.set_many_sync({"name": b"1"}, 60)
    assert tier.get_many_sync(["name"]) == {"name": b"1"}
    assert len(opened) == 1
    tier.close_sync()


def redis_error() -> type[Exception]:
    """Return what redis-py raises."""
    redis = pytest.importorskip("redis")
    error: type[Exception] = redis.ConnectionError
    return error


@pytest.mark.parametrize("library", ["cashews", "aiocache"])
def test_what_the_library_raises_is_told(library: str) -> None:
    """Nobody listens: reading and deleting both say so."""
    tiers: dict[str, Callable[[], SharedTier]] = {
        "cashews": lambda: CashewsTier(
            lambda: cashews.Cache().setup("redis://127.0.0.1:1", suppress=False, max_connections=1), timeout=5
        ),
        "aiocache": lambda: AiocacheTier(lambda: aiocache.RedisCache(endpoint="127.0.0.1", port=1), timeout=5),
    }
    tier = tiers[library]()
    for operation in (tier.get_many_sync, tier.delete_many_sync):
        with pytest.raises((OSError, redis_error(), cashews.exceptions.CacheBackendInteractionError)):
            operation([name_of("a")])
    tier.close_sync()

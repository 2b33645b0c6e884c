"""Models in the caches of other libraries: frames, never pickles; what cannot be read is a miss."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import aiocache
import cashews
import dogpile.cache
import pytest
from dogpile.cache.api import NO_VALUE, BytesBackend
from pydantic import BaseModel, Field, SecretStr, create_model

from pydantic_serialization import (
    ConfigurationError,
    DecodeError,
    FrameError,
    IntegrityError,
    SchemaMismatchError,
    SerializationConfig,
    UnsupportedTypeError,
)
from pydantic_serialization.envelope import Sealer
from pydantic_serialization.integrations.caches import SealedModels
from pydantic_serialization.integrations.caches.aiocache import ModelSerializer
from pydantic_serialization.integrations.caches.cashews import seal_models
from pydantic_serialization.integrations.caches.dogpile import region_serialization

KEYS = ("k" * 32, "o" * 32)


class User(BaseModel):
    """A user."""

    id: int
    name: str = Field(alias="userName")
    tags: set[str] = set()


class Admin(User):
    """A user with more fields than others may see."""

    key: str = "k"


class Item(BaseModel):
    """Something else."""

    sku: str


ANN = User(id=1, userName="Ann", tags={"a"})
BOB = User(id=2, userName="Bob")


def make(*types: Any, **settings: Any) -> SealedModels:
    """Return sealed models with these settings."""
    return SealedModels(*types or (User, Item, list[User], list[Item], dict[str, User], int), config=_config(settings))


def _config(settings: dict[str, Any]) -> SerializationConfig:
    return SerializationConfig(**settings)


@pytest.mark.parametrize("format_name", ["orjson", "json", "msgpack"])
@pytest.mark.parametrize("keys", [(), KEYS])
@pytest.mark.parametrize(
    "value",
    [None, ANN, Item(sku="s" * 5000), [ANN, BOB], [Item(sku="a")], [], {"a": ANN}, 17],
    ids=["None", "model", "long", "list", "other list", "empty list", "dict", "int"],
)
def test_values_come_back_equal(value: Any, keys: tuple[str, ...], format_name: str) -> None:
    """With their aliases, in each format, signed or not, bound to a key or not."""
    models = SealedModels(
        *(User, Item, list[User], list[Item], dict[str, User], int),
        format=format_name,
        config=_config({"signing_keys": keys}),
    )
    for key in ("", "user:1", "\ud800"):
        data = models.dumps(value, key)
        assert data[:3] == b"\xc1SF"
        found = models.loads(data, key)
        assert found == value
        assert type(found) is type(value)
    assert len(models.dumps(Item(sku="s" * 5000))) < 500
    assert models.unreadable == 0


def test_a_frame_is_read_under_its_own_key_only() -> None:
    """An entry that was moved, or a reply to another question, is no entry."""
    models = make(signing_keys=KEYS)
    data = models.dumps(ANN, "user:1")
    with pytest.raises(IntegrityError):
        models.loads(data, "user:2")
    assert models.loads_or(None, data, "user:2") is None
    assert models.unreadable == 1


def test_another_version_of_a_model_is_not_read() -> None:
    """Old and new deploys share a cache, and do not read each other's entries."""
    newer = create_model("User", __base__=User, added=(int, 1))
    newer.__module__, newer.__qualname__ = User.__module__, User.__qualname__
    old, new = make(User), make(newer)
    with pytest.raises(SchemaMismatchError):
        new.loads(old.dumps(ANN))
    with pytest.raises(SchemaMismatchError):
        make(Item).loads(old.dumps(ANN))


def test_keys_can_be_rotated_and_unsigned_frames_are_refused() -> None:
    """The newest key signs, all are read; without a signature nothing is."""
    old, new, plain = make(signing_keys=KEYS[1:]), make(signing_keys=KEYS), make()
    assert new.loads(old.dumps(ANN)) == ANN
    for reader, writer in ((old, new), (new, plain), (plain, new)):
        with pytest.raises(FrameError):
            reader.loads(writer.dumps(ANN))


@pytest.mark.parametrize("data", [b"", b"x", b"\xc1SF", pickle.dumps(ANN), b'{"id":1}'])
def test_what_is_no_frame_is_not_read(data: bytes) -> None:
    """A pickle is bytes like any other; each fault is counted."""
    models = make()
    with pytest.raises(DecodeError):
        models.loads(data)
    assert models.loads_or("missing", data) == "missing"
    assert models.unreadable == 1


def test_values_of_other_types_are_refused() -> None:
    """A subclass would lose fields, or show them to others; a mixed list would be written as something else."""
    models = make(User, list[User])
    for value in (Admin(id=1, userName="a"), Item(sku="a"), [ANN, Item(sku="a")], [Admin(id=1, userName="a")], 1, "a"):
        with pytest.raises(UnsupportedTypeError, match=r"\(User, list\[User\]\)"):
            models.dumps(value)


def test_types_that_cannot_work_are_told_at_once() -> None:
    """None at all; two that look alike; one without a class; one that loses a field; pickle."""

    class Hidden(BaseModel):
        password: SecretStr

    for types in ((), (User, User), (dict[str, User], dict[str, Item]), (User | Item,)):
        with pytest.raises(ConfigurationError):
            SealedModels(*types)
    with pytest.raises(UnsupportedTypeError, match="secret"):
        SealedModels(Hidden)
    with pytest.raises(ConfigurationError, match="only data"):
        SealedModels(User, format="pickle")


# -- aiocache -------------------------------------------------------------------------------------------------------


def test_aiocache_stores_frames_and_reads_models() -> None:
    """A fresh model for each reader; what is damaged is a miss; its decorator works."""
    models = make()
    calls = 0

    async def use() -> None:
        nonlocal calls
        cache = aiocache.SimpleMemoryCache(serializer=ModelSerializer(models), namespace="models:")
        await cache.set("ann", ANN)
        first, second = await cache.get("ann"), await cache.get("ann")
        assert first == second == ANN
        assert first is not second
        assert cache._cache["models:ann"][:3] == b"\xc1SF"
        await cache.multi_set([("bob", BOB), ("both", [ANN, BOB])])
        assert await cache.multi_get(["bob", "both", "none"]) == [BOB, [ANN, BOB], None]
        cache._cache["models:ann"] = cache._cache["models:ann"][:-1] + b"!"
        assert await cache.get("ann", default="miss") == "miss"

        @aiocache.cached(serializer=ModelSerializer(models), key_builder=lambda *_: "models:cached")
        async def load(number: int) -> User:
            nonlocal calls
            calls += 1
            return ANN

        assert [await load(1) for _ in range(3)] == [ANN] * 3

    asyncio.run(use())
    assert calls == 1
    assert models.unreadable == 1


# -- cashews --------------------------------------------------------------------------------------------------------


def test_cashews_stores_frames_bound_to_their_keys() -> None:
    """Models, lists, bytes and counters; an entry under another key is a miss; its decorator works."""
    models = make(signing_keys=KEYS)
    calls = 0

    async def use() -> None:
        nonlocal calls
        cache = cashews.Cache()
        backend: Any = seal_models(cache.setup("mem://"), models)
        await cache.set("ann", ANN, expire="1m")
        assert await cache.get("ann") == ANN
        assert await cache.get("ann") is not await cache.get("ann")
        _, stored = backend.store["ann"]
        assert stored[:3] == b"\xc1SF"
        await cache.set_many({"bob": BOB, "both": [ANN, BOB], "raw": b"bytes:1"}, expire="1m")
        assert await cache.get_many("bob", "both", "raw", "none") == (BOB, [ANN, BOB], b"bytes:1", None)
        assert [await cache.incr("count") for _ in range(3)] == [1, 2, 3]
        for forged in (stored, b"bytes:1", pickle.dumps(ANN), b"\xc1SF"):
            backend.store["moved"] = (None, forged)
            assert await cache.get("moved", default="miss") == "miss"
        assert models.unreadable == 4

        @cache(ttl="1m", key="user:{number}")
        async def load(number: int) -> User:
            nonlocal calls
            calls += 1
            return ANN

        assert [await load(1) for _ in range(3)] == [ANN] * 3
        assert await load(2) == ANN
        await cache.close()

    asyncio.run(use())
    assert calls == 2


def test_cashews_takes_another_version_for_a_miss() -> None:
    """A frame that is sealed well and holds what is not listed here is made anew."""

    async def use() -> None:
        old, new = cashews.Cache(), cashews.Cache()
        first: Any = seal_models(old.setup("mem://"), make(User))
        second: Any = seal_models(new.setup("mem://"), make(Item))
        await old.set("a", ANN)
        second.store.update(first.store)
        assert await new.get("a", default="miss") == "miss"
        await old.close()
        await new.close()

    asyncio.run(use())


def test_cashews_tells_what_is_no_backend() -> None:
    """The cache itself has no serializer."""
    with pytest.raises(TypeError, match="returns, with a serializer"):
        seal_models(cashews.Cache(), make())


class Time:
    """A clock for frames."""

    def __init__(self, models: SealedModels) -> None:
        self.now = 1_000_000.0
        models._sealer = Sealer([key.encode() for key in KEYS], clock=lambda: self.now)


def test_a_frame_is_read_for_its_time() -> None:
    """Whoever keeps it longer, and brings it back, brings nothing."""
    models = make(signing_keys=KEYS)
    time = Time(models)
    data, for_ever = models.dumps(ANN, "a", 59.5), models.dumps(ANN, "a")
    for now, is_there in ((0, True), (60, True), (61, False), (10**6, False)):
        time.now = 1_000_000.0 + now
        assert models.loads_or(None, data, "a") == (ANN if is_there else None)
        assert models.loads(for_ever, "a") == ANN


def test_cashews_tells_frames_their_time() -> None:
    """Entries that are set alone or together end with their time, whatever the store says; those without never do."""

    async def use() -> None:
        cache = cashews.Cache()
        models = make(signing_keys=KEYS)
        backend: Any = seal_models(seal_models(cache.setup("mem://"), models), models)
        time = Time(models)
        await cache.set("minute", ANN, expire="1m")
        await cache.set_many({"hour": ANN, "both": [ANN]}, expire=3600)
        await cache.set("ever", ANN)
        kept = {key: (None, data) for key, (_, data) in backend.store.items()}
        for now, there in ((30, {"minute", "hour", "both", "ever"}), (70, {"hour", "both", "ever"}), (4000, {"ever"})):
            time.now = 1_000_000.0 + now
            backend.store.update(kept)
            assert {key for key in kept if await cache.get(key) is not None} == there
        await cache.close()

    asyncio.run(use())


def test_aiocache_and_dogpile_are_told_a_time(shelf: Any) -> None:
    """They do not tell the time of an entry: the longest that there is goes for all."""

    async def use() -> None:
        models = make(signing_keys=KEYS)
        cache = aiocache.SimpleMemoryCache(serializer=ModelSerializer(models, ttl=60))
        time = Time(models)
        await cache.set("a", ANN)
        assert await cache.get("a") == ANN
        time.now += 100
        assert await cache.get("a") is None

    asyncio.run(use())
    models = make(signing_keys=KEYS)
    time = Time(models)
    region, _ = shelf(models, ttl=60)
    region.set("a", ANN)
    assert region.get("a") == ANN
    time.now += 100
    assert region.get("a") is NO_VALUE


# -- dogpile --------------------------------------------------------------------------------------------------------


class Shelf(BytesBackend):
    """A store of bytes, in memory."""

    def __init__(self, arguments: Any) -> None:
        self.stored: dict[str, bytes] = arguments["stored"]

    def get_serialized(self, key: str) -> Any:
        return self.stored.get(key, NO_VALUE)

    def get_serialized_multi(self, keys: Any) -> Any:
        return [self.get_serialized(key) for key in keys]

    def set_serialized(self, key: str, value: bytes) -> None:
        self.stored[key] = value

    def set_serialized_multi(self, mapping: Any) -> None:
        self.stored.update(mapping)

    def delete(self, key: str) -> None:
        self.stored.pop(key, None)

    def delete_multi(self, keys: Any) -> None:
        for key in keys:
            self.delete(key)


dogpile.cache.register_backend("pydantic_serialization.tests.shelf", __name__, "Shelf")


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, dict[str, bytes]]]:
    """Return what makes a region on a store of bytes."""

    def region_of(models: SealedModels, ttl: float | None = None) -> tuple[Any, dict[str, bytes]]:
        stored: dict[str, bytes] = {}
        region = dogpile.cache.make_region(**region_serialization(models, ttl=ttl))
        region.configure_from_config({"backend": "dogpile.cache.null"}, "")
        region.backend = Shelf({"stored": stored})
        return region, stored

    return region_of


def test_dogpile_stores_frames_and_makes_anew_what_it_cannot_read(shelf: Any) -> None:
    """Reading, many at once, its decorator; a damaged entry is regenerated."""
    models = make()
    region, stored = shelf(models)
    calls = 0

    @region.cache_on_arguments()
    def load(number: int) -> User:
        nonlocal calls
        calls += 1
        return ANN

    assert [load(1) for _ in range(3)] == [ANN] * 3
    assert calls == 1
    ((key, entry),) = stored.items()
    assert b"|\xc1SF" in entry
    assert b"pickle" not in entry
    stored[key] = entry[:-1] + b"!"
    assert load(1) == ANN
    assert calls == 2
    assert models.unreadable == 2  # dogpile looks again when it has the lock
    region.set_multi({"a": ANN, "b": [BOB]})
    assert region.get_multi(["a", "b", "c"]) == [ANN, [BOB], NO_VALUE]
    stored["a"] = stored["a"].partition(b"|")[0] + b"|" + pickle.dumps(ANN)
    assert region.get("a") is NO_VALUE


@pytest.mark.parametrize("library", ["cashews", "dogpile"])
def test_a_missing_library_is_named(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs it."""
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"pydantic-serialization\[{library}\]"):
        seal_models(object(), make()) if library == "cashews" else region_serialization(make())

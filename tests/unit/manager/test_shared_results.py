"""Managers whose results are shared over Redis: one makes them, all have them, and each version of a model its own."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
import redis
from pydantic import BaseModel, create_model, field_serializer
from redis_servers import free_port, wait_until

from pydantic_serialization import (
    ConfigurationError,
    OptimizedSerializationManager,
    SerializationConfig,
    create_serialization_manager,
    serialized,
)
from pydantic_serialization.frame import read_header
from pydantic_serialization.plan import plan_for

SECRET = "s" * 32


class User(BaseModel):
    id: int
    name: str = "Ada"


def manager(url: str, **options: Any) -> OptimizedSerializationManager:
    return create_serialization_manager(SerializationConfig(redis_url=url, **options))


def entries(url: str) -> dict[bytes, bytes]:
    with redis.Redis.from_url(url) as client:
        return {name: client.get(name) for name in client.keys("*:e:*")}


def wait_for_writes(one: OptimizedSerializationManager, count: int) -> None:
    """Wait until so many results are stored: nobody else does."""
    wait_until(lambda: one.get_stats()["cached_manager"]["cache"]["l2_cache"]["writes"] == count, "stored")


@pytest.mark.parametrize("keys", [(), (SECRET,)])
def test_results_are_shared(redis_url: str, keys: tuple[str, ...]) -> None:
    """What one process has serialized another one serves, and invalidates."""
    one, other = manager(redis_url, signing_keys=keys), manager(redis_url, signing_keys=keys)
    with one, other:
        wait_until(lambda: one.get_stats()["cached_manager"]["cache"]["backplane"]["state"] == "verified", "heard")
        data = one.serialize_sync(User(id=1), cache_key="user:1")
        wait_for_writes(one, 1)
        # Another value under the same key: if it comes out, it was made here.
        assert other.serialize_sync(User(id=2), cache_key="user:1") == data
        assert other.get_stats()["cached_manager"]["cache"]["l2_cache"]["hits"] == 1
        other.invalidate_sync("user:1")
        wait_until(lambda: one.get_stats()["cached_manager"]["cache"]["backplane"]["received"] == 1, "told")
        assert one.serialize_sync(User(id=3), cache_key="user:1") == b'{"id":3,"name":"Ada"}'


def test_results_are_shared_by_coroutines(redis_url: str) -> None:
    """The same with an event loop, and stopping stores what is pending."""

    async def main() -> None:
        async with manager(redis_url) as one:
            data = await one.serialize_model(User(id=1), cache_key="user:1")
        async with manager(redis_url) as other:
            assert await other.serialize_model(User(id=2), cache_key="user:1") == data
            await other.invalidate("user:1")
            assert await other.serialize_model(User(id=3), cache_key="user:1") == b'{"id":3,"name":"Ada"}'

    asyncio.run(main())


def test_an_entry_says_which_schema_it_has(redis_url: str) -> None:
    """The fingerprint of the model is in the frame, for whoever looks at the store."""
    with manager(redis_url) as one:
        one.serialize_sync(User(id=1), cache_key="user:1")
    (data,) = entries(redis_url).values()
    header = read_header(data)
    assert header is not None
    assert header.fingerprint == plan_for(User).fingerprint


def test_deploys_side_by_side(redis_url: str) -> None:
    """Old and new versions of a model have their own entries, and neither loses its own."""
    old = create_model("User", __module__="app", id=(int, ...))
    new = create_model("User", __module__="app", id=(int, ...), name=(str, "Ada"))

    class Changed(BaseModel):
        id: int

        @field_serializer("id")
        def _hide(self, value: int) -> int:
            return -value

    Changed.__name__ = Changed.__qualname__ = "User"
    Changed.__module__ = "app"
    models = [old(id=1), new(id=1), Changed(id=1)]
    with manager(redis_url) as one, manager(redis_url) as other:
        data = [one.serialize_sync(model, cache_key="user:1") for model in models]
        assert len(set(data)) == 3
        wait_for_writes(one, 3)
        assert len(entries(redis_url)) == 3
        assert [other.serialize_sync(model, cache_key="user:1") for model in models] == data
        assert other.get_stats()["cached_manager"]["cache"]["l2_cache"]["hits"] == 3


def test_decorated_functions_share(redis_url: str) -> None:
    """One process calls the function, the others have its result; the readable key invalidates it everywhere."""
    one, other = manager(redis_url), manager(redis_url)
    calls = 0

    def build(used: OptimizedSerializationManager) -> Any:
        return serialized(key="user:{user_id}", manager=used)(load_user)

    def counted(user_id: int) -> None:
        nonlocal calls
        calls += 1

    LOADED.append(counted)
    with one, other:
        wait_until(lambda: one.get_stats()["cached_manager"]["cache"]["backplane"]["state"] == "verified", "heard")
        first, second = build(one), build(other)
        assert first(5) == b'{"id":5,"name":"Ada"}'
        wait_for_writes(one, 1)
        assert second(5) == b'{"id":5,"name":"Ada"}'
        assert calls == 1
        other.invalidate_sync("user:5")
        wait_until(lambda: one.get_stats()["cached_manager"]["cache"]["backplane"]["received"] == 1, "told")
        assert first(5) == b'{"id":5,"name":"Ada"}'
        assert calls == 2
    LOADED.clear()


LOADED: list[Any] = []


def load_user(user_id: int) -> User:
    for told in LOADED:
        told(user_id)
    return User(id=user_id)


def test_pickles_are_shared_with_a_signature_only(redis_url: str) -> None:
    """Whoever can write to the store must not choose what is unpickled."""
    with manager(redis_url) as unsigned:
        with pytest.raises(ConfigurationError, match="signing_keys"):
            unsigned.serialize_sync(User(id=1), "pickle", cache_key="user:1")
        with pytest.raises(ConfigurationError, match="signing_keys"):
            serialized("pickle", key="user:{user_id}", manager=unsigned)(load_user)(1)
        assert unsigned.serialize_sync(User(id=1), "pickle")
    assert not entries(redis_url)
    with manager(redis_url, signing_keys=(SECRET,)) as signed:
        data = signed.serialize_sync(User(id=1), "pickle", cache_key="user:1")
        assert signed.deserialize_sync(data, User, "pickle") == User(id=1)


def test_keys_are_rotated_while_all_go_on(redis_url: str) -> None:
    """First all processes learn to read the new key, then they write with it, then the old one is given up."""
    new_key = "n" * 32
    steps: list[tuple[str, ...]] = [(SECRET,), (SECRET, new_key), (new_key, SECRET), (new_key,)]
    for number, (before, after) in enumerate(itertools.pairwise(steps), start=1):
        key = f"user:{number}"
        with manager(redis_url, signing_keys=before) as one, manager(redis_url, signing_keys=after) as other:
            for writer, reader in ((one, other), (other, one)):
                data = writer.serialize_sync(User(id=number), cache_key=key)
                wait_for_writes(writer, 1)
                # Another value under the same key: if it comes out, it was made here.
                assert reader.serialize_sync(User(id=-1), cache_key=key) == data
                key += " back"
    with manager(redis_url, signing_keys=steps[-1]) as last:
        assert last.serialize_sync(User(id=-1), cache_key="user:1") != data
        rejected = last.get_stats()["cached_manager"]["cache"]["l2_cache"]["rejected"]
        assert rejected["mac"] == 1


def test_a_manager_works_without_its_redis() -> None:
    """Nothing listens: results are made, kept in process, and no error reaches the caller."""
    with manager(f"redis://127.0.0.1:{free_port()}", max_retries=0) as one:
        data = one.serialize_sync(User(id=1), cache_key="user:1")
        assert one.serialize_sync(User(id=2), cache_key="user:1") == data
        assert one.get_stats()["cached_manager"]["cache_faults"] == 0

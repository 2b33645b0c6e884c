"""What type checkers see of the public functions: run ``mypy`` over this file; nothing here is executed."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_type

from pydantic import BaseModel, field_validator

from pydantic_serialization import (
    CachedSerializationManager,
    OptimizedSerializationManager,
    PydanticModelSerializer,
    SerializationConfig,
    SerializationFormat,
    copy_model,
    create_serialization_config,
    create_serialization_manager,
    decoder,
    deserialized,
    encoder,
    pure,
    serialized,
)


class User(BaseModel):
    name: str


class Service:
    """Methods that are decorated."""

    @serialized(key="user:{user_id}")
    def find(self, user_id: int, *, deep: bool = False) -> User:
        return User(name="a")

    @serialized("json")
    async def fetch(self, user_id: int) -> User:
        return User(name="a")

    @deserialized(User)
    def keep(self, user: User) -> int:
        return len(user.name)


@serialized
def bare(user_id: int) -> User:
    return User(name="a")


@serialized()
async def later(user_id: int) -> User:
    return User(name="a")


@deserialized(User, SerializationFormat.JSON)
def read(user: User, times: int = 1) -> int:
    return times


@deserialized(User)
async def read_later(user: User) -> str:
    return user.name


def managers(data: bytes, user: User) -> None:
    manager = create_serialization_manager(SerializationConfig(default_format="json"))
    assert_type(manager, OptimizedSerializationManager)
    for each in (manager, CachedSerializationManager()):
        assert_type(each.serialize_sync(user, "json", cache_key="a", exclude_none=True), bytes)
        assert_type(each.deserialize_sync(data, User), User)
        assert_type(each.deserialize_sync(data, User, SerializationFormat.MSGPACK, strict=True), User)
        assert_type(each.deserialize_models_sync(data, User), list[User])
        assert_type(each.serialize_models_sync([user]), bytes)
    assert_type(manager.deserialize_sync(bytearray(data), list[User]), list[User])
    assert_type(manager.deserialize_sync(memoryview(data), dict[str, User]), dict[str, User])
    assert_type(manager.deserialize_sync("{}", User), User)
    assert_type(PydanticModelSerializer().deserialize_model(data, User), User)
    assert_type(PydanticModelSerializer().serialize_model(user, by_alias=True), bytes)
    manager.serialize_sync(user, exclude_nones=True)  # type: ignore[call-arg]
    manager.serialize_sync(user, exclude_none="yes")  # type: ignore[arg-type]


async def asynchronous(manager: OptimizedSerializationManager, data: bytes, user: User) -> None:
    assert_type(await manager.serialize_model(user), bytes)
    assert_type(await manager.serialize_models([user]), bytes)
    assert_type(await manager.deserialize_model(data, User), User)
    assert_type(await manager.deserialize_models(data, User), list[User])
    async with manager as entered:
        assert_type(entered, OptimizedSerializationManager)


def statistics(manager: OptimizedSerializationManager) -> None:
    assert_type(manager.get_stats()["cached_manager"]["cache"]["l1_cache"]["hits"], int)
    assert_type(manager.get_stats()["cached_manager"]["model_serializer"]["avg_time"], float)
    assert_type(manager.get_performance_report()["summary"]["total_operations"], int)


def bound(data: bytes, user: User) -> None:
    assert_type(encoder(User)(user), bytes)
    assert_type(decoder(User, "msgpack")(data), User)
    assert_type(decoder(list[User], "jsonl")(data), list[User])
    assert_type(copy_model(user), User)


CACHED = CachedSerializationManager()


@serialized("json", key="user:{user_id}", tags=("users",), manager=CACHED)
def cached(user_id: int) -> User:
    return User(name="a")


@serialized(manager=lambda: CACHED)
def cached_later(user_id: int) -> User:
    return User(name="a")


async def decorated(data: bytes, user: User, service: Service) -> None:
    assert_type(bare(1), bytes)
    assert_type(bare(user_id=1), bytes)
    assert_type(await later(1), bytes)
    assert_type(service.find(1, deep=True), bytes)
    assert_type(await service.fetch(1), bytes)
    assert_type(cached(1), bytes)
    assert_type(cached_later(1), bytes)
    assert_type(read(data), int)
    assert_type(read(user, times=2), int)
    assert_type(service.keep(data), int)
    assert_type(service.keep(user), int)
    assert_type(await read_later(data), str)
    bare("one")  # type: ignore[arg-type]
    read(5)  # type: ignore[arg-type]
    keep: Callable[[int], bytes] = bare
    keep(1)


@pure
class Checked(BaseModel):
    """A class, and a method, that stay what they are."""

    name: str

    @field_validator("name")
    @classmethod
    @pure
    def in_lower_case(cls, value: str) -> str:
        return value.lower()


assert_type(Checked(name="A"), Checked)
assert_type(Checked.in_lower_case("A"), str)

# What a setting accepts, not only what it holds.
SerializationConfig(signing_keys="k" * 32, compression_level="max", default_format="json")
SerializationConfig.from_env(signing_keys=["k" * 32])
create_serialization_config(signing_keys=("k" * 32,), cache_ttl=5)
create_serialization_config(cache_tll=5)  # type: ignore[call-arg]
SerializationConfig(compression_level="highest")  # type: ignore[arg-type]

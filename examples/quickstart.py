"""The first five minutes: formats, compression, cache, decorators, errors, and what the profiler says.

Run it with ``python examples/quickstart.py``.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from pydantic import BaseModel, ValidationError

from pydantic_serialization import (
    CompressionLevel,
    DecodeError,
    OptimizedSerializationManager,
    SerializationFormat,
    available_codecs,
    create_serialization_config,
    create_serialization_manager,
    decoder,
    deserialized,
    encoder,
    serialized,
)


class User(BaseModel):
    """Any Pydantic model will do; nothing has to be added to it."""

    id: int
    name: str
    joined: datetime
    roles: list[str] = []


ADA = User(id=1, name="Ada", joined=datetime(2025, 3, 1, 12, tzinfo=UTC), roles=["admin"])


def formats(manager: OptimizedSerializationManager) -> None:
    """Write and read one model in every format."""
    for member in SerializationFormat:
        data = manager.serialize_sync(ADA, member)
        assert manager.deserialize_sync(data, User, member) == ADA
        print(f"{member.value:10} {len(data):4} bytes  {data[:56]!r}")

    # Without any manager: two bound functions, for the places where nothing else is needed.
    encode, decode = encoder(User, "msgpack"), decoder(User, "msgpack")
    assert decode(encode(ADA)) == ADA


def compression(manager: OptimizedSerializationManager) -> None:
    """Write many models as one payload, which is compressed because it is large and gets smaller."""
    users = [ADA.model_copy(update={"id": number, "name": f"User {number}"}) for number in range(1000)]
    raw = len(encoder(list[User])(users))
    for codec in available_codecs():  # gzip always, others where their extras are installed
        manager.config.compression_codec = codec  # takes effect on the next call
        packed = manager.serialize_models_sync(users)
        assert manager.deserialize_models_sync(packed, User) == users  # the codec is recognised
        print(f"1000 users: {raw} bytes of JSON, {len(packed)} with {codec}")


async def caching(manager: OptimizedSerializationManager) -> None:
    """Keep what was serialized under a key, until it is dropped or its time is up."""
    version = ADA
    for _ in range(3):
        await manager.serialize_model(version, cache_key="user:1", ttl=60)
    cache = manager.get_stats()["cached_manager"]["cache"]["l1_cache"]
    print(f"three calls: {cache['misses']} miss, {cache['hits']} hits")

    version = ADA.model_copy(update={"name": "Ada L."})
    await manager.invalidate("user:1")  # the key stands for the value: whoever changes the value says so
    print((await manager.serialize_model(version, cache_key="user:1")).decode())


async def decorators(manager: OptimizedSerializationManager) -> None:
    """Let a function return bytes, cached by its arguments, and another one take them."""

    @serialized(SerializationFormat.JSON, key="user:{user_id}", ttl=60, manager=manager)
    async def load_user(user_id: int) -> User:
        print(f"loading user {user_id}")
        return ADA.model_copy(update={"id": user_id})

    @deserialized(User, SerializationFormat.JSON, manager=manager)
    def greet(user: User) -> str:
        return f"Hello {user.name}, you are number {user.id}"

    print(greet(await load_user(7)))
    print(greet(await load_user(7)))  # not loaded again


def errors(manager: OptimizedSerializationManager) -> None:
    """Tell bytes that are no document from documents of the wrong shape."""
    for data in (b'{"id": 1, "name":', b'{"id": "one"}'):
        try:
            manager.deserialize_sync(data, User, SerializationFormat.JSON)
        except DecodeError as error:
            print(f"{type(error).__name__}: {error}")
        except ValidationError as error:  # Pydantic's own, as always
            print(f"{type(error).__name__}: {error.error_count()} faults in {error.title}")


def profiling(manager: OptimizedSerializationManager) -> None:
    """Show what took how long. Every call is counted, some are timed, values are never kept."""
    report = manager.get_performance_report()
    print(f"{report['summary']['total_operations']} operations")
    for name, stats in report["operations"].items():
        print(f"  {name:32} {stats['count']:4} x {stats['avg_time'] * 1e6:7.1f} µs")
    for recommendation in report["recommendations"]:
        print(f"  {recommendation}")


async def main() -> None:
    """Run every part with one manager: an application makes one, and keeps it."""
    config = create_serialization_config(compression_level=CompressionLevel.BALANCED, cache_ttl=300)
    async with create_serialization_manager(config) as manager:
        formats(manager)
        compression(manager)
        await caching(manager)
        await decorators(manager)
        errors(manager)
        profiling(manager)


if __name__ == "__main__":
    asyncio.run(main())

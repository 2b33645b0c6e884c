"""Cached results: shared makings, what belongs to the key, and faults of a cache."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from pydantic_serialization import (
    CacheManager,
    CompressionLevel,
    SerializationConfig,
    UnsupportedTypeError,
    available_formats,
    create_serialization_manager,
    register_format,
    serialized,
)
from pydantic_serialization._registry import FORMATS
from pydantic_serialization._types import Payload
from pydantic_serialization.formats import BoundFormat, FormatOptions, TreeFormat
from pydantic_serialization.frame import is_frame
from pydantic_serialization.pipeline import OFFLOAD_BYTES
from pydantic_serialization.plan import ModelPlan


class User(BaseModel):
    id: int
    name: str = "x"


class Down(Exception):
    """An error of the application's own."""


def test_concurrent_callers_share_a_failing_loader() -> None:
    """A thousand callers of a loader that fails make it run once, and all see its own error."""
    manager = create_serialization_manager()
    calls = 0

    @serialized("json", key="user:{user_id}", manager=manager)
    async def load(user_id: int) -> User:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        raise Down(user_id)

    async def scenario() -> list[Any]:
        return await asyncio.gather(*(load(1) for _ in range(1000)), return_exceptions=True)

    outcomes = asyncio.run(scenario())
    assert calls == 1
    assert {type(outcome) for outcome in outcomes} == {Down}
    assert manager.get_stats()["cached_manager"]["cache_faults"] == 0
    assert all(outcome.__context__ is None for outcome in outcomes)


def test_concurrent_threads_share_a_failing_loader() -> None:
    """The same holds for threads."""
    manager = create_serialization_manager()
    calls = 0
    errors: list[type] = []
    begun = threading.Barrier(8)

    @serialized("json", key="user:{user_id}", manager=manager)
    def load(user_id: int) -> User:
        nonlocal calls
        calls += 1
        threading.Event().wait(0.1)
        raise Down(user_id)

    def caller() -> None:
        begun.wait()
        try:
            load(1)
        except Exception as error:
            errors.append(type(error))

    threads = [threading.Thread(target=caller) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [Down] * 8
    assert calls == 1


def test_keys_that_were_replaced_replace_the_entries() -> None:
    """After a rotation without overlap, what was sealed with the old key is made anew."""
    manager = create_serialization_manager(SerializationConfig(signing_keys=["a" * 32]))  # type: ignore[arg-type]
    first = manager.serialize_sync(User(id=1), "pickle", cache_key="k")
    manager.config.signing_keys = ["b" * 32]  # type: ignore[assignment]
    second = manager.serialize_sync(User(id=1), "pickle", cache_key="k")
    assert first != second
    assert manager.deserialize_sync(second, User, "pickle") == User(id=1)


def test_another_setting_is_another_entry() -> None:
    """Every setting that the bytes depend on is part of the key."""
    manager = create_serialization_manager()
    payload = User(id=1, name="y" * 5000)
    packed = manager.serialize_sync(payload, "json", cache_key="k")
    manager.config.compression_level = CompressionLevel.NONE
    manager.config.enable_compression = False
    assert len(manager.serialize_sync(payload, "json", cache_key="k")) > len(packed)


@pytest.mark.parametrize("tags", ["users", b"users", 5])
def test_tags_are_no_text(tags: Any) -> None:
    """One string in the place of several tags is refused, not split into letters."""
    manager = create_serialization_manager()
    with pytest.raises((TypeError, ValueError)):
        manager.serialize_sync(User(id=1), "json", cache_key="k", tags=tags)
    with pytest.raises((TypeError, ValueError)):
        manager.invalidate_sync(tags=tags)


@pytest.mark.parametrize("cache", [{}, object(), "redis://"])
def test_what_is_no_cache_is_refused(cache: Any) -> None:
    """A cache_manager that cannot work is an error when it is given."""
    with pytest.raises(TypeError, match="is no cache"):
        create_serialization_manager(cache_manager=cache)


class Broken(CacheManager):
    """A cache whose store is out of reach."""

    async def get_or_load(self, *_: Any, **__: Any) -> bytes:
        raise ConnectionError

    def get_or_load_sync(self, *_: Any, **__: Any) -> bytes:
        raise ConnectionError


def test_a_fault_of_the_cache_is_a_miss() -> None:
    """The caller gets the result all the same, and the fault is counted."""
    manager = create_serialization_manager(cache_manager=Broken())
    assert manager.serialize_sync(User(id=1), "json", cache_key="k") == b'{"id":1,"name":"x"}'
    assert asyncio.run(manager.serialize_model(User(id=1), "json", cache_key="k")) == b'{"id":1,"name":"x"}'
    assert manager.get_stats()["cached_manager"]["cache_faults"] == 2


@pytest.mark.parametrize("models", [{"a": User(id=1)}, "abc", b"abc", User(id=1)])
def test_one_thing_is_not_several_models(models: Any) -> None:
    """A mapping, text or a model in the place of several models is refused: iterating it would lose data."""
    with pytest.raises(TypeError, match="expected several models"):
        create_serialization_manager().serialize_models_sync(models)


def test_a_large_payload_is_measured_whole(caplog: pytest.LogCaptureFixture) -> None:
    """Work that is finished in another thread is in the size and the time that the profiler sees."""
    manager = create_serialization_manager(SerializationConfig(profile_threshold=1e-9, enable_compression=False))
    models = [User(id=number, name="n" * 100) for number in range(OFFLOAD_BYTES // 50)]
    with caplog.at_level(logging.WARNING, "pydantic_serialization"):
        data = asyncio.run(manager.serialize_models(models, "json"))
    sizes = [record.__dict__["size"] for record in caplog.records if "size" in record.__dict__]
    assert sizes == [len(data)]


def test_a_replaced_format_is_used_at_once() -> None:
    """Registering another format in the place of one reaches the managers that have bound the old one."""

    class First(TreeFormat):
        name = "numbered"
        wire_id = 200
        media_type = "text/plain"

        def pack(self, tree: Any) -> bytes:
            return b"1"

        def unpack(self, data: Payload) -> Any:
            return orjson.loads(data)

    class Second(First):
        def pack(self, tree: Any) -> bytes:
            return b"2"

    manager = create_serialization_manager()
    try:
        register_format(First)
        assert manager.serialize_sync(User(id=1), "numbered") == b"1"
        register_format(Second, replace=True)
        assert manager.serialize_sync(User(id=1), "numbered") == b"2"
    finally:
        FORMATS.unregister("numbered")
    assert "numbered" not in available_formats()


def test_an_async_reader_refuses_what_is_no_data() -> None:
    """The async reader gives the same clear error as its sync twin."""
    manager = create_serialization_manager()
    data: Any = 5
    with pytest.raises(TypeError, match="expected bytes"):
        asyncio.run(manager.deserialize_model(data, User))


def test_keys_that_sign_nothing_are_no_part_of_an_entry() -> None:
    """A plain result stays what it is while keys are rotated; a sealed one while its own key signs."""
    manager = create_serialization_manager(SerializationConfig(signing_keys=["a" * 32]))  # type: ignore[arg-type]

    def made(keys: list[str]) -> list[bytes]:
        manager.config.signing_keys = keys  # type: ignore[assignment]
        return [manager.serialize_sync(User(id=next(numbers)), name, cache_key="k") for name in ("json", "pickle")]

    numbers = itertools.count()
    plain, sealed = made(["a" * 32])
    assert made(["a" * 32, "b" * 32]) == [plain, sealed]
    again, resealed = made(["b" * 32, "a" * 32])
    assert again == plain
    assert resealed != sealed
    assert made(["b" * 32]) == [plain, resealed]


def test_what_a_fallback_has_framed_is_no_plain_result() -> None:
    """Both are JSON under the same key of the caller's; only one of them is what was asked for."""

    class Unfit(TreeFormat):
        name = "unfit"
        wire_id = 201
        media_type = "text/plain"

        def bind(self, plan: ModelPlan, options: FormatOptions) -> BoundFormat:
            raise UnsupportedTypeError("nothing fits", model=plan.name, format=self.name)

        def pack(self, tree: Any) -> bytes: ...  # type: ignore[empty-body]

        def unpack(self, data: Payload) -> Any: ...

    register_format(Unfit)
    try:
        manager = create_serialization_manager()
        framed = manager.serialize_sync(User(id=1), "unfit", cache_key="k")
        assert is_frame(framed)
        assert manager.serialize_sync(User(id=1), "json", cache_key="k").startswith(b'{"id":1')
        assert manager.serialize_sync(User(id=1), "unfit", cache_key="k") == framed
    finally:
        FORMATS.unregister("unfit")

"""Responses that endpoints return by themselves, and work that is done after the response."""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

import asyncio
import gc
import json
from typing import Any

import ormsgpack
import pytest
from fastapi import BackgroundTasks, FastAPI
from integrations.fastapi.support import acall, call
from pydantic import BaseModel, ValidationError

from pydantic_serialization import CacheManager, ConfigurationError, UnknownFormatError
from pydantic_serialization.integrations.fastapi import (
    CacheDep,
    EncodedResponse,
    ModelResponse,
    ModelRoute,
    cache_after,
    serialize_in_background,
    setup,
)
from pydantic_serialization.integrations.fastapi.turns import in_turn


class Item(BaseModel):
    id: int
    name: str = "x"


class ItemInDB(Item):
    secret: str = "secret"


class Holder(BaseModel):
    items: list[Item] = []


@pytest.mark.parametrize("name", ["json", "orjson", "msgpack"])
@pytest.mark.parametrize(
    ("value", "model"),
    [
        (ItemInDB(id=1), Item),
        ([ItemInDB(id=1), {"id": 2, "secret": "secret"}], list[Item]),
        ({"id": 1, "secret": "secret"}, Item),
        (Holder.model_construct(items=[ItemInDB(id=1)]), Holder),
        ({"a": ItemInDB(id=1)}, dict[str, Item]),
    ],
)
def test_only_what_the_model_declares_is_written(value: Any, model: Any, name: str) -> None:
    """Whatever the value is, in every format: the declared fields, at every depth."""
    response = ModelResponse(value, model, format=name, status_code=201, headers={"x-a": "b"})
    assert b"secret" not in bytes(response.body)
    assert (response.status_code, response.headers["x-a"]) == (201, "b")
    assert response.headers["content-length"] == str(len(response.body))
    assert response.media_type == ("application/vnd.msgpack" if name == "msgpack" else "application/json")


def test_without_a_model_the_value_declares_itself() -> None:
    """A model is written as its own class, a list of them too."""
    assert json.loads(bytes(ModelResponse(Item(id=1)).body)) == {"id": 1, "name": "x"}
    assert json.loads(bytes(ModelResponse([Item(id=1)]).body)) == [{"id": 1, "name": "x"}]
    assert json.loads(bytes(ModelResponse([]).body)) == []


def test_what_is_no_instance_is_refused() -> None:
    """A value that cannot be of the declared type is an error, not half a response."""
    with pytest.raises(ValidationError):
        ModelResponse({"id": "x"}, Item)
    with pytest.raises(UnknownFormatError):
        ModelResponse(Item(id=1), format="xml")


def test_encoded_bytes() -> None:
    """Bytes that are ready go out as they are, with what says what they are."""
    response = EncodedResponse(memoryview(b"bytes"), "application/x-own", "zstd", "tag", status_code=203)
    assert (response.body, response.status_code) == (b"bytes", 203)
    headers = dict(response.headers)
    assert headers["content-type"] == "application/x-own"
    assert headers["content-encoding"] == "zstd"
    assert headers["etag"] == '"tag"'
    assert headers["vary"] == "Accept-Encoding"


def test_the_negotiated_format_is_the_default() -> None:
    """In a route that negotiates, a ``ModelResponse`` without a format is in the client's."""
    app = FastAPI()
    setup(app, formats=("json", "msgpack"))

    @app.get("/")
    async def endpoint() -> ModelResponse:
        return ModelResponse(ItemInDB(id=1), Item)

    assert call(app, "/").json() == {"id": 1, "name": "x"}
    answer = call(app, "/", accept="application/x-msgpack")
    assert ormsgpack.unpackb(answer.body) == {"id": 1, "name": "x"}
    assert answer.header("content-type") == "application/x-msgpack"


@pytest.mark.parametrize("is_async", [True, False])
def test_serialize_in_background(is_async: bool) -> None:
    """The bytes are made after the response was sent, of the declared fields, and given to the function."""
    app = FastAPI()
    order: list[Any] = []

    def deliver(data: bytes) -> None:
        order.append(data)

    async def deliver_later(data: bytes) -> None:
        await asyncio.sleep(0)
        order.append(data)

    @app.get("/")
    async def endpoint(tasks: BackgroundTasks) -> str:
        serialize_in_background(tasks, ItemInDB(id=1), deliver_later if is_async else deliver, Item, format="msgpack")
        order.append("answered")
        return "done"

    assert call(app, "/").json() == "done"
    assert order == ["answered", ormsgpack.packb({"id": 1, "name": "x"})]


def test_cache_after() -> None:
    """The value is in the cache after the response, under its key and tags."""
    app = FastAPI()
    runtime = setup(app)

    @app.get("/")
    async def endpoint(tasks: BackgroundTasks, cache: CacheDep) -> str:
        cache_after(tasks, cache, "item", ItemInDB(id=1), 60, model=Item, tags=("items",))
        cache_after(tasks, cache, "bytes", b"ready")
        return "done"

    call(app, "/")
    assert runtime.cache.get_sync("item") == b'{"id":1,"name":"x"}'
    assert runtime.cache.get_sync("bytes") == b"ready"
    runtime.cache.invalidate_sync(tags=("items",))
    assert runtime.cache.get_sync("item") is None


class BrokenCache(CacheManager):
    async def set(self, *args: Any, **kwargs: Any) -> None:
        raise ConnectionError("down")


def test_a_broken_cache_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    """A cache that fails after the response is logged, without the value."""
    app = FastAPI()
    setup(app, cache=BrokenCache())

    @app.get("/")
    async def endpoint(tasks: BackgroundTasks, cache: CacheDep) -> str:
        cache_after(tasks, cache, "item", Item(id=1, name="confidential"))
        return "done"

    answer = call(app, "/")
    assert (answer.status, answer.error) == (200, "")
    assert "writing to the cache" in caplog.text
    assert "confidential" not in caplog.text


def test_background_work_is_checked_when_it_is_asked_for() -> None:
    """A format that cannot be written is an error in the endpoint, not a silent failure afterwards."""
    tasks = BackgroundTasks()
    with pytest.raises(UnknownFormatError):
        serialize_in_background(tasks, Item(id=1), print, format="xml")
    with pytest.raises(ConfigurationError):
        cache_after(tasks, CacheManager(), "key", Item(id=1), format="pickle")
    assert tasks.tasks == []


def test_large_bodies_take_turns() -> None:
    """While many large bodies are written, others get their turn after each."""

    async def run() -> list[str]:
        order: list[str] = []

        async def small() -> None:
            for _ in range(3):
                order.append("small")
                await asyncio.sleep(0)

        await asyncio.gather(*(in_turn(lambda: order.append("large")) for _ in range(4)), small())
        return order

    order = asyncio.run(run())
    assert order.count("large") == 4
    assert "small" in order[order.index("large") : 4]
    assert order[-1] == "large"


@pytest.mark.parametrize("was_on", [True, False])
def test_the_garbage_collector_is_as_it_was(was_on: bool) -> None:
    """Reading a large body lets the collector rest, and never turns it on."""
    app = FastAPI()
    app.router.route_class = ModelRoute

    @app.post("/")
    async def endpoint(items: list[Item]) -> int:
        await asyncio.sleep(0.001)
        assert gc.isenabled() == was_on
        return len(items)

    body = json.dumps([{"id": number} for number in range(1000)]).encode()
    if not was_on:
        gc.disable()
    try:
        for sent, status in ((body, 200), (body[:-1], 422)):
            answer = asyncio.run(acall(app, "/", "POST", sent, (("content-type", "application/json"),)))
            assert (answer.status, answer.error) == (status, "")
            assert gc.isenabled() == was_on
    finally:
        gc.enable()

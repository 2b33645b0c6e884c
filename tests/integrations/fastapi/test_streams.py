"""Streams of models: the bytes, when they are sent, and what happens when somebody leaves."""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Annotated, Any

import ormsgpack
import pytest
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from integrations.fastapi.server import connect, read_until, serving, wait_until
from integrations.fastapi.support import FASTAPI, Answer, acall, call
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from pydantic_serialization import ConfigurationError
from pydantic_serialization.integrations.fastapi import ModelRoute, ModelStream, setup, streams
from pydantic_serialization.integrations.fastapi.coalescing import Pace, coalesce_async, coalesce_sync

needs_generators = pytest.mark.skipif(FASTAPI < (0, 134), reason="FastAPI streams generators from 0.134 on")


UNHURRIED = Pace(seconds=3600)
"""Where it matters what goes out together: a machine may stand still for longer than a batch may wait."""


class Item(BaseModel):
    id: int
    name: str = "x"


class ItemInDB(Item):
    secret: str = "secret"


class Row:
    """What an object-relational mapper gives."""

    id = 5
    name = "row"
    secret = "secret"


ODD: list[Any] = [Item(id=1), ItemInDB(id=2), {"id": 3, "name": "dict", "secret": "secret"}, Row()]


async def async_items(items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item


def sync_items(items: Any) -> Iterator[Any]:
    yield from items


def streamed(items: Any, **options: Any) -> Answer:
    app = FastAPI()

    @app.get("/")
    async def endpoint() -> ModelStream:
        return ModelStream(items, Item, **options)

    return call(app, "/")


@pytest.mark.parametrize("source", [async_items, sync_items, list])
def test_formats(source: Any) -> None:
    """JSON lines, a JSON array and MessagePack hold the same documents, of declared fields only."""
    expected = [{"id": 1, "name": "x"}, {"id": 2, "name": "x"}, {"id": 3, "name": "dict"}, {"id": 5, "name": "row"}]
    lines = streamed(source(ODD))
    assert lines.header("content-type") == "application/jsonl"
    assert [json.loads(line) for line in lines.body.splitlines()] == expected
    array = streamed(source(ODD), format="json-array")
    assert (array.header("content-type"), array.json()) == ("application/json", expected)
    packed = streamed(source(ODD), format="msgpack")
    assert packed.header("content-type") == "application/vnd.msgpack"
    assert packed.body == b"".join(map(ormsgpack.packb, expected))


@pytest.mark.parametrize("source", [async_items, sync_items, list])
def test_nothing(source: Any) -> None:
    """A stream of nothing is an empty document."""
    assert streamed(source([])).body == b""
    assert streamed(source([]), format="json-array").body == b"[]"


def test_what_cannot_be_streamed() -> None:
    """Documents that do not say where they end, and pickles, are refused when the response is made."""
    for name in ("pickle", "protobuff"):
        with pytest.raises(ConfigurationError):
            ModelStream([], Item, format=name)
    with pytest.raises(ConfigurationError, match="Item is one: use ModelResponse"):
        ModelStream(Item(id=1), Item)


@pytest.mark.parametrize("source", [async_items, sync_items])
def test_a_wrong_item(source: Any) -> None:
    """What came before a wrong item is sent, the stream ends there, and the error is raised."""
    app = FastAPI()

    @app.get("/")
    async def endpoint() -> ModelStream:
        return ModelStream(source([Item(id=1), {"id": "x"}, Item(id=2)]), Item)

    answer = call(app, "/")
    assert answer.body == b'{"id":1,"name":"x"}\n'
    assert answer.error.startswith((ValidationError.__name__, "ExceptionGroup"))  # of older versions of Starlette


def encode(item: Any) -> bytes | None:
    return b"%d," % item if item % 7 else None


async def encode_other(item: Any) -> bytes:
    await asyncio.sleep(0)
    return b"<%d>" % item


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=40), st.integers(1, 20), st.booleans())
def test_no_item_is_lost_or_moved(items: list[tuple[int, bool]], size: int, in_thread: bool) -> None:
    """Whatever suspends, and whoever writes an item, every item is written once, in order."""

    async def source() -> AsyncIterator[int]:
        for item, waits in items:
            if waits:
                await asyncio.sleep(0)
            yield item

    async def run() -> bytes:
        pace = Pace(size, 1.0)
        numbers = (item for item, _ in items)
        chunks = (
            coalesce_sync(numbers, encode, encode_other, pace)
            if in_thread
            else coalesce_async(source(), encode, encode_other, pace)
        )
        return b"".join([chunk async for chunk in chunks])

    expected = b"".join(encode(item) or b"<%d>" % item for item, _ in items)
    assert asyncio.run(run()) == expected


@pytest.mark.parametrize("in_thread", [True, False])
def test_an_item_that_nobody_writes_is_an_error(in_thread: bool) -> None:
    """It would be missing in the stream; what was written before it is sent."""

    async def source() -> AsyncIterator[int]:
        for item in (1, 2):
            yield item

    def write(item: int) -> bytes | None:
        return b"1" if item == 1 else None

    sent: list[bytes] = []

    async def run() -> None:
        numbers = iter((1, 2))
        chunks = (
            coalesce_sync(numbers, write, None, UNHURRIED)
            if in_thread
            else coalesce_async(source(), write, None, UNHURRIED)
        )
        async for chunk in chunks:
            sent.append(chunk)  # noqa: PERF401  (what was sent before the error)

    with pytest.raises(TypeError, match="no bytes"):
        asyncio.run(run())
    assert sent == [b"1"]


def test_an_item_does_not_wait_for_the_next() -> None:
    """When the generator suspends, what it has made is already sent."""

    async def run() -> list[bytes]:
        gate = asyncio.Event()

        async def source() -> AsyncIterator[int]:
            yield 1
            yield 2
            await gate.wait()
            yield 3

        chunks = coalesce_async(source(), lambda item: b"%d" % item, encode_other, UNHURRIED)
        first = await anext(chunks)
        assert not gate.is_set()
        gate.set()
        return [first, *[chunk async for chunk in chunks]]

    assert asyncio.run(run()) == [b"12", b"3"]


def test_a_busy_generator_is_flushed() -> None:
    """A generator that never suspends and is slow still sends, and lets others run."""

    async def run() -> list[bytes]:
        async def source() -> AsyncIterator[int]:
            for number in range(4):
                time.sleep(0.01)  # noqa: ASYNC251  (it is busy)
                yield number

        return [chunk async for chunk in coalesce_async(source(), lambda item: b"%d" % item, encode_other, Pace())]

    assert len(asyncio.run(run())) >= 3


@pytest.mark.parametrize("in_thread", [False, True])
def test_what_was_made_before_an_error_is_sent(in_thread: bool) -> None:
    """Items before an exception are sent, then it is raised."""

    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise RuntimeError("broken")

    async def source_async() -> AsyncIterator[int]:
        for item in source():
            yield item

    async def run() -> bytes:
        received = b""
        chunks = (
            coalesce_sync(source(), lambda item: b"%d" % item, encode_other, UNHURRIED)
            if in_thread
            else coalesce_async(source_async(), lambda item: b"%d" % item, encode_other, UNHURRIED)
        )
        with pytest.raises(RuntimeError, match="broken"):  # noqa: PT012  (what came before counts)
            async for chunk in chunks:
                received += chunk
        return received

    assert asyncio.run(run()) == b"12"


def test_a_cancellation_arrives_in_the_generator() -> None:
    """Who cancels the consumer cancels what the generator waits for, and the generator cleans up."""
    notes: list[str] = []
    waits = asyncio.Event()

    async def source() -> AsyncIterator[int]:
        try:
            yield 1
            waits.set()
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            notes.append("cancelled")
            raise
        finally:
            notes.append("closed")

    async def run() -> None:
        async def consume() -> None:
            async for _ in coalesce_async(source(), lambda item: b"%d" % item, encode_other, UNHURRIED):
                pass

        task = asyncio.create_task(consume())
        await waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert notes == ["cancelled", "closed"]


class Waiting:
    """A generator that yields once, and then waits in one of several ways; it notes how it ends."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.notes: list[str] = []
        self.inner: asyncio.Task[None] | None = None

    async def items(self) -> AsyncIterator[int]:
        try:
            yield 1
            if self.how == "task":
                self.inner = asyncio.create_task(asyncio.sleep(3600))
                await self.inner
            elif self.how == "group":
                async with asyncio.TaskGroup() as group:
                    group.create_task(asyncio.sleep(3600))
            elif self.how == "turn":
                await asyncio.sleep(0)
            else:
                await asyncio.sleep(3600)
            yield 2
        except asyncio.CancelledError:
            self.notes.append("cancelled")
            if self.how == "goes on":
                yield 3
            raise
        finally:
            await asyncio.sleep(0)
            self.notes.append("closed")


@pytest.mark.parametrize("how", ["sleep", "task", "group", "turn", "goes on"])
def test_a_generator_that_waits_is_ended_as_by_a_cancellation(how: str) -> None:
    """Who wants no more than what was ready leaves a generator in the middle of a wait: it is cancelled, and closed."""
    waiting = Waiting(how)

    async def main() -> None:
        chunks = coalesce_async(waiting.items(), lambda item: b"%d" % item, encode_other, UNHURRIED)
        assert await anext(chunks) == b"1"
        await chunks.aclose()
        assert waiting.notes == ["cancelled", "closed"]
        if waiting.inner is not None:
            assert waiting.inner.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_a_cancellation_while_a_generator_is_ended_is_kept() -> None:
    """The cancellation of the request is not taken for the generator's own."""
    ends = asyncio.Event()

    async def items() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(3600)
        finally:
            ends.set()
            await asyncio.sleep(3600)

    async def close() -> None:
        chunks = coalesce_async(items(), lambda item: b"%d" % item, encode_other, UNHURRIED)
        await anext(chunks)
        await chunks.aclose()

    async def main() -> None:
        task = asyncio.create_task(close())
        await ends.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_context_variables_and_timeouts_work_in_generators() -> None:
    """A generator may use what needs the current task, such as ``asyncio.timeout``."""

    async def source() -> AsyncIterator[int]:
        yield 1
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        except TimeoutError:
            yield 2
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0.001))
        yield 3

    async def run() -> list[bytes]:
        return [chunk async for chunk in coalesce_async(source(), lambda item: b"%d" % item, encode_other, UNHURRIED)]

    assert b"".join(asyncio.run(run())) == b"123"


class Endless:
    """An application with endless streams, which notes who is still there."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.made = 0
        self.app = FastAPI()
        setup(self.app)

        async def held() -> AsyncIterator[None]:
            try:
                yield
            finally:
                self.notes.append("dependency closed")

        @self.app.get("/async")
        async def endless(dependency: Annotated[None, Depends(held)]) -> AsyncIterator[Item]:
            try:
                while True:
                    self.made += 1
                    yield Item(id=self.made, name="x" * 1000)
                    if self.made % 100 == 0:
                        await asyncio.sleep(0.001)
            finally:
                self.notes.append("closed")

        @self.app.get("/busy")
        async def busy() -> AsyncIterator[Item]:
            try:
                while True:
                    self.made += 1
                    yield Item(id=self.made, name="x" * 1000)
            finally:
                self.notes.append("closed")

        @self.app.get("/sync")
        def endless_sync() -> Iterator[Item]:
            try:
                while True:
                    self.made += 1
                    yield Item(id=self.made, name="x" * 1000)
            finally:
                self.notes.append("closed")

        @self.app.get("/model-stream")
        async def model_stream() -> ModelStream:
            async def items() -> AsyncIterator[Item]:
                try:
                    while True:
                        self.made += 1
                        yield Item(id=self.made, name="x" * 1000)
                        await asyncio.sleep(0)
                finally:
                    self.notes.append("closed")

            return ModelStream(items(), Item)

        @self.app.get("/waiting")
        async def waiting() -> ModelStream:
            async def items() -> AsyncIterator[Item]:
                try:
                    yield Item(id=1)
                    await asyncio.sleep(3600)
                finally:
                    self.notes.append("closed")

            return ModelStream(items(), Item)

        @self.app.get("/health")
        async def health() -> str:
            return "well"


@needs_generators
@pytest.mark.parametrize("path", ["/async", "/busy", "/sync", "/model-stream", "/waiting"])
def test_a_client_that_leaves_closes_the_generator(path: str) -> None:
    """With a real server: the client reads a little and goes; the generator is closed, and what it depends on."""
    endless = Endless()
    with serving(endless.app) as port:
        connection = connect(port, path)
        read_until(connection, b'"id":1,')
        connection.close()
        wait_until(lambda: "closed" in endless.notes)
        if path == "/async":
            wait_until(lambda: endless.notes[-1] == "dependency closed")
            assert endless.notes == ["closed", "dependency closed"]


@needs_generators
@pytest.mark.parametrize("version", ["2.3", "2.4"])
@pytest.mark.parametrize("path", ["/async", "/busy", "/sync", "/model-stream"])
def test_the_generator_is_closed_when_the_request_ends(path: str, version: str) -> None:
    """Not later, when the interpreter finds it: with the request, whichever way a server tells that it is over."""
    endless = Endless()

    async def main() -> list[str]:
        gone = asyncio.Event()

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message.get("body"):
                gone.set()
                if version == "2.4":
                    raise OSError
                await asyncio.sleep(0)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": version},
            "http_version": "1.1",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [],
            "client": ("127.0.0.1", 1),
            "server": ("test", 80),
            "scheme": "http",
        }
        with suppress(ClientDisconnect):
            await endless.app(scope, receive, send)
        return list(endless.notes)

    notes = asyncio.run(main())
    assert notes[0] == "closed"
    assert notes == (["closed", "dependency closed"] if path == "/async" else ["closed"])


@needs_generators
@pytest.mark.parametrize("path", ["/async", "/busy", "/sync", "/model-stream"])
def test_a_slow_client_sets_the_pace(path: str) -> None:
    """A client that does not read stops the generator, and holds up nobody else."""
    endless = Endless()
    with serving(endless.app) as port:
        connection = connect(port, path)
        read_until(connection, b'"id":1,')
        made = -1

        def stands_still() -> bool:
            nonlocal made
            before, made = made, endless.made
            time.sleep(0.1)
            return before == made == endless.made

        wait_until(stands_still)
        assert made < 100_000
        other = connect(port, "/health", "Connection: close\r\n")
        assert b"well" in read_until(other, b"well")
        other.close()
        connection.close()
        wait_until(lambda: "closed" in endless.notes)


@needs_generators
@pytest.mark.parametrize("kind", ["async", "sync"])
def test_items_arrive_when_they_are_made(kind: str) -> None:
    """With a real server: an item is with the client while the generator waits for the next one."""
    app = FastAPI()
    app.router.route_class = ModelRoute
    gate = threading.Event()

    @app.get("/async")
    async def items() -> AsyncIterator[Item]:
        yield Item(id=1)
        while not gate.is_set():  # noqa: ASYNC110  (a thread sets it)
            await asyncio.sleep(0.001)
        yield Item(id=2)

    @app.get("/sync")
    def items_sync() -> Iterator[Item]:
        yield Item(id=1)
        gate.wait(60)
        yield Item(id=2)

    with serving(app) as port:
        connection = connect(port, f"/{kind}")
        assert b'"id":2' not in read_until(connection, b'"id":1')
        gate.set()
        read_until(connection, b'"id":2')
        connection.close()


@needs_generators
@pytest.mark.parametrize("kind", ["async", "sync"])
def test_long_streams_are_fastapis_bytes_in_fewer_pieces(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand items are the bytes that FastAPI sends, in a handful of messages."""
    monkeypatch.setattr(streams, "Pace", lambda: UNHURRIED)
    answers = []
    items = [Item(id=number) if number % 100 else ODD[number // 100 % 4] for number in range(1000)]
    for route_class in (APIRoute, ModelRoute):
        app = FastAPI()
        app.router.route_class = route_class

        if kind == "async":

            @app.get("/")
            async def endpoint() -> AsyncIterator[Item]:
                for item in items:
                    yield item

        else:

            @app.get("/")
            def endpoint_sync() -> Iterator[Item]:
                yield from items

        answers.append(asyncio.run(acall(app, "/")))
    stock, ours = answers
    assert (ours.status, ours.headers, ours.body) == (stock.status, stock.headers, stock.body)
    assert len(stock.chunks) > 1000
    assert len(ours.chunks) < 60

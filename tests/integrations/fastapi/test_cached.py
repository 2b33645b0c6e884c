"""Cached responses: who shares what, for how long, and what is never kept."""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

import asyncio
import gzip
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from inspect import isfunction
from typing import Annotated, Any

import ormsgpack
import pytest
from fastapi import APIRouter, BackgroundTasks, Body, Cookie, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from fastapi.security import APIKeyHeader, HTTPBearer
from integrations.fastapi.support import Answer, acall, call
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator
from starlette.background import BackgroundTask

from pydantic_serialization import CacheManager, ConfigurationError
from pydantic_serialization.codecs import get_codec
from pydantic_serialization.integrations.fastapi import (
    EncodedResponse,
    ModelRoute,
    cached,
    caching,
    entries,
    model_route,
    setup,
)

MSGPACK = "application/vnd.msgpack"


class Item(BaseModel):
    """What clients may see."""

    id: int
    name: str = "x" * 2000


class ItemInDB(Item):
    secret: str = "secret"


class Shop:
    """An application, and what ran in it."""

    def __init__(self, *formats: str, cache: Any = None, **options: Any) -> None:
        self.app = FastAPI()
        self.runs: list[str] = []
        self.runtime = setup(self.app, cache=cache, route_class=model_route(*formats, **options))

    def get(self, path: str, **headers: str) -> Answer:
        answer = call(self.app, path, **headers)
        assert not answer.error, answer.error
        return answer

    def add(self, path: str, value: Any, annotation: Any = Item, **options: Any) -> None:
        """Add a cached endpoint that notes its runs."""

        async def endpoint(request: Request, response: Response) -> Any:
            self.runs.append(request.url.path)
            return value(response) if isfunction(value) else value

        endpoint.__annotations__["return"] = annotation
        self.app.get(path)(cached(**{"ttl": 60, **options})(endpoint))


def test_the_endpoint_runs_once() -> None:
    """The second request gets the bytes of the first, and the endpoint does not run."""
    shop = Shop()
    shop.add("/item", Item(id=1))
    first, second = shop.get("/item"), shop.get("/item")
    assert first == second
    assert first.json() == {"id": 1, "name": "x" * 2000}
    assert shop.runs == ["/item"]


def test_synchronous_endpoints() -> None:
    """An endpoint that is not asynchronous is cached too."""
    shop = Shop()

    @shop.app.get("/item")
    @cached(60)
    def item() -> list[Item]:
        shop.runs.append("sync")
        return [Item(id=1)]

    assert shop.get("/item") == shop.get("/item")
    assert shop.runs == ["sync"]


def test_addresses_differ() -> None:
    """Path, query and host are part of the key, as they came."""
    shop = Shop()
    for path in ("/a", "/b"):
        shop.add(path, Item(id=1))
    for path in ("/a", "/b", "/a?x=1", "/a?x=2", "/a?x=1&x=2"):
        shop.get(path)
        shop.get(path)
    assert len(shop.runs) == 5
    shop.get("/a", x_forwarded_host="other")
    assert len(shop.runs) == 5


@pytest.mark.parametrize("header", ["authorization", "cookie"])
def test_private_by_default(header: str) -> None:
    """Each value of Authorization and of Cookie has its own response; so has a request with none."""
    shop = Shop()
    shop.add("/item", lambda _: Item(id=len(shop.runs)))
    seen = [shop.get("/item", **({header: who} if who else {})).json()["id"] for who in ("a", "b", "", "a", "b", "")]
    assert seen == [1, 2, 3, 1, 2, 3]
    assert shop.get("/item").header("cache-control") == "private, no-cache"


def test_declared_public() -> None:
    """``private_by=()`` declares that all may see the response."""
    shop = Shop()
    shop.add("/item", Item(id=1), private_by=())
    shop.get("/item", authorization="a", cookie="b")
    answer = shop.get("/item", authorization="c")
    assert shop.runs == ["/item"]
    assert answer.header("cache-control") == "no-cache"


def test_declared_headers_and_cookies_are_part_of_the_key() -> None:
    """Header and cookie parameters, of dependencies too, and security schemes tell requests apart without being named."""
    shop = Shop()
    key = APIKeyHeader(name="x-api-key", auto_error=False)

    async def language(accept_language: Annotated[str, Header()] = "en") -> str:
        return accept_language

    class Sent(BaseModel):
        x_tenant: str = ""

    async def tenant(sent: Annotated[Sent, Header()]) -> str:
        return sent.x_tenant

    @shop.app.get("/item")
    @cached(60)
    async def item(
        lang: Annotated[str, Depends(language)],
        who: Annotated[str | None, Depends(key)],
        of: Annotated[str, Depends(tenant)],
        theme: Annotated[str, Cookie()] = "",
    ) -> list[str | None]:
        shop.runs.append("run")
        return [lang, who, of, theme]

    requests: list[dict[str, str]] = [
        {},
        {"accept_language": "de"},
        {"x_api_key": "k"},
        {"x_api_key": "l"},
        {"x_tenant": "t"},
        {"cookie": "theme=dark"},
    ]
    answers = [shop.get("/item", **headers).json() for headers in requests]
    assert answers == [shop.get("/item", **headers).json() for headers in requests]
    assert len({str(answer) for answer in answers}) == len(requests) == len(shop.runs)


def test_a_public_endpoint_is_told_apart_by_its_parameters_only() -> None:
    """A bearer token in the dependencies does not split the responses of an endpoint that is declared public."""
    shop = Shop()

    @shop.app.get("/item")
    @cached(60, private_by=())
    async def item(token: Annotated[Any, Depends(HTTPBearer(auto_error=False))]) -> Item:
        shop.runs.append("run")
        return Item(id=1)

    shop.get("/item", authorization="Bearer a")
    shop.get("/item", authorization="Bearer b")
    assert shop.runs == ["run"]


def test_vary() -> None:
    """Headers in ``vary`` are part of the key and of Vary."""
    shop = Shop()
    shop.add("/item", Item(id=1), vary=("X-Region",))
    for region in ("eu", "us", "eu"):
        answer = shop.get("/item", x_region=region)
    assert len(shop.runs) == 2
    assert "x-region" in str(answer.header("vary")).lower()


def test_keys_of_ones_own() -> None:
    """A key in place of the address: from the endpoint's parameters, or from the request."""
    shop = Shop()

    @shop.app.get("/item/{item_id}")
    @cached(60, key="item:{item_id}")
    async def item(item_id: int, page: int = 1) -> Item:
        shop.runs.append("run")
        return Item(id=item_id)

    @shop.app.get("/by-request")
    @cached(60, key=lambda request: request.query_params.get("k", ""))
    async def by_request() -> Item:
        shop.runs.append("run")
        return Item(id=1)

    assert shop.get("/item/1?page=1") == shop.get("/item/1?page=2")
    shop.get("/item/2")
    assert len(shop.runs) == 2
    shop.get("/by-request?k=1&x=1")
    shop.get("/by-request?k=1&x=2")
    shop.get("/by-request?k=2")
    assert len(shop.runs) == 4


def test_tags() -> None:
    """Invalidating a tag drops what carries it, in every format and coding, and nothing else."""
    shop = Shop("json", "msgpack")

    @shop.app.get("/item/{item_id}")
    @cached(60, tags=("items", "item:{item_id}"))
    async def item(item_id: int) -> Item:
        shop.runs.append(str(item_id))
        return Item(id=item_id)

    def visit() -> None:
        for number in (1, 2):
            for accept in ("application/json", MSGPACK):
                shop.get(f"/item/{number}", accept=accept, accept_encoding="zstd")

    visit()
    visit()
    assert shop.runs == ["1", "1", "2", "2"]
    shop.runs.clear()
    asyncio.run(shop.runtime.cache.invalidate(tags=("item:1",)))
    visit()
    assert shop.runs == ["1", "1"]
    shop.runs.clear()
    asyncio.run(shop.runtime.cache.invalidate(tags=("items",)))
    visit()
    assert shop.runs == ["1", "1", "2", "2"]


def test_formats_and_codings() -> None:
    """Each format is made once, each coding of it too; each has its own ETag, and none has a subclass's field."""
    shop = Shop("json", "msgpack")
    shop.add("/item", [ItemInDB(id=1), ItemInDB(id=2)], list[Item])
    bodies = {}
    tags = set()
    for _ in range(2):
        for accept in ("application/json", MSGPACK):
            for coding in ("identity", "zstd", "gzip"):
                answer = shop.get("/item", accept=accept, accept_encoding=coding)
                assert answer.header("content-type") == accept
                assert answer.header("content-length") == str(len(answer.body))
                assert answer.header("content-encoding") == (None if coding == "identity" else coding)
                body = answer.body
                if coding != "identity":
                    body = get_codec(coding).decompress(body, limit=1_000_000)
                assert bodies.setdefault(accept, body) == body
                tags.add(answer.header("etag"))
    assert len(shop.runs) == 2
    assert len(tags) == 6
    assert [item["id"] for item in ormsgpack.unpackb(bodies[MSGPACK])] == [1, 2]
    assert b"secret" not in b"".join(bodies.values())


def test_not_modified() -> None:
    """Who has the body gets 304, with the headers that belong to it."""
    shop = Shop()
    shop.add("/item", Item(id=1))
    tag = shop.get("/item").header("etag")
    for known in (tag, f"W/{tag}", f'"a", {tag}', "*"):
        answer = shop.get("/item", if_none_match=known)
        assert (answer.status, answer.body, answer.header("etag")) == (304, b"", tag)
        assert answer.header("content-type") is answer.header("content-length") is None
        assert "Authorization" in str(answer.header("vary"))
    assert shop.get("/item", if_none_match='"a"').status == 200
    assert shop.runs == ["/item"]


TAGS = """
from integrations.fastapi.test_cached import Item, Shop

shop = Shop("json", "msgpack", etag=True)
shop.add("/cached", [Item(id=1), Item(id=2)], list[Item])

@shop.app.get("/plain")
def plain() -> set[str]:
    return {"a"}

for path in ("/cached", "/plain"):
    for headers in ({}, {"accept": "application/vnd.msgpack"}, {"accept_encoding": "gzip"}):
        print(shop.get(path, **headers).header("etag"))
"""


def test_all_workers_name_a_response_alike() -> None:
    """Whichever process a client reaches next: its hash seed is in no ETag, so it gets 304 there too."""
    seen = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", TAGS], env=environment, capture_output=True, text=True, check=True)
        tags = done.stdout.split()
        assert len(tags) == 6
        assert "None" not in tags
        seen.add(done.stdout)
    assert len(seen) == 1


@pytest.mark.parametrize("size", [0, 1_000, 100_000, 2_000_000])
def test_bodies_of_one_route_are_never_mixed_up(size: int) -> None:
    """Short and long ones, in turns, from the cache and made anew: everybody gets what was asked for."""
    shop = Shop(cache=CacheManager(max_bytes=2**28))

    @shop.app.get("/item/{number}")
    @cached(60, tags=("items",))
    async def item(number: int) -> Item:
        shop.runs.append(str(number))
        return Item(id=number, name=f"{len(shop.runs)}" + "x" * size)

    for runs in (2, 4):
        for _ in range(3):
            for number in (1, 2, 2, 1):
                answer = shop.get(f"/item/{number}")
                made = runs - 2 + number
                assert answer.body == b'{"id":%d,"name":"%d%b"}' % (number, made, b"x" * size)
                assert answer.header("content-length") == str(len(answer.body))
        assert len(shop.runs) == runs
        asyncio.run(shop.runtime.cache.invalidate(tags=("items",)))


def item_of(number: int) -> Item:
    return Item(id=number)


def refuse(_: Response) -> None:
    raise HTTPException(404, "none")


def with_cookie(response: Response) -> Item:
    response.set_cookie("a", "b")
    return Item(id=1)


def with_status(response: Response) -> Item:
    response.status_code = 202
    return Item(id=1)


def no_store(response: Response) -> Item:
    response.headers["cache-control"] = "no-store"
    return Item(id=1)


def own_vary(response: Response) -> Item:
    response.headers["vary"] = "X-Unknown"
    return Item(id=1)


def test_hosts_are_kept_apart() -> None:
    """An application may answer for several names, each in its own way."""
    app = FastAPI()
    setup(app)

    @app.get("/")
    @cached(60)
    async def endpoint(request: Request) -> str:
        return ",".join(request.headers.getlist("host"))

    for _ in range(2):
        assert call(app, "/").json() == "test"
        assert call(app, "/", host="other").json() == "test,other"


NEVER_KEPT = {
    "error": refuse,
    "cookie": with_cookie,
    "status": with_status,
    "no-store": no_store,
    "vary": own_vary,
    "returned cookie": lambda _: PlainTextResponse("x", headers={"set-cookie": "a=b"}),
    "returned error": lambda _: JSONResponse({}, 500),
    "stream": lambda _: StreamingResponse(iter([b"a"])),
    "work afterwards": lambda _: JSONResponse({}, background=BackgroundTask(str)),
}


@pytest.mark.parametrize("name", NEVER_KEPT)
def test_never_kept(name: str) -> None:
    """Errors, cookies, other statuses, streams, and what the endpoint says must not be kept."""
    shop = Shop()
    shop.add("/item", NEVER_KEPT[name])
    first, second = shop.get("/item"), shop.get("/item")
    assert first == second
    assert len(shop.runs) == 2


def test_what_a_dependency_sets_is_of_its_request() -> None:
    """Headers of dependencies are set for each request anew, those of the endpoint are kept."""
    shop = Shop()

    async def numbered(request: Request, response: Response) -> None:
        response.headers["x-request"] = request.headers["x-id"]

    @shop.app.get("/item", dependencies=[Depends(numbered)])
    @cached(60)
    async def item(response: Response) -> Item:
        shop.runs.append("run")
        response.headers["x-own"] = "1"
        return Item(id=1)

    for number in ("1", "2"):
        answer = shop.get("/item", x_id=number)
        assert (answer.header("x-request"), answer.header("x-own")) == (number, "1")
    assert shop.runs == ["run"]


def test_a_cookie_of_a_dependency_forbids_keeping() -> None:
    """Whoever sets it: a response with a cookie is of its request, and the cookie of nobody else."""
    shop = Shop()

    async def session(request: Request, response: Response) -> None:
        response.set_cookie("session", request.headers["x-id"])

    @shop.app.get("/item", dependencies=[Depends(session)])
    @cached(60)
    async def item() -> Item:
        shop.runs.append("run")
        return Item(id=len(shop.runs))

    for number in (1, 2):
        answer = shop.get("/item", x_id=str(number))
        assert (answer.json()["id"], answer.header("set-cookie")) == (number, f"session={number}; Path=/; SameSite=lax")


def test_dependencies_run_for_every_request() -> None:
    """Nobody gets past a dependency that refuses because somebody else was let through."""
    shop = Shop()
    allowed = [True]

    async def guard() -> None:
        if not allowed[0]:
            raise HTTPException(403)

    @shop.app.get("/item", dependencies=[Depends(guard)])
    @cached(60)
    async def item() -> Item:
        return Item(id=1)

    assert shop.get("/item").status == 200
    allowed[0] = False
    assert shop.get("/item").status == 403


def test_background_tasks_run_with_the_endpoint() -> None:
    """Tasks that the endpoint adds run after its own response, not after those from the cache."""
    shop = Shop()

    @shop.app.get("/item")
    @cached(60)
    async def item(tasks: BackgroundTasks) -> Item:
        tasks.add_task(shop.runs.append, "task")
        return Item(id=1)

    shop.get("/item")
    shop.get("/item")
    assert shop.runs == ["task"]


VALUES = {
    "dict": ({"id": "1", "secret": "secret"}, Item),
    "undeclared": ({"id": 1}, None),
    "model undeclared": (Item(id=1), None),
    "response": (PlainTextResponse("text", headers={"x-a": "b"}), None),
    "encoded": (EncodedResponse(gzip.compress(b"{}" * 1000), content_encoding="gzip"), None),
    "list": ([1, 2], list[int]),
    "wrong": ({"id": "x"}, Item),
}


@pytest.mark.parametrize("name", VALUES)
def test_whatever_an_endpoint_returns(name: str) -> None:
    """What FastAPI would send is what is kept: validated, of the declared fields only; what it refuses is not kept."""
    value, annotation = VALUES[name]
    shop = Shop()
    shop.add("/cached", value, annotation)

    async def endpoint() -> Any:
        return value

    endpoint.__annotations__["return"] = annotation
    shop.app.get("/plain")(endpoint)
    plain = call(shop.app, "/plain")
    for _ in range(2):
        answer = call(shop.app, "/cached")
        assert (answer.status, answer.body, answer.header("content-type")) == (
            plain.status,
            plain.body,
            plain.header("content-type"),
        )
        assert answer.header("x-a") == plain.header("x-a")
        assert answer.header("content-encoding") == plain.header("content-encoding")
    if name in {"wrong", "encoded"}:  # a Vary of the endpoint's own may name anything
        assert len(shop.runs) == 2
    else:
        assert len(shop.runs) == 1


def test_concurrent_misses_run_the_endpoint_once() -> None:
    """Of requests that miss together one runs the endpoint; all get its bytes."""
    shop = Shop()

    @shop.app.get("/item")
    @cached(60)
    async def item() -> Item:
        shop.runs.append("run")
        await asyncio.sleep(0.05)
        return Item(id=1)

    async def together() -> list[Answer]:
        return await asyncio.gather(*(acall(shop.app, "/item") for _ in range(20)))

    answers = asyncio.run(together())
    assert shop.runs == ["run"]
    assert all(answer == answers[0] and answer.status == 200 for answer in answers)


def test_concurrent_requests_never_share_what_is_not_kept() -> None:
    """A response with a cookie goes to the one who made it: the others run the endpoint themselves."""
    shop = Shop()

    @shop.app.get("/item")
    @cached(60)
    async def item(response: Response) -> Item:
        shop.runs.append("run")
        number = len(shop.runs)
        await asyncio.sleep(0.02)
        response.set_cookie("session", str(number))
        return Item(id=number)

    async def together() -> list[Answer]:
        return await asyncio.gather(*(acall(shop.app, "/item") for _ in range(5)))

    answers = asyncio.run(together())
    assert len(shop.runs) == 5
    assert len({answer.header("set-cookie") for answer in answers}) == 5


def test_a_client_that_leaves_does_not_take_the_others_along() -> None:
    """If the request that runs the endpoint is cancelled, a waiting one runs it."""
    shop = Shop()

    @shop.app.get("/item")
    @cached(60)
    async def item() -> Item:
        shop.runs.append("run")
        if len(shop.runs) == 1:
            await asyncio.sleep(60)
        return Item(id=1)

    async def run() -> Answer:
        first = asyncio.create_task(acall(shop.app, "/item"))
        await until(lambda: bool(shop.runs))
        second = asyncio.create_task(acall(shop.app, "/item"))
        await asyncio.sleep(0.05)
        first.cancel()
        return await second

    assert asyncio.run(run()).status == 200
    assert shop.runs == ["run", "run"]


class Clock:
    """A clock that tests turn."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    time = __call__


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which responses are as old as they are; ``CacheManager(clock=clock)`` goes by it, too."""
    clock = Clock()
    for module in (caching, entries):
        monkeypatch.setattr(module, "time", clock)
    return clock


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in the background."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  (lists of the applications', which know no events)
            await asyncio.sleep(0.001)


def test_stale_while_revalidate(clock: Clock) -> None:
    """After ``ttl`` the old response is sent at once, while one refresh runs, with dependencies of its own."""
    shop = Shop(cache=CacheManager(clock=clock, jitter=0))
    opened: list[str] = []
    answered = asyncio.Event()

    async def session() -> AsyncIterator[dict[str, bool]]:
        state = {"open": True}
        opened.append("open")
        yield state
        state["open"] = False
        opened.append("close")

    inner = APIRouter(route_class=ModelRoute)

    @inner.get("/item/{number}")
    @cached(10, stale=60)
    async def item(number: int, held: Annotated[dict[str, bool], Depends(session)]) -> Item:
        shop.runs.append("run")
        if len(shop.runs) > 1:
            await answered.wait()
        assert held["open"]
        return Item(id=len(shop.runs), name=str(number))

    shop.app.include_router(inner, prefix="/inner")

    async def run() -> list[Any]:
        seen = [(await acall(shop.app, "/inner/item/7")).json()]
        clock.now += 9
        seen.append((await acall(shop.app, "/inner/item/7")).json())
        assert shop.runs == ["run"]
        clock.now += 2
        together = await asyncio.gather(*(acall(shop.app, "/inner/item/7") for _ in range(5)))
        seen += [answer.json() for answer in together]
        answered.set()
        await until(lambda: opened.count("close") == 8)  # seven requests and the refresh
        seen.append((await acall(shop.app, "/inner/item/7")).json())
        return seen

    seen = asyncio.run(run())
    assert [item["id"] for item in seen] == [1, 1, 1, 1, 1, 1, 1, 2]
    assert {item["name"] for item in seen} == {"7"}
    assert shop.runs == ["run", "run"]
    assert opened.count("open") == opened.count("close") == 9


def test_a_refresh_that_fails_keeps_the_old_response(clock: Clock) -> None:
    """While the endpoint raises, the stale response is sent until its time is up."""
    shop = Shop(cache=CacheManager(clock=clock, jitter=0))

    @shop.app.get("/item")
    @cached(10, stale=60)
    async def item() -> Item:
        shop.runs.append("run")
        if len(shop.runs) > 1:
            raise HTTPException(503)
        return Item(id=1)

    async def run() -> list[int]:
        statuses = [(await acall(shop.app, "/item")).status]
        for _ in range(3):
            clock.now += 11
            statuses.append((await acall(shop.app, "/item")).status)
            await until(lambda: len(shop.runs) > 1)
        clock.now += 60
        statuses.append((await acall(shop.app, "/item")).status)
        return statuses

    assert asyncio.run(run()) == [200, 200, 200, 200, 503]


def test_expiry(clock: Clock) -> None:
    """After ``ttl`` seconds the endpoint runs again."""
    shop = Shop(cache=CacheManager(clock=clock, jitter=0))
    shop.add("/item", Item(id=1), ttl=10)
    for seconds, runs in ((0, 1), (9, 1), (2, 2)):
        clock.now += seconds
        shop.get("/item")
        assert len(shop.runs) == runs


class BrokenCache(CacheManager):
    """A cache behind a network that is down."""

    async def get(self, key: str) -> bytes | None:
        raise ConnectionError("down")

    async def get_or_load(self, *args: Any, **kwargs: Any) -> bytes | None:
        raise ConnectionError("down")


class HostileCache(CacheManager):
    """A cache in which somebody else has written."""

    content: bytes = b""

    async def get(self, key: str) -> bytes | None:
        return self.content

    async def get_or_load(self, *args: Any, **kwargs: Any) -> bytes | None:
        return self.content


def test_a_broken_cache_is_a_miss() -> None:
    """A fault of the cache never reaches the client."""
    shop = Shop(cache=BrokenCache())
    shop.add("/item", Item(id=1))
    for coding in ("identity", "zstd"):
        assert shop.get("/item", accept_encoding=coding).status == 200
    assert len(shop.runs) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"psr1",
        b"psr1\xff\xff\xff\xff",
        b"psr1\x00\x00\x00\x01\x90body",
        b"\x80\x05pickle",
        b"psr1\x00\x00\x00\x00",
        b"psr1" + (len(head := ormsgpack.packb([200, "a\r\nb: c", [], "t", 1.0, True]))).to_bytes(4, "big") + head,
        b"psr1"
        + (len(head := ormsgpack.packb([200, "a", [["x", "1\r\ny: 2"]], "t", 1.0, True]))).to_bytes(4, "big")
        + head,
        b"psr1" + (len(head := ormsgpack.packb([200, "a", [["x"]], "t", 1.0, True]))).to_bytes(4, "big") + head,
        b"psr1" + (len(head := ormsgpack.packb(["200", "a", [], "t", 1.0, True]))).to_bytes(4, "big") + head,
        *(
            b"psr1" + len(head).to_bytes(4, "big") + head
            for head in (
                ormsgpack.packb([201, "a", [], "t", 1.0, True]),
                ormsgpack.packb([200, "a", [[b"content-length", b"0"]], "t", 1.0, True]),
                ormsgpack.packb([200, "a", [[b"transfer-encoding", b"chunked"]], "t", 1.0, True]),
                ormsgpack.packb([200, "a", [[b"set-cookie", b"session=1"]], "t", 1.0, True]),
                ormsgpack.packb([200, "a", [[b"y: 2", b"1"]], "t", 1.0, True]),
                ormsgpack.packb([200, "a", [[b"Set-Cookie", b"session=1"]], "t", 1.0, True]),
                ormsgpack.packb([200, "a", [[b"x", b"1" * 3000 + b"\r\ny: 2"]], "t", 1.0, True]),
                ormsgpack.packb([200, "a", [[b"x", b"1", b"2"]], "t", 1.0, True]),
                ormsgpack.packb([200, "a", 5, "t", 1.0, True]),
                ormsgpack.packb([200, "a", [], None, 1.0, True]),
                ormsgpack.packb({"status": 200}),
            )
        ),
    ],
)
def test_what_is_no_entry_is_a_miss(content: bytes) -> None:
    """Whatever the cache holds, the endpoint's response is sent, and no header can be smuggled in."""
    cache = HostileCache()
    cache.content = content
    shop = Shop(cache=cache)
    shop.add("/item", Item(id=1))
    for _ in range(2):
        answer = shop.get("/item")
        assert (answer.status, answer.json()["id"]) == (200, 1)
        assert answer.header("y") is None


def test_mistakes_are_told_early() -> None:
    """What cannot work is refused where it is written."""
    app = FastAPI()
    setup(app)
    with pytest.raises(ConfigurationError, match="endpoints of GET"):

        @app.post("/item")
        @cached(60)
        async def post(item: Annotated[Item, Body()]) -> Item:
            return item

    with pytest.raises(ConfigurationError, match="no parameter"):

        @app.get("/item")
        @cached(60, key="item:{number}")
        async def wrong_key() -> Item:
            return Item(id=1)

    with pytest.raises(ConfigurationError, match="no parameter"):

        @app.get("/item")
        @cached(60, tags=("item:{number}",))
        async def wrong_tag() -> Item:
            return Item(id=1)

    with pytest.raises(ConfigurationError, match="for functions"):
        app.get("/partial")(cached(60)(partial(item_of, 1)))

    with pytest.raises(ConfigurationError, match=r"write @cached\(60\)"):

        @app.get("/no-seconds")
        @cached
        async def no_seconds() -> Item:
            return Item(id=1)

    for arguments in (
        {"ttl": 0},
        {"ttl": -1},
        {"ttl": 1, "stale": -1},
        {"ttl": 1, "compress": "lz4"},
        {"ttl": 1, "vary": "x"},
    ):
        with pytest.raises(ConfigurationError):
            cached(**arguments)


class EveryHeader(BaseModel):
    model_config = ConfigDict(extra="allow")


class Tidied(BaseModel):
    user: str = ""

    @model_validator(mode="before")
    @classmethod
    def of_any(cls, headers: Any) -> Any:
        return {"user": dict(headers).get("x-user")}


class Named(BaseModel):
    user: str = Field(validation_alias=AliasChoices("x-user", "x-account"))


def test_what_no_key_could_tell_apart_is_refused() -> None:
    """A body, or all headers: two clients that send different ones would share a response."""
    app = FastAPI()
    setup(app)

    async def by_dependency(item: Annotated[Item | None, Body()] = None) -> Item | None:
        return item

    with pytest.raises(ConfigurationError, match="without a request body"):

        @app.get("/body")
        @cached(60)
        async def with_body(item: Annotated[Item, Body()]) -> Item:
            return item

    with pytest.raises(ConfigurationError, match="without a request body"):

        @app.get("/dependency")
        @cached(60)
        async def with_dependency(item: Annotated[Item, Depends(by_dependency)]) -> Item:
            return item

    with pytest.raises(ConfigurationError, match="EveryHeader, which sees all headers"):

        @app.get("/all")
        @cached(60)
        async def with_all(headers: Annotated[EveryHeader, Header()]) -> Item:
            return Item(id=len(headers.model_extra or {}))

    with pytest.raises(ConfigurationError, match="Tidied, which sees all headers"):

        @app.get("/tidied")
        @cached(60)
        async def with_code(headers: Annotated[Tidied, Header()]) -> str:
            return headers.user


def test_every_name_of_a_header_is_in_the_key() -> None:
    """Also those that only validation knows: nobody gets the response to another value."""

    async def parameter(user: Annotated[str, Header(validation_alias="x-user")] = "") -> str:
        return user

    async def model(headers: Annotated[Named, Header()]) -> str:
        return headers.user

    async def alias(user: Annotated[str, Header(alias="x-user")] = "") -> str:
        return user

    for endpoint in (parameter, model, alias):
        plain, app = FastAPI(), FastAPI()
        setup(app)
        plain.get("/")(endpoint)
        app.get("/")(cached(60)(endpoint))
        for name in ("ada", "bob"):
            expected = call(plain, "/", x_user=name)
            assert (call(app, "/", x_user=name).body, expected.error) == (expected.body, "")


@pytest.mark.parametrize("is_async", [True, False])
def test_a_route_of_fastapis_own_refuses(is_async: bool) -> None:
    """Where nobody keeps anything, and nobody has called ``setup``, it shall not seem to work; called directly it does."""
    app, plain = FastAPI(), APIRouter()

    @cached(60, key="item:{number}", tags=("items",))
    async def item(number: int, **more: Any) -> Item:
        return Item(id=number)

    @cached(60)
    def item_sync(number: int) -> Item:
        return Item(id=number)

    endpoint = item if is_async else item_sync
    for router in (app, plain):
        router.get("/item/{number}")(endpoint)
    app.include_router(plain, prefix="/inner")
    for path in ("/item/1", "/inner/item/1"):
        error = call(app, f"{path}?more=1").error
        assert error.startswith("ConfigurationError: cached() has no effect on ")
        assert f".{endpoint.__qualname__}: " in error
        assert "call setup(app) first, or use APIRouter(route_class=ModelRoute)" in error
    assert asyncio.run(item(1)) == item_sync(1) == Item(id=1)
    assert list(app.openapi()["paths"]["/item/{number}"]) == ["get"]
    names = [item["name"] for item in app.openapi()["paths"]["/item/{number}"]["get"]["parameters"]]
    assert names == (["number", "more"] if is_async else ["number"])


def test_without_setup_the_error_names_the_way_out() -> None:
    """A cached route in an application without a cache says what is missing."""
    app = FastAPI()
    app.router.route_class = ModelRoute

    @app.get("/item")
    @cached(60)
    async def item() -> Item:
        return Item(id=1)

    assert "call setup(app)" in call(app, "/item").error

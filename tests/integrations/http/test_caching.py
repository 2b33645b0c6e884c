"""Cached calls: one request for many callers, confirmation by the server, old answers where it fails."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
from integrations.http.server import Behaviour, User
from pydantic import BaseModel, ValidationError

from pydantic_serialization import CacheManager, ConfigurationError, DecodeError, InvalidationError
from pydantic_serialization.integrations.http import ModelClient, SyncModelClient, UnexpectedStatusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Make = Callable[..., Any]


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> CacheManager:
    return CacheManager(clock=clock, jitter=0)


def test_an_answer_is_kept_for_its_time(make: Make, server: Behaviour, cache: CacheManager, clock: Clock) -> None:
    """One request per ``ttl``; every caller gets a value of its own."""
    client = make(cache=cache)
    first = client.get("/user", User, ttl=60)
    first.name = "changed"
    assert client.get("/user", User, ttl=60).name == "Ada"
    assert server.requests["/user"] == 1
    clock.now += 61
    server.version = 2
    assert client.get("/user", User, ttl=60).id == 2
    assert client.get("/user", User).id == 2
    assert server.requests["/user"] == 3


def test_tags_invalidate(make: Make, server: Behaviour, cache: CacheManager) -> None:
    """The answer, and what could have been confirmed with its ETag: nothing is left to confirm."""
    client = make(cache=cache)
    for _ in range(2):
        client.get("/etag", User, ttl=60, tags=["users"])
    cache.invalidate_sync(tags=["users"])
    server.status, server.body = 304, b""
    server.headers = {"etag": '"v1"'}
    with pytest.raises(UnexpectedStatusError, match="304"):
        client.get("/etag", User, ttl=60, tags=["users"])
    assert server.requests["/etag"] == 2


def test_the_server_confirms_what_has_not_changed(
    make: Make, server: Behaviour, cache: CacheManager, clock: Clock
) -> None:
    """After ``ttl`` the ETag is sent; 304 renews the answer, 200 replaces it."""
    client = make(cache=cache, revalidate_for=100)
    seen: list[int] = []
    answer = server.answer

    def noting(*arguments: Any) -> Any:
        result = answer(*arguments)
        seen.append(result[0])
        return result

    server.answer = noting  # type: ignore[method-assign]
    try:
        for _ in range(3):  # also what was confirmed can be confirmed again
            assert client.get("/etag", User, ttl=10).id == 1
            assert client.get("/etag", User, ttl=10).id == 1
            clock.now += 11
        assert seen == [200, 304, 304]
        server.version = 2
        assert client.get("/etag", User, ttl=10).id == 2
        clock.now += 1000
        assert client.get("/etag", User, ttl=10).id == 2
        assert seen == [200, 304, 304, 200, 200]
    finally:
        del server.answer  # type: ignore[method-assign]


def test_an_old_answer_stands_in_for_a_failing_server(
    make: Make, server: Behaviour, cache: CacheManager, clock: Clock
) -> None:
    """Within ``stale_if_error``: 5xx, 429, garbage and no connection at all; afterwards the error is told."""
    client = make(cache=cache)
    assert client.get("/user", User, ttl=10, stale_if_error=1000).id == 1
    for status, body in ((503, b""), (429, b""), (200, b"<html>"), (200, b"{}")):
        clock.now += 20
        server.status, server.body = status, body
        assert client.get("/user", User, ttl=10, stale_if_error=1000).id == 1
    clock.now += 2000
    server.status = 503
    with pytest.raises(UnexpectedStatusError):
        client.get("/user", User, ttl=10, stale_if_error=1000)


def test_the_servers_word_is_not_overridden(make: Make, server: Behaviour, cache: CacheManager, clock: Clock) -> None:
    """What is gone or forbidden is not answered from the cache, now or later."""
    client = make(cache=cache)
    for status in (404, 410, 401, 403):
        server.status = 200
        client.get("/etag", User, ttl=10, stale_if_error=1000)
        clock.now += 20
        server.status = status
        with pytest.raises(UnexpectedStatusError, match=str(status)):
            client.get("/etag", User, ttl=10, stale_if_error=1000)
        server.status = 503
        with pytest.raises(UnexpectedStatusError, match="503"):
            client.get("/etag", User, ttl=10, stale_if_error=1000)
    assert cache.get_stats()["l1_cache"]["items"] == 0


def test_the_servers_word_is_told_even_if_the_cache_fails(make: Make, server: Behaviour) -> None:
    """An invalidation that cannot be delivered does not hide a 404, nor an answer."""

    class Failing(CacheManager):
        async def invalidate(self, *keys: str, tags: Any = ()) -> None:
            raise InvalidationError("not delivered")

        def invalidate_sync(self, *keys: str, tags: Any = ()) -> None:
            raise InvalidationError("not delivered")

    client = make(cache=Failing())
    server.headers = {"cache-control": "no-store"}
    assert client.get("/user", User, ttl=10).name == "Ada"
    with pytest.raises(UnexpectedStatusError, match="404"):
        client.get("/nowhere", User, ttl=10)


@pytest.mark.parametrize("headers", [{"cache-control": "private, No-Store"}, {"vary": "*"}])
def test_what_may_not_be_kept_is_not(
    make: Make, server: Behaviour, cache: CacheManager, headers: dict[str, str]
) -> None:
    """Whatever ``ttl`` the caller has asked for."""
    server.headers = headers
    client = make(cache=cache)
    for path in ("/user", "/etag"):
        for _ in range(2):
            assert client.get(path, User, ttl=60).name == "Ada"
    assert (server.requests["/user"], server.requests["/etag"]) == (2, 2)
    assert cache.get_stats()["l1_cache"]["items"] == 0


def test_answers_that_cannot_be_read_are_not_kept(make: Make, server: Behaviour, cache: CacheManager) -> None:
    """A captive portal is no user for the next minute."""
    client = make(cache=cache)
    server.body = b"<html>"
    with pytest.raises(DecodeError):
        client.get("/user", User, ttl=60)
    server.body = b"\x80"
    with pytest.raises(ValidationError):
        client.get("/user", User, ttl=60)
    server.body = None
    assert client.get("/user", User, ttl=60).name == "Ada"


def test_callers_are_kept_apart(make: Make, server: Behaviour, cache: CacheManager) -> None:
    """By credentials in headers, cookies and ``auth``, by other headers, by address, and by namespace."""
    calls: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({}, {}, "/user"),
        ({"headers": {"Authorization": "Bearer a"}}, {}, "/user"),
        ({"headers": {"Authorization": "Bearer b"}}, {}, "/user"),
        ({"cookies": {"session": "a"}}, {}, "/user"),
        ({"headers": {"X-Tenant": "a"}}, {}, "/user"),
        ({"auth": ("ada", "one")}, {}, "/user"),
        ({"auth": ("ada", "two")}, {}, "/user"),
        ({}, {"namespace": "certificate"}, "/user"),
        ({}, {"formats": ("json",)}, "/user"),
        ({}, {}, "/user?page=2"),
        ({}, {}, "/etag"),
    ]
    clients = [make(http_options, cache=cache, **options) for http_options, options, _ in calls]
    for client, (_, _, path) in zip(clients, calls, strict=True):
        client.get(path, User, ttl=60)
    assert sum(server.requests.values()) == len(calls)
    assert clients[1].get("/user", User, ttl=60).name == "Bearer a"
    assert clients[2].get("/user", User, ttl=60).name == "Bearer b"
    for client, (_, _, path) in zip(clients, calls, strict=True):
        client.get(path, User, ttl=60)
    assert sum(server.requests.values()) == len(calls)


def test_what_does_not_matter_is_not_in_the_key(make: Make, server: Behaviour, cache: CacheManager) -> None:
    """The number of a request and the name of a program do not change an answer."""
    for number in range(3):
        headers = {"X-Request-ID": str(number), "User-Agent": str(number), "traceparent": str(number)}
        make(cache=cache).get("/user", User, ttl=60, headers=headers)
    assert server.requests["/user"] == 1


CALLER: ContextVar[str] = ContextVar("CALLER", default="")


def sign(request: Any) -> None:
    """Add the credentials of whoever calls, as a service does that calls others for its users."""
    if CALLER.get():
        request.headers["authorization"] = CALLER.get()


async def sign_async(request: Any) -> None:
    sign(request)


def auth_of(library: Any) -> Any:
    class CallersAuth(library.Auth):  # type: ignore[misc]
        def auth_flow(self, request: Any) -> Iterator[Any]:
            sign(request)
            yield request

    return CallersAuth()


def hooked(library: Any, how: str, *, is_async: bool) -> dict[str, Any]:
    """Return options of a client that sends what the caller is known by."""
    hook = {"event_hooks": {"request": [sign_async if is_async else sign]}}
    if how == "hook":
        return hook
    if how == "hook beside auth":
        return {**hook, "auth": ("service", "secret")}
    return {"auth": sign_and_return if how == "function" else auth_of(library)}


def sign_and_return(request: Any) -> Any:
    sign(request)
    return request


def as_caller(name: str, get: Callable[[], Any]) -> Any:
    token = CALLER.set(name)
    try:
        return get()
    finally:
        CALLER.reset(token)


def answer_by_caller(library: Any) -> Any:
    def answer(request: Any) -> Any:
        return library.Response(200, json={"id": 1, "fullName": request.headers.get("authorization", "nobody")})

    return library.MockTransport(answer)


WAYS = ["hook", "hook beside auth", "function", "class"]


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("how", WAYS)
def test_what_is_added_for_a_caller_is_in_no_key(library: Any, how: str, cache: CacheManager) -> None:
    """Where hooks or an authorization may look at who calls, nothing is kept unless a namespace says who that is."""
    with library.Client(transport=answer_by_caller(library), **hooked(library, how, is_async=False)) as plain:
        client = SyncModelClient(plain, cache=cache)
        for name in ("", "Ada"):
            with pytest.raises(ConfigurationError, match="pass namespace="):
                as_caller(name, lambda: client.get("http://host/mine", User, ttl=60))
        assert as_caller("Ada", lambda: client.get("http://host/mine", User)).name == "Ada"
        apart = SyncModelClient(plain, cache=cache, namespace=CALLER.get)
        for _ in range(2):
            for name in ("Ada", "Bob"):
                assert as_caller(name, lambda: apart.get("http://host/mine", User, ttl=60)).name == name
        assert cache.get_stats()["loads"]["count"] == 2
        shared = SyncModelClient(plain, cache=cache, namespace="one for all")
        assert as_caller("Ada", lambda: shared.get("http://host/mine", User, ttl=60)).name == "Ada"


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("how", WAYS)
def test_what_is_added_for_a_caller_asynchronously(library: Any, how: str, cache: CacheManager) -> None:
    """The same, with callers that are served at the same time: no request is shared by two of them."""

    async def get(client: ModelClient, name: str) -> str:
        CALLER.set(name)
        return (await client.get("http://host/mine", User, ttl=60)).name

    async def main() -> list[str]:
        options = hooked(library, how, is_async=True)
        async with library.AsyncClient(transport=answer_by_caller(library), **options) as plain:
            with pytest.raises(ConfigurationError, match="pass namespace="):
                await asyncio.create_task(get(ModelClient(plain, cache=cache), "Ada"))
            apart = ModelClient(plain, cache=cache, namespace=CALLER.get)
            names = ["Ada", "Bob", "Ada", "Bob"] * 3
            found = await asyncio.gather(*(asyncio.create_task(get(apart, name)) for name in names))
            assert found == names
        return found

    asyncio.run(main())
    assert cache.get_stats()["loads"]["count"] == 2


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_authorization_with_credentials_of_its_own(library: Any, cache: CacheManager, tmp_path: Path) -> None:
    """Httpx's own classes are the same for every caller, and need no namespace; hooks for answers change no request."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine host login ada password one")
    for auth in (library.BasicAuth("ada", "one"), library.DigestAuth("ada", "one"), library.NetRCAuth(str(netrc))):
        hooks = {"response": [lambda _: None]}
        with library.Client(transport=answer_by_caller(library), auth=auth, event_hooks=hooks) as plain:
            SyncModelClient(plain, cache=cache).get("http://host/mine", User, ttl=60)


def test_authorization_that_cannot_be_told_apart_is_refused(make: Make, cache: CacheManager) -> None:
    """Rather than given another one's answers."""
    client = make(cache=cache, namespace="one for all")
    client.client._client._auth = ["no identity"]
    with pytest.raises(ConfigurationError, match="set the header instead"):
        client.get("/user", User, ttl=60)


@pytest.mark.parametrize("poison", [b"", b"garbage", b"{}\nx", b'{"status":200,"content_type":"x","etag":null}\n{}'])
def test_an_entry_that_is_not_ours_is_a_miss(make: Make, server: Behaviour, poison: bytes) -> None:
    """Whatever stands in the cache, the answer is right, and the entry is replaced."""
    keys: list[str] = []

    class Poisoned(CacheManager):
        async def get_or_load(self, key: str, *arguments: Any, **options: Any) -> bytes | None:
            keys.append(key)
            return await super().get_or_load(key, *arguments, **options)

        def get_or_load_sync(self, key: str, *arguments: Any, **options: Any) -> bytes | None:
            keys.append(key)
            return super().get_or_load_sync(key, *arguments, **options)

    cache = Poisoned()
    client = make(cache=cache)
    client.get("/etag", User, ttl=60)
    for entry in (keys[-1], f"{keys[-1]}:last"):
        cache.set_sync(entry, poison)
    for _ in range(2):
        assert client.get("/etag", User, ttl=60).name == "Ada"
    assert server.requests["/etag"] == 2
    assert all("etag" not in key for key in keys)  # a key shows no address


def test_two_models_of_one_address(make: Make, server: Behaviour, cache: CacheManager) -> None:
    """Each has an entry of its own, and so has each version of a model."""

    class Id(BaseModel):
        id: int

    client = make(cache=cache)
    for _ in range(2):
        assert client.get("/user", Id, ttl=60) == Id(id=1)
        assert client.get("/user", User, ttl=60).name == "Ada"
    assert server.requests["/user"] == 2


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_fifty_callers_share_one_request(server: Behaviour, address: str, library: Any) -> None:
    """Coroutines that miss at once."""
    server.delay = 0.05

    async def run() -> list[User]:
        async with library.AsyncClient(base_url=address, timeout=60) as http:
            client = ModelClient(http, cache=CacheManager())
            return list(await asyncio.gather(*(client.get("/user", User, ttl=60) for _ in range(50))))

    users = asyncio.run(run())
    assert server.requests["/user"] == 1
    assert len({id(user) for user in users}) == 50


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_threads_share_one_request(server: Behaviour, address: str, library: Any) -> None:
    """Threads that miss at once."""
    server.delay, barrier = 0.05, threading.Barrier(50)
    with library.Client(base_url=address, timeout=60) as http, ThreadPoolExecutor(50) as pool:
        client = SyncModelClient(http, cache=CacheManager())

        def get(_: int) -> User:
            barrier.wait()
            return client.get("/user", User, ttl=60)

        users = list(pool.map(get, range(50)))
    assert (server.requests["/user"], len({id(user) for user in users})) == (1, 50)


def test_a_cancelled_caller_does_not_take_the_others_along(server: Behaviour, address: str) -> None:
    """Another one makes the request then."""
    server.answers.clear()

    async def run() -> list[Any]:
        async with httpx.AsyncClient(base_url=address, timeout=60) as http:
            client = ModelClient(http, cache=CacheManager())
            calls = [asyncio.create_task(client.get("/user", User, ttl=60)) for _ in range(5)]
            while not server.requests["/user"]:  # noqa: ASYNC110  (the server is in another thread)
                await asyncio.sleep(0.001)
            calls[0].cancel()
            server.answers.set()
            return list(await asyncio.gather(*calls, return_exceptions=True))

    first, *others = asyncio.run(run())
    assert isinstance(first, asyncio.CancelledError)
    assert [user.name for user in others] == ["Ada"] * 4

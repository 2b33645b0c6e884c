"""No value, key, tag or secret in a log line, an error, statistics, a report or a repr, whatever goes wrong.

Each test sets strings that occur nowhere else, has everything fail that can, and then looks at all that came out. What
Pydantic itself says is left out: its ``ValidationError`` shows the input, as SECURITY.md says.
"""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

import asyncio
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import httpx
import pytest
import redis
from fastapi import BackgroundTasks, Depends, FastAPI, Header
from integrations.fastapi.support import call
from pydantic import BaseModel, SecretStr, ValidationError, field_serializer
from redis_servers import Server

from pydantic_serialization import (
    CacheManager,
    OptimizedSerializationManager,
    SerializationConfig,
    SerializationError,
    create_serialization_manager,
)
from pydantic_serialization.cache import SharedSettings
from pydantic_serialization.integrations.fastapi import cache_after, cached, setup
from pydantic_serialization.integrations.http import ModelClient, SyncModelClient
from pydantic_serialization.integrations.queues import TaggedCodec

VALUE, KEY, TAG, HEADER, QUERY = (f"canary-{name}-7d1f" for name in ("value", "key", "tag", "header", "query"))
SECRETS = [f"canary-secret-{number}-7d1f-{'x' * 16}" for number in range(3)]
QUICK = SharedSettings(timeout=0.2, heartbeat=0.2, max_retries=1, retry_delay=0.01)


class User(BaseModel):
    name: str
    age: int = 1
    token: SecretStr = SecretStr("canary-token-7d1f")

    @field_serializer("token")
    def _shown(self, token: SecretStr) -> str:
        return token.get_secret_value()


ADA = User(name=VALUE)


class Records(logging.Handler):
    """What is logged, with tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # These log the address of every request by themselves.
        if not record.name.startswith(("httpx", "httpcore")):
            self.lines.append(f"{self.format(record)} {record.args!r}")


class Watch:
    """All texts in which a canary may not be."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.errors: list[str] = []
        self.others: list[str] = []

    def fails(self, function: Callable[[], Any], error: type[Exception] = SerializationError) -> None:
        """Call something that has to fail, and keep its error with everything that is chained to it."""
        with pytest.raises(error) as caught:
            function()
        self.error(caught.value)

    def error(self, error: BaseException | None) -> None:
        while error is not None:
            if not isinstance(error, ValidationError):
                # Without the lines of this file, in which the canaries stand.
                self.errors.append("".join(traceback.format_exception_only(error)))
                self.errors.append(f"{error!r} {error.args!r} {getattr(error, '__notes__', [])}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)

    def note(self, *things: Any) -> None:
        """Keep what things say of themselves."""
        self.others += [f"{thing!r} {thing}" for thing in things]

    def heard(self, text: str) -> bool:
        """Say whether something was logged."""
        return any(text in line for line in self._records.lines)

    def check(self) -> None:
        """See that nothing came out of what was said."""
        for text in (*self._records.lines, *self.errors, *self.others):
            assert "canary" not in text, text


@pytest.fixture
def watch() -> Iterator[Watch]:
    records, root = Records(), logging.getLogger()
    level = root.level
    for name, logger in logging.Logger.manager.loggerDict.items():
        # Libraries that other tests use disable all loggers that were there before them.
        if name.startswith("pydantic_serialization") and isinstance(logger, logging.Logger):
            logger.disabled, logger.propagate = False, True
    root.addHandler(records)
    root.setLevel(logging.DEBUG)
    try:
        yield Watch(records)
    finally:
        root.removeHandler(records)
        root.setLevel(level)


@contextmanager
def server() -> Iterator[Server]:
    running = Server("--rename-command", "FLUSHALL", "")
    try:
        yield running
    finally:
        running.close()


def spoil(client: redis.Redis, change: Callable[[bytes], bytes]) -> None:
    """Change everything that is stored."""
    for name in client.scan_iter("*"):
        if client.type(name) == b"string":
            client.set(name, change(client.get(name)))


def tell(watch: Watch, manager: OptimizedSerializationManager) -> None:
    """Note everything that a manager and its cache say."""
    cache, report = manager.cache_manager, manager.get_performance_report()
    watch.note(manager, cache, manager.config, manager.get_stats(), cache.get_stats(), report, manager.results)


def boom() -> bytes:
    raise RuntimeError(VALUE)


def test_manager_and_shared_cache(watch: Watch) -> None:
    """With entries that are damaged, forged and moved, another key, a server that refuses, and none at all."""
    with server() as running, running.client() as client:
        settings = SerializationConfig(signing_keys=SECRETS[:2])
        cache = CacheManager(
            redis_url=f"{running.url}?client_name=canary-name", signing_keys=settings.secrets(), shared_settings=QUICK
        )
        manager = create_serialization_manager(settings, cache)

        def use() -> None:
            for name in ("json", "msgpack", "pickle"):
                data = manager.serialize_sync(ADA, format=name, cache_key=KEY, tags=[TAG])
                assert manager.deserialize_sync(data, User, format=name) == ADA
            cache.set_sync(KEY, VALUE.encode(), tags=[TAG])
            assert cache.get_or_load_sync(KEY, boom, stale_ttl=5) == VALUE.encode()
            assert _raised(lambda: cache.get_or_load_sync(f"{KEY}2", boom)).args == (VALUE,)  # the user's own error

        use()
        for change in (
            lambda data: data[:-1] + bytes([data[-1] ^ 1]),
            lambda data: data[:40],
            lambda _: VALUE.encode(),
        ):
            spoil(client, change)
            with CacheManager(
                redis_url=running.url, signing_keys=[SECRETS[2].encode()], shared_settings=QUICK
            ) as fresh:
                assert fresh.get_sync(KEY) is None
                watch.note(fresh, fresh.get_stats())
            use()
        for name in ("json", "msgpack", "pickle"):
            data = manager.serialize_sync(ADA, format=name)
            for bad in (data[:-3], data[:-1] + b"\xff", data + b"x", VALUE.encode(), b""):
                watch.error(_raised(lambda bad=bad, name=name: manager.deserialize_sync(bad, User, format=name)))
        client.execute_command("ACL", "SETUSER", "default", "-del", "-set")
        watch.fails(lambda: cache.invalidate_sync(KEY, tags=[TAG]))
        watch.fails(lambda: manager.invalidate_sync(KEY, tags=[TAG]))
        use()
        running.kill()
        watch.fails(lambda: cache.invalidate_sync(KEY, tags=[TAG]))
        for number in range(5):
            cache.set_sync(KEY, VALUE.encode(), tags=[TAG])
            assert cache.get_sync(f"{KEY}{number}") is None
        tell(watch, manager)
        cache.stop_sync()
    assert watch.heard("the shared cache Redis at")
    watch.check()


def test_a_server_that_repeats_the_command(watch: Watch) -> None:
    """Redis quotes what it does not know, with its arguments, which are keys and tags."""
    running = Server("--rename-command", "DEL", "")
    try:
        cache = CacheManager(redis_url=running.url, shared_settings=QUICK)
        watch.fails(lambda: cache.invalidate_sync(KEY, tags=[TAG]))
        with asyncio.Runner() as runner:
            watch.fails(lambda: runner.run(cache.invalidate(KEY, tags=[TAG])))
            runner.run(cache.stop())
        assert any("unknown command" in text for text in watch.errors)
        cache.stop_sync()
    finally:
        running.close()
    watch.check()


class BrokenCache(CacheManager):
    """A cache whose client repeats keys and values in its errors."""

    async def get(self, key: str) -> bytes | None:
        raise ConnectionError(f"GET {key} {VALUE}")

    async def get_or_load(self, *args: Any, **kwargs: Any) -> bytes | None:
        raise ConnectionError(f"GET {args} {VALUE}")

    async def set(self, *args: Any, **kwargs: Any) -> None:
        raise ConnectionError(f"SET {args} {VALUE}")


@pytest.mark.parametrize("kind", [CacheManager, BrokenCache])
def test_fastapi(watch: Watch, kind: type[CacheManager]) -> None:
    """Cached routes, bodies that are wrong, and a cache that fails."""
    app = FastAPI()
    runtime = setup(app, cache=kind(), formats=("json", "msgpack"))

    def who(authorization: Annotated[str, Header()]) -> str:
        return authorization

    @app.get("/user")
    @cached(60, key="user:{name}", tags=["user:{name}"], stale=5)
    async def user(name: str, _: Annotated[str, Depends(who)]) -> User:
        return User(name=name)

    @app.post("/user")
    async def post(user: User, tasks: BackgroundTasks) -> User:
        cache_after(tasks, runtime.cache, KEY, user, tags=[TAG])
        return user

    for _ in range(2):
        answer = call(app, f"/user?name={QUERY}", authorization=HEADER)
        assert (answer.status, QUERY in answer.body.decode()) == (200, True)
    body = ADA.model_dump_json().encode()
    for sent, content_type in (
        (body, "application/json"),
        (body[:-1], "application/vnd.msgpack"),
        (VALUE.encode(), "application/vnd.msgpack"),
        (body, "application/x-canary"),
    ):
        assert call(app, "/user", "POST", sent, content_type=content_type, cookie=HEADER).status in {200, 415, 422}
    tell(watch, runtime.manager)
    watch.note(runtime)
    watch.check()


def test_http_clients(watch: Watch) -> None:
    """Answers that are wrong in every way, with credentials in headers, address and query."""
    answers = iter(
        [
            httpx.Response(200, json={"name": VALUE}, headers={"etag": '"canary"'}),
            httpx.Response(200, content=VALUE, headers={"content-type": "application/json"}),
            httpx.Response(200, content=VALUE, headers={"content-type": "application/vnd.msgpack"}),
            httpx.Response(200, json={"name": VALUE, "age": "old"}),
            httpx.Response(500, content=VALUE),
            httpx.Response(404, json={"detail": VALUE}),
        ]
    )
    address = f"http://canary:{SECRETS[0]}@host/user?{QUERY}={QUERY}"
    cache = CacheManager()
    with httpx.Client(transport=httpx.MockTransport(lambda _: next(answers))) as plain:
        client = SyncModelClient(plain, cache=cache, formats=("json", "msgpack"), namespace=KEY)
        options: dict[str, Any] = {"headers": {"authorization": HEADER}}
        assert client.get(address, User, ttl=60, tags=[TAG], **options) == ADA
        for _ in range(5):
            watch.error(_raised(lambda: client.request("GET", address, User, **options)))
    assert len(watch.errors) >= 8
    watch.note(client, cache, cache.get_stats(), ModelClient(httpx.AsyncClient(), namespace=KEY))

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with httpx.Client(transport=httpx.MockTransport(refuse)) as plain:
        watch.fails(lambda: SyncModelClient(plain).get(address, User), httpx.ConnectError)
    watch.check()


def test_queues(watch: Watch) -> None:
    """Messages that are cut, altered, of another key, and values that are none."""
    codec, other = TaggedCodec([User], signing_keys=SECRETS[0]), TaggedCodec([User], signing_keys=SECRETS[1])
    plain = TaggedCodec([User])

    class Unlisted(BaseModel):
        name: str

    for one in (codec, plain):
        data = one.dumps({"user": ADA, VALUE: [VALUE]})
        for bad in (data[:-1], data[:-1] + b"\xff", data + b"x", VALUE.encode(), b""):
            watch.error(_raised(lambda bad=bad, one=one: one.loads(bad)))
        watch.fails(lambda data=data: other.loads(data))
        watch.fails(lambda one=one: one.dumps({VALUE: Unlisted(name=VALUE)}))
        watch.fails(lambda one=one: one.dumps({VALUE: {(VALUE,): VALUE}}))
        watch.fails(lambda one=one: one.dumps({VALUE: "\ud800" + VALUE}))
        watch.fails(lambda one=one: one.dumps({VALUE: 1 << 80}))
        watch.fails(lambda one=one, data=data: one.loads(data, User))
    watch.note(codec, plain)
    watch.check()


def _raised(function: Callable[[], Any]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011  (which one it is, is not the question)
        function()
    return caught.value

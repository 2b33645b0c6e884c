"""A real server: a small ASGI application behind uvicorn, in a thread of the tests' process."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import uvicorn
from pydantic import BaseModel, Field

from pydantic_serialization import CompressionLevel, PydanticModelSerializer, SerializationConfig, decoder, encoder
from pydantic_serialization.codecs import get_codec

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON, MSGPACK = "application/json", "application/vnd.msgpack"
FORMATS = {JSON: "json", MSGPACK: "msgpack"}


class User(BaseModel):
    id: int
    name: str = Field(alias="fullName")


class UserInDB(User):
    password: str = "hunter2"


class Seen(BaseModel):
    """What the server saw of a request."""

    method: str
    headers: dict[str, str]
    user: dict[str, Any] | None = None


class Behaviour:
    """What the server does; tests change it."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.version = 1
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: bytes | None = None
        self.delay = 0.0
        self.answers = threading.Event()
        self.answers.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        content, more = b"", True
        while more:
            message = await receive()
            content, more = content + message.get("body", b""), message.get("more_body", False)
        self.requests[scope["path"]] += 1
        await asyncio.sleep(self.delay)
        while not self.answers.is_set():  # noqa: ASYNC110  (threads set it)
            await asyncio.sleep(0.005)
        status, given, body = self.answer(scope["path"], scope["method"], headers, content)
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            }
        )
        for start in range(0, max(len(body), 1), 65_536):
            part = body[start : start + 65_536]
            await send({"type": "http.response.body", "body": part, "more_body": start + 65_536 < len(body)})

    def answer(
        self, path: str, method: str, headers: dict[str, str], content: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        media_type = MSGPACK if headers.get("accept", "").startswith(MSGPACK) else JSON
        given = {"content-type": media_type, **self.headers}
        if self.status != 200 or self.body is not None:
            return self.status, given, b"{}" if self.body is None else self.body
        match path:
            case "/user":
                who = headers.get("authorization") or headers.get("x-tenant") or "Ada"
                value = User(id=self.version, fullName=who)
                return 200, given, _aliased(value, FORMATS[media_type])
            case "/etag":
                tag = f'"v{self.version}"'
                if headers.get("if-none-match") == tag:
                    return 304, {"etag": tag}, b""
                return 200, {**given, "etag": tag}, _aliased(User(id=self.version, fullName="Ada"), FORMATS[media_type])
            case "/echo":
                sent = headers.get("content-type", "")
                user = decoder(dict[str, Any], FORMATS[sent])(content) if content else None
                seen = Seen(method=method, headers=headers, user=user)
                return 200, given, encoder(Seen, FORMATS[media_type])(seen)
            case "/bomb":
                coding = headers.get("x-coding", "gzip")
                body = bomb(coding)
                return 200, {**given, "content-encoding": "br" if coding == "brotli" else coding}, body
            case "/compressed":
                coding = headers.get("x-coding", "gzip")
                data = _aliased(User(id=1, fullName="x" * 5000), FORMATS[media_type])
                body = get_codec({"br": "brotli"}.get(coding, coding)).compressor(CompressionLevel.FAST)(data)
                return 200, {**given, "content-encoding": coding}, body
            case "/large":
                return 200, given, b'"' + b"x" * 5_000_000 + b'"'
            case "/nothing":
                return 204, {}, b""
        return 404, given, b'{"detail":"not found"}'


@cache
def bomb(coding: str) -> bytes:
    """Twenty megabytes of nothing, compressed to some kilobytes."""
    return get_codec(coding).compressor(CompressionLevel.FAST)(bytes(20_000_000))


def _aliased(value: BaseModel, format_name: str = "msgpack") -> bytes:
    serializer = PydanticModelSerializer(SerializationConfig(enable_compression=False))
    return serializer.serialize_model(value, format_name, by_alias=True)


@contextmanager
def serve(application: Behaviour) -> Iterator[str]:
    """Serve an application, and give its address."""
    server = uvicorn.Server(
        uvicorn.Config(application, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                message = "the server did not start"
                raise RuntimeError(message)
            threading.Event().wait(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)

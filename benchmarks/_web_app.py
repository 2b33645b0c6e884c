"""The application that the benchmarks of FastAPI call, with FastAPI's own routes or with ours."""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel, TypeAdapter

from pydantic_serialization.integrations.fastapi import cached, setup


class Color(str, Enum):
    """Something of which there are a few."""

    RED = "red"
    BLUE = "blue"


class User(BaseModel):
    """Ten fields, 230 bytes of JSON."""

    id: int
    name: str
    email: str
    created: datetime
    uid: UUID
    color: Color
    tags: list[str]
    score: float
    active: bool
    nick: str | None = None


class Line(BaseModel):
    """A line of an order."""

    sku: str
    quantity: int
    price: Decimal


class Order(BaseModel):
    """A nested model, 1.5 KB of JSON."""

    number: int
    owner: User
    lines: list[Line]
    by_day: dict[str, int]


def user(number: int) -> User:
    """Return a user."""
    return User(
        id=number,
        name=f"Ada Lovelace {number}",
        email=f"ada{number}@example.com",
        created=datetime(2024, 5, 17, 12, 30, number % 60, tzinfo=UTC),
        uid=UUID(int=number * 0x1234_5678_9ABC),
        color=Color.BLUE,
        tags=["engine", "analytical"],
        score=number * 1.25,
        active=True,
    )


USERS = [user(number) for number in range(1, 1001)]
ORDER = Order(
    number=7,
    owner=USERS[0],
    lines=[Line(sku=f"sku-{number}", quantity=number, price=Decimal("19.90")) for number in range(10)],
    by_day={f"2024-05-{day:02}": day for day in range(1, 29)},
)
BODY = {"one": USERS[0].model_dump_json().encode(), "many": TypeAdapter(list[User]).dump_json(USERS)}


async def one() -> User:
    """Return one model."""
    return USERS[0]


async def order() -> Order:
    """Return a nested model."""
    return ORDER


async def hundred() -> list[User]:
    """Return a list."""
    return USERS[:100]


async def thousand() -> list[User]:
    """Return a longer list."""
    return USERS


async def megabytes() -> list[User]:
    """Return 5 MB of JSON."""
    return USERS * 22


async def undeclared():  # type: ignore[no-untyped-def]
    """Return a list of which FastAPI does not know the type."""
    return USERS


def sync() -> User:
    """Return one model from a thread."""
    return USERS[0]


async def post_one(user: User) -> int:
    """Read one model."""
    return user.id


async def post(users: list[User]) -> int:
    """Read a list."""
    return len(users)


async def lines() -> AsyncIterator[User]:
    """Stream a list."""
    for item in USERS:
        yield item


def lines_sync() -> Iterator[User]:
    """Stream a list from a thread."""
    yield from USERS


@cached(3600)
async def from_cache() -> list[User]:
    """Return the longer list, for an hour the same."""
    return USERS


async def health() -> str:
    """Return next to nothing."""
    return "well"


ENDPOINTS: dict[str, tuple[str, Any]] = {
    "/user": ("GET", one),
    "/order": ("GET", order),
    "/users/100": ("GET", hundred),
    "/users/1000": ("GET", thousand),
    "/megabytes": ("GET", megabytes),
    "/undeclared": ("GET", undeclared),
    "/sync": ("GET", sync),
    "/post/one": ("POST", post_one),
    "/post/many": ("POST", post),
    "/lines": ("GET", lines),
    "/lines-sync": ("GET", lines_sync),
    "/cached": ("GET", thousand),
    "/health": ("GET", health),
}


def build(kind: str, *paths: str) -> FastAPI:
    """Return an application with some of the endpoints: ``"stock"`` as FastAPI makes it, ``"ours"`` after ``setup``."""
    app = FastAPI()
    if kind == "ours":
        setup(app)
    for path in paths or ENDPOINTS:
        method, endpoint = ENDPOINTS[path]
        is_cached = kind == "ours" and path == "/cached"
        app.add_api_route(path, from_cache if is_cached else endpoint, methods=[method])
    return app


async def call(
    app: Any, path: str, method: str = "GET", body: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Send one request to an application in this process, and throw away what it answers."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "scheme": "http",
    }

    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not messages:
            await asyncio.Event().wait()  # the client stays until it is answered
        return messages.pop()

    async def send(message: Any) -> None:
        assert message["type"] == "http.response.body" or message["status"] == 200, message

    await app(scope, receive, send)

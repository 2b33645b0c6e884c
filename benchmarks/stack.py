"""What the integrations for databases, HTTP and queues cost and save.

    python benchmarks/stack.py

Rows come from SQLite in memory, answers from an application in the same process, so that neither a network nor a disk is
counted: with them the savings are larger. Minima of interleaved rounds; trust ratios.
"""

from __future__ import annotations

import json
import pickle
import time
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from pydantic_serialization import CacheManager
from pydantic_serialization.integrations.http import SyncModelClient
from pydantic_serialization.integrations.queues import TaggedCodec
from pydantic_serialization.integrations.sqlalchemy import fetch_models_sync, statement_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROUNDS = 9


class Base(DeclarativeBase):
    """Base of the tables."""


class UserRow(Base):
    """A row."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    score: Mapped[float]


class User(BaseModel, from_attributes=True):
    """The model of a row."""

    id: int
    name: str
    email: str
    score: float


USERS = [User(id=n, name=f"user {n}", email=f"user{n}@example.org", score=n / 7) for n in range(1000)]


def compare(title: str, ways: Mapping[str, Callable[[], object]]) -> None:
    """Print the least time of each way, and its ratio to the first."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            repetitions, started = 0, time.perf_counter()
            while time.perf_counter() - started < 0.03:
                way()
                repetitions += 1
            best[name] = min(best[name], (time.perf_counter() - started) / repetitions)
    print(title)
    first = next(iter(best.values()))
    for name, seconds in best.items():
        print(f"  {name:44} {seconds * 1e6:10.1f} µs {first / seconds:8.2f} x")


def database() -> None:
    """Fetch a thousand rows as models."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all(UserRow(**user.model_dump()) for user in USERS)
    cache, adapter = CacheManager(), TypeAdapter(list[User])

    def in_session(work: Callable[[Session], object]) -> Callable[[], object]:
        def run() -> object:
            with Session(engine) as session:
                return work(session)

        return run

    for limit in (1, 1000):
        query = select(UserRow).limit(limit)
        compare(
            f"{limit} rows as models",
            {
                "session.scalars, validate_python": in_session(
                    lambda session, query=query: adapter.validate_python(session.scalars(query).all())  # type: ignore[misc]
                ),
                "fetch_models": in_session(lambda session, query=query: fetch_models_sync(session, query, User)),  # type: ignore[misc]
                "fetch_models, from the cache": in_session(
                    lambda session, query=query: fetch_models_sync(session, query, User, cache=cache)  # type: ignore[misc]
                ),
            },
        )
    compare(
        "key of a statement",
        {
            "select(...).compile()": lambda: select(UserRow).where(UserRow.id == 1).compile(dialect=engine.dialect),
            "statement_key": lambda: statement_key(select(UserRow).where(UserRow.id == 1), engine),
        },
    )
    engine.dispose()


def answers() -> None:
    """Get a thousand models over HTTP, without a network."""
    adapter = TypeAdapter(list[User])
    body = adapter.dump_json(USERS)
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, content=body, headers={"content-type": "application/json"})
    )
    with httpx.Client(transport=transport, base_url="http://example.org") as http:
        client = SyncModelClient(http, cache=CacheManager())
        compare(
            "1000 models over HTTP, without a network",
            {
                "httpx, json(), validate_python": lambda: adapter.validate_python(http.get("/").json()),
                "httpx, validate_json": lambda: adapter.validate_json(http.get("/").content),
                "ModelClient": lambda: client.get("/", list[User]),
                "ModelClient, from the cache": lambda: client.get("/", list[User], ttl=60),
            },
        )


def messages() -> None:
    """Write and read a message with ten models."""
    codec, as_json, some = TaggedCodec([User]), TaggedCodec([User], format="orjson"), USERS[:10]
    message: dict[str, Any] = {"task": "ship", "args": some}
    plain = TypeAdapter(dict[str, Any])
    compare(
        "a message with ten models, written and read",
        {
            "model_dump, json, validate_python": lambda: [
                User.model_validate(item)
                for item in json.loads(json.dumps(plain.dump_python(message, mode="json")))["args"]
            ],
            "pickle (which runs what it is told to)": lambda: pickle.loads(pickle.dumps(message)),
            "TaggedCodec": lambda: codec.loads(codec.dumps(message)),
            "TaggedCodec, models as JSON": lambda: as_json.loads(as_json.dumps(message)),
        },
    )


if __name__ == "__main__":
    database()
    answers()
    messages()

"""SQLModel's table classes, which are models and rows at once, at every door of the library."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import FastAPI
from integrations.fastapi.support import call
from pydantic import ValidationError
from sqlalchemy import Column
from sqlmodel import Field, Session, SQLModel, create_engine, select

from pydantic_serialization import (
    CacheManager,
    EncodeError,
    accelerate,
    create_serialization_manager,
    decoder,
    encoder,
    serialized,
)
from pydantic_serialization.bulk import RecordWriter, read_records
from pydantic_serialization.integrations.caches import SealedModels
from pydantic_serialization.integrations.fastapi import ModelStream, cached, setup
from pydantic_serialization.integrations.http import SyncModelClient
from pydantic_serialization.integrations.queues import TaggedCodec
from pydantic_serialization.integrations.sqlalchemy import ModelType, fetch_models_sync

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


class Badge(SQLModel):
    number: int
    color: str = "red"


class Knight(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(min_length=2)
    wage: Decimal
    since: date
    badge: Badge | None = Field(default=None, sa_column=Column(ModelType(Badge)))


VALUES = {"id": 1, "name": "Bors", "wage": Decimal("10.50"), "since": date(2025, 1, 2), "badge": Badge(number=7)}
STATE = b"_sa_instance_state"


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine, tables=[Knight.__table__])  # type: ignore[attr-defined]
    with Session(engine) as session:
        session.add(Knight(**VALUES))
        session.commit()
        yield session
    engine.dispose()


def values_of(row: Knight) -> dict[str, object]:
    return {name: getattr(row, name) for name in VALUES}


@pytest.mark.parametrize("cached", [False, True])
def test_fetched_rows_are_copies(session: Session, cached: bool) -> None:
    """What comes back is valid, equal to the row, and belongs to no session, with and without a cache."""
    cache = CacheManager() if cached else None
    for _ in range(2):
        [found] = fetch_models_sync(session, select(Knight), Knight, cache=cache)
        assert values_of(found) == VALUES
        assert found not in session
        found.name = "changed"
    session.commit()
    assert session.exec(select(Knight)).one().name == "Bors"


@pytest.mark.parametrize("format_name", ["json", "orjson", "msgpack"])
def test_bare_functions(session: Session, format_name: str) -> None:
    """``encoder`` and ``decoder``: expired rows are loaded, the state is not written, reading validates."""
    row = session.exec(select(Knight)).one()
    session.expire(row)
    data = encoder(Knight, format_name)(row)
    assert STATE not in data
    assert values_of(decoder(Knight, format_name)(data)) == VALUES
    wrong = encoder(dict[str, object], format_name)({"name": "B", "wage": "1", "since": "2025-01-01"})
    with pytest.raises(ValidationError, match="at least 2 characters"):
        decoder(Knight, format_name)(wrong)


def test_files_of_records(session: Session, tmp_path: Path) -> None:
    """Bulk writing and reading."""
    row = session.exec(select(Knight)).one()
    session.expire(row)
    with RecordWriter(tmp_path / "knights.jsonl.gz", Knight) as writer:
        writer.write(row)
    with read_records(tmp_path / "knights.jsonl.gz", Knight) as records:
        assert [values_of(knight) for knight in records] == [VALUES]


def test_decorators_and_cached_bytes(session: Session) -> None:
    """What ``@serialized`` keeps is a document without state, equal on a hit."""
    manager = create_serialization_manager()

    @serialized("json", key="knight:{number}", manager=manager)
    def knight(number: int) -> Knight:
        return session.exec(select(Knight).where(Knight.id == number)).one()

    first = knight(1)
    session.expire_all()
    assert (STATE in first, knight(1) == first) == (False, True)
    assert values_of(manager.deserialize_sync(first, Knight)) == VALUES


def test_messages_of_queues(session: Session) -> None:
    """A row is sent with its columns, expired or not, and received as a valid row of no session."""
    codec = TaggedCodec([Knight])
    row = session.exec(select(Knight)).one()
    session.expire(row)
    data = codec.dumps({"knight": row})
    assert STATE not in data
    found = codec.loads(data)["knight"]
    assert (values_of(found), found in session) == (VALUES, False)


def test_bodies_of_requests(session: Session) -> None:
    """A row is sent and received by an HTTP client."""

    def echo(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=request.content, headers={"content-type": request.headers["content-type"]})

    row = session.exec(select(Knight)).one()
    session.expire(row)
    with httpx.Client(transport=httpx.MockTransport(echo), base_url="http://x") as http:
        for format_name in ("json", "orjson", "msgpack"):
            found = SyncModelClient(http).post("/", row, Knight, format=format_name)
            assert (values_of(found), found in session) == (VALUES, False)


@pytest.mark.parametrize("expired", [False, True])
def test_responses(session: Session, expired: bool) -> None:
    """A row that an endpoint returns is sent with its columns in every format, kept or not; its JSON is FastAPI's."""
    row = session.exec(select(Knight)).one()
    app, stock = FastAPI(), FastAPI()
    setup(app, formats=("json", "msgpack"))

    async def alone() -> Knight:
        if expired:
            session.expire(row)
        return row

    async def listed() -> list[Knight]:
        return [await alone()]

    for path, endpoint in (("/alone", alone), ("/listed", listed)):
        stock.get(path)(endpoint)
        app.get(path)(endpoint)
        app.get(f"/kept{path}")(cached(60)(endpoint))
        for way in (path, f"/kept{path}", f"/kept{path}"):
            answer = call(app, way)
            # FastAPI sends nothing of a row that has expired: SQLModel's documentation says to refresh it.
            assert answer.body == call(stock, path).body
            packed = call(app, way, accept="application/vnd.msgpack").body
            assert STATE not in answer.body + packed
            read = decoder(list[Knight] if path == "/listed" else Knight, "msgpack")(packed)
            assert values_of(read[0] if isinstance(read, list) else read) == VALUES
            if not expired:
                assert decoder(Any)(answer.body) == decoder(Any, "msgpack")(packed)


@pytest.mark.parametrize("format_name", ["jsonl", "json-array", "msgpack"])
def test_streams(session: Session, format_name: str) -> None:
    """A row is streamed with its columns, expired or not."""
    row = session.exec(select(Knight)).one()
    app = FastAPI()

    @app.get("/", response_model=None)
    async def streamed() -> ModelStream:
        async def rows() -> AsyncIterator[Knight]:
            session.expire(row)
            yield row

        return ModelStream(rows(), Knight, format=format_name)

    data = call(app, "/").body
    assert STATE not in data
    read = decoder(
        list[Knight] if format_name == "json-array" else Knight, "msgpack" if format_name == "msgpack" else "json"
    )
    found = read(data)
    assert values_of(found[0] if isinstance(found, list) else found) == VALUES


def test_caches_of_others(session: Session) -> None:
    """What is sealed for another library's cache has no state in it, and gives a row of no session."""
    models = SealedModels(Knight, list[Knight])
    row = session.exec(select(Knight)).one()
    for value in (row, [row]):
        session.expire(row)
        data = models.dumps(value, "key")
        assert STATE not in data
        found = models.loads(data, "key")
        first = found[0] if isinstance(found, list) else found
        assert (values_of(first), first in session) == (VALUES, False)


@pytest.mark.parametrize("format_name", ["json", "orjson", "msgpack"])
def test_managers(session: Session, format_name: str) -> None:
    """In every format that is only data: columns and nothing else, whatever the state of the row."""
    manager = create_serialization_manager()
    row = session.exec(select(Knight)).one()
    for _ in range(2):
        session.expire(row)
        data = manager.serialize_sync(row, format_name)
        assert STATE not in data
        found = manager.deserialize_sync(data, Knight, format_name)
        assert (values_of(found), found in session) == (VALUES, False)


def test_rows_that_cannot_be_loaded_are_refused(session: Session) -> None:
    """Neither a queue nor a column gets an empty document for a row that has expired and lost its session."""
    row = session.exec(select(Knight)).one()
    session.expire(row)
    session.expunge(row)
    with pytest.raises(EncodeError, match="DetachedInstanceError"):
        TaggedCodec([Knight]).dumps(row)


def test_accelerated_methods(session: Session) -> None:
    """Under Pydantic's own methods it behaves as they do."""
    row = session.exec(select(Knight)).one()
    expected = row.model_dump_json()
    accelerate(Knight)
    assert row.model_dump_json() == expected

"""Transactions that see an old state answer from the cache, and never fill it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from integrations.sqlalchemy.tables import AuthorRow
from pydantic import BaseModel
from sqlalchemy import Engine, create_engine, event, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from pydantic_serialization import CacheManager
from pydantic_serialization.integrations.sqlalchemy import fetch_models, fetch_models_sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Database = Callable[[str], tuple[Engine, str]]

AUTHORS = select(AuthorRow).order_by(AuthorRow.id)
LEVELS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]


class Author(BaseModel):
    name: str


def fetch(session: Session, cache: CacheManager) -> str:
    return fetch_models_sync(session, AUTHORS, Author, cache=cache, tags=("authors",))[0].name


def kept(cache: CacheManager) -> int:
    return cache.get_stats()["l1_cache"]["items"]


def rename(engine: Engine, cache: CacheManager) -> None:
    """Change a row in another transaction, and drop what depends on it after the commit."""
    with engine.begin() as connection:
        connection.execute(text("UPDATE author SET name = 'Eve' WHERE id = 1"))
    cache.invalidate_sync(tags=["authors"])


def by_engine(url: str, level: str) -> Engine:
    return create_engine(url, isolation_level=level)


def by_option(url: str, level: str) -> Engine:
    return create_engine(url).execution_options(isolation_level=level)


def by_connecting(url: str, level: str) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def set_level(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}")
        connection.commit()

    return engine


@pytest.fixture
def postgres_engine(database_of: Database) -> Engine:
    return database_of("psycopg")[0]


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


@pytest.mark.parametrize("make", [by_engine, by_option, by_connecting])
@pytest.mark.parametrize("level", LEVELS)
def test_a_transaction_that_sees_the_past_fills_no_cache(
    postgres_engine: Engine, make: Callable[[str, str], Engine], level: str
) -> None:
    """Whoever set its level: what it reads after another's commit and invalidation is not served to anybody else."""
    engine = make(url_of(postgres_engine), level)
    cache = CacheManager()
    try:
        with Session(engine) as session:
            session.execute(text("SELECT 1"))
            rename(postgres_engine, cache)
            seen = fetch(session, cache)
            assert seen == ("Eve" if level == "READ COMMITTED" else "Ada")
            assert kept(cache) == (level == "READ COMMITTED")
        with Session(postgres_engine) as session:
            assert fetch(session, cache) == "Eve"
    finally:
        engine.dispose()


@pytest.mark.parametrize("level", LEVELS)
def test_the_first_query_of_a_transaction_fills_it(postgres_engine: Engine, level: str) -> None:
    """It sees what is there now; and later ones are answered with it, without a query."""
    engine = by_engine(url_of(postgres_engine), level)
    cache = CacheManager()
    try:
        for _ in range(2):
            with Session(engine) as session:
                assert [fetch(session, cache) for _ in range(3)] == ["Ada"] * 3
                session.commit()
                assert fetch(session, cache) == "Ada"
        assert kept(cache) == cache.get_stats()["loads"]["count"] == 1
    finally:
        engine.dispose()


def test_the_next_transaction_of_a_session_fills_it(postgres_engine: Engine) -> None:
    """What a session has read before its commit does not count any more."""
    engine = by_engine(url_of(postgres_engine), "SERIALIZABLE")
    cache = CacheManager()
    try:
        with Session(engine) as session:
            session.execute(text("SELECT 1"))
            fetch(session, cache)
            assert kept(cache) == 0
            session.rollback()
            fetch(session, cache)
            assert kept(cache) == 1
    finally:
        engine.dispose()


def test_a_connection_that_was_used_before(postgres_engine: Engine) -> None:
    """A session that joins a transaction sees the state that transaction sees."""
    engine = by_engine(url_of(postgres_engine), "REPEATABLE READ")
    cache = CacheManager()
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            rename(postgres_engine, cache)
            with Session(connection) as session:
                assert fetch(session, cache) == "Ada"
            assert kept(cache) == 0
    finally:
        engine.dispose()


@pytest.fixture
def sqlite(database_of: Database) -> Iterator[Engine]:
    engine = create_engine(database_of("aiosqlite")[1].replace("+aiosqlite", ""), poolclass=NullPool)
    yield engine
    engine.dispose()


def test_sqlite_keeps_no_state_of_its_own(sqlite: Engine) -> None:
    """It says SERIALIZABLE, but the driver opens no transaction for queries: later ones see what is there now."""
    cache = CacheManager()
    with Session(sqlite) as session:
        session.execute(text("SELECT 1"))
        rename(sqlite, cache)
        assert fetch(session, cache) == "Eve"
    assert kept(cache) == 1


def test_sqlite_with_transactions(sqlite: Engine) -> None:
    """With a BEGIN, as SQLAlchemy's documentation has it, it sees the past in WAL mode."""

    @event.listens_for(sqlite, "connect")
    def no_transactions_of_the_drivers(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")

    @event.listens_for(sqlite, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    cache = CacheManager()
    with Session(sqlite) as session:
        session.execute(AUTHORS)
        session.expire_all()
        rename(sqlite, cache)
        assert fetch(session, cache) == "Ada"
    assert kept(cache) == 0


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
@pytest.mark.parametrize("level", LEVELS)
def test_asynchronous_sessions(database_of: Database, driver: str, level: str) -> None:
    """The same for them."""
    engine, url = database_of(driver)
    cache = CacheManager()

    async def main(reader: AsyncEngine) -> str:
        async with AsyncSession(reader) as session:
            await session.execute(text("SELECT 1"))
            with engine.begin() as connection:
                connection.execute(text("UPDATE author SET name = 'Eve' WHERE id = 1"))
            await cache.invalidate(tags=["authors"])
            (first, *_) = await fetch_models(session, AUTHORS, Author, cache=cache, tags=("authors",))
        await reader.dispose()
        return first.name

    seen = asyncio.run(main(create_async_engine(url, poolclass=NullPool, isolation_level=level)))
    assert (seen, kept(cache)) == (("Eve", 1) if level == "READ COMMITTED" else ("Ada", 0))


def test_callers_that_wait_for_one_that_sees_the_past(postgres_engine: Engine, database_of: Database) -> None:
    """They make their own queries, and see what is there now."""
    url = database_of("asyncpg")[1]
    cache = CacheManager()

    async def main() -> list[str]:
        past = create_async_engine(url, poolclass=NullPool, isolation_level="SERIALIZABLE")
        now = create_async_engine(url, poolclass=NullPool)
        async with AsyncSession(past) as old, AsyncSession(now) as one, AsyncSession(now) as other:
            await old.execute(text("SELECT 1"))
            rename(postgres_engine, cache)
            found = await asyncio.gather(
                *(fetch_models(session, AUTHORS, Author, cache=cache) for session in (old, one, other))
            )
        await past.dispose()
        await now.dispose()
        return [authors[0].name for authors in found]

    assert asyncio.run(main()) == ["Ada", "Eve", "Eve"]
    assert cache.get_stats()["loads"]["coalesced"] == 2

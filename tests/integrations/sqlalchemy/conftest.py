"""Databases for the tests of this folder: SQLite in a file, and a PostgreSQL server that is started for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from integrations.sqlalchemy.tables import AuthorRow, Base, BookRow
from services import postgres
from sqlalchemy import Engine, NullPool, create_engine, delete, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    with postgres() as address:
        yield address


@pytest.fixture(scope="session")
def database_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Engine, str]]:
    """Fill the database behind a driver anew; give an engine, and the URL for asynchronous engines.

    There are two authors and three books.
    """
    engines: dict[str, Engine] = {}
    path = tmp_path_factory.mktemp("sqlite") / "test.db"

    def fill(driver: str) -> tuple[Engine, str]:
        if driver == "aiosqlite":
            url, async_url = f"sqlite:///{path}", f"sqlite+aiosqlite:///{path}"
        else:
            address = request.getfixturevalue("postgres_address")
            url, async_url = f"postgresql+psycopg://{address}", f"postgresql+{driver}://{address}"
        if url not in engines:
            engines[url] = create_engine(url)
            Base.metadata.create_all(engines[url])
            request.addfinalizer(engines[url].dispose)
        ada = [BookRow(id=1, title="Notes"), BookRow(id=2, title="Letters")]
        with Session(engines[url]) as session, session.begin():
            session.execute(delete(BookRow))
            session.execute(delete(AuthorRow))
            session.add_all([AuthorRow(id=1, name="Ada", books=ada), AuthorRow(id=2, name="Bob")])
            session.flush()
            session.add(BookRow(id=3, title="Walks", author_id=2))
        return engines[url], async_url

    return fill


@pytest.fixture(params=["aiosqlite", "psycopg"], ids=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, database_of: Callable[[str], tuple[Engine, str]]) -> Engine:
    return database_of(request.param)[0]


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as made:
        yield made


@pytest.fixture(params=["aiosqlite", "asyncpg", "psycopg"])
def open_session(
    request: pytest.FixtureRequest, database_of: Callable[[str], tuple[Engine, str]]
) -> Callable[[], tuple[AsyncEngine, AsyncSession]]:
    """Make an asynchronous engine and a session, inside of the event loop that uses them."""
    _, url = database_of(request.param)

    def make() -> tuple[AsyncEngine, AsyncSession]:
        engine = create_async_engine(url, poolclass=NullPool)
        return engine, AsyncSession(engine)

    return make


@pytest.fixture
def statements_of() -> Iterator[Callable[[Engine], list[str]]]:
    """Return a list that grows by every SQL statement that an engine runs."""
    listening = []

    def listen(engine: Engine) -> list[str]:
        statements: list[str] = []

        def note(*arguments: object) -> None:
            statements.append(str(arguments[2]))

        event.listen(engine, "before_cursor_execute", note)
        listening.append((engine, note))
        return statements

    yield listen
    for engine, note in listening:
        event.remove(engine, "before_cursor_execute", note)

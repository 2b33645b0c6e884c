"""``fetch_models``: rows as models, on SQLite and PostgreSQL, with synchronous and asynchronous sessions."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from integrations.sqlalchemy.tables import (
    Author,
    AuthorRow,
    AuthorWithBooks,
    AuthorWithNotes,
    Book,
    BookRow,
    BookWithAuthor,
)
from pydantic import BaseModel, Field, ValidationError, field_validator
from sqlalchemy import ForeignKey, create_engine, func, insert, select, text, update
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
    undefer,
)

from pydantic_serialization import (
    CacheManager,
    ConfigurationError,
    UnsupportedTypeError,
    create_serialization_manager,
)
from pydantic_serialization.integrations.sqlalchemy import fetch_models, fetch_models_sync

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

    OpenSession = Callable[[], tuple[AsyncEngine, AsyncSession]]
    Listen = Callable[[Engine], list[str]]

ADA = AuthorWithBooks(id=1, name="Ada", books=[Book(id=1, title="Notes"), Book(id=2, title="Letters")])
BOB = AuthorWithBooks(id=2, name="Bob", books=[Book(id=3, title="Walks")])
AUTHORS = select(AuthorRow).order_by(AuthorRow.id)


def run_async(open_session: OpenSession, work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        engine, session = open_session()
        async with session:
            found = await work(session)
        await engine.dispose()
        return found

    return asyncio.run(run())


class Count(BaseModel):
    name: str
    count: int


class KeyNotingCache(CacheManager):
    """A cache that tells the last key it was asked for."""

    key = ""

    def get_or_load_sync(self, key: str, *arguments: Any, **options: Any) -> bytes | None:
        self.key = key
        return super().get_or_load_sync(key, *arguments, **options)


SHAPES: list[tuple[Any, Any, list[Any]]] = [
    (AUTHORS, Author, [Author(id=1, name="Ada"), Author(id=2, name="Bob")]),
    (AUTHORS.options(selectinload(AuthorRow.books)), AuthorWithBooks, [ADA, BOB]),
    (AUTHORS.options(joinedload(AuthorRow.books)), AuthorWithBooks, [ADA, BOB]),
    (select(AuthorRow.id, AuthorRow.name).where(AuthorRow.id == 1), Author, [Author(id=1, name="Ada")]),
    (
        # A row is a tuple, which has a method of the name of this column.
        select(AuthorRow.name, func.count().label("count")).join(AuthorRow.books).group_by(AuthorRow.name).order_by("name"),
        Count,
        [Count(name="Ada", count=2), Count(name="Bob", count=1)],
    ),
    (select(AuthorRow.name).order_by(AuthorRow.id), str, ["Ada", "Bob"]),
    (select(AuthorRow.id, AuthorRow.name).where(AuthorRow.id == 1), dict[str, Any], [{"id": 1, "name": "Ada"}]),
    (text("SELECT id, name FROM author WHERE id = :id").bindparams(id=2), Author, [Author(id=2, name="Bob")]),
    (select(AuthorRow).from_statement(text("SELECT * FROM author WHERE id = 2")), Author, [Author(id=2, name="Bob")]),
    (select(AuthorRow).join(AuthorRow.books).where(AuthorRow.id == 1), Author, [Author(id=1, name="Ada")] * 2),
    (AUTHORS.where(AuthorRow.id > 9), Author, []),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "model", "expected"), SHAPES)
def test_rows_become_models(session: Session, statement: Any, model: Any, expected: list[Any]) -> None:
    """Entities give their attributes, columns their names; the number and order of the rows stay."""
    assert fetch_models_sync(session, statement, model) == expected


@pytest.mark.parametrize(("statement", "model", "expected"), SHAPES)
def test_rows_become_models_asynchronously(
    open_session: OpenSession, statement: Any, model: Any, expected: Any
) -> None:
    """The same, and the same from a cache."""
    cache = CacheManager()

    async def work(session: AsyncSession) -> list[Any]:
        return [
            await fetch_models(session, statement, model),
            await fetch_models(session, statement, model, cache=cache),
            await fetch_models(session, statement, model, cache=cache),
        ]

    assert run_async(open_session, work) == [expected] * 3
    assert cache.get_stats()["loads"]["count"] == 1


def test_what_is_not_in_the_model_does_not_leave(session: Session) -> None:
    """A column that the model does not name is neither in the models nor in the cache."""
    cache = KeyNotingCache()
    fetch_models_sync(session, AUTHORS, Author, cache=cache, key="authors")
    assert cache.get_sync(cache.key) == b'[{"id":1,"name":"Ada"},{"id":2,"name":"Bob"}]'


def test_a_row_that_does_not_fit_is_pydantics_error(session: Session) -> None:
    """Validation is not skipped, and its error passes untouched."""

    class Short(BaseModel):
        name: str = Field(max_length=2)

    with pytest.raises(ValidationError, match="at most 2 characters"):
        fetch_models_sync(session, AUTHORS, Short)


MISSING: list[tuple[Any, Any, str]] = [
    (AUTHORS, AuthorWithBooks, r"AuthorRow\.books is not loaded.*\.options\(selectinload\(AuthorRow\.books\)\)"),
    (select(BookRow), BookWithAuthor, r"BookRow\.author is not loaded.*\.options\(selectinload\(BookRow\.author\)\)"),
    (AUTHORS, AuthorWithNotes, r"AuthorRow\.notes is not loaded.*\.options\(undefer\(AuthorRow\.notes\)\)"),
]


@pytest.mark.parametrize(("statement", "model", "message"), MISSING)
def test_what_is_not_loaded_is_named(session: Session, statement: Any, model: Any, message: str) -> None:
    """The error names the attribute and the option; there is no silent query per row."""
    with pytest.raises(ConfigurationError, match=message):
        fetch_models_sync(session, statement, model)


@pytest.mark.parametrize(("statement", "model", "message"), MISSING)
def test_what_is_not_loaded_is_named_asynchronously(
    open_session: OpenSession, statement: Any, model: Any, message: str
) -> None:
    """The same error, and nothing about greenlets; nothing is cached."""
    cache = CacheManager()

    async def work(session: AsyncSession) -> None:
        with pytest.raises(ConfigurationError, match=message) as caught:
            await fetch_models(session, statement, model, cache=cache)
        assert caught.value.__cause__ is None

    run_async(open_session, work)
    assert cache.get_stats()["l1_cache"]["items"] == 0


def test_what_a_validator_reads_is_not_loaded_silently_either(session: Session, statements_of: Listen) -> None:
    """A validator that touches a relation gets no query, but the same kind of error."""

    class Counted(BaseModel):
        name: str
        books: int

        @field_validator("books", mode="before")
        @classmethod
        def _count(cls, value: Any) -> int:
            return len(value)

    statements = statements_of(session.get_bind().engine)
    with pytest.raises(ConfigurationError, match="is not loaded"):
        fetch_models_sync(session, AUTHORS, Counted)
    assert len(statements) == 1
    counted = fetch_models_sync(session, AUTHORS.options(selectinload(AuthorRow.books)), Counted)
    assert [author.books for author in counted] == [2, 1]


class Tables(DeclarativeBase):
    pass


class ShelfRow(Tables):
    __tablename__ = "shelf"

    id: Mapped[int] = mapped_column(primary_key=True)
    boxes: Mapped[set[BoxRow]] = relationship()


class BoxRow(Tables):
    __tablename__ = "box"

    id: Mapped[int] = mapped_column(primary_key=True)
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelf.id"))
    shelf: Mapped[ShelfRow] = relationship(viewonly=True)
    label: Mapped[str] = mapped_column(deferred=True)


class Box(BaseModel):
    id: int
    label: str


class Shelf(BaseModel):
    id: int
    boxes: list[Box]


def test_what_is_not_loaded_in_a_set_is_told_too() -> None:
    """Where the place of a row has no name, the class of the row is named."""
    engine = create_engine("sqlite://")
    Tables.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(ShelfRow(id=1, boxes={BoxRow(id=1, label="nails")}))
    with Session(engine) as session:
        query = select(ShelfRow).options(selectinload(ShelfRow.boxes))
        with pytest.raises(ConfigurationError, match="an attribute of BoxRow is not loaded"):
            fetch_models_sync(session, query, Shelf)
    with Session(engine) as session:
        query = select(ShelfRow).options(selectinload(ShelfRow.boxes).undefer(BoxRow.label))
        assert fetch_models_sync(session, query, Shelf) == [Shelf(id=1, boxes=[Box(id=1, label="nails")])]
    engine.dispose()


def test_lazy_loading_stays_as_it_is_elsewhere(session: Session) -> None:
    """Only the reading of models refuses it."""
    fetch_models_sync(session, AUTHORS, Author)
    assert [book.title for book in session.get_one(AuthorRow, 1).books] == ["Notes", "Letters"]
    assert session.get_one(AuthorRow, 1).notes == ""


def test_a_row_with_more_loaded_than_the_model_reads_is_fine(session: Session) -> None:
    """Deferred columns that are loaded are read."""
    found = fetch_models_sync(session, AUTHORS.options(undefer(AuthorRow.notes)), AuthorWithNotes)
    assert [author.notes for author in found] == ["", ""]


# -- the cache --------------------------------------------------------------------------------------------------------


def test_a_hit_runs_no_sql(engine: Engine, statements_of: Listen) -> None:
    """A second session finds what the first one kept, as models of its own."""
    cache, statements = CacheManager(), statements_of(engine)
    query = AUTHORS.options(selectinload(AuthorRow.books))
    with Session(engine) as session:
        first = fetch_models_sync(session, query, AuthorWithBooks, cache=cache, ttl=60)
    assert len(statements) == 2
    with Session(engine) as session:
        second = fetch_models_sync(session, query, AuthorWithBooks, cache=cache, ttl=60)
    assert len(statements) == 2
    assert second == first == [ADA, BOB]
    assert second[0] is not first[0]


def test_tags_and_names_invalidate(session: Session) -> None:
    """``invalidate(tags=...)`` drops what carries the tag, ``invalidate(key)`` what was given a name."""
    cache = CacheManager()

    def read() -> list[Author]:
        return fetch_models_sync(session, AUTHORS, Author, cache=cache, tags=("authors",))

    def read_by_name() -> list[Author]:
        return fetch_models_sync(session, AUTHORS, Author, cache=cache, key="all authors")

    for _ in range(2):
        read()
        read_by_name()
    assert cache.get_stats()["loads"]["count"] == 2
    cache.invalidate_sync(tags=("authors",))
    read()
    read_by_name()
    assert cache.get_stats()["loads"]["count"] == 3
    cache.invalidate_sync(tags=("key:all authors",))  # what a manager's invalidate("all authors") does
    read_by_name()
    assert cache.get_stats()["loads"]["count"] == 4


def test_concurrent_readers_share_one_query(open_session: OpenSession) -> None:
    """Fifty callers that miss at once, each with a session of its own, run one query."""
    cache = CacheManager()

    async def run() -> list[list[Author]]:
        engine, first = open_session()
        await first.close()

        async def read() -> list[Author]:
            async with type(first)(engine) as session:
                return await fetch_models(session, AUTHORS, Author, cache=cache)

        found = await asyncio.gather(*(read() for _ in range(50)))
        await engine.dispose()
        return found

    found = asyncio.run(run())
    assert all([author.name for author in authors] == ["Ada", "Bob"] for authors in found)
    assert len({id(authors[0]) for authors in found}) == 50
    assert cache.get_stats()["loads"]["count"] == 1


def test_threads_share_one_query(engine: Engine) -> None:
    """The same for threads with synchronous sessions."""
    cache, barrier, found = CacheManager(), threading.Barrier(4), []

    def read() -> None:
        with Session(engine) as session:
            barrier.wait()
            found.append(fetch_models_sync(session, AUTHORS, Author, cache=cache))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert cache.get_stats()["loads"]["count"] == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.add(AuthorRow(id=3, name="Eve")),
        lambda session: (session.add(AuthorRow(id=3, name="Eve")), session.flush()),
        lambda session: session.execute(insert(AuthorRow).values(id=3, name="Eve")),
        lambda session: session.execute(update(AuthorRow).values(name="Eve")),
        lambda session: setattr(session.get_one(AuthorRow, 1), "name", "Eve"),
        lambda session: session.execute(text("UPDATE author SET name = 'Eve'")),
        lambda session: session.execute(text("UPDATE author SET name = 'Eve' RETURNING id")).all(),
        lambda session: session.execute(AuthorRow.__table__.update().values(name="Eve")),
        lambda session: session.connection().execute(update(AuthorRow).values(name="Eve")),
        lambda session: session.connection().exec_driver_sql("UPDATE author SET name = 'Eve'"),
        lambda session: session.bulk_update_mappings(AuthorRow, [{"id": 1, "name": "Eve"}]),
        lambda session: session.bulk_save_objects([AuthorRow(id=3, name="Eve")]),
    ],
)
def test_what_is_not_committed_is_never_cached(engine: Engine, change: Callable[[Session], object]) -> None:
    """A session with changes of its own sees them, nobody else does, and after a rollback they never were."""
    cache = CacheManager()

    def names(session: Session) -> list[str]:
        return [author.name for author in fetch_models_sync(session, AUTHORS, Author, cache=cache)]

    with Session(engine) as session:
        change(session)
        assert "Eve" in names(session)
        assert cache.get_stats()["l1_cache"]["items"] == 0
        session.rollback()
        assert names(session) == ["Ada", "Bob"]
    assert cache.get_stats()["l1_cache"]["items"] == 1


@pytest.mark.parametrize(
    "query",
    [
        lambda session: session.execute(select(AuthorRow)),
        lambda session: session.execute(text(" SELECT 1")),
        lambda session: session.execute(
            text("(SELECT 1)") if session.bind.name == "postgresql" else text("VALUES (1)")
        ),
        lambda session: session.execute(select(select(AuthorRow).cte("authors"))),
        lambda session: session.begin_nested().rollback(),
    ],
)
def test_a_session_that_only_read_uses_the_cache(engine: Engine, query: Callable[[Session], object]) -> None:
    """Queries of whatever kind before are no reason to read past it, nor is a savepoint."""
    cache = CacheManager()
    with Session(engine) as session:
        query(session)
        fetch_models_sync(session, AUTHORS, Author, cache=cache)
    assert cache.get_stats()["l1_cache"]["items"] == 1


def test_what_others_do_with_a_connection_later(engine: Engine) -> None:
    """A connection that went back to its pool says nothing about the session that had it before."""
    cache = CacheManager()
    with Session(engine) as session:
        session.connection()
        session.rollback()
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE author SET name = 'Eve'")
        fetch_models_sync(session, AUTHORS, Author, cache=cache)
    assert cache.get_stats()["l1_cache"]["items"] == 1


def test_a_connection_goes_on_with_its_next_session(engine: Engine) -> None:
    """A write counts for the session that made it, also where one connection serves several in turn."""
    cache = CacheManager()
    with engine.connect() as connection, connection.begin() as transaction:
        for _ in range(2):
            with Session(connection) as session:
                session.connection()
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            session.connection().exec_driver_sql("UPDATE author SET name = 'Eve'")
            fetch_models_sync(session, AUTHORS, Author, cache=cache)
        transaction.rollback()
    assert cache.get_stats()["l1_cache"]["items"] == 0


def test_a_committed_change_is_read_after_its_invalidation(engine: Engine) -> None:
    """The whole life of an entry: kept, served, dropped after the commit, made anew."""
    cache = CacheManager()

    def names(session: Session) -> list[str]:
        found = fetch_models_sync(session, AUTHORS, Author, cache=cache, tags=("authors",))
        return [author.name for author in found]

    with Session(engine) as session:
        assert names(session) == ["Ada", "Bob"]
        session.get_one(AuthorRow, 2).name = "Bea"
        session.commit()
        assert names(session) == ["Ada", "Bob"]
        cache.invalidate_sync(tags=("authors",))
        assert names(session) == ["Ada", "Bea"]


@pytest.mark.parametrize("poison", [b"", b"garbage", b'[{"id":"x"}]', b"\x80\x04N.", b'{"id":1}'])
def test_an_entry_that_is_not_ours_is_a_miss(session: Session, poison: bytes) -> None:
    """Whatever stands in the cache, the answer is right, and the entry is replaced."""
    cache = KeyNotingCache()
    fetch_models_sync(session, AUTHORS, Author, cache=cache)
    cache.set_sync(cache.key, poison)
    assert [author.id for author in fetch_models_sync(session, AUTHORS, Author, cache=cache)] == [1, 2]
    assert [author.id for author in fetch_models_sync(session, AUTHORS, Author, cache=cache)] == [1, 2]
    assert cache.get_stats()["loads"]["count"] == 2


def test_another_version_of_the_model_is_a_miss(session: Session) -> None:
    """What an earlier deploy has kept under the same name of a class is not read as the new one."""
    cache = CacheManager()

    def version(limit: int) -> type[BaseModel]:
        class Named(BaseModel):
            name: str = Field(max_length=limit)

        return Named

    for limit in (10, 20, 10):
        fetch_models_sync(session, AUTHORS, version(limit), cache=cache, key="authors")
    assert cache.get_stats()["loads"]["count"] == 2


def test_a_model_that_would_not_read_back_is_refused(session: Session) -> None:
    """A cached read never gives less than an uncached one."""

    class Hidden(BaseModel):
        name: str
        password: str = Field(exclude=True)

    assert fetch_models_sync(session, AUTHORS, Hidden)[0].password == "hunter2"
    with pytest.raises(UnsupportedTypeError, match=r"Hidden\.password is excluded from serialization"):
        fetch_models_sync(session, AUTHORS, Hidden, cache=CacheManager())


def test_aliases_read_back(session: Session) -> None:
    """What a field is called outside does not matter to the cache."""

    class Renamed(BaseModel):
        who: str = Field(validation_alias="name", serialization_alias="Name")

    cache = CacheManager()
    read = [fetch_models_sync(session, AUTHORS, Renamed, cache=cache) for _ in range(2)]
    assert read[0] == read[1] == fetch_models_sync(session, AUTHORS, Renamed)
    assert cache.get_stats()["loads"]["count"] == 1


@pytest.mark.parametrize("options", [{"ttl": 60}, {"tags": ("x",)}, {"key": "x"}])
def test_options_of_the_cache_need_a_cache(session: Session, options: dict[str, Any]) -> None:
    """Forgetting ``cache=`` is not silently uncached."""
    with pytest.raises(ConfigurationError, match=r"pass cache=manager\.cache_manager"):
        fetch_models_sync(session, AUTHORS, Author, **options)


def test_what_is_easily_confused_is_told(session: Session, open_session: OpenSession) -> None:
    """A session of the other kind, and a manager in place of its cache."""
    with pytest.raises(
        ConfigurationError, match="Session is no AsyncSession: for a Session there is fetch_models_sync"
    ):
        asyncio.run(fetch_models(session, AUTHORS, Author))  # type: ignore[call-overload]
    manager: Any = create_serialization_manager()
    with pytest.raises(ConfigurationError, match=r"manager\.cache_manager, not Optimized"):
        fetch_models_sync(session, AUTHORS, Author, cache=manager)

    async def work(other: AsyncSession) -> None:
        with pytest.raises(ConfigurationError, match="AsyncSession is asynchronous: await fetch_models"):
            fetch_models_sync(other, AUTHORS, Author)  # type: ignore[call-overload]
        with pytest.raises(ConfigurationError, match=r"manager\.cache_manager, not Optimized"):
            await fetch_models(other, AUTHORS, Author, cache=manager)

    run_async(open_session, work)

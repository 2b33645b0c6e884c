"""SQLAlchemy 2 with asyncio: rows become models, are cached until a commit changes them, and hold models as columns.

Table classes and models are separate here, so that each can change without the other. ``sqlmodel_tables.py`` shows the
other way. Run it with ``python examples/sqlalchemy_async.py``.
"""

import asyncio
import tempfile
from pathlib import Path

from pydantic import BaseModel
from sqlalchemy import ColumnElement, ForeignKey, event, select
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

from pydantic_serialization import (
    ConfigurationError,
    OptimizedSerializationManager,
    SerializationFormat,
    create_serialization_manager,
)
from pydantic_serialization.integrations.sqlalchemy import ModelType, fetch_models


class Address(BaseModel):
    """Where an author lives: a model in a column."""

    city: str
    country: str = "England"


class Base(DeclarativeBase):
    """Base of the tables."""


class AuthorRow(Base):
    """A row of the table of authors."""

    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    address: Mapped[Address | None] = mapped_column(ModelType(Address))
    books: Mapped[list["BookRow"]] = relationship(back_populates="author", order_by="BookRow.id")


class BookRow(Base):
    """A row of the table of books."""

    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[AuthorRow] = relationship(back_populates="books")


class Book(BaseModel):
    """A book as the application returns it."""

    id: int
    title: str


class Author(BaseModel):
    """An author with all books."""

    id: int
    name: str
    address: Address | None = None
    books: list[Book]


class Library:
    """The queries of the application. A session lives as long as one query or one change."""

    def __init__(self, engine: AsyncEngine, manager: OptimizedSerializationManager) -> None:
        self._sessions = async_sessionmaker(engine)
        self._manager = manager

    async def authors(self, *conditions: ColumnElement[bool]) -> list[Author]:
        """Return authors with all books: two queries, however many there are, and none while they are cached."""
        query = select(AuthorRow).where(*conditions).options(selectinload(AuthorRow.books)).order_by(AuthorRow.id)
        async with self._sessions() as session:
            return await fetch_models(
                session, query, Author, cache=self._manager.cache_manager, ttl=60, tags=["authors"]
            )

    async def store(self, authors: list[Author]) -> None:
        """Store new authors with their books."""
        async with self._sessions.begin() as session:
            for author in authors:
                books = [BookRow(**book.model_dump()) for book in author.books]
                session.add(AuthorRow(id=author.id, name=author.name, address=author.address, books=books))
        await self._manager.invalidate(tags=["authors"])

    async def rename(self, author_id: int, name: str) -> None:
        """Change an author. What is cached goes after the commit: earlier, a reader could cache the old row again."""
        async with self._sessions.begin() as session:
            row = await session.get_one(AuthorRow, author_id)
            row.name = name
        await self._manager.invalidate(tags=["authors"])

    async def without_books(self) -> list[Author]:
        """Return authors by a query that forgets to load their books, which fails."""
        async with self._sessions() as session:
            return await fetch_models(session, select(AuthorRow), Author)


def statements_of(engine: AsyncEngine) -> list[str]:
    """Return a list that grows by every SQL statement that the engine runs."""
    statements: list[str] = []

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    return statements


async def show(engine: AsyncEngine, manager: OptimizedSerializationManager) -> None:
    """Store, read, cache, change and export authors, and print what happens."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    library = Library(engine, manager)
    titles = ("Emma", "Persuasion", "Sanditon")
    books = [Book(id=number, title=title) for number, title in enumerate(titles, 1)]
    others = [Author(id=n, name=f"Author {n}", books=[Book(id=100 + n, title="Collected works")]) for n in range(2, 60)]
    await library.store([Author(id=1, name="J. Austen", address=Address(city="Chawton"), books=books), *others])

    statements = statements_of(engine)
    [first] = await library.authors(AuthorRow.id == 1)
    print(f"first read    {len(statements)} statements  {first.name}, {[book.title for book in first.books]}")
    statements.clear()
    again = await library.authors(AuthorRow.id == 1)
    print(f"second read   {len(statements)} statements  equal: {again == [first]}")

    await library.rename(1, "Jane Austen")
    [renamed] = await library.authors(AuthorRow.id == 1)
    print(f"after rename  {renamed.name}")
    [found] = await library.authors(AuthorRow.address["city"].as_string() == "Chawton")
    print(f"by address    {found.name}: {found.address!r}")

    authors = await library.authors()
    payload = await manager.serialize_models(authors, SerializationFormat.MSGPACK)
    restored = await manager.deserialize_models(payload, Author, SerializationFormat.MSGPACK)
    raw = sum(len(author.model_dump_json()) for author in authors)
    print(f"bulk          {len(authors)} authors, {raw} bytes as JSON, {len(payload)} as compressed MessagePack")
    print(f"              read back equal: {restored == authors}")

    try:
        await library.without_books()
    except ConfigurationError as error:
        print(f"not loaded    {error}")


async def main() -> None:
    """Run everything on a database in a temporary directory."""
    with tempfile.TemporaryDirectory() as directory:
        engine = create_async_engine(f"sqlite+aiosqlite:///{Path(directory, 'library.db')}")
        try:
            async with create_serialization_manager() as manager:
                await show(engine, manager)
        finally:
            await engine.dispose()  # closes the connections, and with them the threads of aiosqlite


if __name__ == "__main__":
    asyncio.run(main())

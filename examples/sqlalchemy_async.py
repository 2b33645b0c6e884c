"""SQLAlchemy 2 with asyncio: rows become models once, and are cached as bytes until a commit changes them.

Table classes and models are separate here, so that each can change without the other. ``sqlmodel_tables.py`` shows the
other way. Run it with ``python examples/sqlalchemy_async.py``.
"""

import asyncio
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import ForeignKey, event, select
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

from pydantic_serialization import (
    OptimizedSerializationManager,
    SerializationFormat,
    create_serialization_manager,
    serialized,
)


class Base(DeclarativeBase):
    """Base of the tables."""


class AuthorRow(Base):
    """A row of the table of authors."""

    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    # Reading an attribute cannot await a query, so lazy loading fails under asyncio, with an error about greenlets.
    # With lazy="raise" the error says which relation the query forgot to load.
    books: Mapped[list["BookRow"]] = relationship(back_populates="author", lazy="raise", order_by="BookRow.id")


class BookRow(Base):
    """A row of the table of books."""

    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[AuthorRow] = relationship(back_populates="books", lazy="raise")


class Book(BaseModel):
    """A book as the application returns it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str


class Author(BaseModel):
    """An author with all books."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    books: list[Book]


def author_key(author_id: int) -> str:
    """Return the cache key of an author. One function for readers and writers: they cannot disagree."""
    return f"author:{author_id}"


class Library:
    """The queries of the application. A session lives as long as one query or one change."""

    def __init__(self, engine: AsyncEngine, manager: OptimizedSerializationManager) -> None:
        # Otherwise an attribute that is read after a commit would be queried lazily, which cannot work here either.
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._manager = manager
        # What is cached is bytes. A cached row would be attached to a session that is closed, or shared and changed.
        self.author_bytes = serialized(SerializationFormat.JSON, key=author_key, manager=manager)(self.author)

    async def author(self, author_id: int) -> Author:
        """Return one author with all books."""
        async with self._sessions() as session:
            query = select(AuthorRow).where(AuthorRow.id == author_id).options(selectinload(AuthorRow.books))
            # The row becomes a model while the session is open.
            return Author.model_validate((await session.scalars(query)).one())

    async def authors(self) -> list[Author]:
        """Return every author with all books: two queries, however many authors there are."""
        async with self._sessions() as session:
            query = select(AuthorRow).options(selectinload(AuthorRow.books)).order_by(AuthorRow.id)
            return [Author.model_validate(row) for row in await session.scalars(query)]

    async def store(self, authors: list[Author]) -> None:
        """Store new authors with their books."""
        async with self._sessions.begin() as session:
            for author in authors:
                books = [BookRow(**book.model_dump()) for book in author.books]
                session.add(AuthorRow(id=author.id, name=author.name, books=books))
        await self._manager.invalidate(*(author_key(author.id) for author in authors))

    async def rename(self, author_id: int, name: str) -> None:
        """Change an author. The bytes are dropped after the commit: earlier, a reader could cache the old row again."""
        async with self._sessions.begin() as session:
            row = await session.get_one(AuthorRow, author_id)
            row.name = name
        await self._manager.invalidate(author_key(author_id))

    async def author_without_books(self, author_id: int) -> Author:
        """Return an author whose books were not loaded, which fails."""
        async with self._sessions() as session:
            return Author.model_validate(await session.get_one(AuthorRow, author_id))


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
    await library.store(
        [
            Author(id=1, name="J. Austen", books=[Book(id=n, title=title) for n, title in enumerate(titles, 1)]),
            *(
                Author(id=n, name=f"Author {n}", books=[Book(id=100 + n, title="Collected works")])
                for n in range(2, 60)
            ),
        ]
    )

    statements = statements_of(engine)
    first = await library.author_bytes(1)
    print(f"first read    {len(statements)} statements  {first.decode()}")
    statements.clear()
    again = await library.author_bytes(1)
    print(f"second read   {len(statements)} statements  the same bytes: {again == first}")

    await library.rename(1, "Jane Austen")
    print(f"after rename  {(await library.author_bytes(1)).decode()}")

    authors = await library.authors()
    payload = await manager.serialize_models(authors, SerializationFormat.MSGPACK)
    restored = await manager.deserialize_models(payload, Author, SerializationFormat.MSGPACK)
    raw = sum(len(author.model_dump_json()) for author in authors)
    print(f"bulk          {len(authors)} authors, {raw} bytes as JSON, {len(payload)} as compressed MessagePack")
    print(f"              read back equal: {restored == authors}")

    try:
        await library.author_without_books(1)
    except ValidationError as error:
        print(f"not loaded    {error.errors()[0]['msg']}")


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

"""The tables that the tests of this folder use, and the models of their rows."""

from __future__ import annotations

from enum import Enum

from pydantic import BaseModel
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from pydantic_serialization.integrations.sqlalchemy import ModelType


class Color(Enum):
    RED = "red"


class Address(BaseModel):
    city: str
    lines: list[str] = []


class SecretAddress(Address):
    code: str = "1234"


class Base(DeclarativeBase):
    pass


class AuthorRow(Base):
    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    password: Mapped[str] = mapped_column(default="hunter2")
    notes: Mapped[str] = mapped_column(default="", deferred=True)
    address: Mapped[Address | None] = mapped_column(ModelType(Address))
    packed: Mapped[Address | None] = mapped_column(ModelType(Address, format="msgpack"))
    past: Mapped[list[Address] | None] = mapped_column(ModelType(list[Address]))
    books: Mapped[list[BookRow]] = relationship(back_populates="author", order_by="BookRow.id")


class BookRow(Base):
    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[AuthorRow] = relationship(back_populates="books", lazy="raise")


class Book(BaseModel):
    id: int
    title: str


class Author(BaseModel):
    id: int
    name: str


class AuthorWithBooks(Author):
    books: list[Book]


class AuthorWithNotes(Author):
    notes: str


class BookWithAuthor(Book):
    author: Author

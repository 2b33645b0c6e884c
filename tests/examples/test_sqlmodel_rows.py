"""What the SQLModel example relies on: how rows of table classes are written, read and stored again."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError
from sqlmodel import Field, Session, SQLModel, create_engine, select

from pydantic_serialization import EncodeError, create_serialization_manager

if TYPE_CHECKING:
    from collections.abc import Iterator

MANAGER = create_serialization_manager()
DATA_FORMATS = ("json", "orjson", "msgpack")


class ItemData(SQLModel):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(min_length=2)
    price: Decimal = Field(max_digits=8, decimal_places=2)
    since: date


class Item(ItemData, table=True):
    __tablename__ = "rows_of_the_sqlmodel_example"


VALUES: dict[str, Any] = {"id": 1, "name": "Lamp", "price": Decimal("19.90"), "since": date(2025, 3, 1)}


@pytest.fixture
def session() -> Iterator[Session]:
    """Return a session on a database in memory that holds one row."""
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine, tables=[SQLModel.metadata.tables["rows_of_the_sqlmodel_example"]])
    with Session(engine, expire_on_commit=False) as session:
        session.add(Item(**VALUES))
        session.commit()
        yield session
    engine.dispose()


@pytest.mark.parametrize("member", DATA_FORMATS)
def test_a_row_is_written_as_its_columns(session: Session, member: str) -> None:
    """The state that SQLAlchemy keeps in an instance is never in the bytes; the columns all are."""
    row = session.exec(select(Item)).one()
    payload = MANAGER.serialize_sync(row, member)
    assert b"_sa_" not in payload
    assert MANAGER.deserialize_sync(payload, ItemData, member).model_dump() == VALUES


def test_an_unsigned_pickle_never_holds_the_state_of_a_row(session: Session) -> None:
    """A row is refused, or written without what SQLAlchemy keeps in it, which reading would have to trust."""
    try:
        payload = MANAGER.serialize_sync(session.exec(select(Item)).one(), "pickle")
    except EncodeError:
        return
    assert b"InstanceState" not in payload


@pytest.mark.parametrize("member", DATA_FORMATS)
def test_what_was_read_can_be_stored_again(session: Session, member: str) -> None:
    """A row that was read has its types, can be changed, and is stored."""
    payload = MANAGER.serialize_models_sync(session.exec(select(Item)).all(), member)
    rows = MANAGER.deserialize_models_sync(payload, Item, member)
    assert [row.model_dump() for row in rows] == [VALUES]
    rows[0].name = "Desk lamp"
    session.merge(rows[0])
    session.commit()
    session.expire_all()
    assert session.exec(select(Item)).one().model_dump() == {**VALUES, "name": "Desk lamp"}


@pytest.mark.parametrize("member", DATA_FORMATS)
def test_reading_validates(member: str) -> None:
    """A payload that breaks a rule of the columns does not become a row, neither of the table nor of its twin."""
    payload = MANAGER.serialize_sync({**VALUES, "name": "L"}, member)
    with pytest.raises(ValidationError, match="at least 2 characters"):
        MANAGER.deserialize_sync(payload, ItemData, member)
    with pytest.raises(ValidationError, match="at least 2 characters"):
        MANAGER.deserialize_sync(payload, Item, member)


@pytest.mark.parametrize("member", DATA_FORMATS)
def test_an_expired_row_is_loaded_before_it_is_written(session: Session, member: str) -> None:
    """What a commit has emptied is never written as an empty document."""
    row = session.exec(select(Item)).one()
    session.expire(row)
    payload = MANAGER.serialize_sync(row, member)
    assert MANAGER.deserialize_sync(payload, ItemData, member).model_dump() == VALUES


@pytest.mark.parametrize("member", DATA_FORMATS)
def test_an_expired_row_without_a_session_is_refused(session: Session, member: str) -> None:
    """A row that cannot be loaded again is an error that says so, not an empty document."""
    row = session.exec(select(Item)).one()
    session.expire(row)
    session.expunge(row)
    with pytest.raises(EncodeError, match="DetachedInstanceError"):
        MANAGER.serialize_sync(row, member)

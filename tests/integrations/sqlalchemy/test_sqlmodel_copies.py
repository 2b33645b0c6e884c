"""Copies of SQLModel's rows: in every state what ``model_copy(deep=True)`` gives, and of no session."""

# No `from __future__ import annotations`: SQLModel reads the annotations of relations.

from collections.abc import Callable, Iterator
from typing import Any, Optional

import pytest
from sqlalchemy import inspect
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlmodel import Field, Relationship, Session, SQLModel, create_engine

from pydantic_serialization import copy_model, create_serialization_manager


class Castle(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    squires: list["Squire"] = Relationship(back_populates="castle")


class Squire(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    castle_id: int | None = Field(default=None, foreign_key="castle.id")
    castle: Optional[Castle] = Relationship(back_populates="squires")  # noqa: UP045  (SQLModel reads no "X | None")


class Household(SQLModel):
    squires: list[Squire]


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    tables: Any = [Castle.__table__, Squire.__table__]  # type: ignore[attr-defined]
    SQLModel.metadata.create_all(engine, tables=tables)
    with Session(engine) as session:
        session.add(Castle(id=1, name="Camelot", squires=[Squire(id=1, name="Lucan"), Squire(id=2, name="Dagonet")]))
        session.commit()
        yield session
    engine.dispose()


def loaded(session: Session, row: Squire) -> None:
    """The row, without what it is related to."""


def with_relation(session: Session, row: Squire) -> None:
    """The row, with what it is related to, and that with all of its own."""
    assert row.castle is not None
    assert len(row.castle.squires) == 2


def expired(session: Session, row: Squire) -> None:
    """Nothing is there until somebody asks."""
    session.expire(row)


def partly_expired(session: Session, row: Squire) -> None:
    """One column is not there."""
    session.expire(row, ["name"])


def detached(session: Session, row: Squire) -> None:
    """The session is gone."""
    session.expunge(row)


def expired_and_detached(session: Session, row: Squire) -> None:
    """Nothing is there, and nobody can load it."""
    session.expire(row)
    session.expunge(row)


def changed(session: Session, row: Squire) -> None:
    """There are values that are not written yet."""
    row.name = "Griflet"


def state_of(row: Any) -> Any:
    """Return what can be seen of a row without loading anything."""
    state = inspect(row)
    kept = {name: value for name, value in row.__dict__.items() if name != "_sa_instance_state"}
    columns = {name: kept[name] for name in kept if name in row.__class__.model_fields}
    return (
        type(row),
        columns,
        sorted(kept),
        sorted(state.unloaded),
        sorted(state.expired_attributes),
        state.identity,
        (state.transient, state.pending, state.persistent, state.detached),
        row.__pydantic_fields_set__,
    )


@pytest.mark.parametrize(
    "prepare", [loaded, with_relation, expired, partly_expired, detached, expired_and_detached, changed]
)
def test_copies_in_every_state(session: Session, prepare: Callable[[Session, Squire], None]) -> None:
    """The copy is Pydantic's, the row is as it was, and nothing was asked of the database."""
    row = session.get_one(Squire, 1)
    prepare(session, row)
    before, was_in = state_of(row), row in session
    copy, expected = copy_model(row), row.model_copy(deep=True)
    assert state_of(copy) == state_of(expected)
    assert (state_of(row), row in session) == (before, was_in)
    assert copy is not row
    assert copy not in session
    assert inspect(copy) is not inspect(row)
    if "name" in copy.__dict__:
        copy.name = "somebody else"
        assert row.__dict__["name"] == before[1]["name"]
        assert row not in session.dirty or prepare is changed
    else:
        with pytest.raises(DetachedInstanceError):
            copy.name  # noqa: B018  (reading it is what is tested)


def test_relations_are_copied_with_their_rows(session: Session) -> None:
    """The graph is copied whole: what is changed in the copy concerns neither the rows nor their session."""
    castle = session.get_one(Castle, 1)
    assert castle.squires[0].castle is castle
    copy = copy_model(castle)
    assert copy.squires[0].castle is copy
    assert copy.squires[0] is not castle.squires[0]
    copy.squires.append(Squire(name="Griflet"))
    assert (len(copy.squires), len(castle.squires), copy.squires[-1].castle is copy) == (3, 2, True)
    assert not session.new
    assert not session.dirty


def test_a_copy_can_be_stored_again(session: Session) -> None:
    """As a row of another session, or as a new row."""
    row = session.get_one(Squire, 1)
    copy = copy_model(row)
    with Session(session.get_bind()) as other:
        other.add(copy)
        assert copy.castle is not None
        assert copy.castle.name == "Camelot"
        assert copy.castle not in session
    new = copy_model(Squire(name="Griflet"))
    assert inspect(new).transient
    session.add(new)
    session.commit()
    assert new.id == 3


def test_rows_in_a_model(session: Session) -> None:
    """Rows that are fields of a model are copied, too."""
    row = session.get_one(Squire, 1)
    copy = copy_model(Household(squires=[row]))
    assert copy.squires[0] is not row
    assert copy.squires[0] not in session
    assert copy.squires[0].name == "Lucan"


def test_rows_that_were_read_are_the_readers(session: Session) -> None:
    """What the validation cache gives out is new each time: one reader's row in a session is in nobody else's hands."""
    manager = create_serialization_manager()
    data = manager.serialize_sync(session.get_one(Squire, 1))
    first, second = (manager.deserialize_sync(data, Squire) for _ in range(2))
    first.id = None
    session.add(first)
    session.flush()
    third = manager.deserialize_sync(data, Squire)
    assert first in session
    for row in (second, third):
        assert inspect(row).transient
        assert (row.id, row not in session) == (1, True)

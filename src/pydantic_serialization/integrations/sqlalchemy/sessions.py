"""What has to be known of sessions: their own changes, an old state that they see, that models load nothing lazily.

All is heard of through SQLAlchemy's events, by listeners for all sessions: a session that wrote before it was first used
here has to be known, too. What a session does with text, in bulk or by its connection is only seen on the connection.
It takes some microseconds per statement: listeners for each transaction's connection took three times as much.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import ORMExecuteState, SessionTransaction, UOWTransaction

_WROTE: Final = "pydantic_serialization: wrote in this transaction"
_READ: Final = "pydantic_serialization: connection of a statement in this transaction"
_SESSION: Final = "pydantic_serialization: session of this connection"

_NOBODY: Final = (lambda: None, lambda: None)

_QUERY: Final = re.compile(
    r"[\s(]*(select|values|show|savepoint|release|rollback|with(?!.*\b(insert|update|delete|merge)\b))\b",
    re.IGNORECASE | re.DOTALL,
)
"""How statements begin that change nothing which a query could see."""

_SNAPSHOTS: Final = frozenset({"REPEATABLE READ", "SERIALIZABLE", "SNAPSHOT"})
"""Isolation levels whose transactions see what was there when they began to read, whatever is committed meanwhile."""

_refusing: ContextVar[bool] = ContextVar("refusing lazy loads", default=False)


class LazyLoadError(Exception):
    """A query was about to be made for something that the statement should have loaded."""


@contextmanager
def refused_lazy_loads() -> Iterator[None]:
    """Have lazy loads of this context raise :class:`LazyLoadError` in place of making a query."""
    token = _refusing.set(True)
    try:
        yield
    finally:
        _refusing.reset(token)


def is_changing(session: Session) -> bool:
    """Say whether a session has changes that are not committed.

    Its queries see them; nobody else may before the commit, least of all if there is none.
    """
    return bool(session.new or session.dirty or session.deleted or session.info.get(_WROTE))


def has_read(session: Session) -> bool:
    """Say whether there may have been statements in the transaction that a session is in."""
    return _READ in session.info or isinstance(session.bind, Connection)


def sees_the_past(session: Session) -> bool:
    """Say whether a session that has read before may not see what was committed since.

    It asks the database for the isolation level of the transaction, which is more than SQLAlchemy was told: a statement, a
    server's default or an event of the pool may have set it.
    """
    read_by = session.info.get(_READ)
    connection = session.bind if read_by is None else read_by()
    if not isinstance(connection, Connection):
        return False
    if connection.dialect.name == "sqlite":  # says SERIALIZABLE, and keeps no snapshot unless there is a BEGIN
        driver: Any = connection.connection.driver_connection
        return bool(getattr(driver, "in_transaction", True))
    try:
        level = connection.get_isolation_level()
    except NotImplementedError:  # a dialect that knows no levels
        return False
    return level in _SNAPSHOTS


@event.listens_for(Session, "do_orm_execute")
def _note_statement(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        state.session.info[_WROTE] = True
    elif _refusing.get() and (state.is_relationship_load or state.is_column_load):
        owner = state.lazy_loaded_from
        mapper = state.bind_mapper if owner is None else owner.mapper
        name = "a row" if mapper is None else mapper.class_.__name__
        message = f"an attribute of {name} is not loaded, and the model reads it: load it with the statement's options"
        raise LazyLoadError(message)


@event.listens_for(Session, "after_flush")
def _note_flush(session: Session, _: UOWTransaction) -> None:
    session.info[_WROTE] = True


@event.listens_for(Session, "after_begin")
def _note_connection(session: Session, _: SessionTransaction, connection: Connection) -> None:
    # What a pool keeps under this name outlives the transaction: the connection says whether it is still this one.
    connection.info[_SESSION] = (ref(session), ref(connection))


@event.listens_for(Engine, "after_cursor_execute")
def _note_execution(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    session_of, noted = connection.info.get(_SESSION, _NOBODY)
    session = session_of()
    if session is None or noted() is not connection:
        return
    session.info[_READ] = noted
    if not _QUERY.match(statement):
        session.info[_WROTE] = True


@event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_WROTE, None)
        session.info.pop(_READ, None)

"""What has to be known of sessions: whether they have changes of their own, and that models load nothing lazily.

Both are heard of through SQLAlchemy's events, by listeners for all sessions: a session that wrote before it was first
used here has to be known, too. What a session does with text, in bulk or by its connection is only seen on the
connection. It takes some microseconds per transaction: listeners of a single connection would take ten times as much.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection
    from sqlalchemy.orm import ORMExecuteState, SessionTransaction, UOWTransaction

_WROTE: Final = "pydantic_serialization: wrote in this transaction"
_SESSION: Final = "pydantic_serialization: session of this connection"

_NOBODY: Final = (lambda: None, lambda: None)

_QUERY: Final = re.compile(
    r"[\s(]*(select|values|show|savepoint|release|rollback|with(?!.*\b(insert|update|delete|merge)\b))\b",
    re.IGNORECASE | re.DOTALL,
)
"""How statements begin that change nothing which a query could see."""

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
    if noted() is not connection or _QUERY.match(statement):
        return
    session = session_of()
    if session is not None:
        session.info[_WROTE] = True


@event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_WROTE, None)

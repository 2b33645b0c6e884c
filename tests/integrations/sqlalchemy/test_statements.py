"""Keys of statements: different for whatever gives different rows, equal in every process for what does not."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from integrations.sqlalchemy.tables import Address, AuthorRow, BookRow, Color
from sqlalchemy import (
    LargeBinary,
    Numeric,
    String,
    TypeDecorator,
    and_,
    bindparam,
    case,
    cast,
    column,
    create_engine,
    delete,
    exists,
    func,
    insert,
    lambda_stmt,
    literal,
    or_,
    select,
    text,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy import values as values_clause
from sqlalchemy.orm import aliased, joinedload, load_only, selectinload, with_loader_criteria

from pydantic_serialization import UnsupportedTypeError
from pydantic_serialization.integrations.sqlalchemy import ModelType, statement_key

ENGINE = create_engine("sqlite:///nowhere.db")
OTHER_AUTHOR = aliased(AuthorRow)
COUNTS = select(BookRow.author_id, func.count().label("n")).group_by(BookRow.author_id).cte("counts")


def key(statement: Any, **options: Any) -> str:
    return statement_key(statement, ENGINE, **options)


def pair(email: object, name: object) -> Any:
    return select(AuthorRow).where(AuthorRow.name == literal(email), AuthorRow.password == literal(name))


DIFFERENT: list[Any] = [
    select(AuthorRow),
    select(AuthorRow.id),
    select(AuthorRow.id, AuthorRow.name),
    select(OTHER_AUTHOR).where(OTHER_AUTHOR.id == 1),
    *(
        select(literal(value))
        for value in (1, "1", True, 1.0, Decimal(1), Decimal("1.0"), b"1", None, Color.RED, "RED")
    ),
    *(select(literal(value)) for value in (timedelta(1), time(1), time(1, fold=1), datetime(2025, 1, 1))),
    *(pair(*values) for values in (("x", "y z"), ("x y", "z"), ("xy", "z"), ("x", "yz"), (1, "y"), ("1", "y"))),
    *(select(AuthorRow).where(AuthorRow.id.in_(ids)) for ids in ([1, 2], [12], [2, 1], [], ["1", "2"])),
    *(select(AuthorRow).limit(limit).offset(offset) for limit, offset in ((1, 2), (2, 1), (1, 0))),
    select(AuthorRow).distinct(),
    select(AuthorRow).order_by(AuthorRow.id),
    select(AuthorRow).order_by(AuthorRow.id.desc()),
    select(AuthorRow).join(AuthorRow.books),
    select(AuthorRow, COUNTS.c.n).join(COUNTS, COUNTS.c.author_id == AuthorRow.id),
    select(AuthorRow).where(or_(AuthorRow.id == 1, AuthorRow.name == "x")),
    select(AuthorRow).where(and_(AuthorRow.id == 1, AuthorRow.name == "x")),
    select(AuthorRow).where(AuthorRow.name.op("~")("x")),
    select(AuthorRow).where(AuthorRow.name.op("~*")("x")),
    select(AuthorRow).where(AuthorRow.books.any(BookRow.id == 1)),
    select(case((AuthorRow.id > 1, "a"), else_="b")),
    select(exists().where(BookRow.id == AuthorRow.id)),
    select(cast(AuthorRow.id, Numeric(10, 2))),
    select(cast(AuthorRow.id, Numeric(12, 2))),
    select(AuthorRow.name.label("title")),
    select(func.row_number().over(partition_by=BookRow.author_id)),
    union_all(select(AuthorRow.id), select(BookRow.id)),
    union_all(select(BookRow.id), select(AuthorRow.id)),
    text("SELECT * FROM author WHERE id = :id").bindparams(id=1),
    text("SELECT * FROM author WHERE id = :id").bindparams(id="1"),
    select(AuthorRow.past),
    # The text of these is one and the same.
    select(type_coerce(AuthorRow.name, LargeBinary)),
    select(type_coerce(AuthorRow.name, ModelType(Address, format="msgpack"))),
    select(type_coerce(AuthorRow.name, ModelType(list[Address], format="msgpack"))),
    select(AuthorRow).options(load_only(AuthorRow.id)),
    select(AuthorRow).options(selectinload(AuthorRow.books)),
    select(AuthorRow).options(joinedload(AuthorRow.books)),
    select(AuthorRow).options(selectinload(AuthorRow.books.and_(BookRow.id == 5))),
    select(AuthorRow).options(selectinload(AuthorRow.books.and_(BookRow.id == 6))),
    select(AuthorRow).options(selectinload(AuthorRow.books.and_(BookRow.author_id == 5))),
    select(AuthorRow).options(selectinload(AuthorRow.books), with_loader_criteria(BookRow, BookRow.id == 5)),
    select(AuthorRow).options(selectinload(AuthorRow.books), with_loader_criteria(BookRow, BookRow.id > 5)),
]


def test_statements_that_give_different_rows_have_different_keys() -> None:
    """In values and their types, structure, types of columns, and what loader options filter."""
    keys = [key(statement) for statement in DIFFERENT]
    assert len(set(keys)) == len(keys)


@given(st.lists(st.text() | st.integers() | st.floats() | st.booleans(), min_size=2, max_size=2), st.data())
def test_bound_values_never_run_into_each_other(values: list[Any], data: st.DataObject) -> None:
    """Two pairs of values have one key only if they are the same pair, of the same types."""
    alike = st.sampled_from([*values, str(values[0])])
    others = data.draw(st.permutations(values) | st.lists(alike, min_size=2, max_size=2))
    same = [(type(one), repr(one)) for one in values] == [(type(one), repr(one)) for one in others]
    assert (key(pair(*values)) == key(pair(*others))) is same


@pytest.mark.parametrize("number", range(len(DIFFERENT)))
def test_a_key_is_the_same_again(number: int) -> None:
    """A key does not depend on what was asked before."""
    assert key(DIFFERENT[number]) == key(DIFFERENT[number])


PROGRAM = """
from integrations.sqlalchemy.test_statements import DIFFERENT, key
print([key(statement) for statement in DIFFERENT])
"""


def test_keys_are_the_same_in_every_process() -> None:
    """No address, no order of a set and no hash of a process is in a key."""
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=environment, timeout=300
    )
    assert run.stdout.strip() == str([key(statement) for statement in DIFFERENT])


def test_the_namespace_and_the_database_are_part_of_the_key() -> None:
    """Tenants, databases, users, dialects and translated schemas are told apart; passwords are not part of it."""
    statement = select(AuthorRow)
    urls = (
        "postgresql+psycopg://ada:one@host/db",
        "postgresql+psycopg://bob:one@host/db",
        "postgresql+psycopg://ada:one@host/other",
        "postgresql+psycopg://ada:one@elsewhere/db",
        "postgresql+psycopg://ada:one@host:6432/db",
        "postgresql+psycopg://ada:one@host/db?options=-csearch_path%3Dtenant",
        "sqlite:///db",
    )
    engines = [create_engine(url) for url in urls]
    engines.append(engines[0].execution_options(schema_translate_map={None: "tenant"}))
    keys = [statement_key(statement, engine) for engine in engines]
    keys.append(statement_key(statement, engines[0], namespace="tenant"))
    assert len(set(keys)) == len(keys)
    changed = create_engine("postgresql+psycopg://ada:two@host/db")
    assert statement_key(statement, changed) == keys[0]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql+psycopg://"])
def test_databases_without_a_name_are_known_by_their_engine(url: str) -> None:
    """Two databases in memory are not one."""
    first, second = create_engine(url), create_engine(url)
    statement = select(AuthorRow)
    assert statement_key(statement, first) == statement_key(statement, first)
    assert statement_key(statement, first) != statement_key(statement, second)


class Unknowable(TypeDecorator[str]):
    """A type without ``cache_ok``."""

    impl = String
    cache_ok = False


REFUSED: list[tuple[Any, str]] = [
    (insert(AuthorRow), "only a query can be cached, not a Insert"),
    (update(AuthorRow).returning(AuthorRow.id), "only a query can be cached"),
    (delete(AuthorRow), "only a query can be cached"),
    (select(AuthorRow).with_for_update(), "locks rows"),
    (select(AuthorRow).where(AuthorRow.name == bindparam("who", object())), "a object, the value of 'who'.*pass key="),
    (
        select(AuthorRow).where(AuthorRow.name == literal(object(), String())),
        "cannot be part of a cache key: pass key=",
    ),
    (lambda_stmt(lambda: select(AuthorRow)), "pass key="),
    (select(AuthorRow).options(with_loader_criteria(BookRow, lambda row: row.id == 3)), "holds a code.*pass key="),
    (select(type_coerce(AuthorRow.name, Unknowable())), "cannot tell this Select from others.*pass key="),
    (select(values_clause(column("v"), name="v").data([(1,)])), "cannot tell this Select from others.*pass key="),
]


@pytest.mark.parametrize(("statement", "message"), REFUSED)
def test_what_cannot_be_keyed_is_refused(statement: Any, message: str) -> None:
    """With the reason, and the way out; never with the value."""
    with pytest.raises(UnsupportedTypeError, match=message):
        key(statement)

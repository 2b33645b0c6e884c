"""``ModelType``: models as columns, on SQLite and on both drivers for PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from integrations.sqlalchemy.tables import Address, AuthorRow, SecretAddress
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_serializer
from sqlalchemy import literal, select, text, update
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from pydantic_serialization import DecodeError, SerializationConfig, UnknownFormatError, UnsupportedTypeError
from pydantic_serialization.integrations.sqlalchemy import ModelType, fetch_models_sync

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

PARIS = Address(city="Paris é 🌍 \"'\\", lines=["1", "2"])
COLUMNS = ("address", "packed")


def store(session: Session, **values: Any) -> None:
    row = session.get_one(AuthorRow, 1)
    for name, value in values.items():
        setattr(row, name, value)
    session.commit()
    session.expire_all()


@pytest.mark.parametrize("name", COLUMNS)
def test_a_model_comes_back(session: Session, name: str) -> None:
    """What is stored is read, as a validated model; ``None`` is SQL's NULL."""
    store(session, **{name: PARIS})
    assert getattr(session.get_one(AuthorRow, 1), name) == PARIS
    column = getattr(AuthorRow, name)
    assert session.scalars(select(AuthorRow.id).where(column.is_(None))).all() == [2]
    store(session, **{name: None})
    assert getattr(session.get_one(AuthorRow, 1), name) is None
    assert len(session.scalars(select(AuthorRow.id).where(column.is_(None))).all()) == 2


def test_a_model_comes_back_asynchronously(open_session: Callable[[], tuple[AsyncEngine, AsyncSession]]) -> None:
    """The same with asynchronous drivers, which give JSON in other ways."""

    async def run() -> None:
        engine, session = open_session()
        async with session:
            row = await session.get_one(AuthorRow, 1)
            row.address, row.packed, row.past = PARIS, PARIS, [PARIS, Address(city="Rome")]
            await session.commit()
            await session.refresh(row)
            assert (row.address, row.packed, row.past) == (PARIS, PARIS, [PARIS, Address(city="Rome")])
        await engine.dispose()

    asyncio.run(run())


def test_types_beside_models_are_columns_too(session: Session) -> None:
    """Anything that Pydantic makes a ``TypeAdapter`` of."""
    store(session, past=[PARIS])
    assert session.get_one(AuthorRow, 1).past == [PARIS]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_subclass_gives_the_declared_fields(session: Session, name: str) -> None:
    """The declared type of the column decides what is stored."""
    store(session, **{name: SecretAddress(city="Paris", code="9999")})
    [raw] = session.scalars(text(f"SELECT {name} FROM author WHERE id = 1"))
    stored = bytes(raw) if isinstance(raw, (bytes, memoryview)) else str(raw).encode()
    assert (b"Paris" in stored, b"9999" in stored) == (True, False)
    assert type(getattr(session.get_one(AuthorRow, 1), name)) is Address


def test_a_wrong_value_is_refused_before_it_is_stored(session: Session) -> None:
    """A dict becomes the model if it fits, and is an error if it does not."""
    store(session, address={"city": "Rome"})
    assert session.get_one(AuthorRow, 1).address == Address(city="Rome")
    with pytest.raises((StatementError, ValidationError), match="city"):
        store(session, address={"town": "Rome"})


def test_stored_data_is_validated(session: Session) -> None:
    """A column that somebody else has written to is not trusted."""
    session.execute(text("""UPDATE author SET address = '{"city": 5}' WHERE id = 1"""))
    with pytest.raises(ValidationError, match="valid string"):
        session.get_one(AuthorRow, 1)
    session.rollback()


@pytest.mark.parametrize("data", [b"\x80\x04N.", b"\x81\xa4city", b"\xc1SF" + bytes(40), b""])
def test_stored_bytes_are_not_trusted(session: Session, data: bytes) -> None:
    """Pickles, cut documents and forged frames are ``DecodeError``s, and run nothing."""
    session.execute(text("UPDATE author SET packed = :data WHERE id = 1"), {"data": data})
    with pytest.raises(DecodeError):
        session.get_one(AuthorRow, 1)
    session.rollback()


def test_the_database_can_search_in_json(session: Session) -> None:
    """SQLAlchemy's JSON operators work, and a column can be compared with a model of a binary column."""
    store(session, address=Address(city="Rome"), packed=Address(city="Rome"))
    by_path = select(AuthorRow.id).where(AuthorRow.address["city"].as_string() == "Rome")
    assert session.scalars(by_path).all() == [1]
    assert session.scalars(select(AuthorRow.id).where(AuthorRow.packed == Address(city="Rome"))).all() == [1]
    session.execute(update(AuthorRow).values(address=Address(city="Oslo")))
    session.commit()
    assert session.get_one(AuthorRow, 2).address == Address(city="Oslo")


def test_changes_inside_a_model_are_not_tracked(session: Session) -> None:
    """As documented: another model is stored, a changed one only if the session is told."""
    store(session, address=Address(city="Rome"))
    row = session.get_one(AuthorRow, 1)
    assert row.address is not None
    row.address.city = "Oslo"
    session.commit()
    session.expire_all()
    assert session.get_one(AuthorRow, 1).address == Address(city="Rome")
    row.address.city = "Oslo"
    flag_modified(row, "address")
    session.commit()
    session.expire_all()
    assert session.get_one(AuthorRow, 1).address == Address(city="Oslo")
    row.address = row.address.model_copy(update={"city": "Bern"})
    session.commit()
    session.expire_all()
    assert session.get_one(AuthorRow, 1).address == Address(city="Bern")


def test_a_column_can_be_the_whole_result(session: Session) -> None:
    """``fetch_models`` of one such column gives its models."""
    store(session, address=PARIS)
    statement = select(AuthorRow.address).where(AuthorRow.id == 1)
    assert fetch_models_sync(session, statement, Address) == [PARIS]


class Aliased(BaseModel):
    full_name: str = Field(alias="fullName")
    key: SecretStr

    @field_serializer("key")
    def _shown(self, value: SecretStr) -> str:
        return value.get_secret_value()


@pytest.mark.parametrize("format_name", ["json", "orjson", "msgpack"])
def test_aliases_and_serializers_read_back(format_name: str) -> None:
    """Values go through SQLite's processors of every format."""
    kind = ModelType(Aliased, format=format_name)
    value = Aliased(fullName="Ada", key=SecretStr("k"))
    stored = kind.bind_processor(sqlite.dialect())(value)
    assert kind.result_processor(sqlite.dialect(), None)(stored) == value


def test_what_would_be_lost_is_refused() -> None:
    """A column is the only copy: a field that would not be in it is an error when the table is declared."""

    class Hidden(BaseModel):
        secret: SecretStr
        gone: int = Field(default=1, exclude=True)

    class Outer(BaseModel):
        inner: list[Hidden]

    with pytest.raises(UnsupportedTypeError, match=r"Hidden\.secret is a secret.*Hidden\.gone is excluded"):
        ModelType(Outer)
    with pytest.raises(UnknownFormatError):
        ModelType(Address, format="jsn")


def test_types_of_the_databases() -> None:
    """JSONB on PostgreSQL, JSON elsewhere, bytes for other formats."""
    address, packed = ModelType(Address), ModelType(Address, format="msgpack")
    kinds = {dialect.name: dialect for dialect in (postgresql.dialect(), mysql.dialect(), sqlite.dialect())}
    found = {name: (address.compile(dialect), packed.compile(dialect)) for name, dialect in kinds.items()}
    assert found == {"postgresql": ("JSONB", "BYTEA"), "mysql": ("JSON", "BLOB"), "sqlite": ("JSON", "BLOB")}


def test_it_has_the_texts_that_tools_show() -> None:
    """``repr`` is what a migration script needs; literals can be rendered; the class is known."""
    assert repr(ModelType(list[Address], format="msgpack")) == "ModelType(list[Address], format='msgpack')"
    assert (ModelType(Address).python_type, ModelType(list[Address]).python_type) == (Address, object)
    statement = select(literal(Address(city="O'Hara"), ModelType(Address)))
    rendered = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    assert """'{"city":"O''Hara","lines":[]}'""" in rendered


def test_binary_columns_can_be_compressed() -> None:
    """A configuration brings compression and limits."""
    config = SerializationConfig(compression_codec="zstd", compression_threshold=10)
    kind = ModelType(Address, format="msgpack", config=config)
    value = Address(city="x" * 1000)
    stored = bytes(kind.bind_processor(sqlite.dialect())(value))
    assert len(stored) < 100
    assert kind.result_processor(sqlite.dialect(), None)(stored) == value

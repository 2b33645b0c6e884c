"""SQLModel: the table classes are the models. Rows are serialized as they are, cached, read back and stored again.

Three rules of SQLModel decide how:

* Only columns are written. A relationship is no field of the model, so it is never in the bytes; a model that names it
  as a field (``TeamWithHeroes``) has it.
* A table class validates only in ``model_validate``; ``Hero(...)`` takes anything, and so does Pydantic's own
  ``model_validate_json``. The manager reads through ``model_validate``: what comes back is a valid row, which a session
  takes.
* A commit empties its rows until an attribute is read again. A row that is written is loaded again first, and one that
  cannot be (its session is closed, or asynchronous) is an ``EncodeError``. Hence ``expire_on_commit=False`` here.

Run it with ``python examples/sqlmodel_tables.py``.
"""

import asyncio
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import selectinload
from sqlmodel import Field, Relationship, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from pydantic_serialization import (
    OptimizedSerializationManager,
    SerializationFormat,
    create_serialization_manager,
    serialized,
)

# No `from __future__ import annotations` here: SQLModel reads the annotations of relationships at run time.


class TeamData(SQLModel):
    """A team's columns, validated."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(min_length=2, max_length=50)


class Team(TeamData, table=True):
    """The table of teams."""

    heroes: list["Hero"] = Relationship(back_populates="team")


class HeroData(SQLModel):
    """A hero's columns, validated."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(min_length=2, max_length=50)
    salary: Decimal = Field(gt=0, max_digits=8, decimal_places=2)
    joined: date
    team_id: int | None = Field(default=None, foreign_key="team.id")


class Hero(HeroData, table=True):
    """The table of heroes."""

    team: Team | None = Relationship(back_populates="heroes")


class TeamWithHeroes(TeamData):
    """A team as the application returns it: here the relationship is a field."""

    heroes: list[HeroData]


class Headquarters:
    """The queries of the application."""

    def __init__(self, engine: AsyncEngine, manager: OptimizedSerializationManager) -> None:
        self._engine = engine
        self._manager = manager
        # The tag stands for every cached team. A hero may move from one team to another: both are out of date then.
        cached = serialized(SerializationFormat.JSON, key="team:{team_id}", tags=("teams",), manager=manager)
        self.team_bytes = cached(self.team)

    def session(self) -> AsyncSession:
        """Return a session whose rows stay readable after a commit."""
        return AsyncSession(self._engine, expire_on_commit=False)

    async def team(self, team_id: int) -> TeamWithHeroes:
        """Return a team with its heroes, loaded eagerly: reading an attribute cannot await a query."""
        async with self.session() as session:
            query = select(Team).where(Team.id == team_id).options(selectinload(Team.heroes))  # type: ignore[arg-type]
            return TeamWithHeroes.model_validate((await session.exec(query)).one())

    async def heroes(self) -> list[Hero]:
        """Return the rows of all heroes."""
        async with self.session() as session:
            return list(await session.exec(select(Hero).order_by(col(Hero.id))))

    async def store(self, *rows: SQLModel) -> None:
        """Insert or update rows, and drop the bytes of all teams when that is committed."""
        async with self.session() as session:
            for row in rows:
                await session.merge(row)  # takes rows that no session knows, such as those read from a payload
            await session.commit()
        await self._manager.invalidate(tags=("teams",))


async def show(engine: AsyncEngine, manager: OptimizedSerializationManager) -> None:
    """Store, serialize, read back, change and store again, and print what happens."""
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    quarters = Headquarters(engine, manager)
    await quarters.store(
        Team(id=1, name="Preventers"),
        Hero(id=1, name="Deadpond", salary=Decimal("1200.50"), joined=date(2024, 2, 29), team_id=1),
        Hero(id=2, name="Rusty-Man", salary=Decimal("990.00"), joined=date(2025, 7, 1), team_id=1),
    )

    rows = await quarters.heroes()
    print(f"a row is           {rows[0]!r}")
    for member in (SerializationFormat.JSON, SerializationFormat.MSGPACK):
        payload = await manager.serialize_models(rows, member)
        restored = await manager.deserialize_models(payload, Hero, member)
        same = [hero.model_dump() for hero in restored] == [row.model_dump() for row in rows]
        print(f"{member.value:18} {len(payload)} bytes, read back equal: {same}")

    print(f"with relationship  {(await quarters.team_bytes(1)).decode()}")

    restored[1].salary = Decimal("1050.00")
    await quarters.store(*restored)
    print(f"stored again       {(await quarters.team_bytes(1)).decode()}")

    wrong = b'{"name": "X", "salary": "-1", "joined": "yesterday"}'
    try:
        await manager.deserialize_model(wrong, Hero)
    except ValidationError as error:
        print(f"refused            {', '.join(str(item['loc'][0]) for item in error.errors())}")


async def main() -> None:
    """Run everything on a database in a temporary directory."""
    with tempfile.TemporaryDirectory() as directory:
        engine = create_async_engine(f"sqlite+aiosqlite:///{Path(directory, 'heroes.db')}")
        try:
            async with create_serialization_manager() as manager:
                await show(engine, manager)
        finally:
            await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())

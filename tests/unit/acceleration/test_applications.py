"""Applications gain without a changed line."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field
from sqlmodel import Field as Column
from sqlmodel import SQLModel

pytestmark = pytest.mark.usefixtures("core")


class Item(BaseModel):
    name: str
    price: float = Field(1.5, alias="unitPrice")
    note: str | None = None


class Stored(Item):
    secret: str = "hunter2"


class Row(SQLModel, table=True):
    id: int | None = Column(default=None, primary_key=True)
    name: str


def answers(paths: list[str]) -> list[tuple[int, bytes]]:
    """Return status and body of each path of an application whose routes declare what they answer with."""
    app = FastAPI()

    @app.get("/item", response_model=Item)
    async def item() -> Any:
        return Stored(name="lamp")

    @app.get("/items", response_model_exclude_none=True)
    async def items() -> list[Item]:
        return [Stored(name="lamp"), Item(name="mug", unitPrice=2)]

    @app.get("/bare")
    def bare() -> dict[str, Item]:
        return {"a": Item(name="lamp")}

    @app.post("/echo")
    def echo(item: Item) -> Item:
        return item

    async def ask() -> list[tuple[int, bytes]]:
        found = []
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            for path in paths:
                for body in (b'{"name":"x","unitPrice":3}', b'{"name":1}'):
                    answer = await (client.post(path, content=body) if path == "/echo" else client.get(path))
                    found.append((answer.status_code, answer.content))
        return found

    return asyncio.run(ask())


def test_fastapi_answers_the_same(request: pytest.FixtureRequest, told: list[str]) -> None:
    """Every answer has the same bytes with ``install()``, hidden fields stay hidden, and the answers are written by us."""
    paths = ["/item", "/items", "/bare", "/echo"]
    before = answers(paths)
    assert not told
    request.getfixturevalue("installed")
    assert answers(paths) == before
    assert b"hunter2" not in b"".join(body for _, body in before)
    assert {"Item", "list[Item]", "dict[str, Item]"} <= {name.split(".")[-1] for name in told}


@pytest.mark.usefixtures("installed")
def test_rows_of_sqlmodel_are_left_to_pydantic(told: list[str]) -> None:
    """A class whose fields another library keeps is written exactly as Pydantic does it."""
    assert [Row(name="x").model_dump_json() for _ in range(2)] == ['{"name":"x","id":null}'] * 2
    assert not told

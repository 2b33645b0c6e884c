"""What a type does not declare is in no response: at no depth, in no format, kept, streamed or made by hand."""

# No `from __future__ import annotations`: FastAPI reads the annotations of local functions.

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, Generic, Literal, TypeVar

import ormsgpack
import pytest
from fastapi import APIRouter, FastAPI
from integrations.fastapi import cbor_format
from integrations.fastapi.support import FASTAPI, Answer, call
from pydantic import BaseModel, ConfigDict, Field, RootModel, computed_field, field_validator, model_serializer
from pydantic_core import to_json
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from pydantic_serialization.integrations.fastapi import ModelResponse, ModelStream, cached, model_route, setup

T = TypeVar("T")
MSGPACK = "application/vnd.msgpack"


class Item(BaseModel):
    """What clients may see."""

    id: int


class ItemInDB(Item):
    secret: str = "SECRET"


class ItemThatComputes(Item):
    @computed_field
    @property
    def secret(self) -> str:
        return "SECRET"


class ItemThatWritesItself(Item):
    @model_serializer
    def write(self) -> dict[str, Any]:
        return {"id": self.id, "secret": "SECRET"}


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int


class OpenInDB(Open):
    secret: str = "SECRET"


class Other(BaseModel):
    name: str


class Cat(Item):
    kind: Literal["cat"] = "cat"


class CatInDB(Cat):
    secret: str = "SECRET"


class Dog(Item):
    kind: Literal["dog"] = "dog"


class Holder(BaseModel):
    item: Item
    items: list[Item] = []
    by_name: dict[str, Item] = {}
    maybe: Item | None = None
    either: Item | Other | None = None
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    pair: tuple[Item, int] | None = None
    more: "list[Holder]" = []


class Page(BaseModel, Generic[T]):
    items: list[T]


class Names(RootModel[list[Item]]):
    pass


class Checked(Item):
    @field_validator("id")
    @classmethod
    def positive(cls, value: int) -> int:
        if value < 0:
            raise ValueError("negative")
        return value


class CheckedInDB(Checked):
    secret: str = "SECRET"


class Thing:
    """What is no model: its attributes are read, as an object-relational mapper's are."""

    id = 1
    secret = "SECRET"


class Badge(SQLModel):
    number: int


class BadgeRow(Badge, table=True):
    __tablename__ = "badge_of_the_leak_test"
    id: int | None = Column(default=None, primary_key=True)
    secret: str = "SECRET"


def holder(item: Item) -> Holder:
    return Holder(
        item=item,
        items=[item],
        by_name={"a": item},
        maybe=item,
        either=item,
        pet=CatInDB(id=3),
        pair=(item, 1),
        more=[Holder(item=item, items=[item])],
    )


VALUES: dict[str, tuple[Any, Any]] = {
    "top": (Item, ItemInDB(id=1)),
    "computed": (Item, ItemThatComputes(id=1)),
    "serializer": (Item, ItemThatWritesItself(id=1)),
    "list": (list[Item], [Item(id=1), ItemInDB(id=2), ItemThatComputes(id=3), ItemThatWritesItself(id=4)]),
    "dict": (dict[str, Item], {"a": ItemInDB(id=1), "b": ItemThatComputes(id=2)}),
    "union": (Item | Other, ItemInDB(id=1)),
    "optional": (Item | None, ItemInDB(id=1)),
    "tagged union": (Annotated[Cat | Dog, Field(discriminator="kind")], CatInDB(id=1)),
    "nested": (Holder, holder(ItemInDB(id=1))),
    "nested computed": (list[Holder], [holder(ItemThatComputes(id=1))]),
    "nested serializer": (dict[str, list[Holder]], {"a": [holder(ItemThatWritesItself(id=1))]}),
    "not validated": (Holder, Holder.model_construct(item=ItemInDB(id=1), items=[ItemInDB(id=2)])),
    "generic": (Page[Item], Page[Item](items=[ItemInDB(id=1)])),
    "root": (Names, Names([ItemInDB(id=1)])),
    "open": (Open, OpenInDB(id=1, more="x")),
    "open in a list": (list[Open], [OpenInDB(id=1, more="x")]),
    "plain dict": (list[Item], [{"id": 1, "secret": "SECRET"}]),
    "validated": (Checked, CheckedInDB(id=1)),
    "object": (Item, Thing()),
    "objects": (list[Item], [Thing(), ItemInDB(id=2)]),
    "objects, validated": (list[Checked], [Thing(), CheckedInDB(id=2)]),
    "row": (Badge, BadgeRow(number=7)),
    "rows": (list[Badge], [BadgeRow(number=7), BadgeRow(number=8)]),
}

# Before 0.126 FastAPI makes dicts of models first, and a model that is open takes what stands in them.
FASTAPI_LEAKS = {"open", "open in a list"} if FASTAPI < (0, 126) else set()

READERS: dict[str, Callable[[bytes], Any]] = {
    "application/json": json.loads,
    MSGPACK: ormsgpack.unpackb,
    "application/cbor": lambda data: json.loads(data[1:]),
}


@pytest.fixture(autouse=True, scope="module")
def cbor() -> Iterator[None]:
    """Have a format of a plug-in."""
    with cbor_format.registered():
        yield


def returning(value: Any, annotation: Any) -> Any:
    async def endpoint() -> Any:
        return value

    endpoint.__annotations__["return"] = annotation
    return endpoint


def yielding(value: Any, annotation: Any, *, is_async: bool) -> Any:
    async def stream() -> Any:
        for _ in range(3):
            yield value

    def stream_from_thread() -> Any:
        for _ in range(3):
            yield value

    endpoint: Any = stream if is_async else stream_from_thread
    endpoint.__annotations__["return"] = (AsyncIterator if is_async else Iterator)[annotation]
    return endpoint


def as_fastapi_has_it(value: Any, annotation: Any) -> Any:
    """Return the document that FastAPI gives, which has no secret in it."""
    app = FastAPI()
    app.add_api_route("/", returning(value, annotation))
    answer = call(app, "/")
    assert answer.status == 200
    return answer.json()


def checked(answer: Answer) -> Answer:
    assert (answer.status, answer.error) == (200, "")
    assert b"SECRET" not in answer.body
    assert b"_sa_instance_state" not in answer.body
    return answer


@pytest.mark.parametrize("name", [name for name in VALUES if name not in FASTAPI_LEAKS])
def test_responses(name: str) -> None:
    """Made, kept, found again, and made by hand: the document of every format is FastAPI's."""
    annotation, value = VALUES[name]
    expected = as_fastapi_has_it(value, annotation)
    app = FastAPI()
    setup(app, formats=("json", "msgpack", "cbor"))
    app.add_api_route("/made", returning(value, annotation))
    app.add_api_route("/kept", cached(60)(returning(value, annotation)))

    @app.get("/by-hand")
    async def by_hand() -> Any:
        return ModelResponse(value, annotation)

    for media_type, read in READERS.items():
        for path in ("/made", "/kept", "/kept", "/by-hand"):
            assert read(checked(call(app, path, accept=media_type)).body) == expected


@pytest.mark.parametrize("name", VALUES)
def test_streams_by_hand(name: str) -> None:
    """Every format of a ``ModelStream``."""
    annotation, value = VALUES[name]
    app = FastAPI()
    for format_name in ("jsonl", "json-array", "msgpack"):
        stream = ModelStream([value] * 3, annotation, format=format_name)
        app.add_api_route(f"/{format_name}", returning(stream, None), response_model=None)
    lines = [json.loads(line) for line in checked(call(app, "/jsonl")).body.splitlines()]
    assert checked(call(app, "/json-array")).json() == lines
    assert checked(call(app, "/msgpack")).body == b"".join(map(ormsgpack.packb, lines))
    if name not in FASTAPI_LEAKS:
        assert lines == [as_fastapi_has_it(value, annotation)] * 3


@pytest.mark.skipif(FASTAPI < (0, 134), reason="FastAPI streams generators from 0.134 on")
@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("name", VALUES)
def test_streams(name: str, is_async: bool) -> None:
    """Generators, on plain routes and in every format that they are negotiated to, on both ways to a route."""
    annotation, value = VALUES[name]
    expected = [as_fastapi_has_it(value, annotation)] * 3
    for formats in (("json",), ("json", "msgpack")):
        app, router = FastAPI(), APIRouter(route_class=model_route(*formats))
        setup(app, formats=formats)
        for place in (app, router):
            place.add_api_route("/items", yielding(value, annotation, is_async=is_async))
        app.include_router(router, prefix="/inner")
        for path in ("/items", "/inner/items"):
            assert [json.loads(line) for line in checked(call(app, path)).body.splitlines()] == expected
            if "msgpack" in formats:
                assert checked(call(app, path, accept="application/json")).json() == expected
                assert checked(call(app, path, accept=MSGPACK)).body == b"".join(map(ormsgpack.packb, expected))


def test_the_values_would_leak() -> None:
    """Written as what they are, not as what is declared, all of them have a secret: the tests above can fail."""
    for name, (_, value) in VALUES.items():
        assert b"SECRET" in to_json(value, serialize_as_any=True, fallback=lambda item: vars(type(item))["secret"]), (
            name
        )

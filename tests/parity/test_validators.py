"""Validators, factories and constructors of the user's run as in Pydantic: same values, errors and order, and only once."""

from __future__ import annotations

import enum
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal

import pytest
from parity.documents import variants
from parity.outcomes import outcome
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    RootModel,
    TypeAdapter,
    ValidationInfo,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError, PydanticUseDefault

from pydantic_serialization._native import core
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.native import bind_decoder

pytestmark = pytest.mark.skipif(core is None, reason="compares the native core with pydantic")

calls: list[Any] = []
"""What ran, in order."""


def noted(name: str, *shown: Any) -> None:
    calls.append((name, *map(repr, shown)))


class Color(str, enum.Enum):
    RED = "red"
    BLUE = "blue"


def even(value: int) -> int:
    noted("even", value)
    if value % 2:
        raise ValueError(f"{value} is odd")
    return value


def short(value: str) -> str:
    noted("short", value)
    assert len(value) < 3, "too {long}"
    return value


def known(value: int) -> int:
    noted("known", value)
    if value > 5:
        raise PydanticKnownError("greater_than", {"gt": 5})
    if value < 0:
        raise PydanticCustomError("negative", "{value} is {negative}", {"value": value})
    if value == 3:
        raise KeyError("three")
    if value == 2:
        raise PydanticUseDefault
    return value


class Leaf(BaseModel):
    number: Annotated[int, AfterValidator(even)] = 2
    text: Annotated[str, AfterValidator(short)] = "a"
    other: Annotated[int, AfterValidator(known)] = 1


class Tree(BaseModel):
    name: str = Field(alias="Name")
    leaf: Leaf = Field(default_factory=lambda: (noted("factory"), Leaf.model_construct())[1])
    leaves: list[Leaf] = []
    by_name: dict[str, Leaf] = {}
    maybe: Leaf | None = None
    pair: tuple[Annotated[int, AfterValidator(even)], str] = (2, "b")
    _count: int = PrivateAttr(default=3)

    def model_post_init(self, context: Any) -> None:
        noted("post-init", context)
        if self.name == "bad":
            raise ValueError("a bad name")

    @model_validator(mode="after")
    def after(self) -> Tree:
        noted("after", self.name)
        if self.name == "worse":
            raise ValueError("a worse name")
        return self


class Shown(BaseModel):
    first: int = 0
    second: int = 0

    @field_validator("second")
    @classmethod
    def bigger(cls, value: int, info: ValidationInfo) -> int:
        noted("info", value, info.data, info.field_name, info.mode, info.context, info.config)
        if value < info.data.get("first", 0):
            raise ValueError("smaller")
        return value

    @model_validator(mode="after")
    def whole(self, info: ValidationInfo) -> Shown:
        noted("whole", info.data, info.field_name, info.mode)
        return self


class HoldsShown(BaseModel):
    zero: int = 0
    shown: Shown = Shown()
    many: list[Shown] = []


class Before(BaseModel):
    number: int
    ratio: float = 0.5
    text: str = "x"
    flag: bool = False
    color: Color = Color.RED
    kind: Literal["a", "b"] = "a"
    day: date | None = None
    price: Decimal = Decimal(1)
    items: list[int] = []
    by_name: dict[str, float] = {}
    either: int | str = 1
    anything: Any = None

    @model_validator(mode="before")
    @classmethod
    def prepare(cls, data: Any) -> Any:
        noted("prepare", data)
        if isinstance(data, dict):
            if data.get("text") == "refuse":
                raise ValueError("refused")
            if data.get("text") == "list":
                return [1]
            if "old_number" in data:
                data = {**data, "number": data["old_number"]}
                del data["old_number"]
        return data


class BeforeWithInfo(BaseModel):
    model_config = ConfigDict(extra="allow")
    inner: Before
    leaf: Leaf = Leaf.model_construct()

    @model_validator(mode="before")
    @classmethod
    def prepare(cls, data: Any, info: ValidationInfo) -> Any:
        noted("prepare with info", info.data, info.field_name, info.context)
        return data

    @model_validator(mode="before")
    @classmethod
    def again(cls, data: Any) -> Any:
        noted("again", data)
        return data


class HoldsBefore(BaseModel):
    before: Before
    many: list[Before] = []
    maybe: BeforeWithInfo | None = None
    tagged: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, AfterValidator(even)] = 4


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str = "x"

    @model_validator(mode="before")
    @classmethod
    def prepare(cls, data: Any) -> Any:
        noted("dog", data)
        return data


class Made(BaseModel):
    a: int
    b: str = "b"

    def __init__(self, **data: Any) -> None:
        noted("init", data)
        if data.get("b") == "raise":
            raise ValueError("no")
        if data.get("b") == "key":
            raise KeyError("no")
        super().__init__(**data)


class HoldsMade(BaseModel):
    made: Made
    many: list[Made] = []


class Pieces(BaseModel):
    model_config = ConfigDict(loc_by_alias=False)
    before: Annotated[int, BeforeValidator(lambda value: (noted("before", value), value)[1])] = Field(0, alias="B")
    wrap: Annotated[int, WrapValidator(lambda value, handler: (noted("wrap", value), handler(value))[1])] = 0
    many: list[Annotated[int, BeforeValidator(even)]] = []
    after: Annotated[int, AfterValidator(even)] = Field(0, alias="A")


class Hidden(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True, title="A title")
    number: Annotated[int, AfterValidator(even)]


class Rooted(RootModel[list[Leaf]]):
    @model_validator(mode="after")
    def after(self) -> Rooted:
        noted("rooted", len(self.root))
        return self


DOCUMENTS: tuple[tuple[Any, str], ...] = (
    (Leaf, '{"number":4,"text":"ab","other":1}'),
    (Leaf, '{"number":3,"text":"long","other":9}'),
    (Leaf, '{"number":3,"text":"long","other":-1}'),
    (Leaf, '{"other":3}'),
    (Leaf, '{"other":2}'),
    (list[Leaf], '[{"number":2},{"number":3},{"text":"é\\"}{"}]'),
    (dict[str, Leaf], '{"a":{"number":2},"b":{"number":3}}'),
    (
        Tree,
        '{"Name":"good","leaf":{"number":3},"leaves":[{"number":2},{"text":"long"}],"by_name":{"x":{"other":9}},'
        '"maybe":{"number":5},"pair":[3,"z"]}',
    ),
    (Tree, '{"Name":"bad"}'),
    (Tree, '{"Name":"worse","maybe":null}'),
    (Shown, '{"first":2,"second":1}'),
    (HoldsShown, '{"zero":1,"shown":{"first":1,"second":2},"many":[{"second":3},{"first":4}]}'),
    (
        Before,
        '{"number":1,"ratio":2,"text":"t","flag":true,"color":"blue","kind":"b","day":"2024-02-29","price":"1.5",'
        '"items":[1,2],"by_name":{"a":1.5},"either":"x","anything":{"a":[1]}}',
    ),
    (Before, '{"old_number":5}'),
    (Before, '{"number":1,"text":"refuse"}'),
    (Before, '{"number":1,"text":"list"}'),
    (Before, '{"number":"1","items":["2"],"flag":"yes","ratio":"1.5"}'),
    (
        HoldsBefore,
        '{"before":{"number":1},"many":[{"number":2},{"old_number":3}],"maybe":{"inner":{"number":4},"zz":1,'
        '"leaf":{"number":3}},"tagged":{"kind":"cat","lives":3}}',
    ),
    (HoldsBefore, '{"before":{"number":1},"tagged":{"kind":"dog","name":"y"}}'),
    (Made, '{"a":1,"b":"c"}'),
    (Made, '{"a":1,"b":"raise"}'),
    (Made, '{"a":1,"b":"key"}'),
    (HoldsMade, '{"made":{"a":1},"many":[{"a":2},{"a":"x"}]}'),
    (Pieces, '{"B":1,"wrap":2,"many":[2,3],"A":3}'),
    (Hidden, '{"number":3}'),
    (Rooted, '[{"number":2},{"number":3}]'),
)
ids = [f"{getattr(kind, '__name__', kind)}-{number}" for number, (kind, _) in enumerate(DOCUMENTS)]


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def both(kind: Any, document: bytes, **options: Any) -> tuple[Any, Any]:
    """Return what Pydantic and the native core gave, each with the calls that it made."""
    calls.clear()
    expected = (outcome(adapter(kind).validator.validate_json, document, **options), list(calls))
    decode = bind_decoder(plan_for(kind), adapter(kind).validator.validate_json)
    calls.clear()
    found = (outcome(decode, document, **options), list(calls))
    return expected, found


@pytest.mark.parametrize(("kind", "document"), DOCUMENTS, ids=ids)
def test_types_with_code_of_the_users_are_native(kind: Any, document: str) -> None:
    """Every type here has a program, so that the comparisons below are not of Pydantic with itself."""
    assert plan_for(kind).decoding.program is not None, plan_for(kind).decoding.declined


@pytest.mark.parametrize(("kind", "document"), DOCUMENTS, ids=ids)
def test_code_of_the_users_runs_as_in_pydantic(kind: Any, document: str) -> None:
    """Results, errors and the very calls with their arguments are the same, in the same order and number."""
    for options in ({}, {"context": {"a": 1}}, {"strict": True}):
        expected, found = both(kind, document.encode(), **options)
        if "UseDefault" in str(found) or '"other":2' in document:
            # What a validator says to Pydantic is Pydantic's to hear: there the document is read again.
            assert found[0] == expected[0]
            continue
        assert found == expected


@pytest.mark.parametrize(("kind", "document"), DOCUMENTS, ids=ids)
def test_almost_right_documents_are_read_as_pydantic_reads_them(kind: Any, document: str) -> None:
    """Wherever one thing of a document is changed, the value, the error and the calls are Pydantic's."""
    for variant in list(dict.fromkeys(variants(document)))[::2]:
        expected, found = both(kind, variant.encode())
        assert found[0] == expected[0], variant
        if '"other":2' not in variant.replace(" ", ""):
            assert found[1] == expected[1], variant

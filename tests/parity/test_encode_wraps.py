"""Serializers that wrap Pydantic's, or write a whole model: the text, warnings, errors and calls are Pydantic's."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest
from encoders import Form, each_form, plan_of
from parity.outcomes import outcome
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, RootModel, WrapSerializer, model_serializer
from pydantic_core import PydanticSerializationUnexpectedValue

from pydantic_serialization._native import core
from pydantic_serialization.plan.rebuild import CAN_REBUILD

pytestmark = pytest.mark.skipif(core is None, reason="compares the native core with pydantic")

calls: list[Any] = []
"""What ran, and what it was shown."""

OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"by_alias": True},
    {"exclude_none": True},
    {"exclude_unset": True},
    {"exclude_defaults": True},
    {"round_trip": True},
    {"context": {"a": 1}},
    {"warnings": False},
    {"warnings": "error"},
    {"by_alias": True, "exclude_none": True, "context": 5},
)


class Part(BaseModel):
    name: str = "part"
    day: date = date(2020, 2, 29)


class Wrapped(BaseModel):
    number: int = Field(1, alias="Number")
    ratio: float = 1e16
    text: str | None = None
    price: Decimal = Decimal("1.50")
    parts: list[Part] = []
    by_day: dict[date, int] = {}
    anything: Any = None

    @model_serializer(mode="wrap")
    def wrap(self, handler: Any) -> Any:
        calls.append(("wrap", repr(self)))
        written = handler(self)
        calls.append(repr(written))
        if self.text == "raise":
            raise ValueError("no")
        if self.text == "key":
            raise KeyError("no")
        if self.text == "unexpected":
            raise PydanticSerializationUnexpectedValue("odd")
        if self.text == "none":
            return None
        if self.text == "model":
            return Part()
        if self.text == "object":
            return {"a": object()}
        return {"wrapped": written, "again": handler(self, 3)} if self.text == "twice" else written


class WithInfo(BaseModel):
    number: int = 1
    part: Part = Part()

    @model_serializer(mode="wrap")
    def wrap(self, handler: Any, info: Any) -> dict[str, Any]:
        shown = (info.context, info.by_alias, info.exclude_none, info.exclude_unset, info.round_trip, info.mode)
        calls.append((*shown, info.mode_is_json(), info.include, info.exclude, info.exclude_defaults))
        return {**handler(self), "context": info.context}


class Plain(BaseModel):
    x: int = 1

    @model_serializer(mode="plain")
    def plain(self) -> dict[str, Any]:
        calls.append("plain")
        return {"x": self.x, "part": Part()}


class Recursive(BaseModel):
    value: int
    inner: Recursive | None = None

    @model_serializer(mode="wrap")
    def wrap(self, handler: Any) -> dict[str, Any]:
        calls.append(self.value)
        return {"r": handler(self)}


class Rooted(RootModel[list[int]]):
    @model_serializer(mode="wrap")
    def wrap(self, handler: Any) -> Any:
        return handler(self)[::-1]


class Holder(BaseModel):
    one: Wrapped = Wrapped()
    many: list[Wrapped] = []
    shown: WithInfo = WithInfo()
    plain: dict[str, Plain] = {}
    rooted: Rooted = Rooted([1, 2])
    maybe: Recursive | None = None
    either: Plain | int = 1
    cents: Annotated[int, PlainSerializer(lambda value: value * 100)] = 1
    half: Annotated[float, WrapSerializer(lambda value, handler: handler(value) / 2)] = 3.0
    days: list[Annotated[date, WrapSerializer(lambda value, handler, info: handler(value) + str(info.context))]] = []


class Numbers(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="constants")
    ratio: float = math.nan

    @model_serializer(mode="wrap")
    def wrap(self, handler: Any) -> Any:
        written = handler(self)
        calls.append(repr(written))
        return written


def values() -> list[BaseModel]:
    """Return the models that are compared; some hold what they should not."""
    odd = Wrapped()
    odd.__dict__["ratio"] = 1
    odd.__dict__["text"] = 5
    return [
        Wrapped(),
        Wrapped(Number=5, parts=[Part(), Part(name="b")], by_day={date(2020, 1, 1): 1}, anything=[1.5, {"a": None}]),
        Wrapped(anything=math.inf),
        Wrapped(anything=Part()),
        Wrapped(anything=object),
        *(Wrapped(text=text) for text in ("raise", "key", "unexpected", "none", "model", "object", "twice")),
        odd,
        WithInfo(),
        WithInfo(part=Part.model_construct(name=1)),
        Plain(),
        Plain.model_construct(x="x"),
        Recursive(value=1, inner=Recursive(value=2, inner=Recursive(value=3))),
        Rooted([1, 2, 3]),
        Holder(),
        Holder(many=[Wrapped(), Wrapped(text="twice")], plain={"a": Plain()}, either=Plain(), days=[date(2020, 1, 1)]),
        Holder(maybe=Recursive(value=1, inner=Recursive(value=2))),
        Holder(many=[Wrapped(text="raise")]),
        Holder(one=odd),
        Numbers(),
        Numbers(ratio=1),
    ]


def traced(call: Any, value: Any, options: dict[str, Any]) -> Any:
    calls.clear()
    return outcome(call, value, **options), list(calls)


@pytest.mark.skipif(not CAN_REBUILD, reason="this version of pydantic cannot build what is wrapped")
@pytest.mark.parametrize("kind", [Wrapped, WithInfo, Plain, Recursive, Rooted, Holder, Numbers])
def test_models_with_serializers_of_their_own_are_native(kind: Any) -> None:
    """Every type here has a program, so that the comparison is not of Pydantic with itself."""
    for compiled in (plan_of(kind).encoding, plan_of(kind).packing):
        assert compiled.program is not None, compiled.declined


@each_form
@pytest.mark.parametrize("number", range(len(values())))
@pytest.mark.parametrize("options", OPTIONS, ids=repr)
def test_what_wraps_pydantics_serializer_is_called_as_in_pydantic(
    form: Form, number: int, options: dict[str, Any]
) -> None:
    """Text, warnings, errors, the trees that handlers give, and the order of calls are the same."""
    value = values()[number]
    kind = type(value)
    expected = traced(form.reference(kind), value, options)
    found = traced(form.complete(kind, eager=False), value, options)
    assert found[0] == expected[0]
    if expected[0][-1] or "unexpected" in repr(value):
        return  # where Pydantic warns, it may be asked once more
    assert found[1] == expected[1]

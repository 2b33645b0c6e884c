"""What the fast paths rest on, searched for a counterexample: they give what FastAPI gives, or decline."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, create_model
from pydantic_core import from_json

from pydantic_serialization import BACKEND
from pydantic_serialization.integrations.fastapi.body import _decline, _Declined, reads_alike
from pydantic_serialization.integrations.fastapi.plain_json import write_undeclared
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.native import bind_decoder


class Color(Enum):
    RED = "red"
    ONE = "1"


class Inner(BaseModel):
    n: int = 3
    s: str | None = None


FIELDS: dict[str, Any] = {
    "i": int,
    "f": float,
    "s": str,
    "b": bool,
    "none": None,
    "d": date,
    "t": time,
    "dt": datetime,
    "td": timedelta,
    "uid": UUID,
    "color": Color,
    "lit": Literal["a", "1"],
    "opt": int | None,
    "li": list[int],
    "si": set[int],
    "fs": frozenset[str],
    "df": dict[str, float],
    "inner": Inner,
    "inners": list[Inner],
    "bounded": "bounded",
    "text": "text",
}
ALL: Any = create_model(
    "All",
    **{
        name: (
            (int, Field(gt=2, multiple_of=2))
            if kind == "bounded"
            else (str, Field(min_length=2, pattern="^[a-z]+$"))
            if kind == "text"
            else (kind, ...)
        )
        for name, kind in FIELDS.items()
    },
)
ONE: dict[str, Any] = {
    name: create_model("One", value=(field.annotation, field)) for name, field in ALL.model_fields.items()
}

TEXTS = st.sampled_from(
    [
        *("", "1", "-1", "1.0", "1e3", " 7 ", "a", "abc", "red", "true", "on", "NaN", "inf", "1_000", "\u0661", "0x10"),
        *("é", "\x00", "2024-01-01", "2024-01-01T00:00:00Z", "2024-01-01T10:00:00.123456+02:00", "10:20", "1704067200"),
        *("P1DT2H", "1 days", "12345678-1234-5678-1234-567812345678", "12345678123456781234567812345678"),
    ]
)
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, 1, -0.0, 1.0, 2.5, 1e20, 1e300, 1704067200, 1704067200.5, 1704067200123, 2**63, 4, 10**400]),
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.just("n"), inner, max_size=3)
)


def shape(value: Any) -> Any:
    """Return a value so that equal ones are the same: types, order and what was set included."""
    if isinstance(value, BaseModel):
        return (type(value), [(name, shape(item)) for name, item in value.__dict__.items()], value.model_fields_set)
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [type(value), *map(shape, value)]
    if isinstance(value, (set, frozenset)):
        return (type(value), value)
    return (type(value), repr(value))


def test_the_claim_is_made() -> None:
    """The types that are searched below are those that are read straight into models."""
    assert reads_alike(plan_for(ALL))
    for name, kind in FIELDS.items():
        assert reads_alike(plan_for(ONE[name])), kind


@pytest.mark.parametrize(
    "kind",
    [Decimal, bytes, int | str, datetime | str, Any, tuple[int, int], Literal[1], list[Any], dict[int, int], complex],
)
def test_what_is_left_to_fastapi(kind: Any) -> None:
    """Types that Pydantic reads differently in JSON text, or might, are not claimed."""
    assert not reads_alike(plan_for(create_model("Other", value=(kind, ...))))


@pytest.mark.skipif(BACKEND != "native", reason="bodies are read straight into models by the native core only")
@given(st.sampled_from(sorted(FIELDS)), VALUES, st.booleans())
def test_bodies_read_straight_are_what_fastapi_makes_of_them(name: str, value: Any, indented: bool) -> None:
    """Where the core reads a document, validating the standard library's tree gives the same, set for set."""
    data = json.dumps({"value": value}, indent=1 if indented else None).encode()
    model = ONE[name]
    decode = bind_decoder(plan_for(model), _decline)
    try:
        ours = decode(data)
    except _Declined:
        return
    expected = TypeAdapter(model).validate_python(json.loads(data), from_attributes=True)
    assert shape(ours) == shape(expected)
    # FastAPI validates once more what it is given: the very instance comes out.
    assert TypeAdapter(model).validate_python(ours, from_attributes=True) is ours


LITERALS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,25})?([eE][-+]?[0-9]{1,3})?\Z")


@given(st.lists(LITERALS, min_size=1, max_size=5))
def test_numbers_are_those_of_the_standard_library(literals: list[str]) -> None:
    """Every number literal is the same number, of the same type, in both parsers."""
    text = f"[{','.join(literals)}]".encode()
    assert repr(from_json(text)) == repr(json.loads(text))


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_trees_are_those_of_the_standard_library(value: Any, indent: int | None, ascii_only: bool) -> None:
    """Every document that the faster parser reads is the same tree in both."""
    text = json.dumps({"a": value, "b": [value]}, indent=indent, ensure_ascii=ascii_only).encode()
    assert repr(from_json(text)) == repr(json.loads(text))


@given(st.binary(max_size=12) | st.text(alphabet='{}[]",:0123456789.eE+-tfnulars\\ \n', max_size=16).map(str.encode))
def test_what_only_the_standard_library_reads_is_left_to_it(text: bytes) -> None:
    """For any bytes the faster parser gives the same tree, or raises."""
    try:
        ours = from_json(text)
    except ValueError:
        return
    assert repr(ours) == repr(json.loads(text))


class Written(BaseModel):
    f: float
    fs: list[float] = []
    by_name: dict[str, float | None] = {}
    s: str = ""
    d: Decimal = Decimal(0)
    at: datetime | None = None
    inner: Inner | None = None


FLOATS = st.floats() | st.sampled_from([0.0, -0.0, 1e-4, 9.999e-5, 1e16, 1e15, 123456789.125, 5e-324, 1e22])


@given(
    st.lists(
        st.builds(
            Written,
            f=FLOATS,
            fs=st.lists(FLOATS, max_size=3),
            by_name=st.dictionaries(st.text(max_size=5) | st.just("_sa"), FLOATS | st.none(), max_size=2),
            s=st.text(max_size=10),
            d=st.decimals(allow_nan=False, allow_infinity=False),
            at=st.none() | st.datetimes(),
            inner=st.none() | st.builds(Inner, n=st.integers(), s=st.none() | st.text(max_size=5)),
        ),
        max_size=3,
    ),
    st.booleans(),
)
def test_undeclared_models_are_written_as_fastapi_writes_them(values: list[Written], alone: bool) -> None:
    """What is written for an endpoint without a declared type is what FastAPI's encoder and the standard library give."""
    value: Any = values[0] if alone and values else values
    ours = write_undeclared(value)
    if ours is not None:
        assert ours == JSONResponse(jsonable_encoder(value)).body


def test_undeclared_models_are_written_at_all() -> None:
    """Ordinary values are not declined, with the core."""
    value = Written(f=1.5, fs=[0.25, -3.0], by_name={"a": None}, s="text", inner=Inner())
    expected = BACKEND == "native"
    assert (write_undeclared(value) is not None) == (write_undeclared([value]) is not None) == expected
    assert write_undeclared(Written(f=math.inf)) is None

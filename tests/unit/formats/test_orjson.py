"""ORJSON: the bytes of JSON, also where orjson itself writes them."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest
import zoo
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator, ValidationError
from strategies import json_values

from pydantic_serialization.formats import BoundFormat, FormatOptions
from pydantic_serialization.formats.json import JsonFormat
from pydantic_serialization.formats.orjson import OrjsonFormat
from pydantic_serialization.plan import plan_for


def both(declared: Any) -> tuple[BoundFormat, BoundFormat]:
    """Return ORJSON and JSON bound to a type."""
    plan = plan_for(declared)
    return OrjsonFormat().bind(plan, FormatOptions()), JsonFormat().bind(plan, FormatOptions())


@dataclass
class Pair:
    x: int
    y: str


class Kind(enum.Enum):
    LIST = (1, 2)
    TEXT = "t"


PLAIN: list[Any] = [
    {"a": [1, 2.5, None, True]},
    {2: "a", None: 1, True: 2, date(2020, 1, 1): 3},
    [2**70, -(2**70)],
    [float("nan"), float("inf"), -0.0, 1e16, 1e-7, 5e-324],
    [date(2020, 1, 1), uuid.UUID(int=1), Decimal("1.0"), b"ab", {1}, (1, 2)],
    [Pair(1, "a"), zoo.Cat(), zoo.Point(1)],
    [Kind.LIST, Kind.TEXT, zoo.Color.RED, zoo.Level.LOW],
    ['\u2028\x7f\x00"\\/é', "\U0001f600"],
    {"a": {"b": {"c": []}}},
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_data_has_the_bytes_of_json(value: Any) -> None:
    """For ``dict``, ``list`` and scalars orjson's bytes, or Pydantic's where orjson differs, are JSON's."""
    fast, reference = both(type(value))
    assert fast.encode(value) == reference.encode(value)


@given(value=json_values | st.floats() | st.dictionaries(st.integers(), st.floats()))
def test_any_plain_data_has_the_bytes_of_json(value: Any) -> None:
    """Whatever the plain value, the two JSON formats write the same, with and without options."""
    fast, reference = both(type(value))
    assert fast.encode(value) == reference.encode(value)
    assert fast.encode_with(value, {"indent": 2}) == reference.encode_with(value, {"indent": 2})


def test_a_subclass_in_plain_data_is_written_as_pydantic_infers_it() -> None:
    """Values that only look plain (a model in a dict) go through Pydantic."""
    fast, reference = both(dict)
    value = {"a": zoo.Derived(), "b": [zoo.CustomType("x")]}
    assert fast.encode(value) == reference.encode(value)


def test_metadata_that_cannot_be_hashed_is_no_obstacle() -> None:
    """``Annotated`` with a list as metadata is a type like any other."""
    declared = Annotated[int, ["unhashable"]]
    fast, _ = both(declared)
    assert fast.decode(fast.encode(5)) == 5


def test_errors_carry_its_own_name() -> None:
    """A document that is none is reported as ORJSON's."""
    fast, _ = both(zoo.Scalars)
    with pytest.raises(ValueError, match="format=orjson"):
        fast.decode(b"{")


class Loose(BaseModel):
    number: Annotated[int, BeforeValidator(lambda value: value)]


@pytest.mark.parametrize("form", [JsonFormat(), OrjsonFormat()], ids=lambda form: form.name)
def test_strictness_reaches_the_parts_that_pydantic_reads(form: Any) -> None:
    """Where the pipeline is strict, so is a validator for just a part; a call may say otherwise."""
    strict = form.bind(plan_for(Loose), FormatOptions(strict=True))
    for load_options in ({}, {"context": None}, {"strict": True}):
        with pytest.raises(ValidationError, match="number"):
            strict.decode_with(b'{"number":"5"}', load_options)
    with pytest.raises(ValidationError, match="number"):
        strict.decode(b'{"number":"5"}')
    assert strict.decode_with(b'{"number":"5"}', {"strict": False}).number == 5
    assert strict.decode(b'{"number":5}').number == 5

"""Parts of keys: different values never give the same text."""

from __future__ import annotations

import enum
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import combinations
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from pydantic_serialization.cache.keys import encode_parts
from pydantic_serialization.errors import UnsupportedTypeError


class Color(enum.Enum):
    RED = 1
    BLUE = 2
    CRIMSON = 1


class Number(enum.IntEnum):
    ONE = 1


class Word(enum.StrEnum):
    RED = "RED"


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Order(BaseModel):
    total: int


NOON = datetime(2024, 5, 1, 12)
# The arguments in each line are easily taken for each other.
DISTINCT: list[tuple[Any, ...]] = [
    (1,), (True,), (1.0,), ("1",), (b"1",), (Decimal(1),), (Number.ONE,), (Color.RED,), (Color.BLUE,), ([1],), ((1,),),
    (0,), (False,), (0.0,), (-0.0,), ("",), (b"",), (None,), ("None",), ("n",), ((),), ([],), ({},), (set(),),
    (frozenset(),), (Decimal("1.0"),), (Decimal("1.00"),), (Decimal("1E+2"),), (Decimal(100),), (Decimal("-0"),),
    (["a:b", "c"],), (["a", "b:c"],), ("a:b", "c"), ("a", "b:c"), ("a", "b", "c"), ("abc",), ("ab", "c"),
    (["a", "b", "c"],),
    (["a", ["b"]],), ([["a"], "b"],), ([["a", "b"]],), ("s1:a",), ("a",), ("RED",), (Word.RED,), ("i1:1",),
    ({"a": 1, "b": 2},), ({"b": 2, "a": 1},), ({"a": {"b": 2}},), ({1, 2},), (frozenset({1, 2}),), ([1, 2],),
    (1, 2), (12,),
    (Right.READ,), (Right.WRITE,), (Right.READ | Right.WRITE,), (Right(0),), (2,), (3,),
    (UUID(int=1),), (str(UUID(int=1)),), (date(2024, 5, 1),), ("2024-05-01",), (NOON,), (NOON.replace(fold=1),),
    (NOON.replace(microsecond=1),), (NOON.replace(tzinfo=UTC),), (NOON.replace(tzinfo=ZoneInfo("Europe/Paris")),),
    (NOON.replace(tzinfo=ZoneInfo("Europe/Berlin")),), (NOON.replace(tzinfo=timezone(timedelta(hours=2))),),
    (float("nan"),), (float("inf"),), (float("-inf"),), ("nan",), (2**200,), (-(2**200),), (f"{2**200:x}",), (2**127,),
    ("é",), ("e\u0301",), ("\ud800",), ("\x00",), (" ",),
]  # fmt: skip


def test_what_is_easily_confused_is_told_apart() -> None:
    """Values that are equal, print alike, or join to the same text are different parts."""
    for first, second in combinations(DISTINCT, 2):
        assert encode_parts(*first) != encode_parts(*second), (first, second)


def test_equal_values_of_one_type_are_the_same_part() -> None:
    """Encoding depends on the value alone, not on the object or the history of a set."""
    ascending, descending = set(), set()
    for number in range(100):
        ascending.add(f"{number}")
        descending.add(f"{99 - number}")
    assert encode_parts(ascending) == encode_parts(descending)
    assert encode_parts([1, "a"]) == encode_parts([int("1"), "".join("a")])
    assert encode_parts(Color.RED) == encode_parts(Color.CRIMSON)


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
    | st.decimals() | st.uuids() | st.dates() | st.datetimes() | st.sampled_from(Color)
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)


def _typed(value: Any) -> Any:
    """Return something whose equality is what the encoding promises."""
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(_typed, value))
    if isinstance(value, dict):
        return dict, tuple((_typed(key), _typed(item)) for key, item in value.items())
    return type(value), repr(value)


@given(st.lists(values, min_size=1, max_size=3), st.lists(values, min_size=1, max_size=3))
@example([1, 23], [12, 3])
@example(["a", "b"], ["as1:b"])
def test_two_lists_of_values_share_a_text_only_if_they_are_the_same(first: list[Any], second: list[Any]) -> None:
    """The encoding of a list of parts is injective, and deterministic."""
    same = _typed(first) == _typed(second)
    assert (encode_parts(*first) == encode_parts(*second)) is same
    assert encode_parts(*first) == encode_parts(*first)


@given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=6), st.data())
def test_moving_text_between_parts_changes_the_key(texts: list[str], data: st.DataObject) -> None:
    """No value can contain what separates it from the next."""
    whole = "".join(texts)
    cut = data.draw(st.integers(0, len(whole)))
    if [whole[:cut], whole[cut:]] != texts:
        assert encode_parts(*texts) != encode_parts(whole[:cut], whole[cut:])


def test_long_parts_are_replaced_by_a_digest() -> None:
    """A key stays short, still tells its values apart, and cannot be given as a value."""
    long, other = encode_parts("x" * 1000), encode_parts("x" * 999 + "y")
    assert len(long) == 33
    assert long.startswith("#")
    assert long != other
    assert encode_parts(long) != long
    assert len(encode_parts("x" * 155)) <= 160
    assert encode_parts("\ud800" * 500).startswith("#")


@pytest.mark.parametrize("value", [Order(total=4815), object(), 1j, bytearray(b"x"), range(3), timedelta(1), Order])
def test_other_types_are_an_error_that_names_them(value: object) -> None:
    """What has no agreed identity cannot be part of a key; the error shows the type, the way out, and no value."""
    for parts in ((value,), ("a", [value]), ({"k": value},)):
        with pytest.raises(TypeError, match=type(value).__qualname__) as caught:
            encode_parts(*parts)
        assert isinstance(caught.value, UnsupportedTypeError)
        assert "{user.id}" in str(caught.value)
        assert "4815" not in str(caught.value)


def test_subclasses_of_known_types_are_an_error() -> None:
    """A subclass may mean something else by being equal, so it is not taken for its base."""

    class Money(int):
        pass

    class Name(str):
        __slots__ = ()

    for value in (Money(1), Name("a")):
        with pytest.raises(UnsupportedTypeError, match=type(value).__name__):
            encode_parts(value)


def test_no_parts_are_an_error() -> None:
    """A key of nothing would be the same for everything."""
    with pytest.raises(UnsupportedTypeError, match="at least one"):
        encode_parts()


def test_a_value_that_contains_itself_is_an_error() -> None:
    """Endless nesting is refused without an endless loop."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(UnsupportedTypeError, match="contains itself"):
        encode_parts(endless)


def test_keys_are_the_same_in_every_process() -> None:
    """Neither hash randomisation nor the order of sets enters a key."""
    code = (
        "from pydantic_serialization.cache.keys import encode_parts;"
        "print(encode_parts({'a','b','c','d'}, frozenset({'x','y','z'}), 'k'*500, 3))"
    )
    outputs = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1

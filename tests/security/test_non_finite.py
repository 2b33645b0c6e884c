"""NaN and infinities come back equal, or are refused with their place, in every format of a manager."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, field_serializer

from pydantic_serialization import EncodeError, SerializationConfig, create_serialization_manager, encoder, serialized
from pydantic_serialization.bulk import RecordWriter, write_records
from pydantic_serialization.plan.rebuild import CAN_REBUILD
from pydantic_serialization.serializer import PydanticModelSerializer

if TYPE_CHECKING:
    from pathlib import Path

JSON = ["json", "orjson"]
FORMATS = [*JSON, "msgpack"]
VALUES = [math.nan, math.inf, -math.inf]


class Inner(BaseModel):
    """A float."""

    value: float = 0.0
    note: str | None = None


@dataclass
class Point:
    """A dataclass."""

    x: float = 0.0


class Limit(Enum):
    """Members that are floats."""

    NONE = math.inf


class Outer(BaseModel):
    """Floats wherever they can stand, and nulls beside them."""

    plain: float = 0.0
    maybe: float | None = None
    choice: int | float | str | None = None
    inner: Inner = Inner()
    many: list[Inner] = []
    pair: tuple[float, float] = (0.0, 0.0)
    named: dict[str, float] = {}
    point: Point = Field(default_factory=Point)
    choices: list[Inner | Point] = []


class Open(BaseModel):
    """Values of any type, and extra ones."""

    model_config = ConfigDict(extra="allow")

    thing: Any = None
    based: SerializeAsAny[Inner] | None = None
    queue: deque[float] | None = None


class Constants(BaseModel):
    """Written as constants, and read as such."""

    model_config = ConfigDict(ser_json_inf_nan="constants")

    value: float | None = None
    values: list[float] = []


class Strings(BaseModel):
    """Written as strings, which a float field reads."""

    model_config = ConfigDict(ser_json_inf_nan="strings")

    value: float = 0.0


class Nulls(BaseModel):
    """The null is asked for."""

    model_config = ConfigDict(ser_json_inf_nan="null")

    value: float | None = None


class Mixed(BaseModel):
    """Others that say how, in one that does not."""

    nulls: Nulls = Nulls()
    constants: Constants = Constants()
    value: float = 0.0


class Written(BaseModel):
    """What is not written needs no form."""

    hidden: float = Field(default=0.0, exclude=True)
    own: float = 0.0
    empty: None = None

    @field_serializer("own")
    def _as_text(self, value: float) -> str:
        return str(value)


def manager(**settings: Any) -> Any:
    """Return a manager."""
    return create_serialization_manager(SerializationConfig(**settings))


PLACES: list[tuple[Any, tuple[str | int, ...]]] = [
    (lambda x: Outer(plain=x), ("plain",)),
    (lambda x: Outer(maybe=x), ("maybe",)),
    (lambda x: Outer(choice=x), ("choice",)),
    (lambda x: Outer(inner=Inner(value=x)), ("inner", "value")),
    (lambda x: Outer(many=[Inner(), Inner(value=x)]), ("many", 1, "value")),
    (lambda x: Outer(pair=(0.0, x)), ("pair", 1)),
    (lambda x: Outer(named={"a": 0.0, "b": x}), ("named", "<key 1>")),
    (lambda x: Outer(point=Point(x)), ("point", "x")),
    (lambda x: Outer(choices=[Point(x)]), ("choices", 0, "x")),
    (lambda x: Open(thing=x), ("thing",)),
    (lambda x: Open(thing={"a": [x]}), ("thing", "<key 0>", 0)),
    (lambda x: Open(thing=Inner(value=x)), ("thing", "value")),
    (lambda x: Open(thing=[Open(thing=x)]), ("thing", 0, "thing")),
    (lambda x: Open(thing=Point(x)), ("thing", "x")),
    (lambda x: Open(based=Inner(value=x)), ("based", "value")),
    (lambda x: Open(queue=deque([x])), ("queue", 0)),
    (lambda x: Open(more=x), ("more",)),
    (lambda x: Open(more=Inner(value=x)), ("more", "value")),
    (lambda x: Mixed(value=x), ("value",)),
]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("place", range(len(PLACES)))
@pytest.mark.parametrize("format_name", JSON)
def test_what_would_become_null_is_refused(format_name: str, place: int, value: float) -> None:
    """The error names the place, the way out in the model, and the setting."""
    make, path = PLACES[place]
    with pytest.raises(EncodeError, match=r"ser_json_inf_nan.*allow_non_finite=True") as caught:
        manager().serialize_sync(make(value), format_name)
    assert caught.value.path == path
    assert caught.value.format == format_name


@pytest.mark.skipif(not CAN_REBUILD, reason="before pydantic 2.13 nothing tells such a value from None")
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("place", range(len(PLACES)))
def test_messagepack_has_a_form_for_them(place: int, value: float) -> None:
    """Where Pydantic gives it: what is declared comes back, and where it would be nil the value is refused."""
    item = PLACES[place][0](value)
    run = manager()
    allowed = manager(allow_non_finite=True)
    written = allowed.serialize_sync(item, "msgpack")
    kept = allowed.deserialize_sync(written, Any, "msgpack")
    if str(value) in repr(kept):
        assert run.serialize_sync(item, "msgpack") == written
        return
    for options in ({}, {"exclude_unset": True}):
        with pytest.raises(EncodeError, match=r"ser_json_inf_nan.*allow_non_finite=True") as caught:
            run.serialize_sync(item, "msgpack", **options)
        assert caught.value.path == PLACES[place][1]


@pytest.mark.parametrize("place", range(len(PLACES)))
@pytest.mark.parametrize("format_name", JSON)
def test_what_is_allowed_is_written_as_pydantic_writes_it(format_name: str, place: int) -> None:
    """The setting gives Pydantic's own bytes; so do functions without a configuration."""
    value = PLACES[place][0](math.nan)
    text = value.model_dump_json().encode()
    assert manager(allow_non_finite=True).serialize_sync(value, format_name) == text
    assert encoder(type(value), format_name)(value) == text


@pytest.mark.parametrize("value", [math.inf, -math.inf])
@pytest.mark.parametrize("format_name", FORMATS)
def test_what_the_model_says_is_done(format_name: str, value: float) -> None:
    """Constants and strings come back; a null that the model asks for is written."""
    run = manager()
    for item in (Constants(value=value, values=[value]), Strings(value=value), Mixed(constants=Constants(value=value))):
        data = run.serialize_sync(item, format_name)
        assert run.deserialize_sync(data, type(item), format_name) == item
    if format_name in JSON:
        for item in (Nulls(value=value), Mixed(nulls=Nulls(value=value), constants=Constants(value=value))):
            assert run.serialize_sync(item, format_name) == item.model_dump_json().encode()


@pytest.mark.skipif(not CAN_REBUILD, reason="before pydantic 2.13 the value is looked at, not what is written")
@pytest.mark.parametrize("format_name", JSON)
def test_what_is_not_written_is_not_refused(format_name: str) -> None:
    """Excluded fields, and fields that are written by a function, may hold anything."""
    item = Written(hidden=math.nan, own=math.inf)
    assert manager().serialize_sync(item, format_name) == item.model_dump_json().encode()
    outer = Outer(plain=math.nan)
    assert (
        manager().serialize_sync(outer, format_name, exclude={"plain"})
        == outer.model_dump_json(exclude={"plain"}).encode()
    )
    with pytest.raises(EncodeError):
        manager().serialize_sync(outer, format_name, exclude={"maybe"})


class Streamed(BaseModel):
    """Values that can be read once."""

    numbers: Iterable[float] | None = None
    thing: Any = None


@pytest.mark.skipif(not CAN_REBUILD, reason="before pydantic 2.13 the value is looked at, not what is written")
@pytest.mark.parametrize("options", [{}, {"indent": 2}], ids=str)
@pytest.mark.parametrize("place", ["numbers", "thing", "nested"])
@pytest.mark.parametrize("format_name", JSON)
def test_what_can_be_read_once_is_refused_rather_than_lost(format_name: str, place: str, options: Any) -> None:
    """An iterator that was looked through for NaN is not written as if it had been empty."""

    def made(*values: float) -> Streamed:
        once = iter(values)
        return Streamed.model_construct(**({"thing": [{"a": once}]} if place == "nested" else {place: once}))

    run = manager()
    assert (
        run.serialize_sync(made(1.0, 2.0), format_name, **options) == made(1.0, 2.0).model_dump_json(**options).encode()
    )
    for values in ((math.nan,), (1.0, math.inf), (1.0, -math.inf, 2.0)):
        with pytest.raises(EncodeError, match="allow_non_finite"):
            run.serialize_sync(made(*values), format_name, **options)


@pytest.mark.parametrize("format_name", JSON)
def test_words_are_no_numbers(format_name: str) -> None:
    """Texts and keys that look like constants are texts and keys."""
    run = manager()
    for item in (
        Open(thing='NaN, "Infinity" \\', based=Inner(note="null")),
        Outer(named={"NaN": 1.0, "Infinity": 2.0}),
    ):
        data = run.serialize_sync(item, format_name)
        assert data == item.model_dump_json().encode()
        assert run.deserialize_sync(data, type(item), format_name) == item


@pytest.mark.parametrize("declared", [float, list[float], dict[str, Any], dict, list, Any])
@pytest.mark.parametrize("format_name", JSON)
def test_types_that_are_no_models_are_checked(format_name: str, declared: Any) -> None:
    """Plain data is refused like models."""
    made: Any = math.nan if declared in (float, Any) else {"a": math.nan} if "dict" in str(declared) else [math.nan]
    pipeline = PydanticModelSerializer(SerializationConfig()).pipeline(declared, format_name)
    with pytest.raises(EncodeError, match="allow_non_finite"):
        pipeline.dump(made)


@pytest.mark.parametrize("format_name", JSON)
def test_lists_of_models_name_the_item(format_name: str) -> None:
    """The index comes first."""
    with pytest.raises(EncodeError) as caught:
        PydanticModelSerializer(SerializationConfig()).pipeline(list[Inner], format_name).dump(
            [Inner(), Inner(value=math.nan)]
        )
    assert caught.value.path == (1, "value")


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_files_of_records_are_checked(tmp_path: Path, name: str) -> None:
    """No file appears; with the setting it does."""
    records = [Inner(value=float(number)) for number in range(40)] + [Inner(value=math.inf)]
    with pytest.raises(EncodeError, match="allow_non_finite"):
        write_records(tmp_path / name, records, Inner)
    with pytest.raises(EncodeError), RecordWriter(tmp_path / name, Inner) as writer:
        writer.write(records[-1])
    assert not (tmp_path / name).exists()
    assert write_records(tmp_path / name, records, Inner, config=SerializationConfig(allow_non_finite=True)) == 41


@pytest.mark.parametrize("format_name", JSON)
def test_parts_that_pydantic_writes_are_looked_at(format_name: str) -> None:
    """A part with a null is written where it stands for None, and refused where it stands for a number."""
    run = manager(enable_compression=False)
    good = Open(thing=Inner(value=1.0), text="x" * 2000)
    assert run.serialize_sync(good, format_name) == good.model_dump_json().encode()
    bad = Open(thing=[1.0, Inner(value=math.inf)], text="x" * 2000)
    with pytest.raises(EncodeError) as caught:
        run.serialize_sync(bad, format_name)
    assert caught.value.path == ("thing", 1, "value")
    asked = Open(thing=Nulls(value=math.inf), text="x" * 2000)
    assert run.serialize_sync(asked, format_name) == asked.model_dump_json().encode()


@pytest.mark.parametrize("format_name", JSON)
def test_results_of_functions_are_checked(format_name: str) -> None:
    """A cached function's result that cannot be kept is an error, not a result with a hole."""
    run = manager(default_format=format_name)

    @serialized(manager=run, key="x")
    async def load() -> Inner:
        return Inner(value=math.nan)

    with pytest.raises(EncodeError, match="allow_non_finite"):
        asyncio.run(load())


def test_a_refusal_is_not_remembered() -> None:
    """The same instance is refused again, and what is finite is written after it."""
    run = manager()

    class Frozen(BaseModel, frozen=True):
        value: float

    for _ in range(20):
        bad = Frozen(value=math.nan)
        for _ in range(3):
            with pytest.raises(EncodeError):
                run.serialize_sync(bad)
        assert run.deserialize_sync(run.serialize_sync(Frozen(value=1.0)), Frozen).value == 1.0


def test_the_setting_can_be_changed() -> None:
    """It takes effect on the next call."""
    run = manager()
    run.config.allow_non_finite = True
    assert run.serialize_sync(Inner(value=math.nan), "orjson") == b'{"value":null,"note":null}'
    run.config.allow_non_finite = False
    with pytest.raises(EncodeError):
        run.serialize_sync(Inner(value=math.nan), "orjson")


FLOATS = st.floats(width=64)
INNER = st.builds(Inner, value=FLOATS, note=st.none() | st.text(max_size=3))
ANYTHING = st.recursive(
    st.none() | FLOATS | st.text(max_size=3) | st.sampled_from(["NaN", "null", '"']),
    lambda item: st.lists(item, max_size=3) | st.dictionaries(st.text(max_size=3), item, max_size=3),
    max_leaves=6,
)
MODELS = st.one_of(
    st.builds(
        Outer,
        plain=FLOATS,
        maybe=st.none() | FLOATS,
        choice=st.none() | FLOATS,
        inner=INNER,
        many=st.lists(INNER, max_size=2),
        named=st.dictionaries(st.text(max_size=3), FLOATS, max_size=2),
        point=st.builds(Point, FLOATS),
    ),
    st.builds(Open, thing=ANYTHING, more=ANYTHING),
    st.builds(Constants, value=st.none() | FLOATS, values=st.lists(FLOATS, max_size=2)),
    st.builds(Strings, value=FLOATS),
)
RUN = manager()


@given(item=MODELS, format_name=st.sampled_from(FORMATS))
def test_what_is_written_is_read_back_equal(item: BaseModel, format_name: str) -> None:
    """Whatever is written comes back as it was; what is refused is not finite."""
    try:
        data = RUN.serialize_sync(item, format_name)
    except EncodeError as error:
        assert "allow_non_finite" in str(error)
        return
    assert repr(RUN.deserialize_sync(data, type(item), format_name)) == repr(item)  # NaN is not equal to itself

"""Whatever stands in an instance or is given to an encoder: bytes, exceptions and warnings are Pydantic's."""

from __future__ import annotations

import copy
import dataclasses
import enum
import inspect
import random
import struct
import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import product
from typing import Annotated, Any, Literal, NotRequired

import pydantic_core
import pytest
import zoo
from encoders import assert_same, both, complete, native, outcome, plan_of
from hypothesis import given
from hypothesis import strategies as st
from oddities import Halves, Hidden, Ints, Pairs, odd_values
from pydantic import (
    AnyUrl,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    JsonValue,
    RootModel,
    SerializeAsAny,
    TypeAdapter,
    computed_field,
    field_serializer,
)
from strategies import dump_options, everything, models, text_options
from typing_extensions import TypedDict

from pydantic_serialization._native import core

pytestmark = pytest.mark.skipif(core is None, reason="needs the native core")


class Sketch(TypedDict, total=False):
    title: str
    year: int


class Exact(TypedDict):
    title: str
    year: NotRequired[int]


class Infinite(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="constants")

    value: float | int
    plain: float = 1.0
    anything: Any = None


class Spelled(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="strings", ser_json_bytes="hex", ser_json_timedelta="float")

    plain: float = float("nan")
    raw: bytes = b"\xff"
    took: timedelta = timedelta(seconds=1.5)
    anything: Any = None
    inner: Infinite = Infinite(value=1)


class InSeconds(BaseModel):
    model_config = ConfigDict(ser_json_temporal="seconds")

    at: datetime = datetime(2020, 1, 1)
    took: timedelta = timedelta(days=1, microseconds=1)
    name: str = "x"


class SameAlias(BaseModel):
    a: int = Field(default=1, serialization_alias="x")
    b: int = Field(default=2, serialization_alias="x")


class Odd(BaseModel):
    """Aliases that need escapes, and one that is long."""

    a: int = Field(default=1, serialization_alias='quote " \\ \n')
    b: int = Field(default=2, serialization_alias="é\u2028" * 20)
    c: int = Field(default=3, serialization_alias="")


# Pydantic 2.12 and newer.
_EXCLUDED_IF_THREE: dict[str, Any] = (
    {"exclude_if": lambda value: value == 3} if "exclude_if" in inspect.signature(Field).parameters else {}
)


class Excluding(BaseModel):
    a: int = 1
    b: int = Field(default=2, exclude=True)
    c: int = Field(default=3, **_EXCLUDED_IF_THREE)
    d: int = 4


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    a: int = Field(default=1, serialization_alias="A")

    @computed_field
    @property
    def b(self) -> int:
        return self.a + 1

    @field_serializer("a")
    def _text(self, value: int) -> str:
        return str(value)


class Tagged(RootModel[Annotated[zoo.Cat | zoo.Dog, Field(discriminator="kind")]]):
    pass


type_list: list[Any] = [
    int, str, float, bool, bytes, type(None), Any, datetime, date, time, timedelta, uuid.UUID, Decimal, object,
    list[int], list[Any], list[float | None], set[int], frozenset[str], tuple[int, str], tuple[int, ...],
    tuple[()], dict[str, int], dict[int, str], dict[str, Any], dict[Any, Any], dict[date, int], dict[uuid.UUID, int],
    dict[zoo.Color, int], dict[bool, int], dict[float, int], dict[bytes, int], dict[Literal["a", "b"], int],
    dict[str | None, int], dict[zoo.Shape, int], dict[Pairs, int], dict[Halves, int], dict[datetime, int],
    zoo.Color, zoo.Level, zoo.Shape, zoo.Access, zoo.Permission, Halves, Pairs,
    Literal["a", "red", 1, True, None], Literal[zoo.Color.RED, zoo.Level.LOW, b"x"], zoo.Cat | None,
    zoo.Cat, zoo.Base, zoo.Node, zoo.Anything, zoo.Animals, Tagged, Ints, Sketch, Exact, zoo.Plain, zoo.Validated,
    zoo.ExtraAllowed, zoo.Computed, zoo.Serializers, zoo.ModelSerializers, zoo.Aliased, AnyUrl, JsonValue, Json[int],
    SerializeAsAny[zoo.Base], list[zoo.ModelSerializers], dict[str, zoo.Computed],
    int | str, str | int, float | int, int | float | None, bool | int, int | bool, str | bytes, bytes | str,
    date | datetime, datetime | date, datetime | str, uuid.UUID | str, Decimal | float, float | Decimal, timedelta | float,
    list[int] | list[str], list[int] | int, list[str] | str, dict[str, int] | list[int], dict[str, int] | dict[str, str],
    dict[int, int] | str, tuple[int, str] | tuple[int, ...], tuple[int, int] | list[int], set[int] | list[int],
    zoo.Cat | zoo.Dog, zoo.Dog | zoo.Cat, zoo.Cat | None, zoo.Cat | dict[str, Any], zoo.Cat | Any, Any | int,
    zoo.Color | str, str | zoo.Color, zoo.Level | int, int | zoo.Level, zoo.Shape | int | str, Pairs | int,
    Literal["a", "red"] | int, Literal[1, 2] | str, Literal[True] | int, Literal[zoo.Color.RED] | str,
    Literal[zoo.Level.LOW] | float, Literal[zoo.Shape.ROUND] | int, Literal[None, 1] | float,
    Sketch | int, Exact | Sketch, Sketch | zoo.Cat, zoo.Plain | zoo.Cat, zoo.Validated | int, zoo.Node | int,
    zoo.Animals | Ints, Ints | str, zoo.Person | zoo.Address, zoo.Base64Config | str, zoo.Computed | zoo.Cat,
    zoo.Serializers | int, zoo.Aliased | int, zoo.ExtraAllowed | int, SameAlias | int, zoo.Anything | int,
    list[zoo.Cat | int | str], dict[str, zoo.Cat | list[int | str]], (int | str) | (float | list[zoo.Cat | zoo.Dog]),
    Annotated[zoo.Cat | zoo.Dog, Field(discriminator="kind")],
    list[Annotated[zoo.Cat | zoo.Dog, Field(discriminator="kind")]],
    Annotated[int | str, Field(union_mode="left_to_right")], Infinite | int, Open | int,
]  # fmt: skip


@pytest.mark.parametrize("declared", type_list, ids=str)
def test_any_value_is_written_as_pydantic_writes_it(declared: Any) -> None:
    """A type may be given any value: right, nearly right, of a subclass, or altogether wrong."""
    for value in odd_values():
        assert_same(declared, value)
        assert_same(declared, [value])
        assert_same(declared, {"a": value})


def _classes() -> list[type[BaseModel]]:
    mine = [Infinite, Spelled, InSeconds, SameAlias, Odd, Excluding, Open, Tagged, Ints, Hidden]
    return [*dict.fromkeys(entry.type for entry in zoo.MODELS), *mine]


def _instances(cls: type[BaseModel]) -> list[Any]:
    known = [value for entry in zoo.MODELS if entry.type is cls for value in entry.values]
    if known:
        return known[:2]
    values: dict[type, Any] = {Infinite: Infinite(value=1), Tagged: Tagged(zoo.Cat()), Ints: Ints([1])}
    return [values[cls] if cls in values else cls()]


@pytest.mark.parametrize("cls", _classes(), ids=lambda cls: cls.__name__)
def test_instances_may_hold_anything(cls: type[BaseModel]) -> None:
    """A field may hold any value, alone or in a container: nobody checks what is assigned past Pydantic.

    The containers take turns, for a value another one in each field.
    """
    instances = _instances(cls)
    containers: tuple[Any, ...] = (lambda value: [value], lambda value: {"k": value}, lambda value: (value,))
    for turn, name in enumerate(instances[0].__dict__):
        for number, value in enumerate(odd_values(), turn):
            for placed in (value, containers[number % 3](value)):
                changed = copy.copy(instances[number % len(instances)])
                changed.__dict__[name] = placed
                assert_same(cls, changed)


@pytest.mark.parametrize("cls", _classes(), ids=lambda cls: cls.__name__)
def test_instances_may_be_of_any_shape(cls: type[BaseModel]) -> None:
    """Names in another order, missing, unknown or of another class; given names that do not fit; no state at all."""
    options: list[dict[str, Any]] = [{}, {"exclude_unset": True}, {"exclude_none": True}, {"exclude_defaults": True}]
    for instance in _instances(cls):
        variants = []
        for change in (
            lambda d: dict(reversed(d.items())),
            lambda d: {},
            lambda d: dict(list(d.items())[1:]),
            lambda d: {"unknown": object(), **d},
            lambda d: {**d, "unknown": 1},
            lambda d: {**d, 5: 1},
            lambda d: {type("Name", (str,), {})(name): value for name, value in d.items()},
            lambda d: {"".join(list(name)): value for name, value in d.items()},
        ):
            changed = copy.copy(instance)
            object.__setattr__(changed, "__dict__", change(instance.__dict__))
            variants.append(changed)
        for names in (set(), {"nobody"}, set(list(instance.__dict__)[:1])):
            changed = copy.copy(instance)
            object.__setattr__(changed, "__pydantic_fields_set__", names)
            variants.append(changed)
        for extra in (
            None,
            {},
            {"x": 1, "y": None},
            {"a": 1, "b": 2},
            {"A": 5},
            {5: 1},
            {"\ud800": 1},
            {"x": object()},
            [],
        ):
            changed = copy.copy(instance)
            object.__setattr__(changed, "__pydantic_extra__", extra)
            variants.append(changed)
        variants.append(cls.__new__(cls))
        for variant in variants:
            for chosen in options:
                assert_same(cls, variant, **chosen)
                assert_same(list[cls | int], [variant], **chosen)  # type: ignore[valid-type]


@given(model=models, options=dump_options, text=text_options)
def test_options_hold_for_every_model(model: BaseModel, options: dict[str, Any], text: dict[str, Any]) -> None:
    """Options give Pydantic's bytes whatever the values."""
    assert_same(type(model), model, **options, **text)


@given(model=everything)
def test_common_models_are_native(model: zoo.Everything) -> None:
    """No value that is valid makes a model of common types go through Pydantic as a whole."""
    assert native(zoo.Everything)(model).decode() == model.model_dump_json()


@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters())
        | st.binary(max_size=4)
        | st.datetimes(timezones=st.none() | st.timezones())
        | st.dates()
        | st.times()
        | st.timedeltas()
        | st.uuids()
        | st.decimals()
        | st.sampled_from([*zoo.Color, *zoo.Level, *zoo.Shape]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.tuples(inner, inner)
            | st.dictionaries(st.text(max_size=3) | st.integers() | st.booleans(), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_undeclared_values(value: Any) -> None:
    """Values without a declared type are written by what they are, inside a union too."""
    assert_same(Any, value)
    assert_same(zoo.Anything, zoo.Anything.model_construct(value=value, values=[value]))
    assert_same(int | list[Any] | dict[str, Any], value)
    assert_same(Spelled, Spelled.model_construct(anything=value))


def test_a_million_doubles() -> None:
    """The text of doubles of every magnitude is Pydantic's."""
    ours, pydantics = both(list[float])
    random_bits = random.Random(20)
    for _ in range(10):
        bits = struct.pack("<70000Q", *(random_bits.getrandbits(64) for _ in range(70_000)))
        values = list(struct.unpack("<70000d", bits))
        values += [random_bits.randrange(10**12) / 10 ** random_bits.randrange(12) for _ in range(20_000)]
        values += [round(random_bits.uniform(-1e9, 1e9), random_bits.randrange(5)) for _ in range(10_000)]
        assert ours(values) == pydantics(values)


def test_integers_at_every_boundary() -> None:
    """Integers around powers of two and ten are written in full."""
    numbers = [
        sign * (base**power + more)
        for base in (2, 10)
        for power in range(130)
        for more in (-1, 0, 1)
        for sign in (1, -1)
    ]
    encode = native(list[int])
    assert encode(numbers) == ("[" + ",".join(map(str, numbers)) + "]").encode()
    places = (list[float], list[Any], list[Literal[0, 1, -1, 1073741823, 1073741824] | int], list[int | str])
    for declared, number in product(places, numbers):
        assert_same(declared, [number])
    assert_same(dict[int, int], dict.fromkeys(numbers, 1))
    assert_same(list[int], [10**4299, 10**4300])


def test_every_character() -> None:
    """Each character is escaped, or not, as Pydantic does it: in values, in keys, at every place of a block."""
    characters = [chr(code) for code in (*range(0x180), 0x2028, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF)]
    for padding in ("", "x", "x" * 7, "x" * 15, "x" * 16, "é" * 9):
        texts = [f"{padding}{character}{padding}" for character in characters]
        assert native(list[str])(texts) == pydantic_core.to_json(texts)
        assert native(dict[str, int])(dict.fromkeys(texts, 1)) == pydantic_core.to_json(dict.fromkeys(texts, 1))
    for text in ("\ud800", "x" * 40 + "\udfff"):
        assert_same(list[str], [text])
        assert_same(dict[str, int], {text: 1})


def test_the_configuration_of_each_class_holds() -> None:
    """Declared values follow their own class's settings, undeclared ones those of the outermost type."""
    for value in (float("nan"), float("inf"), b"\xff", b"x", timedelta(1), datetime(2020, 1, 1), [date(2020, 1, 1)]):
        inner = Infinite.model_construct(value=value, plain=value, anything=value)
        assert_same(Infinite, inner)
        assert_same(Spelled, Spelled.model_construct(inner=inner, anything=value))
        assert_same(list[Infinite], [inner])
        assert_same(dict[str, Spelled], {"a": Spelled.model_construct(inner=inner, anything=inner)})


def test_a_subclass_in_a_field_leaks_nothing() -> None:
    """The declared class decides which fields are written, at every depth."""
    for declared, value in (
        (zoo.HoldsBase, zoo.HoldsBase(one=zoo.Derived(), many=[zoo.Derived()], by_name={"a": zoo.Derived()})),
        (list[zoo.Base], [zoo.Derived()]),
        (dict[str, list[zoo.Base | None]], {"a": [zoo.Derived(), None]}),
    ):
        assert b"hunter2" not in native(declared)(value)
        assert_same(declared, value)


@dataclasses.dataclass
class Slotted:
    x: int
    kind: str = "slot"


def test_attributes_that_stand_in_the_class() -> None:
    """What a class says about its attributes holds for its instances."""

    class Property(BaseModel):
        a: int = 1

        def __getattribute__(self, name: str) -> Any:
            return {"a": 5} if name == "__dict__" else super().__getattribute__(name)

    class Below(zoo.Cat):
        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            return {"kind": "dog"}

    class Watching(zoo.Cat):
        def __getattribute__(self, name: str) -> Any:
            return {"lives": 99} if name == "__dict__" else super().__getattribute__(name)

    assert_same(Property, Property())
    assert_same(zoo.Cat, Watching())
    below = zoo.Cat()
    object.__setattr__(below, "__class__", Below)
    assert_same(zoo.Cat, below)
    assert_same(list[Slotted | int], [Slotted(1)])
    instance = Slotted(1)
    del instance.kind
    assert_same(Slotted, instance)


class Weekday(enum.Enum):
    MONDAY = 1

    @property
    def value(self) -> str:
        return "always another"


def test_enums_with_values_of_their_own() -> None:
    """An enum that overrides ``value`` is asked by Pydantic."""
    assert_same(Weekday, Weekday.MONDAY)
    assert_same(Any, Weekday.MONDAY)
    assert_same(dict[Weekday, int], {Weekday.MONDAY: 1})


def test_rebuilt_configuration_of_an_adapter() -> None:
    """The configuration that an adapter is given is that of undeclared values."""
    adapter = TypeAdapter(list[Any], config=ConfigDict(ser_json_bytes="base64", ser_json_inf_nan="strings"))
    from pydantic_serialization.plan.native.encoding import compile_encoding

    compiled = compile_encoding(adapter.core_schema, adapter.serializer)
    assert core is not None
    encode = core.encoder(compiled.program, adapter.serializer.to_json, max_depth=200, text=False)
    value = [b"\xff", float("nan"), {"a": b"x"}]
    assert encode(value) == adapter.serializer.to_json(value)


def test_text_for_wide_characters() -> None:
    """With ``text`` the result is the same ``str`` that ``model_dump_json`` gives, ASCII or not."""
    for text in ("plain", "é", "\U0001f600", "\x00"):
        model = zoo.Scalars(text=text)
        assert complete(zoo.Scalars, text=True)(model) == model.model_dump_json()
    assert outcome(complete(zoo.Scalars, text=True), zoo.Scalars.model_construct(text="\ud800"))[0][0] is not str
    assert plan_of(zoo.Scalars).encoding.program is not None

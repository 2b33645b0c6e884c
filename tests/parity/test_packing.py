"""Native MessagePack: what is its own, beside what it shares with JSON. The bytes are ormsgpack's, of Pydantic's values."""

from __future__ import annotations

import math
import struct
import warnings
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, TypeAlias

import msgspec
import ormsgpack
import pytest
import zoo
from encoders import (
    UNDECLARED_MODELS,
    Declined,
    assert_same_packed,
    complete_packer,
    native_packer,
    outcome,
    plan_of,
    python_packer,
)
from hypothesis import given
from hypothesis import strategies as st
from oddities import Text
from pydantic import (
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    WrapSerializer,
    computed_field,
    create_model,
    field_serializer,
)
from strategies import everything

from pydantic_serialization import create_serialization_manager, encoder
from pydantic_serialization._native import core
from pydantic_serialization.errors import EncodeError
from pydantic_serialization.formats import FormatOptions
from pydantic_serialization.formats.msgpack import MsgpackFormat
from pydantic_serialization.plan.rebuild import CAN_REBUILD

pytestmark = pytest.mark.skipif(core is None, reason="needs the native core")

# Why a whole call of a type goes through ormsgpack. Everything else of the zoo is native.
NOT_NATIVE = {
    "big-ints": "integers beyond 64 bits, an error",
    "extra-typed": "its class keeps the extra attributes elsewhere",
    "named-tuple": "no node of the core",
    **({} if CAN_REBUILD else {"model-serializers": "a wrap serializer of the whole model"}),
    **({} if UNDECLARED_MODELS else {"serialize-as-any": "warnings are not those of a part"}),
}
needs_marks = pytest.mark.skipif(not CAN_REBUILD, reason="types with bytes need a newer pydantic")


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=[entry.name for entry in zoo.ENTRIES])
def test_the_zoo_is_native(entry: zoo.Entry) -> None:
    """Every type of the zoo is packed by the core itself, but for those that say why not; two other libraries read it."""
    plan = plan_of(entry.type)
    if entry.name in NOT_NATIVE:
        if plan.packing.program is None:
            assert plan.packing.declined is not None
            assert plan.packing.declined.reason
            return
        with pytest.raises(Declined):
            native_packer(entry.type)(entry.values[-1])
        return
    if not CAN_REBUILD and plan.traits.has_bytes:
        return
    for value in entry.values:
        packed = native_packer(entry.type)(value, warnings=False)
        assert packed == python_packer(entry.type)(value)
        ormsgpack.unpackb(packed)
        msgspec.msgpack.decode(packed)


@given(model=everything)
def test_common_models_are_native(model: zoo.Everything) -> None:
    """No value that is valid makes a model of common types go through ormsgpack as a whole."""
    assert native_packer(zoo.Everything)(model) == ormsgpack.packb(model.model_dump(mode="json"))


def test_the_format_uses_the_core() -> None:
    """What an application gets is the core's encoder, with and without options, for a model and for a list of it."""
    for declared in (zoo.Person, list[zoo.Person]):
        bound = MsgpackFormat().bind(plan_of(declared), FormatOptions())
        assert type(bound.encode.__self__).__name__ == "MsgpackEncoder"  # type: ignore[attr-defined]
    person = next(entry for entry in zoo.ENTRIES if entry.type is zoo.Person).values[0]
    assert encoder(zoo.Person, "msgpack")(person) == ormsgpack.packb(person.model_dump(mode="json"))
    bound = MsgpackFormat().bind(plan_of(zoo.Person), FormatOptions())
    wanted = ormsgpack.packb(person.model_dump(mode="json", exclude_none=True))
    assert bound.encode_with(person, {"exclude_none": True, "indent": 2, "ensure_ascii": True}) == wanted


# -- numbers, texts and lengths ----------------------------------------------------------------------------------------


def test_integers_at_every_boundary() -> None:
    """Every integer of 64 bits takes its smallest form, declared, undeclared and in an enum; what is beyond is refused."""
    numbers = [sign * 2**power + more for power in range(65) for more in (-1, 0, 1) for sign in (1, -1)]
    fitting = [number for number in numbers if -(2**63) <= number < 2**64]
    assert native_packer(list[int])(fitting) == ormsgpack.packb(fitting)
    assert native_packer(list[Any])(fitting) == ormsgpack.packb(fitting)
    found = Enum("Found", {f"N{index}": number for index, number in enumerate(dict.fromkeys(fitting))})
    assert native_packer(list[found])(list(found)) == ormsgpack.packb([item.value for item in found])  # type: ignore[valid-type]
    for number in (2**64, -(2**63) - 1, 10**5000):
        for declared, value in ((int, number), (list[Any], [number]), (zoo.BigInts, zoo.BigInts(number=number))):
            with pytest.raises(Declined):
                native_packer(declared)(value)
            assert_same_packed(declared, value)
    large = IntEnum("Large", {"A": 2**64})
    assert_same_packed(large, large.A)


@given(st.floats() | st.integers(0, 2**64 - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0]))
def test_floats_are_written_bit_for_bit(value: float) -> None:
    """A declared float is written as it is, NaN with its bits; an undeclared one as Pydantic gives it."""
    for declared in (float, list[float], float | str, dict[str, float | None]):
        inside = {float: value, list[float]: [value], dict[str, float | None]: {"a": value}}.get(declared, value)
        assert native_packer(declared)(inside) == python_packer(declared)(inside)
    for declared in (Any, JsonValue, zoo.Anything):
        assert_same_packed(declared, zoo.Anything(value=value) if declared is zoo.Anything else value)


@pytest.mark.parametrize("mode", ["null", "constants", "strings"])
def test_ser_json_inf_nan_is_what_pydantics_values_say(mode: Any) -> None:
    """Each version of Pydantic treats numbers that are not finite in its own way."""

    class Numbers(BaseModel):
        model_config = ConfigDict(ser_json_inf_nan=mode)

        declared: float
        either: float | int
        anything: Any

    for value in (math.nan, math.inf, -math.inf, 1.5):
        numbers = Numbers(declared=value, either=value, anything=[value])
        assert_same_packed(Numbers, numbers)
        assert_same_packed(zoo.Anything, zoo.Anything(value=numbers))
        assert_same_packed(list[Numbers], [numbers])


@pytest.mark.parametrize("length", [0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 255, 256, 65_535, 65_536])
def test_lengths_at_every_boundary(length: int) -> None:
    """Texts, bytes, lists and maps have the smallest head for their length."""
    text = "x" * length
    assert native_packer(str)(text) == ormsgpack.packb(text)
    assert native_packer(list[str])([text, "é" * (length // 2)]) == ormsgpack.packb([text, "é" * (length // 2)])
    assert native_packer(list[int])([1] * length) == ormsgpack.packb([1] * length)
    assert native_packer(tuple[int, ...])((1,) * length) == ormsgpack.packb([1] * length)
    assert native_packer(Any)((1,) * length) == ormsgpack.packb([1] * length)
    mapping = {str(number): number for number in range(length)}
    assert native_packer(dict[str, int])(mapping) == ormsgpack.packb(mapping)
    assert native_packer(dict[int, int])(dict.fromkeys(range(length), 0)) == ormsgpack.packb(dict.fromkeys(mapping, 0))
    numbers = set(range(length))
    assert native_packer(set[int])(numbers) == ormsgpack.packb(list(numbers))
    if CAN_REBUILD:
        assert native_packer(bytes)(b"x" * length) == ormsgpack.packb(b"x" * length)


# -- members -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 14, 15, 16, 17, 18, 40])
def test_maps_have_the_smallest_head_whatever_is_left_out(count: int) -> None:
    """Fields that are left out, that are missing, extra ones and computed ones: the number of members is right."""
    fields: dict[str, Any] = {f"field_{number}": (Any, number) for number in range(count)}
    plain = create_model("Plain", **fields)
    more = create_model("More", __config__=ConfigDict(extra="allow"), **fields)

    class Computing(plain):  # type: ignore[valid-type, misc]
        @computed_field
        @property
        def first(self) -> Any:
            return self.field_0

        @computed_field(alias="other")
        @property
        def second(self) -> int:
            return 2

    class Detouring(plain):  # type: ignore[valid-type, misc]
        wrapped: int = 1
        shown: int = 2

        @field_serializer("wrapped", "shown", mode="wrap")
        def _wrap(self, value: int, handler: Any, info: Any) -> Any:
            return handler(value)

    for declared in (plain, more, Computing, Detouring):
        for left in {0, 1, count - 1, count}:
            value = declared(**{f"field_{number}": None for number in range(left)})
            for options in (
                {},
                {"exclude_none": True},
                {"exclude_unset": True},
                {"exclude_none": True, "by_alias": True},
            ):
                assert_same_packed(declared, value, **options)
                assert_same_packed(list[declared], [value, value], **options)  # type: ignore[valid-type]
            missing = value.model_copy()
            for number in range(left):
                del missing.__dict__[f"field_{number}"]
            if declared is plain:
                assert native_packer(declared)(missing) == python_packer(declared)(missing)
    for extras in {0, 1, 15 - count, 16 - count, 20}:
        value = more(**{f"extra {number}": None for number in range(extras)})
        assert native_packer(more)(value) == python_packer(more)(value)
        assert_same_packed(more, value, exclude_none=True)


def test_heads_that_change_their_length_move_what_is_behind_them() -> None:
    """Values that are filled in later stay at their places when the head of a map around them grows or shrinks."""
    fields: dict[str, Any] = {f"field_{number}": (Any, number) for number in range(20)}
    inner = create_model("Inner", **fields)
    outer = create_model("Outer", **dict.fromkeys(fields, (inner | None, None)), anything=(Any, None))

    class Named(BaseModel):
        name: Annotated[str, PlainSerializer(str.upper)] = "name"

    few = inner(field_0=Named(), field_1=[Named()], field_3=[1, {"a": Named()}])
    for name in list(few.__dict__)[5:]:
        del few.__dict__[name]
    value = outer(field_1=few, field_19=few, anything=[few, Named(), {"k": few}])
    for name in list(value.__dict__)[3:15]:
        del value.__dict__[name]
    assert_same_packed(outer, value)
    assert_same_packed(outer, value, exclude_none=True)
    assert_same_packed(list[outer], [value, value], exclude_none=True)  # type: ignore[valid-type]
    assert_same_packed(dict[Any, outer], {(1, 2): value, 5: value}, exclude_none=True)  # type: ignore[valid-type]


def test_members_of_one_name_fall_together() -> None:
    """A map has each key once: of keys that become one text, of fields with one alias, of extras with a field's name."""

    class Zone(Enum):
        A = "a"
        B = 1
        C = True

    at = [datetime(2020, 1, 1, tzinfo=timezone(timedelta(seconds=seconds))) for seconds in (0, 20, 3600, 3620)]
    for declared, value in (
        (dict[Any, int], {1: 1, "1": 2}),
        (dict[Any, int], {"1": 1, 1: 2, 2: 3}),
        (dict[Any, int], {True: 1, "true": 2}),
        (dict[Any, int], {True: 1, 2: 2}),
        (dict[int, int], {1: 1, 2: 2}),
        (dict[int, int], {2**70: 1, -(2**70): 2}),
        (dict[str, int], {Text("a"): 1, "b": 2}),
        (dict[str, int], {Text("a"): 1, Text("b"): 2}),
        (dict[Zone, int], {Zone.A: 1, Zone.B: 2, Zone.C: 3}),
        (dict[Zone | str, int], {Zone.A: 1, "a": 2}),
        (dict[datetime, int], dict.fromkeys(at, 1)),
        (dict[datetime, int], dict.fromkeys(at[::2], 1)),
        (dict[Decimal, int], {Decimal("nan"): 1, Decimal("NaN"): 2}),
        (dict[float, int], {float("nan"): 1, math.nan: 2}),
        (dict[float, int], {0.5: 1, 1.5: 2}),
        (dict[bool, int], {True: 1, False: 2}),
        (zoo.Anything, zoo.Anything(value={1: {"1": 1, 1: 2}, "1": 5})),
    ):
        assert_same_packed(declared, value)
    assert native_packer(dict[datetime, int])(dict.fromkeys(at[::2], 1))

    class SameAlias(BaseModel):
        a: int = Field(default=1, serialization_alias="x")
        b: int = Field(default=2, serialization_alias="x")

        @computed_field(alias="x")
        @property
        def c(self) -> int:
            return 3

    for options in ({}, {"by_alias": True}, {"by_alias": True, "exclude_computed_fields": True}):
        assert_same_packed(SameAlias, SameAlias(), **options)

    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")

        a: int = Field(default=1, serialization_alias="A")

        @computed_field
        @property
        def b(self) -> int:
            return 3

    for extra in ({"a": 2}, {"A": 2}, {"b": 2}, {"c": 2}):
        value = Open()
        object.__setattr__(value, "__pydantic_extra__", extra)
        for options in ({}, {"by_alias": True}):
            assert_same_packed(Open, value, **options)


# -- bytes -------------------------------------------------------------------------------------------------------------

Blob: TypeAlias = bytes


@needs_marks
@pytest.mark.parametrize("mode", ["utf8", "base64", "hex"])
@pytest.mark.parametrize("raw", [b"", b"text", bytes(range(256)), "é".encode()])
def test_bytes_are_bin_where_they_are_declared(mode: Any, raw: bytes) -> None:
    """Elsewhere, and as keys, they are the text of JSON."""

    class Inner(BaseModel):
        raw: Blob | None = None

    class Holder(BaseModel):
        model_config = ConfigDict(ser_json_bytes=mode)

        raw: bytes
        many: list[bytes | None] = []
        by_name: dict[str, tuple[bytes, int]] = {}
        either: bytes | int | Inner | list[bytes] | str = 1
        other: str | bytes = ""
        inner: Inner = Inner()
        length: int = 0

    for either in (raw, 5, "text", [raw], Inner(raw=raw), None):
        value = Holder.model_construct(
            raw=raw, many=[raw, None], by_name={"a": (raw, 1)}, either=either, other=raw, inner=Inner(raw=raw)
        )
        assert_same_packed(Holder, value)
        assert_same_packed(list[Holder], [value])
    value = Holder(raw=raw, many=[raw, None], by_name={"a": (raw, 1)}, either=raw, other=raw, inner=Inner(raw=raw))
    assert native_packer(Holder)(value) == python_packer(Holder)(value)
    tree = ormsgpack.unpackb(native_packer(Holder)(value))
    assert (tree["raw"], tree["many"], tree["either"], tree["inner"]) == (raw, [raw, None], raw, {"raw": raw})

    class Loose(BaseModel):
        model_config = ConfigDict(ser_json_bytes=mode)

        raw: bytes = b"x"
        anything: Any = None
        keys: dict[bytes, bytes] = {}

    for anything in (raw, [raw], {"a": raw}, Inner(raw=raw), bytearray(raw), memoryview(raw)):
        assert_same_packed(Loose, Loose(anything=anything))
        assert_same_packed(zoo.Anything, zoo.Anything(value=anything))
    assert_same_packed(Loose, Loose(keys={raw: raw}))
    for wrong in ("text", 5, bytearray(raw), type("Raw", (bytes,), {})(raw), None, object()):
        assert_same_packed(Loose, Loose.model_construct(raw=wrong, keys={}))


@needs_marks
def test_bytes_in_code_of_the_users() -> None:
    """Serializers and computed fields that take or give bytes see and give what they do without the core."""
    seen: list[Any] = []

    class Coded(BaseModel):
        plain: Annotated[bytes, PlainSerializer(lambda value: value[::-1])] = b"abc"
        typed: Annotated[bytes, PlainSerializer(lambda value: value[::-1], return_type=bytes)] = b"abc"
        length: Annotated[bytes, PlainSerializer(len, return_type=int)] = b"abc"
        wrapped: Annotated[bytes, WrapSerializer(lambda value, handler: seen.append(type(handler(value))) or 1)] = (
            b"abc"
        )
        encoded: Base64Bytes = b"YWJj"
        after: bytes = b"\xff"

        @computed_field
        @property
        def total(self) -> bytes:
            return self.plain + b"\xff"

        @computed_field
        @property
        def free(self) -> Any:
            return b"free"

        @field_serializer("after")
        def _after(self, value: bytes) -> bytes:
            return value * 2

    expected = outcome(python_packer(Coded), Coded()), list(seen)
    seen.clear()
    assert (outcome(complete_packer(Coded), Coded()), seen) == expected
    assert_same_packed(list[Coded], [Coded(), Coded()], exclude_none=True)


# -- errors and warnings -----------------------------------------------------------------------------------------------


class Failing(BaseModel):
    name: str = "x"
    number: Annotated[int, PlainSerializer(lambda value: 1 // value)] = 1

    @computed_field
    @property
    def found(self) -> str:
        return {"x": "found"}[self.name]


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        (zoo.BigInts, zoo.BigInts(number=2**64)),
        (str, "\ud800"),
        (Any, ["\ud800"]),
        (Any, object()),
        (Failing, Failing(number=0)),
        (Failing, Failing(name="y")),
        (list[Failing], [Failing(), Failing(number=0)]),
        (list[Annotated[int, PlainSerializer(lambda value: value**9)]], [1, 2**30]),
        (list[Annotated[int, PlainSerializer(lambda _: "\ud800")]], [1, 2]),
    ],
)
def test_errors_are_those_without_the_core(declared: Any, value: Any) -> None:
    """The ``EncodeError``, its text, path and cause are the same."""

    def caught(encode: Any) -> tuple[Any, ...]:
        with pytest.raises(Exception) as found:  # noqa: PT011  (compared with another)
            encode(value)
        error = found.value
        return (type(error), str(error), type(error.__cause__), str(error.__cause__))

    assert caught(complete_packer(declared)) == caught(python_packer(declared))
    manager = create_serialization_manager()
    with pytest.raises(EncodeError) as found:
        manager.serialize_sync(value, "msgpack", model_class=declared)
    assert (found.value.format, found.value.model) == ("msgpack", plan_of(declared).name)


def test_code_runs_before_what_has_no_bytes_is_noticed() -> None:
    """The values are all made before the first of them is packed, so a later failure of the user's code comes first."""
    ran: list[int] = []

    def power(value: int) -> int:
        ran.append(value)
        return 1 << value

    declared = list[Annotated[int, PlainSerializer(power)]]
    for values in ([1, 64, 65, 2], [64, -1], [64, "no"]):
        ran.clear()
        expected = outcome(python_packer(declared), values), list(ran)
        ran.clear()
        assert (outcome(native_packer(declared), values), ran) == expected


def test_depth_is_bounded_as_without_the_core() -> None:
    """A document that could not be read back is refused."""
    value: Any = 1
    for _ in range(5):
        value = [value]
    bound = MsgpackFormat().bind(plan_of(Any), FormatOptions(max_depth=4))
    with pytest.raises(EncodeError, match="deeper"):
        bound.encode([[[[["x" * 10]]]]])
    assert native_packer(Any, max_depth=5)(value)
    with pytest.raises(Declined):
        native_packer(Any, max_depth=4)(value)


@pytest.mark.parametrize("mode", [True, False, "none", "error"])
def test_warnings_are_those_without_the_core(mode: Any) -> None:
    """A value of another type than declared warns once, whatever stands around it."""
    for wrong in ("text", 1.5, [1], zoo.Cat(), b"x"):
        value = zoo.Person.model_construct(**dict.fromkeys(zoo.Person.model_fields, wrong))
        assert_same_packed(zoo.Person, value, warnings=mode)
        assert_same_packed(list[zoo.Person], [value, value], warnings=mode)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert native_packer(float)(5) == python_packer(float)(5)

"""``TaggedCodec``: what goes in comes out, and nothing else ever does."""

from __future__ import annotations

import math
import os
import pickle
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from integrations.queues.messages import CODEC, ORDER, PAID, Order, PaidOrder, Receipt
from pydantic import BaseModel, Field, SecretStr, ValidationError

from pydantic_serialization import (
    ConfigurationError,
    DecodeError,
    EncodeError,
    FrameError,
    IntegrityError,
    LimitExceededError,
    UnsupportedTypeError,
    UntrustedDataError,
)
from pydantic_serialization.envelope import Sealer
from pydantic_serialization.frame import FormatId
from pydantic_serialization.integrations.queues import TaggedCodec

KEYS = ("k" * 32, "o" * 32)
MESSAGE = {"order": ORDER, "all": [ORDER, Receipt(order=ORDER)], "n": 1}

GOLDEN = (
    b"\xc7\x39\x01"  # extension 1 of 57 bytes
    b"\x05order"
    b"\x84\xa6number\x07\xa5total\xa519.90\xa6placed\xaa2025-03-01\xa5lines\x91\xa4lamp"
)


def test_bytes_on_the_wire() -> None:
    """Messages of today are read by every later version."""
    assert CODEC.dumps(ORDER) == GOLDEN
    assert CODEC.loads(GOLDEN) == ORDER
    zero = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert CODEC.dumps([zero, Decimal("1.0")]) == b"\x92\xc7\x1a\x02D2025-01-02T03:04:05+00:00\xd6\x02c1.0"


text = st.text(st.characters(exclude_categories=("Cs",)))
integers = st.integers(-(2**63), 2**64 - 1)
plain = st.recursive(
    st.none()
    | st.booleans()
    | integers
    | st.floats(allow_nan=False)
    | text
    | st.binary()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(UTC) | st.just(timezone(timedelta(hours=-3, minutes=30))))
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.just(ORDER)
    | st.just(Receipt(order=ORDER)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text | integers, inner, max_size=4),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """Equality that does not take 1 for True."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other) and (not isinstance(one, Decimal) or str(one) == str(other))


@given(plain)
def test_everything_plain_comes_back_with_its_type(value: Any) -> None:
    """Values of the standard library and models, at any depth; types and order are kept."""
    assert same(CODEC.loads(CODEC.dumps(value)), value)


@pytest.mark.parametrize("format_name", ["json", "orjson", "msgpack"])
def test_models_in_every_format(format_name: str) -> None:
    """The format of the models is the codec's choice."""
    codec = TaggedCodec([Order, Receipt], format=format_name)
    assert codec.loads(codec.dumps(MESSAGE)) == MESSAGE


def test_tuples_are_lists_and_nan_is_kept() -> None:
    """As documented."""
    assert CODEC.loads(CODEC.dumps((1, (2,)))) == [1, [2]]
    assert math.isnan(CODEC.loads(CODEC.dumps(math.nan)))


def test_instants_keep_their_offset() -> None:
    """A zone becomes its offset at that instant; an offset with a fraction of a second becomes UTC."""
    paris = datetime(2025, 7, 1, 12, tzinfo=ZoneInfo("Europe/Paris"))
    odd = datetime(2025, 7, 1, 12, tzinfo=timezone(timedelta(microseconds=5)))
    for value in (paris, odd):
        found = CODEC.loads(CODEC.dumps(value))
        assert found == value
        assert found.tzinfo is not None


def test_a_subclass_gives_the_listed_fields() -> None:
    """At the top, in a list, and in a field: what the listed class does not declare never leaves."""
    data = CODEC.dumps([PAID, {"x": PAID}, Receipt(order=PAID)])
    assert b"4111" not in data
    assert CODEC.loads(data) == [ORDER, {"x": ORDER}, Receipt(order=ORDER)]
    both = TaggedCodec([Order, PaidOrder])
    assert both.loads(both.dumps(PAID)) == PAID


@dataclass
class Point:
    x: int


class Level(StrEnum):
    LOW = "low"


class Shade(Enum):
    DARK = 1


def test_dataclasses_and_enums_can_be_listed() -> None:
    """Whatever Pydantic has a schema for, and has instances."""
    codec = TaggedCodec([Point, Level, Shade])
    found = codec.loads(codec.dumps([Point(1), Level.LOW, Shade.DARK]))
    assert found == [Point(1), Level.LOW, Shade.DARK]
    assert isinstance(found[1], Level)


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, Point(1), Shade.DARK, Level.LOW, 2**70, {(1, 2): 3}, {True: 1}, bytearray(b"x"), len]
)
def test_what_cannot_be_sent_is_an_error_of_the_sender(value: Any) -> None:
    """It is not silently turned into something else."""
    with pytest.raises(EncodeError):
        CODEC.dumps([value])


def test_the_error_names_the_way_out() -> None:
    """Which class, and what to do."""
    with pytest.raises(EncodeError, match="a Point cannot be in a message: add it to the models of the codec"):
        CODEC.dumps(Point(1))
    with pytest.raises(EncodeError, match="the class Point cannot be in a message: pass an instance"):
        CODEC.dumps(Point)


def test_deep_and_endless_values_are_errors() -> None:
    """Neither crashes."""
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    endless: list[Any] = []
    endless.append(endless)
    for value in (deep, endless):
        with pytest.raises(EncodeError):
            CODEC.dumps(value)


class Exploding:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os._exit, (13,))


HOSTILE: list[bytes] = [
    b"",
    b"\xc1",
    pickle.dumps(Exploding()),
    pickle.dumps(ORDER),
    b"\x80" + pickle.dumps(ORDER),
    GOLDEN[:-1],
    GOLDEN[:5],
    GOLDEN + b"\x00",
    GOLDEN + GOLDEN,
    b'{"order": 1}',
    b"\x91" * 100_000 + b"\x00",
    b"\xdd\xff\xff\xff\xff\x00",  # a list of four billion
    b"\xdb\xff\xff\xff\xff",
    ormsgpack.packb(ormsgpack.Ext(1, b"")),
    ormsgpack.packb(ormsgpack.Ext(1, b"\x00\x80")),
    ormsgpack.packb(ormsgpack.Ext(1, b"\xffshort")),
    ormsgpack.packb(ormsgpack.Ext(1, b"\x02\xff\xff\x80")),
    ormsgpack.packb(ormsgpack.Ext(2, b"")),
    ormsgpack.packb(ormsgpack.Ext(2, b"D2025-13-01")),
    ormsgpack.packb(ormsgpack.Ext(2, b"p" + b"9" * 500)),
    ormsgpack.packb(ormsgpack.Ext(2, b"c" + b"9" * 50_000)),
    ormsgpack.packb(ormsgpack.Ext(2, "cé".encode())),
    ormsgpack.packb(ormsgpack.Ext(2, b"?x")),
    ormsgpack.packb(ormsgpack.Ext(99, b"x")),
    Sealer((KEYS[0].encode(),)).seal(GOLDEN, format=FormatId.MSGPACK, raw_size=len(GOLDEN)),
]


@pytest.mark.parametrize("data", HOSTILE)
@pytest.mark.parametrize("codec", [CODEC, TaggedCodec([Order], signing_keys=KEYS[:1])], ids=["plain", "signed"])
def test_hostile_messages_are_decode_errors(codec: TaggedCodec, data: bytes) -> None:
    """Whatever it is, it is refused, and nothing of it runs; every kind of buffer is read alike."""
    for given_data in (data, bytearray(data), memoryview(data)):
        with pytest.raises(DecodeError):
            codec.loads(given_data)


@given(st.binary(max_size=80) | st.binary(max_size=20).map(lambda tail: GOLDEN[:30] + tail))
def test_no_bytes_crash_it(data: bytes) -> None:
    """Any bytes are a value, a ``DecodeError``, or Pydantic's error about a listed model."""
    with suppress(DecodeError, ValidationError):
        CODEC.loads(data)


@pytest.mark.parametrize(
    "name", ["orders", "Order", "builtins.eval", "integrations.queues.messages.Order", "os:system"]
)
def test_a_name_that_is_not_listed_is_not_looked_up(name: str) -> None:
    """No class is imported by a name from the wire."""
    data = ormsgpack.packb(ormsgpack.Ext(1, bytes((len(name),)) + name.encode() + b"\x80"))
    with pytest.raises(UntrustedDataError, match="not in the list of this codec"):
        CODEC.loads(data)


def test_dicts_are_never_models() -> None:
    """What a sender puts into a dict stays a dict, whatever its keys."""
    for value in ({"__type__": "order"}, {"$type": "order", "number": 7}, {"order": {}}):
        assert CODEC.loads(CODEC.dumps(value)) == value


def test_the_content_of_a_model_is_validated() -> None:
    """A listed name does not make its content right."""
    data = ormsgpack.packb(ormsgpack.Ext(1, b"\x05order" + ormsgpack.packb({"number": "x"})))
    with pytest.raises(ValidationError, match="number"):
        CODEC.loads(data)


@pytest.mark.parametrize("expected", [Receipt, dict, int])
def test_another_model_than_expected_is_refused(expected: type[Any]) -> None:
    """A consumer of receipts is not given an order."""
    assert CODEC.loads(GOLDEN, Order) == ORDER
    with pytest.raises(DecodeError, match=f"holds a Order, not a {expected.__name__}"):
        CODEC.loads(GOLDEN, expected)


def test_sizes_are_bounded_both_ways() -> None:
    """What is too large is neither written nor read."""
    small = TaggedCodec([Order], max_bytes=100)
    assert small.loads(small.dumps(ORDER)) == ORDER
    with pytest.raises(EncodeError, match="max_bytes=100"):
        small.dumps([ORDER] * 2)
    with pytest.raises(LimitExceededError, match="max_bytes=100"):
        small.loads(CODEC.dumps([ORDER] * 2))


def test_items_are_bounded_both_ways() -> None:
    """A flood of small items is neither written nor read, whether it stands in the message or in a model of it."""
    many = [[]] * 1000
    few = TaggedCodec([Order], max_items=500)
    with pytest.raises(EncodeError, match="max_items=500"):
        few.dumps(many)
    with pytest.raises(LimitExceededError, match="max_items=500") as caught:
        few.loads(CODEC.dumps(many))
    assert caught.value.limit == "max_items"
    assert few.loads(few.dumps([ORDER] * 3)) == [ORDER] * 3


@pytest.mark.parametrize("text", ["x", None, 5, [b"x"]])
def test_only_bytes_are_read(text: Any) -> None:
    """Other types are a ``DecodeError`` too: some brokers hand over text."""
    with pytest.raises(DecodeError, match="a message is bytes"):
        CODEC.loads(text)


# -- signing ----------------------------------------------------------------------------------------------------------


def test_signed_messages_are_read_with_any_of_the_keys() -> None:
    """Rotation: the new key signs, the old one still verifies."""
    old, new = TaggedCodec([Order], signing_keys=KEYS[1]), TaggedCodec([Order], signing_keys=KEYS)
    assert new.loads(old.dumps(ORDER)) == ORDER
    with pytest.raises(IntegrityError):
        old.loads(new.dumps(ORDER))


def test_unsigned_and_altered_messages_are_refused() -> None:
    """With keys, only what was signed for a queue is read."""
    codec = TaggedCodec({"order": Order}, signing_keys=KEYS)
    data = codec.dumps(ORDER)
    for position in range(len(data)):
        altered = bytearray(data)
        altered[position] ^= 1
        with pytest.raises(DecodeError):
            codec.loads(altered)
    with pytest.raises(FrameError):
        codec.loads(GOLDEN)
    elsewhere = Sealer((KEYS[0].encode(),)).seal(GOLDEN, format=2, raw_size=len(GOLDEN), cache_key=b"user:1")
    with pytest.raises(IntegrityError):
        codec.loads(elsewhere)


def test_signed_messages_expire() -> None:
    """``ttl`` is counted from the writing."""
    codec = TaggedCodec([Order], signing_keys=KEYS, ttl=10)
    clock = [1000.0]
    codec._sealer = Sealer((KEYS[0].encode(),), clock=lambda: clock[0])
    data = codec.dumps(ORDER)
    clock[0] = 1010.0
    assert codec.loads(data) == ORDER
    clock[0] = 1012.0
    with pytest.raises(FrameError, match="past its time to live"):
        codec.loads(data)


# -- the list ---------------------------------------------------------------------------------------------------------


class Hidden(BaseModel):
    key: SecretStr
    gone: int = Field(default=1, exclude=True)


def other_order() -> type[BaseModel]:
    class Order(BaseModel):
        other: int

    return Order


@pytest.mark.parametrize(
    ("models", "options", "message"),
    [
        ([Order, other_order()], {}, "the name 'Order' is listed twice"),
        ({"a": Order, "b": Order}, {}, "Order is listed twice"),
        ({"": Order}, {}, "1 to 255 bytes"),
        ({"x" * 256: Order}, {}, "1 to 255 bytes"),
        ({"a": list[Order]}, {}, "lists classes"),
        (Order, {}, r"TaggedCodec\(\[Order\]\)"),
        ([Order], {"format": "pickle"}, "pickle has no place in a queue"),
        ([Order], {"format": "msgpak"}, "did you mean 'msgpack'"),
        ([Order], {"ttl": 5}, "ttl needs signing_keys"),
        ([Order], {"signing_keys": "short"}, "shorter than 32 bytes"),
    ],
)
def test_a_list_that_cannot_work_is_refused_at_once(models: Any, options: dict[str, Any], message: str) -> None:
    """When the codec is made, not when the first message arrives."""
    with pytest.raises((ConfigurationError, ValidationError), match=message):
        TaggedCodec(models, **options)


def test_a_model_that_would_lose_fields_is_refused() -> None:
    """Nothing is lost silently on the way."""
    with pytest.raises(UnsupportedTypeError, match=r"from a queue: Hidden\.key is a secret.*Hidden\.gone is excluded"):
        TaggedCodec([Hidden])


@pytest.mark.parametrize(
    "value", [date(2025, 1, 1), time(1, 2, 3, tzinfo=UTC), UUID(int=5), timedelta.min, timedelta.max]
)
def test_the_limits_of_scalars(value: Any) -> None:
    """The smallest and the largest come back too."""
    assert CODEC.loads(CODEC.dumps(value)) == value

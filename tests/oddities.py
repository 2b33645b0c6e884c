"""Values of every kind that may stand where another was declared."""

from __future__ import annotations

import collections
import enum
import ipaddress
import re
import types
import uuid
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pydantic_core
import zoo
from pydantic import HttpUrl, RootModel, SecretStr, TypeAdapter


class Text(str):
    """A text of another class."""


class Whole(int):
    """An integer of another class."""


class Ratio(float):
    """A float of another class."""


class Row(list):
    """A list of another class."""


class Map(dict):
    """A dict of another class."""


class Moment(datetime):
    """A datetime of another class."""


class Zone(tzinfo):
    """A zone that is Python code."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(hours=1, minutes=2, seconds=30)

    def dst(self, moment: datetime | None) -> None:
        return None


class BrokenZone(tzinfo):
    """A zone that fails."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        raise RuntimeError("no such zone")


class Mixed(bytes, enum.Enum):
    A = b"a"


class Halves(float, enum.Enum):
    HALF = 0.5
    NEVER = float("nan")


class Pairs(enum.Enum):
    ONE = (1, 2)
    TWO = None
    THREE = "é"


class Disguised:
    """Says that it is of another class."""

    @property
    def __class__(self) -> type:  # type: ignore[override]
        return int


class Sized:
    """Can be turned into numbers."""

    def __index__(self) -> int:
        return 7

    def __float__(self) -> float:
        return 7.5


class Attributes:
    """Has attributes as a model has."""

    def __init__(self) -> None:
        self.kind = "cat"
        self.lives = 3
        self.street = "s"


class Hidden(zoo.Cat):
    """A model below another, with more fields."""

    secret: str = "secret"


class Ints(RootModel[list[int]]):
    pass


def odd_values() -> list[Any]:
    """Return the values, made afresh."""
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    return [
        None, True, False, 0, 1, -1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**70, 10**5000,
        0.0, -0.0, 1.5, 1e16, 1e-7, float("nan"), float("inf"), float("-inf"),
        "", "x", "é\u2028\U0001f600", "\ud800", 'quote " backslash \\ newline \n', "cat", "red", "a", "1",
        b"", b"x", b"\xff", bytearray(b"x"), memoryview(b"x"),
        [], [1], ["a", None], [[]], (), (1,), (1, "a"), (1, 2, 3), {}, {"a": 1}, {1: 2}, {None: 1}, {True: 1},
        {1.5: 1}, {(1, 2): 3}, {b"k": 1}, {"1": 1, 1: 2}, {"kind": "cat"}, {"kind": "cat", "lives": 1}, {"title": "t"},
        {"\ud800": 1}, {zoo.Color.RED: 1}, {date(2020, 1, 1): 1}, {uuid.UUID(int=1): 1}, {float("nan"): 1},
        set(), {1}, frozenset({"a"}), cyclic,
        datetime(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC), datetime(1, 1, 1, 1, 1, 1, 7, tzinfo=Zone()),
        datetime(2020, 6, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")), datetime(2020, 1, 1, tzinfo=BrokenZone()),
        datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=-1, minutes=-1, seconds=-1))),
        datetime(2020, 1, 1, tzinfo=timezone(timedelta(microseconds=500_000))),
        datetime(2020, 1, 1, tzinfo=pydantic_core.TzInfo(3600)), Moment(2020, 1, 1), date(2020, 1, 1),
        date(1, 1, 1), date(9999, 12, 31), time(1, 2, 3), time(1, 2, 3, 4, tzinfo=UTC), time(1, tzinfo=Zone()),
        time(1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")), timedelta(0), timedelta(days=400, microseconds=1),
        timedelta(-1), timedelta.min, timedelta.max, uuid.UUID(int=5), uuid.UUID(int=2**128 - 1),
        Decimal("1.50"), Decimal("NaN"), Decimal("1E+400"), Fraction(1, 3), 1 + 2j,
        Path("/x"), ipaddress.ip_address("10.0.0.1"), re.compile("a"), HttpUrl("https://example.org"),
        pydantic_core.Url("https://example.org"), pydantic_core.MultiHostUrl("a://b,c/d"), SecretStr("s"),
        zoo.Color.RED, zoo.Level.LOW, zoo.Shape.ROUND, zoo.Shape.SQUARE, zoo.Access.READ,
        zoo.Access.READ | zoo.Access.WRITE, zoo.Permission.READ, Mixed.A, Halves.HALF, Halves.NEVER,
        Pairs.ONE, Pairs.TWO, Pairs.THREE,
        Text("red"), Text("\ud800"), Whole(1), Ratio(1.5), Ratio("nan"), Row([1]), Map(a=1),
        collections.OrderedDict(a=1), collections.Counter("a"), collections.deque([1]), collections.defaultdict(int, a=1),
        zoo.Cat(), zoo.Dog(), Hidden(), zoo.Cat.model_construct(lives="many"), zoo.Cat.model_construct(),
        zoo.Dog.model_construct(kind="cat"), zoo.Animals([zoo.Cat()]), Ints([1]), Ints.model_construct(root="x"),
        zoo.Address(street="s"), zoo.Person(name="n", home=zoo.Address(street="s")), zoo.Computed(), zoo.Serializers(),
        zoo.ModelSerializers(), zoo.Base64Config(raw=b"\xff"), zoo.Anything(value=b"\xff"), zoo.Node(value=1),
        zoo.ExtraAllowed.model_validate({"a": 1, "z": 2}), zoo.Plain(1, ["a"]), zoo.Validated(1, datetime(2020, 1, 1)),
        zoo.Point(1, 2.0), zoo.Cat, int, object(), Attributes(), types.SimpleNamespace(kind="cat", lives=1),
        Disguised(), Sized(), len, ..., NotImplemented, TypeAdapter(int), ValueError("x"),
    ]  # fmt: skip

"""Instances around a good one: values in fields that validation would not let through, and other ``__dict__`` orders."""

from __future__ import annotations

import collections
import contextlib
import enum
import ipaddress
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Text(str):
    __slots__ = ()


class _Number(int):
    pass


class _Real(float):
    pass


class _Listed(list[Any]):
    pass


class _Mapped(dict[str, Any]):
    pass


class _Moment(datetime):
    pass


class _Span(timedelta):
    pass


class _Colour(enum.Enum):
    RED = "red"


class _Level(enum.IntEnum):
    LOW = 1


class _Named(str, enum.Enum):
    A = "a"


class _Odd(tzinfo):
    def utcoffset(self, _when: datetime | None) -> timedelta:
        return timedelta(hours=1, seconds=30)

    def dst(self, _when: datetime | None) -> None:
        return None

    def tzname(self, _when: datetime | None) -> str:
        return "odd"


@dataclass
class _Data:
    a: int = 1


class _Model(BaseModel):
    z: int = 1


class _Opaque:
    def __repr__(self) -> str:
        return "<opaque>"


VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30, _Number(5), _Level.LOW),
    *(0.0, -0.0, 1.0, 1.5, 1e16, 1e-7, 0.1 + 0.2, 5e-324, float("nan"), float("inf"), float("-inf"), _Real(2.5)),
    *("", "a", "é€😀", 'q"\\/\b\t\n\f\r\x00\x1f\x7f\u2028', "\ud800", _Text("sub"), _Named.A, "x" * 300),
    *(b"", b"abc", b"\xff\xfe", bytearray(b"ba"), memoryview(b"mv")),
    *(datetime(2026, 1, 2, 3, 4, 5), datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC), _Moment(2026, 1, 2)),
    *(datetime(2026, 1, 2, tzinfo=timezone(-timedelta(hours=3, minutes=30))), datetime(2026, 7, 2, tzinfo=_Odd())),
    *(datetime(2026, 7, 2, tzinfo=ZoneInfo("Europe/Paris")), datetime(1, 1, 1), date(2026, 1, 2), time(1, 2, 3, 4)),
    *(time(1, 2, tzinfo=UTC), timedelta(days=400, hours=3, microseconds=5), -timedelta(days=2, hours=3), _Span(1)),
    *(timezone(timedelta(microseconds=1)), uuid.UUID(int=5), Decimal("1.50"), Decimal("NaN"), Decimal("1E+5")),
    *(Fraction(1, 3), PurePosixPath("/a"), ipaddress.ip_address("::1"), 1 + 2j, _Colour.RED),
    *([], [1, "a", None], [[1.0]], _Listed([1]), (), (1, 2), {1}, frozenset({"a"}), collections.deque([1])),
    *({}, {"a": 1}, {1: 2, "1": 3}, {None: 1, True: 2, 1.5: 3}, {(1, 2): 3}, {b"k": 1}, _Mapped(a=1), {"a": object}),
    *(SimpleNamespace(a=1), _Data(), _Model(), _Opaque(), int, len),
)
"""Values of every kind that a field may hold by mistake."""

_FIELDS_SET, _EXTRA, _PRIVATE = "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"


def clone(model: BaseModel, held: dict[str, Any], fields_set: set[str] | None = None) -> BaseModel:
    """Return an instance of the same class that holds what it is given, without validation."""
    get, put = object.__getattribute__, object.__setattr__
    new: BaseModel = type(model).__new__(type(model))
    put(new, "__dict__", held)
    put(new, _FIELDS_SET, set(get(model, _FIELDS_SET)) if fields_set is None else fields_set)
    put(new, _EXTRA, get(model, _EXTRA))
    put(new, _PRIVATE, get(model, _PRIVATE))
    return new


def around(model: BaseModel) -> Iterator[BaseModel]:
    """Yield instances around a good one."""
    held: dict[str, Any] = dict(object.__getattribute__(model, "__dict__"))
    yield clone(model, dict(reversed(held.items())))
    yield clone(model, {**held, "unknown": 1})
    yield clone(model, held, set())
    yield clone(model, held, set(held))
    yield clone(model, {}, set())
    if object.__getattribute__(model, _EXTRA) is not None:
        for value in VALUES:
            other = clone(model, held)
            object.__setattr__(other, _EXTRA, {"extra": value, **dict.fromkeys(list(held)[:1], 1)})
            yield other
    for name, good in held.items():
        yield clone(model, {key: value for key, value in held.items() if key != name})
        for value in VALUES:
            yield clone(model, {**held, name: value})
        for value in _inside(good):
            yield clone(model, {**held, name: value})


def _inside(good: Any) -> Iterator[Any]:
    """Yield containers and models like a good one, with other values in them."""
    if type(good) is list:
        yield from ([*good, value] for value in VALUES)
    elif type(good) is tuple:
        yield from ((*good[:-1], value) for value in VALUES)
        yield from ((*good, 1), good[:-1])
    elif type(good) is dict:
        yield from ({**good, "k": value} for value in VALUES)
        yield from ({**good, key: 1} for key in (1, None, True, 1.5, b"k", (1, 2), _Named.A, uuid.UUID(int=5)))
    elif isinstance(good, BaseModel):
        inner = dict(object.__getattribute__(good, "__dict__"))
        with contextlib.suppress(Exception):
            below: Any = type(
                "Below", (type(good),), {"__annotations__": {"leak": int}, "leak": 1, "__module__": __name__}
            )
            new = below.model_construct(**inner)
            yield new
        yield SimpleNamespace(**inner)
        for name in inner:
            yield from (clone(good, {**inner, name: value}) for value in VALUES[::4])

"""What cannot change: of types as far as the schema tells, of instances in fact."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import Any
from uuid import UUID

import pytest
import zoo
from pydantic import BaseModel, ConfigDict, HttpUrl, PrivateAttr, RootModel
from pydantic.networks import NameEmail

from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.sharing import frozen_models, is_atom, why_not_frozen


class Base(BaseModel):
    model_config = ConfigDict(frozen=True)


class Color(Enum):
    RED = 1


class Point(Base):
    x: int = 0
    color: Color = Color.RED


class Line(Base):
    points: tuple[Point, ...] = (Point(), Point())
    names: frozenset[str] = frozenset({"a"})
    at: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    price: Decimal | None = Decimal(1)
    link: HttpUrl = HttpUrl("http://a")
    id: UUID = UUID(int=1)


class Points(RootModel[tuple[Point, ...]]):
    model_config = ConfigDict(frozen=True)


class Thawed(Point):
    model_config = ConfigDict(frozen=False)


class Extra(Point):
    model_config = ConfigDict(extra="allow")


class Private(Point):
    _seen: int = PrivateAttr(default=1)


class Cached(Point):
    @cached_property
    def parts(self) -> list[int]:
        return [1]


class OwnSetter(Point):
    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value


class Listed(Base):
    parts: list[int] = []


class Anything(Base):
    part: Any = [1]


class HoldsThawed(Base):
    part: Thawed = Thawed()


class Zone(tzinfo):
    """A time zone of the user's."""


@pytest.mark.parametrize(("value", "models"), [(Line(), 3), (Point(), 1), (Points((Point(),)), 2), ((Point(), 1), 1)])
def test_frozen_all_the_way_down(value: Any, models: int) -> None:
    """Models, tuples and frozen sets of what never changes."""
    found = frozen_models(value)
    assert found is not None
    assert len(found) == models


@pytest.mark.parametrize("declared", [Line, Point, Points])
def test_types_that_show_nothing(declared: Any) -> None:
    """Their instances are worth looking at."""
    assert why_not_frozen(plan_for(declared)) is None


@pytest.mark.parametrize("declared", [Thawed, Extra, Private, Cached, OwnSetter, Listed, Anything, HoldsThawed])
def test_what_can_change(declared: type[BaseModel]) -> None:
    """Types and instances say so alike."""
    assert why_not_frozen(plan_for(declared)) is not None
    assert frozen_models(declared()) is None


def test_other_types_than_models_are_not_shared() -> None:
    """A tuple of frozen models is one, but cannot be referred to weakly."""
    assert why_not_frozen(plan_for(tuple[Point, ...])) == "tuple[Point, ...] is not a model"


@pytest.mark.parametrize(
    "value",
    [
        Point.model_construct(x=[1]),
        Line.model_construct(points=(Thawed(),)),
        Line.model_construct(points=[Point()]),
        Line.model_construct(at=datetime(2020, 1, 1, tzinfo=Zone())),
        Line.model_construct(link=NameEmail("a", "a@b.c")),
        Anything(part=object()),
        Anything(part=zoo.Cat()),
        Anything(part=bytearray()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_instances_are_looked_at_and_not_their_types(value: BaseModel) -> None:
    """``model_construct`` and subclasses put in what the schema does not show."""
    assert frozen_models(value) is None


@pytest.mark.parametrize("make", [lambda: 1, lambda: date(2020, 1, 1), lambda: Color.RED, lambda: HttpUrl("http://a")])
def test_atoms(make: Callable[[], Any]) -> None:
    """Scalars, times and members of enumerations have no parts."""
    assert is_atom(make())

"""What counts as frozen all the way down."""

from __future__ import annotations

import dataclasses
import enum
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import zoo
from pydantic import BaseModel, ConfigDict, PrivateAttr, RootModel, SecretStr, computed_field

from pydantic_serialization.plan.frozen import checked_in_python, freeze_checker

if TYPE_CHECKING:
    from collections.abc import Callable


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    value: Any = None


class FrozenRoot(RootModel[Any]):
    model_config = ConfigDict(frozen=True)


class Thawed(Frozen):
    model_config = ConfigDict(frozen=False)


class WithExtra(Frozen):
    model_config = ConfigDict(extra="allow")


class WithPrivate(Frozen):
    _private: int = PrivateAttr(default=1)


class WithCachedProperty(Frozen):
    @cached_property
    def made(self) -> list[int]:
        return []


class WithComputedField(Frozen):
    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def made(self) -> list[int]:
        return []


class WithSetattr(Frozen):
    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


class Zone(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(0)


class Mixed(enum.Enum):
    A = 1


@dataclasses.dataclass(frozen=True)
class Data:
    a: int = 1


class Text(str):
    pass


def nested(levels: int) -> Any:
    value: Any = ()
    for _ in range(levels):
        value = (value,)
    return value


FROZEN = (
    None, 1, "a", 1.5, True, b"a", (), (1, ("a",)), frozenset({1, ("a",)}), UUID(int=1), Decimal(1), timedelta(1),
    datetime(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC), Mixed.A, zoo.Color.RED, SecretStr("a"), Frozen(),
    Frozen(value=(1, Frozen(value="a"))), FrozenRoot((1, Frozen())), zoo.Frozen(), nested(100), len,
    Frozen(value=frozenset({Frozen()})),
)  # fmt: skip
LIQUID = (
    [], {}, set(), bytearray(), ([],), (1, {}), zoo.Scalars(), Frozen(value=[]), Frozen(value=(1, [2])), Thawed(),
    Frozen(value=Thawed()), WithExtra(), WithPrivate(), WithCachedProperty(), WithComputedField(), WithSetattr(),
    FrozenRoot([1]), FrozenRoot(Frozen(value={})), datetime(2020, 1, 1, tzinfo=Zone()), Data(), Text("a"), object(),
    nested(300), frozenset({(1, Data())}), zoo.Point(1, 2.0),
)  # fmt: skip


@pytest.fixture(params=[freeze_checker(), checked_in_python], ids=["bound", "python"])
def is_deeply_frozen(request: pytest.FixtureRequest) -> Callable[[Any], bool]:
    checker: Callable[[Any], bool] = request.param
    return checker


@pytest.mark.parametrize("value", FROZEN, ids=lambda value: repr(value)[:40])
def test_frozen(is_deeply_frozen: Callable[[Any], bool], value: Any) -> None:
    """Immutable values, tuples and frozen sets of them, and frozen models of them."""
    assert is_deeply_frozen(value) is True


@pytest.mark.parametrize("value", LIQUID, ids=lambda value: repr(value)[:40])
def test_not_frozen(is_deeply_frozen: Callable[[Any], bool], value: Any) -> None:
    """Whatever a caller could change, at any depth, and what is not known."""
    assert is_deeply_frozen(value) is False


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=lambda entry: entry.name)
def test_both_agree(entry: zoo.Entry) -> None:
    """The native check and the one in Python say the same of every value of the zoo."""
    check = freeze_checker()
    for value in entry.values:
        assert check(value) is checked_in_python(value)


def test_a_class_may_be_changed() -> None:
    """A class that is not frozen any more is noticed."""

    class Changing(BaseModel):
        model_config = ConfigDict(frozen=True)

    check = freeze_checker()
    assert check(Changing())
    Changing.__setattr__ = object.__setattr__  # type: ignore[assignment]
    assert not check(Changing())

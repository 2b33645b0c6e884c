"""Which serializers of fields look at the object that the field belongs to."""

from __future__ import annotations

from functools import partialmethod, wraps
from typing import Any

import pytest

from pydantic_serialization.plan.native.encoding.owners import looks_at_owner


def _decorated(function: Any) -> Any:
    @wraps(function)
    def wrapper(*arguments: Any) -> Any:
        return function(*arguments)

    return wrapper


class Base:
    x = 1

    def plain(self, value: Any) -> Any:
        return value


class Silent(Base):
    """None of these names its first argument."""

    def plain(self, value: Any) -> Any:
        return value * 2

    def with_default(self, value: Any, more: Any = None) -> Any:
        return [item for item in (value, more)]  # noqa: C416

    def with_function(self, value: Any) -> Any:
        def inner() -> Any:
            return value

        return inner()


class Looking(Base):
    """Each of these has its first argument in one way or another."""

    def reads(self, value: Any) -> Any:
        return self.x + value

    def two_at_once(self, value: Any) -> Any:
        return (self, value)

    def writes(self, value: Any) -> Any:
        self.x = 5
        return value

    def replaces(self, value: Any) -> Any:
        self = None  # noqa: F841, PLW0642
        return value

    def inside(self, value: Any) -> Any:
        return [self for _ in value]

    def by_function(self, value: Any) -> Any:
        return lambda: (self, value)

    def above(self, value: Any) -> Any:
        return super().plain(value)

    def by_frame(self, value: Any) -> Any:
        return locals(), value

    def any_number(*arguments: Any) -> Any:
        return arguments

    @_decorated
    def decorated(self, value: Any) -> Any:
        return value

    partial = partialmethod(reads, 1)


def _functions(cls: type) -> list[Any]:
    return [item for name, item in vars(cls).items() if not name.startswith("__")]


@pytest.mark.parametrize("function", _functions(Silent), ids=lambda function: function.__name__)
def test_what_does_not_name_its_object_does_not_look_at_it(function: Any) -> None:
    """A function of Python's that never loads its first argument cannot change it."""
    assert not looks_at_owner(function)


@pytest.mark.parametrize(
    "function", [*_functions(Looking), len, Base().plain], ids=lambda function: getattr(function, "__name__", "partial")
)
def test_everything_else_may_look_at_it(function: Any) -> None:
    """By name, from inside, through ``super()`` and frames; and whatever is not a function of Python's."""
    assert looks_at_owner(function)

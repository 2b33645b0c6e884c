"""Private copies of Pydantic models: the native core beside ``model_copy(deep=True)`` and ``copy.deepcopy``.

    python benchmarks/native_copy.py [--quick]

All rows of a table are measured in one process, in turn, round after round. Trust ratios of one table, not nanoseconds.
Copies are compared before they are timed.
"""

from __future__ import annotations

import argparse
import copy
import platform
import sys
from typing import TYPE_CHECKING, Any

import pydantic
from _rows import Row, Target, measure, show
from _shapes import COUNT, models, order_data, user_data
from pydantic import RootModel

from pydantic_serialization import BACKEND, copy_model

if TYPE_CHECKING:
    from pydantic import BaseModel


class Opaque:
    """A value that the core leaves to ``copy.deepcopy``."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def __deepcopy__(self, memo: dict[int, Any]) -> Opaque:
        return Opaque(copy.deepcopy(self.held, memo))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and self.held == other.held

    __hash__ = None  # type: ignore[assignment]


def copying(name: str, seconds: float, value: BaseModel, least: float, aim: float | None) -> list[Target]:
    """Compare the ways of copying one model, then time them."""
    names = {"value": value, "copy_model": copy_model, "deepcopy": copy.deepcopy}
    rows = [
        Row("model_copy(deep=True)", "value.model_copy(deep=True)", names),
        Row("copy.deepcopy(..)", "deepcopy(value)", names),
        Row("model_copy(), shallow", "value.model_copy()", names),
        Row("copy_model(..)", "copy_model(value)", names),
    ]
    for row in rows:
        copied = eval(row.statement, dict(names))
        if copied != value or copied.model_fields_set != value.model_fields_set:
            raise AssertionError(row.label)
    measure(rows, seconds)
    method, *_, ours = rows
    show(f"copy {name}", rows, {"model_copy(deep)": method})
    return [Target(f"copy {name}, against model_copy(deep=True)", method.best / ours.best, least, aim)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time")
    seconds = 0.5 if parser.parse_args().quick else 5.0
    print(f"python {platform.python_version()}, pydantic {pydantic.VERSION}, backend {BACKEND}")
    shapes = models()
    user, order = shapes.user.model_validate(user_data()), shapes.order.model_validate(order_data())
    users = RootModel[Any]([shapes.user.model_validate(user_data(number)) for number in range(COUNT)])
    shared = RootModel[Any]([user] * COUNT)
    opaque = RootModel[Any]([*users.root[:100], Opaque([1])])
    targets = copying("User", seconds, user, 15, 20)
    targets += copying("Order", seconds, order, 15, 29)
    targets += copying(f"{COUNT} Users", seconds, users, 15, 20)
    targets += copying(f"one User, {COUNT} times", seconds, shared, 1, None)
    targets += copying("100 Users and one value for Python", seconds, opaque, 1, None)
    print("\nratios of minima, beside what is wanted")
    print("\n".join(map(str, targets)))
    if BACKEND != "native":
        sys.exit("the native core is not installed: these are figures of pydantic alone")


if __name__ == "__main__":
    main()

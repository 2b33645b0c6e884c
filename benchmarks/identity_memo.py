"""What remembering the bytes of frozen instances saves where they are written again, and costs where they are not.

    python benchmarks/identity_memo.py [--rounds 15]

Two managers write the same instances in turn, one with caching and one without. ``x`` says how many times faster the
first one is. Each cell is the best of interleaved rounds; trust ratios, not microseconds.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from pydantic_serialization import create_serialization_config, create_serialization_manager

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOT = 50
NEW = 2000


class Line(BaseModel):
    """A line of an order."""

    model_config = ConfigDict(frozen=True)

    sku: str
    quantity: int
    price: float


class Order(BaseModel):
    """An order, frozen all the way down."""

    model_config = ConfigDict(frozen=True)

    id: int
    customer: str
    lines: tuple[Line, ...] = ()


def order(number: int, lines: int) -> Order:
    """Return an order with so many lines."""
    parts = [Line(sku=f"SKU-{item:08d}", quantity=item % 7, price=item / 7) for item in range(lines)]
    return Order(id=number, customer="Ann Smith", lines=tuple(parts))


def seconds(manager: Any, orders: Sequence[Order]) -> float:
    """Return what writing all orders once takes."""
    write = manager.serialize_sync
    started = time.perf_counter()
    for item in orders:
        write(item)
    return time.perf_counter() - started


def best(managers: Sequence[Any], make: Callable[[], Sequence[Order]], rounds: int) -> list[float]:
    """Return the best microseconds per order of each manager, in interleaved rounds."""
    found = [float("inf")] * len(managers)
    for _ in range(rounds):
        for index, manager in enumerate(managers):
            orders = make()
            found[index] = min(found[index], seconds(manager, orders) / len(orders) * 1e6)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(f"{'µs per write: off / on':28}{'the same instances':>34}{'new ones':>34}")
    for label, lines in (("no lines, 40 B", 0), ("10 lines, 600 B", 10), ("1000 lines, 55 KB, gzip", 1000)):
        managers = [
            create_serialization_manager(create_serialization_config(enable_caching=caching))
            for caching in (False, True)
        ]
        hot = [order(number, lines) for number in range(HOT)]
        for _ in range(60 if lines < 100 else 4):
            seconds(managers[1], hot)
        same = best(managers, lambda hot=hot: hot, rounds)  # type: ignore[misc]
        count = NEW if lines < 100 else 20
        new = best(managers, lambda lines=lines, count=count: [order(n, lines) for n in range(count)], rounds)  # type: ignore[misc]
        print(f"{label:28}{_cell(same):>34}{_cell(new):>34}")


def _cell(found: Sequence[float]) -> str:
    off, on = found
    return f"{off:9.2f} /{on:9.2f}  x {off / on:8.2f}"


if __name__ == "__main__":
    main()

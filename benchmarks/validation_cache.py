"""What remembering validated models saves where documents repeat, and costs where they do not.

    python benchmarks/validation_cache.py [--rounds 15]

Two managers read the same documents in turn, one with ``cache_validation`` and one without. ``x`` says how many times
faster the first one is: over 1 it saves, and 0.95 would be 5 % slower. The first table is measured after the cache has
had time to decide (it measures, and switches itself off where it does not pay). The second is about documents of which
none comes twice, and managers that are new in each round: from the first read on, where the cost of deciding is part of
the time. Each figure is the best of interleaved rounds, which begin with either manager in turn; of the second table
each stretch of reads has a minimum of its own, and they are added. Trust ratios, not microseconds.
"""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, field_validator

from pydantic_serialization import create_serialization_config, create_serialization_manager, pure

if TYPE_CHECKING:
    from collections.abc import Sequence

HOT = 100
STRETCHES = (100, 900, 4000, 15_000)
"""Reads of a new manager that are timed together, one after the other."""
LARGE = 1000
"""Bytes of a document from which on a tenth of the reads will do."""
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]+")


class Tiny(BaseModel):
    """As little as a model can be."""

    id: int


class FrozenTiny(Tiny):
    """The same, frozen."""

    model_config = ConfigDict(frozen=True)


class Flat(BaseModel):
    """Five scalars."""

    id: int
    name: str
    email: str
    age: int
    active: bool


class FrozenFlat(Flat):
    """The same, frozen."""

    model_config = ConfigDict(frozen=True)


class Item(BaseModel):
    """A line of an order."""

    sku: str
    quantity: int
    price: float


class Order(BaseModel):
    """An order with many lines."""

    id: int
    customer: str
    items: list[Item]


class FrozenItem(Item):
    """A line that is frozen."""

    model_config = ConfigDict(frozen=True)


class FrozenOrder(BaseModel):
    """An order that is frozen all the way down."""

    model_config = ConfigDict(frozen=True)

    id: int
    customer: str
    items: tuple[FrozenItem, ...]


class Checked(Flat):
    """Five scalars, two of which are checked by Python code."""

    @field_validator("email")
    @classmethod
    @pure
    def in_one_form(cls, value: str) -> str:
        """Check an address, and every other one that a careful application does not want."""
        for blocked in range(40):
            if _ADDRESS.fullmatch(value) is None or value.endswith(f"@blocked{blocked}.example"):
                raise ValueError("not an address")
        return value.lower()

    @field_validator("name")
    @classmethod
    @pure
    def trimmed(cls, value: str) -> str:
        """Normalise white space."""
        return " ".join(value.split())


@dataclass(frozen=True)
class Case:
    """A model, and the document of one number."""

    label: str
    model: Any
    text: str

    def documents(self, count: int, start: int = 0) -> list[bytes]:
        """Return ``count`` documents that differ in their number."""
        return [self.text.replace("%", str(number)).encode() for number in range(start, start + count)]


_FLAT = '{"id":%,"name":"Ann Smith","email":"ann.smith@example.com","age":33,"active":true}'
_ITEM = '{"sku":"SKU-00012345","quantity":3,"price":19.99}'
_ORDER = '{"id":%,"customer":"Ann Smith","items":[' + ",".join([_ITEM] * 100) + "]}"
CASES = (
    Case("tiny, 1 field", Tiny, '{"id":%}'),
    Case("tiny, frozen", FrozenTiny, '{"id":%}'),
    Case("flat, 5 fields", Flat, _FLAT),
    Case("flat, frozen", FrozenFlat, _FLAT),
    Case("order, 100 lines", Order, _ORDER),
    Case("order, 100 lines, frozen", FrozenOrder, _ORDER),
    Case("flat, Python validators", Checked, _FLAT),
)


def seconds(manager: Any, model: Any, documents: Sequence[bytes]) -> float:
    """Return what reading all documents once takes."""
    read = manager.deserialize_sync
    started = time.process_time()  # not the clock: others may have the processor meanwhile
    for data in documents:
        read(data, model)
    return time.process_time() - started


def best(managers: Sequence[Any], case: Case, documents: Sequence[bytes], rounds: int) -> list[float]:
    """Return the best seconds of each manager, in interleaved rounds."""
    found = [float("inf")] * len(managers)
    for _ in range(rounds):
        for index, manager in enumerate(managers):
            found[index] = min(found[index], seconds(manager, case.model, documents))
    return found


def managers() -> tuple[Any, Any]:
    """Return a manager that remembers nothing that it reads, and one that does."""
    off, on = (create_serialization_manager(create_serialization_config(cache_validation=on)) for on in (False, True))
    return off, on


def repeating_table(rounds: int) -> None:
    """Print what reads cost after the decision: of few documents that repeat, and of new ones."""
    columns = (f"{HOT} documents, again and again", "all new")
    print(f"{'µs per read: off / on':28}{columns[0]:>34}{columns[1]:>30}")
    for case in CASES:
        plain, caching = managers()
        hot = case.documents(HOT)
        for _ in range(40):
            seconds(caching, case.model, hot)
        cells = [_cell(best((plain, caching), case, hot, rounds), HOT)]
        found = caching.get_stats()["cached_manager"]["model_serializer"]["validation_cache"]["models"]
        mode = found[case.model.__name__]
        plain, caching = managers()
        times = [float("inf")] * 2
        for number in range(2 * rounds):
            later = case.documents(1000, 10_000_000 + 1000 * number)
            times = [min(*pair) for pair in zip(times, best((plain, caching), case, later, 1), strict=True)]
        cells += [_cell(times, 1000)]
        print(
            f"{case.label:28}{cells[0]:>34}{cells[1]:>30}   {mode['mode']}{': ' if mode['reason'] else ''}{mode['reason']}"
        )


def first_reads_table(rounds: int) -> None:
    """Print what the first reads of new managers cost where no document comes twice."""
    print(
        f"\n{'first reads, all new: x':28}"
        + "".join(f"{f'{sum(STRETCHES[: n + 1]):,}':>10}" for n in range(len(STRETCHES)))
    )
    for case in CASES:
        stretches = [size // 10 if len(case.text) > LARGE else size for size in STRETCHES]
        documents = case.documents(sum(stretches), 1_000_000)
        found = [[float("inf")] * len(stretches) for _ in range(2)]
        for number in range(4 * rounds):
            pair = managers()
            for manager in pair:  # what binding costs is not asked
                manager.deserialize_sync(case.documents(1)[0], case.model)
            start = 0
            for stretch, size in enumerate(stretches):
                part = documents[start : start + size]
                start += size
                for which in (0, 1) if number % 2 else (1, 0):
                    taken = seconds(pair[which], case.model, part)
                    found[which][stretch] = min(found[which][stretch], taken)
        ratios = [sum(found[0][: n + 1]) / sum(found[1][: n + 1]) for n in range(len(stretches))]
        print(f"{case.label:28}" + "".join(f"{ratio:10.3f}" for ratio in ratios))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    repeating_table(rounds)
    first_reads_table(rounds)


def _cell(found: Sequence[float], count: int) -> str:
    off, on = (item / count * 1e6 for item in found)
    return f"{off:8.2f} /{on:8.2f}   x {off / on:5.2f}"


if __name__ == "__main__":
    main()

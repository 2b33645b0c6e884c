"""Time statements against each other, and print them as a table of ratios."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import partial
from timeit import Timer
from typing import TYPE_CHECKING, Any

from pydantic_serialization.benchmark.timing import Candidate, candidate, time_together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SLICE = 0.0006
"""Seconds of one turn: rarely interrupted, and many times what the clock costs."""


@dataclass
class Row:
    """One way to do something.

    Attributes:
        label: What the table calls it.
        statement: Python code that does it once. It is timed as it stands, without a function around it.
        names: What the statement refers to.
    """

    label: str
    statement: str
    names: Mapping[str, Any]
    _repeats: int = 1
    _candidate: Candidate = field(default_factory=lambda: Candidate([]))

    def prepare(self) -> Candidate:
        """Return the work to time; the statement has run once or more, to warm up."""
        timer = Timer(self.statement, globals=dict(self.names))
        once = min(timer.repeat(3, 1))
        self._repeats = max(1, round(_SLICE / max(once, 1e-8)))
        once = timer.timeit(self._repeats) / self._repeats
        self._repeats = max(1, round(_SLICE / max(once, 1e-9)))
        self._candidate = candidate(partial(timer.timeit, self._repeats))
        return self._candidate

    @property
    def best(self) -> float:
        """Nanoseconds of the shortest round."""
        return self._candidate.best / self._repeats * 1e9

    @property
    def typical(self) -> float:
        """Nanoseconds of the median round."""
        return self._candidate.typical / self._repeats * 1e9


def measure(rows: Sequence[Row], seconds: float) -> None:
    """Time the rows in turn, round after round; the garbage collector is off within a turn."""
    time_together([row.prepare() for row in rows], seconds, lambda _share: None)


def show(title: str, rows: Sequence[Row], references: Mapping[str, Row | None]) -> None:
    """Print the rows, and how many times faster each is than each of ``references``, by minimum and by median."""
    known = {name: row for name, row in references.items() if row is not None}
    print(f"\n{title}")
    print(f"{'':40}{'min ns':>11}{'median':>11}" + "".join(f"{'x ' + name:>18}" for name in known))
    for row in rows:
        ratios = "".join(
            f"{other.best / row.best:9.2f} /{other.typical / row.typical:6.2f} " for other in known.values()
        )
        print(f"{row.label:40}{row.best:11,.0f}{row.typical:11,.0f}{ratios}")


def progress(text: str) -> None:
    """Tell on standard error what is measured."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Target:
    """What a ratio should be.

    Attributes:
        label: What is compared.
        ratio: How it came out, by minima.
        least: The least that is acceptable.
        aim: What is aimed at; ``None`` if there is only the least.
    """

    label: str
    ratio: float
    least: float
    aim: float | None

    def __str__(self) -> str:
        """Return the line of the summary."""
        verdict = (
            "aim reached" if self.aim and self.ratio >= self.aim else "enough" if self.ratio >= self.least else "SHORT"
        )
        aim = f"aim {self.aim:.2f}" if self.aim else ""
        return f"{self.label:52}{self.ratio:8.2f} x   at least {self.least:.2f}  {aim:10} {verdict}"

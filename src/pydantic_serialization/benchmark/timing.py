"""Time several functions against each other.

The candidates take turns in every round, in an order that rotates, so that whatever disturbs the machine disturbs all
of them. Timing one after the other reports false differences in 10 of 14 comparisons of identical code, interleaving
with minima in 1 of 14 (measured in the observability research, section 4). Long work is cut into parts, and the turns
are over parts: a turn of about a millisecond is rarely interrupted, and each part has its own shortest round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SLICE = 0.0005
"""Seconds that one turn takes at least: long enough for the clock, short enough for many rounds."""
_MOST_ROUNDS = 200


@dataclass(slots=True)
class Part:
    """One piece of a candidate's work.

    Attributes:
        run: Does it once.
        estimate: About how many seconds that takes.
        rounds: Seconds for doing it once, a figure for each round.
    """

    run: Callable[[], Any]
    estimate: float
    rounds: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Candidate:
    """Some work to time, as parts that are done one after the other."""

    parts: list[Part]

    @property
    def rounds(self) -> int:
        """How many rounds were completed."""
        return min((len(part.rounds) for part in self.parts), default=0)

    @property
    def typical(self) -> float:
        """Seconds for all of the work, from the median round of each part; 0 before the first round is complete."""
        return sum(median(part.rounds) for part in self.parts) if self.rounds else 0.0

    @property
    def best(self) -> float:
        """Seconds for all of the work, from the shortest round of each part; 0 before the first round is complete."""
        return sum(min(part.rounds) for part in self.parts) if self.rounds else 0.0


def candidate(*parts: Callable[[], Any]) -> Candidate:
    """Return a candidate whose work is ``parts``, each called once to warm up and to learn how long it takes."""
    return Candidate([Part(run, _time(run, 1)) for run in parts])


def time_together(candidates: Sequence[Candidate], seconds: float, tick: Callable[[float], None]) -> None:
    """Fill the rounds of every candidate.

    Args:
        candidates: The work. Those that have the same number of parts are compared part by part.
        seconds: How long to go on. One round is completed in any case.
        tick: Called now and then with the share of the work that is done, 0 to 1.
    """
    most = max((len(item.parts) for item in candidates), default=0)
    began = perf_counter()
    for number in range(_MOST_ROUNDS if most else 0):
        for index in range(most):
            _take_turns([item.parts[index] for item in candidates if index < len(item.parts)], first=number + index)
            by_time = (perf_counter() - began) / seconds if seconds > 0 else 1.0
            in_first_round = (index + 1) / most if number == 0 else 1.0
            tick(min(by_time, in_first_round, 1.0))
        if perf_counter() - began >= seconds:
            break
    tick(1.0)


def _take_turns(parts: Sequence[Part], first: int) -> None:
    for turn in range(len(parts)):
        part = parts[(turn + first) % len(parts)]
        part.rounds.append(_time(part.run, max(1, math.ceil(_SLICE / max(part.estimate, 1e-9)))))


def _time(run: Callable[[], Any], repeats: int) -> float:
    started = perf_counter()
    for _ in range(repeats):
        run()
    return (perf_counter() - started) / repeats


def per_second(amount: float, seconds: float) -> float:
    """Return ``amount / seconds``; 0 where nothing was timed."""
    return amount / seconds if seconds > 0 else 0.0

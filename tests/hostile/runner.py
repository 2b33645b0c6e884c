"""Run a campaign: step by step, by number or by time, from a seed that repeats it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from hostile.resources import peak

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_FAULTS = 20
"""So many are kept; by then something is very wrong, and the campaign ends."""

MOST_GROWTH = 256
"""MiB by which the memory of the process may grow in a campaign: its inputs are short, and claim a lot."""


class Campaign(NamedTuple):
    """A kind of hostile input.

    Attributes:
        name: What it is called on the command line and in reports.
        prepare: Takes the source of chance and returns the step. A step does one execution and returns whether the input
            was accepted; it raises ``AssertionError`` where the outcome is not the right one. If it has a method
            ``close``, that is called at the end, and may raise the same; if it has ``figures``, they are reported.
        executions: How many of them ``make test`` does; 0 where that has tests of its own for the same.
        can_run: Whether this machine has what it needs.
        most_growth: MiB by which the peak of the process's memory may grow.
    """

    name: str
    prepare: Callable[[Random], Callable[[], bool]]
    executions: int
    can_run: bool = True
    most_growth: float = MOST_GROWTH


@dataclass
class Tally:
    """What came of a campaign.

    Attributes:
        name: Of the campaign.
        seed: What repeats it.
        executions: Steps done.
        accepted: Those of them whose input was good after all.
        seconds: How long it took.
        growth: MiB by which the peak of the process's memory has grown.
        faults: What was wrong, in words. None of the words is a secret: all input is made up.
        figures: What the campaign counted itself.
    """

    name: str
    seed: int
    executions: int = 0
    accepted: int = 0
    seconds: float = 0.0
    growth: float = 0.0
    faults: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


def run(campaign: Campaign, seed: int, *, executions: int | None = None, seconds: float | None = None) -> Tally:
    """Run a campaign.

    Args:
        campaign: Which.
        seed: Of its source of chance.
        executions: How many steps; the campaign's own number if neither is given.
        seconds: How long, in place of a number.
    """
    tally = Tally(campaign.name, seed)
    step: Any = campaign.prepare(Random(seed))
    most = executions if executions is not None or seconds is not None else campaign.executions
    memory, started = peak(), time.monotonic()
    ends = started + (seconds if seconds is not None else float("inf"))
    while len(tally.faults) < MOST_FAULTS and (most is None or tally.executions < most) and time.monotonic() < ends:
        tally.executions += 1
        try:
            tally.accepted += step()
        except AssertionError as fault:
            tally.faults.append(f"execution {tally.executions}: {fault}")
    tally.seconds = time.monotonic() - started
    close = getattr(step, "close", None)
    if close is not None:
        try:
            close()
        except AssertionError as fault:
            tally.faults.append(f"at the end: {fault}")
    tally.growth = peak() - memory
    if tally.growth > campaign.most_growth:
        tally.faults.append(f"the memory of the process has grown by {tally.growth:.0f} MiB")
    tally.figures = getattr(step, "figures", {})
    return tally

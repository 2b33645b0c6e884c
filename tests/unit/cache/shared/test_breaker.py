"""The circuit breaker: opens after failures in a row, lets one probe through, and waits longer each time."""

from __future__ import annotations

import random

import pytest

from pydantic_serialization.cache.shared.breaker import FIRST_WAIT, LONGEST_WAIT, THRESHOLD, Breaker
from pydantic_serialization.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> Breaker:
    return Breaker(clock, random.Random(1), patience=0.2)


def open_it(breaker: Breaker) -> None:
    for _ in range(THRESHOLD):
        assert breaker.allows()
        breaker.failed()
    assert not breaker.allows()


def test_failures_in_a_row_open_it(breaker: Breaker) -> None:
    """A success in between starts the count anew; opening is told once."""
    for _ in range(THRESHOLD - 1):
        assert not breaker.failed()
    breaker.succeeded()
    assert [breaker.failed() for _ in range(THRESHOLD)] == [False] * (THRESHOLD - 1) + [True]
    assert breaker.state == "open"
    assert breaker.opened == 1


def test_one_probe_decides(breaker: Breaker, clock: FakeClock) -> None:
    """After the wait one operation is let through; the others wait for what it reports."""
    open_it(breaker)
    clock.advance(FIRST_WAIT)
    assert breaker.state == "half-open"
    assert [breaker.allows() for _ in range(5)] == [True, False, False, False, False]
    breaker.succeeded()
    assert breaker.state == "closed"
    assert all(breaker.allows() for _ in range(5))


def test_it_waits_longer_after_each_failed_probe(breaker: Breaker, clock: FakeClock) -> None:
    """The wait doubles up to a bound, less a random part; a success brings it back to the first."""
    open_it(breaker)
    expected = FIRST_WAIT
    for _ in range(8):
        waited = 0.0
        while breaker.state == "open":
            clock.advance(0.01)
            waited += 0.01
        assert expected / 2 - 0.02 <= waited <= expected + 0.02
        assert breaker.allows()
        assert not breaker.failed()
        expected = min(2 * expected, LONGEST_WAIT)
    clock.advance(LONGEST_WAIT)
    assert breaker.allows()
    breaker.succeeded()
    open_it(breaker)
    clock.advance(FIRST_WAIT)
    assert breaker.state == "half-open"


def test_a_probe_that_never_reports_is_given_up(breaker: Breaker, clock: FakeClock) -> None:
    """After a while the next operation probes."""
    open_it(breaker)
    clock.advance(FIRST_WAIT)
    assert breaker.allows()
    clock.advance(0.19)
    assert not breaker.allows()
    clock.advance(0.02)
    assert breaker.allows()


def test_a_probe_that_was_cancelled_leaves_the_next_one_to_probe(breaker: Breaker, clock: FakeClock) -> None:
    """The caller's reasons say nothing about the store."""
    open_it(breaker)
    clock.advance(FIRST_WAIT)
    assert breaker.allows()
    breaker.abandoned()
    assert breaker.state == "half-open"
    assert breaker.allows()

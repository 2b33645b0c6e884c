"""Which flights wait for which."""

from __future__ import annotations

from pydantic_serialization.cache.flight import Flight, Outcome


class Signal:
    """A signal that only remembers that it was given."""

    given = 0

    def give(self) -> None:
        self.given += 1

    async def wait(self, deadline: float | None) -> None:
        raise AssertionError


def test_a_flight_needs_itself_and_what_it_waits_for() -> None:
    """Dependencies are followed to the end, through nested loads and waits, also in circles."""
    outer = Flight(Signal())
    nested = Flight(Signal(), (outer,))
    other, stranger = Flight(Signal()), Flight(Signal())
    nested.add_dependency(other)
    assert outer.needs_any_of((outer,))
    assert outer.needs_any_of((other,))
    assert not outer.needs_any_of((stranger,))
    assert not other.needs_any_of((outer, nested))
    other.add_dependency(outer)
    assert other.needs_any_of((nested,))
    assert not other.needs_any_of((stranger,))


def test_an_ended_flight_is_waited_for_by_nobody() -> None:
    """Neither an ended flight nor what it waited for counts any more."""
    first, middle, last = Flight(Signal()), Flight(Signal()), Flight(Signal())
    first.add_dependency(middle)
    middle.add_dependency(last)
    middle.end(None)
    assert not first.needs_any_of((middle,))
    assert not first.needs_any_of((last,))
    assert not middle.needs_any_of((middle,))


def test_only_the_first_end_counts() -> None:
    """A flight that has its outcome keeps it, and wakes its waiters once."""
    signal = Signal()
    flight = Flight(signal)
    flight.end(Outcome(b"value"))
    flight.end(None)
    assert flight.outcome == Outcome(b"value")
    assert signal.given == 1

"""Single-flight: of concurrent readers of a missing key one loads, and the others wait for its outcome.

A flight whose leader is cancelled ends *vacant*: the first waiter to wake takes over with its own loader, in its own
task and context, where its database session still lives. (The Rust cache moka hands an initialiser over like this.) A
waiter that gives up disturbs nobody.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from types import TracebackType

    from pydantic_serialization.cache.runner import Runner, Signal


class Outcome(NamedTuple):
    """How a load ended: with a value, where ``None`` says that there is none, or with an error."""

    value: bytes | None
    error: Exception | None = None
    traceback: TracebackType | None = None


class Flight:
    """One load of one key.

    Attributes:
        signal: Given when the flight has ended.
        outer: The flights inside whose loaders this one was started, outermost first.
        outcome: Set when it has ended; ``None`` then says that it ended vacant.
        ended: Whether it has.
        detached: Whether nobody waits for it any more, so that only the log can tell of its error.
    """

    __slots__ = ("_waits_for", "detached", "ended", "outcome", "outer", "signal")

    def __init__(self, signal: Signal, outer: tuple[Flight, ...] = ()) -> None:
        self.signal = signal
        self.outer = outer
        self.outcome: Outcome | None = None
        self.ended = False
        self.detached = False
        self._waits_for: set[Flight] = set()
        if outer:
            outer[-1]._waits_for.add(self)  # noqa: SLF001  (another flight's)

    def add_dependency(self, other: Flight) -> None:
        """Note that this flight's loader waits for ``other``."""
        self._waits_for.add(other)

    def needs_any_of(self, flights: tuple[Flight, ...]) -> bool:
        """Say whether this flight cannot end before one of ``flights`` has."""
        pending: list[Flight] = [self]
        seen = {self}
        while pending:
            flight = pending.pop()
            if flight.ended:
                continue
            if flight in flights:
                return True
            found = flight._waits_for - seen  # noqa: SLF001  (another flight's)
            seen |= found
            pending += found
        return False

    def end(self, outcome: Outcome | None) -> None:
        """Set the outcome and wake those who wait. Only the first call counts."""
        if not self.ended:
            self.outcome = outcome
            self.ended = True
            self._waits_for.clear()
            self.signal.give()


LEADING: Final[ContextVar[tuple[Flight, ...]]] = ContextVar("pydantic_serialization_cache_leading", default=())
"""The flights inside whose loaders the running code is, outermost first."""


class Flights:
    """The flights under way: one table per event loop, and one for threads."""

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        """Forget the flights: in a child process nobody is left to end them."""
        self._lock = threading.RLock()
        self._of_threads: dict[str, Flight] = {}
        # By the loop itself: the id of a closed loop is given to the next one.
        self._of_loops: WeakKeyDictionary[AbstractEventLoop, dict[str, Flight]] = WeakKeyDictionary()

    def join(self, runner: Runner, key: str) -> tuple[Flight, bool]:
        """Return the flight to wait for, or a new one and true if the caller has to lead it.

        A caller leads a flight of its own, which nobody else sees, where waiting might never end: inside the loader of
        the same key, or of a key whose load waits for it in turn; and in a thread that must not wait.
        """
        outer = LEADING.get()
        with self._lock:
            table = self._table(runner)
            current = table.get(key)
            if current is None:
                current = table[key] = Flight(runner.signal(), outer)
                return current, True
            if not runner.may_wait() or (outer and current.needs_any_of(outer)):
                return Flight(runner.signal(), outer), True
            if outer:
                outer[-1].add_dependency(current)
            return current, False

    def lead(self, runner: Runner, key: str) -> Flight | None:
        """Return a new flight that no running code waits for, or ``None`` if the key is being loaded."""
        with self._lock:
            table = self._table(runner)
            if key in table:
                return None
            flight = table[key] = Flight(runner.signal())
            flight.detached = True
            return flight

    def end(self, runner: Runner, key: str, flight: Flight, outcome: Outcome | None) -> None:
        """End a flight, and open the key for the next one."""
        with self._lock:
            table = self._table(runner)
            if table.get(key) is flight:
                del table[key]
            flight.end(outcome)

    def _table(self, runner: Runner) -> dict[str, Flight]:
        if runner.loop is None:
            return self._of_threads
        table = self._of_loops.get(runner.loop)
        if table is None:
            table = self._of_loops[runner.loop] = {}
        return table

"""A circuit breaker: a store that fails is left alone for a while, and then asked by one operation only."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

    from pydantic_serialization.cache._base import Clock
    from pydantic_serialization.cache.stats import BreakerState

THRESHOLD: Final = 3
"""Failures in a row that open the breaker."""

FIRST_WAIT: Final = 0.25
"""Seconds for which it is open first; doubled after each probe that fails."""

LONGEST_WAIT: Final = 5.0
"""Seconds for which it is open at most."""


class Breaker:
    """Says whether an operation may be tried. Safe from any number of threads.

    Args:
        clock: Returns seconds.
        random: Where the jitter comes from, without which all processes would probe at once.
        patience: Seconds after which a probe that has not reported is given up.
    """

    __slots__ = ("_clock", "_failures", "_lock", "_patience", "_random", "_reopens_at", "_wait", "opened")

    def __init__(self, clock: Clock, random: random.Random, *, patience: float) -> None:
        self._clock = clock
        self._random = random
        self._patience = patience
        self._failures = 0
        self._wait = FIRST_WAIT
        self._reopens_at = 0.0
        self.opened = 0
        self.after_fork()

    def after_fork(self) -> None:
        """Replace the lock in a child process."""
        # Re-entrant: a finaliser may use the cache while this thread holds the lock.
        self._lock = threading.RLock()

    @property
    def state(self) -> BreakerState:
        """``"half-open"`` once the next operation will be let through as a probe."""
        if self._failures < THRESHOLD:
            return "closed"
        return "open" if self._clock() < self._reopens_at else "half-open"

    def allows(self) -> bool:
        """Say whether an operation may be tried now. Its end must be reported."""
        if self._failures < THRESHOLD:
            return True
        with self._lock:
            now = self._clock()
            if now < self._reopens_at:
                return False
            # The others wait for this one's report.
            self._reopens_at = now + self._patience
            return True

    def succeeded(self) -> None:
        """Report that an operation was answered."""
        if self._failures:
            with self._lock:
                self._failures, self._wait = 0, FIRST_WAIT

    def failed(self) -> bool:
        """Report that an operation was not answered; return whether that has opened the breaker."""
        with self._lock:
            self._failures += 1
            if self._failures < THRESHOLD:
                return False
            probed = self._failures > THRESHOLD
            if probed:
                self._wait = min(2 * self._wait, LONGEST_WAIT)
            # Full jitter would let some probe at once; half of the time is certain.
            self._reopens_at = self._clock() + self._wait * (0.5 + 0.5 * self._random.random())
            self.opened += not probed
            return not probed

    def abandoned(self) -> None:
        """Report that an operation says nothing, because it was given up, or decides nothing: the next one may probe."""
        if self._failures >= THRESHOLD:
            with self._lock:
                self._reopens_at = self._clock()

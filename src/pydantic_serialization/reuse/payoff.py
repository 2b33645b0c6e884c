"""Whether looking results up pays for one type: measured while it runs, and switched off where it does not.

At first nothing is looked up. The first three calls, and then one in so many that it costs 1 % of the work, are *watched*:
it is noted what they were for. Two of 64 that had come before, and lookups begin; so they do where they cost next to
nothing.

Lookups are counted in blocks of 16, and the last one of a block is timed. Of a timed lookup that finds something, the
result is now and then made anew beside it, so that both ways are compared on the same input, at the same moment: more
than half of the comparisons lost, and lookups are switched off. Where hits win clearly, they are compared seldom. Every
64 blocks the account is settled: where lookups, copies and stores cost more than hits save, by 2 % of the work, lookups
are switched off too.

Then it is watched again after sixteen times as many calls as the trial took, then after twice as many, and so on, but not
before a second has passed, then two. What never repeats itself pays for watching, and for nothing else.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Final

from pydantic_serialization.reuse.watch import CALL_NS, FIRST_LOOKS, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK: Final = 16
"""Lookups of which one is timed."""
TRIAL: Final = 64 * BLOCK
"""Lookups between two settlements."""
LOSS: Final = 0.02
"""Share of the work that lookups may cost in vain."""
COMPARISONS: Final = 5
"""Comparisons that decide."""
FIRST_PAUSE: Final = 16 * TRIAL
"""Calls without a lookup after the first loss."""
_LONGEST_PAUSE: Final = 256 * FIRST_PAUSE
_FIRST_PAUSE_NS: Final = 1_000_000_000
_STEP: Final = 64
_NOTHING_TWICE: Final = "nothing has come twice so far"
_INSTALMENTS: Final = 16
_BLOCKS_BETWEEN_COMPARISONS: Final = 8
_CLEARLY: Final = 8
_BLOCKS_BETWEEN_CLEAR_COMPARISONS: Final = 512
_MOST_COMPARISONS: Final = 64
_DEAR_NS: Final = 5_000_000
_NEVER: Final = 1 << 63


class Payoff:
    """The account of one type.

    Attributes:
        active: Whether to look up.
        watching: Whether calls are watched while nothing is looked up.
        skip: Calls of which the account need not be told, while nothing is looked up; decremented by the caller when it
            could tell of one, by the calls that went by or, where it does not count them, by one. (A pipeline tells of
            those that it takes the time of anyway.)
        countdown: Lookups until one is to be timed; decremented by the caller.
        hits: Lookups that found something; incremented by the caller.
        reason: Why it is switched off, as a phrase; empty while it is active.
        hit_ns: What a hit takes, smoothed; 0 before the first timed one. So are the following.
        miss_ns: What looking in vain takes.
        made_ns: What making a result takes that a lookup would have found.
        work_ns: What making a result takes that a lookup had not found.

    Args:
        clock: Returns nanoseconds.
    """

    __slots__ = (
        "_blocks",
        "_calls_at_pause",
        "_clock",
        "_compared",
        "_debt_ns",
        "_hits_before",
        "_issued",
        "_lookups_before",
        "_lost",
        "_lost_ns",
        "_pause",
        "_pause_ns",
        "_resume_at",
        "_stores",
        "_watch",
        "active",
        "countdown",
        "hit_ns",
        "hits",
        "made_ns",
        "miss_ns",
        "reason",
        "skip",
        "watching",
        "work_ns",
    )

    def __init__(self, clock: Callable[[], int] = perf_counter_ns) -> None:
        self._clock = clock
        self.active = False
        self.reason = _NOTHING_TWICE
        self.hits = 0
        self.hit_ns = self.miss_ns = self.made_ns = self.work_ns = 0.0
        self._issued = self.countdown = BLOCK
        self._pause, self._pause_ns, self._resume_at = FIRST_PAUSE, _FIRST_PAUSE_NS, 0
        self._calls_at_pause: int | None = None
        self._debt_ns = 0.0
        self._watch = Watch()
        self.watching, self.skip = True, 0
        self._begin_trial()

    @property
    def lookups(self) -> int:
        """Lookups so far."""
        return self._issued - self.countdown

    @property
    def wants_comparison(self) -> bool:
        """Whether the timed lookup, if it is a hit, should be compared with making the result."""
        is_clear = self.made_ns > _CLEARLY * self.hit_ns
        blocks = _BLOCKS_BETWEEN_CLEAR_COMPARISONS if is_clear else _BLOCKS_BETWEEN_COMPARISONS
        return self._compared < COMPARISONS or not self._blocks % blocks

    def compared(self, hit_ns: int, made_ns: int) -> None:
        """Take in a comparison, on the same input.

        Args:
            hit_ns: What finding the result took, or would take, a copy included.
            made_ns: What making it took.
        """
        self.hit_ns = _smoothed(self.hit_ns, hit_ns)
        self.made_ns = _smoothed(self.made_ns, made_ns)
        self._compared += 1
        if hit_ns + CALL_NS >= made_ns:
            self._lost += 1
            self._lost_ns += max(hit_ns - made_ns, 0)
        is_decided = self._compared >= COMPARISONS or (self._lost_ns > _DEAR_NS and self._compared > 1)
        if is_decided and 2 * self._lost > self._compared:
            self._switch_off(f"a hit takes {_shown(self.hit_ns)}, making the result anew {_shown(self.made_ns)}")

    def missed(self, miss_ns: int, work_ns: int) -> None:
        """Take in a timed lookup that found nothing.

        Args:
            miss_ns: What looking in vain took.
            work_ns: What making the result took.
        """
        self.miss_ns = _smoothed(self.miss_ns, miss_ns)
        self.work_ns = _smoothed(self.work_ns, work_ns)

    def stored(self, elapsed_ns: int) -> None:
        """Charge the storing of a result.

        Args:
            elapsed_ns: What it took besides making the result.
        """
        self._debt_ns += elapsed_ns
        self._stores += 1

    def end_block(self) -> None:
        """Begin the next block, after the timed lookup; settle the account when it is time."""
        done = self.lookups
        self._issued, self.countdown = done + BLOCK, BLOCK
        self._blocks += 1
        lookups, hits = done - self._lookups_before, self.hits - self._hits_before
        if lookups < TRIAL or not self.active:
            return
        misses = lookups - hits
        # What was stored and not found again is paid for at once, the rest little by little: it stays there.
        wasted = 1 - min(hits / self._stores, 1) if self._stores else 0
        instalment = self._debt_ns * max(wasted, 1 / _INSTALMENTS)
        self._debt_ns -= instalment
        spent = hits * (self.hit_ns + CALL_NS) + misses * (self.miss_ns + CALL_NS) + instalment
        saved = hits * self.made_ns
        if spent - saved > LOSS * (saved + misses * self.work_ns):
            self._switch_off(
                f"{hits} hits among {lookups} lookups are too few: looking in vain takes {_shown(self.miss_ns)}, "
                f"making the result {_shown(self.work_ns)}"
            )
        else:
            self._pause, self._pause_ns = FIRST_PAUSE, _FIRST_PAUSE_NS
            self._begin_window()

    def stop(self, reason: str) -> None:
        """Switch the lookups off for good."""
        self._pause_ns = _NEVER
        self._switch_off(reason)

    def is_due(self, calls: int) -> bool:
        """Say whether to watch a call, and else of how many the account need not be told.

        Args:
            calls: Calls so far, on any counter that goes up.
        """
        skip = self._watch.skip(calls)
        self.skip = skip or 0
        return skip is None

    def glanced(self, calls: int, work_ns: int, *, repeated: bool) -> None:
        """Take in one of the first calls. It costs as little as can be: many programs make no more than these.

        Args:
            calls: Calls so far.
            work_ns: What making the result took; too long to conclude anything from.
            repeated: Whether the same had come before.
        """
        watch = self._watch
        watch.note(repeated=repeated)
        self.work_ns = work_ns
        if repeated and watch.has_repeats:
            self.begin()
        elif calls >= FIRST_LOOKS:
            self.skip = watch.begin(calls, work_ns)

    def looked(self, calls: int, look_ns: int, work_ns: int, *, repeated: bool) -> None:
        """Take in a watched call, and begin to look up if enough of them had come before, or if it costs nothing.

        Args:
            calls: Calls so far, on any counter that goes up.
            look_ns: What noting it took.
            work_ns: What making the result took.
            repeated: Whether the same had come before.
        """
        watch = self._watch
        watch.note(repeated=repeated)
        self.work_ns = _smoothed(self.work_ns, work_ns)
        self.miss_ns = _smoothed(self.miss_ns, look_ns)
        if watch.has_repeats or (watch.is_certain and self.miss_ns + CALL_NS <= LOSS * self.work_ns):
            self.begin()
        else:
            self.skip = watch.choose_next(calls, self.miss_ns, self.work_ns)

    def begin(self) -> None:
        """Begin to look up."""
        self._debt_ns = 0.0
        self._begin_trial()
        self.reason = ""
        self.watching = False
        self.active = True

    def passed(self, calls: int) -> None:
        """Watch again if enough calls went by without a lookup, and enough time.

        Args:
            calls: Calls so far, on any counter that goes up.
        """
        self.skip = _STEP
        before = self._calls_at_pause
        if before is None or calls < before:  # the first call, or the counter was reset
            self._calls_at_pause = calls
        elif calls - before >= self._pause and self._clock() >= self._resume_at:
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            self._pause_ns *= 2
            self._watch.restart()
            self.watching, self.skip = True, 0

    def _begin_trial(self) -> None:
        self._blocks = self._compared = self._lost = self._lost_ns = 0
        self._begin_window()

    def _begin_window(self) -> None:
        self._lookups_before, self._hits_before = self.lookups, self.hits
        self._stores = 0
        if self._compared > _MOST_COMPARISONS:  # what was long ago counts less and less
            self._compared //= 2
            self._lost //= 2

    def _switch_off(self, reason: str) -> None:
        self.active = self.watching = False
        self.skip = 0
        self.reason = reason
        self._calls_at_pause = None
        self._resume_at = self._clock() + self._pause_ns


NO_ACCOUNT: Final = Payoff()
"""The account of what is never looked up."""
NO_ACCOUNT.stop("it is never looked up")


def _smoothed(mean: float, value: int) -> float:
    """Return the moving mean. What takes many times the mean was interrupted, and says nothing about the work."""
    if not mean or value < mean / 3:
        return float(value)
    return mean + (min(value, 3 * mean) - mean) / 8


def _shown(nanoseconds: float) -> str:
    return f"{nanoseconds / 1000:.1f} µs"

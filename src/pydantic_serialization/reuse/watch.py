"""Which calls are watched while nothing is looked up: so few that it costs 1 % of the work."""

from __future__ import annotations

from typing import Final

WATCHED: Final = 0.01
"""Share of the work that watching may cost."""
WINDOW: Final = 64
"""Watched calls among which so many must have come before:"""
ENOUGH: Final = 2
FIRST_LOOKS: Final = 3
"""Calls at the start that are all watched, so that what repeats itself at once is noticed at once."""
CALL_NS: Final = 200
"""What is around a lookup and is not timed, and a function without lookups is without."""
_AROUND_NS: Final = 2000
"""What is around a look and is not timed: telling of it, and choosing the next one. Code that runs so seldom is slow."""
_CERTAIN: Final = 8
_FIRST_LOOK_NS: Final = 2000
"""What watching a call takes, before it was measured."""
_FIRST_STRIDE: Final = 128
_LONGEST_STRIDE: Final = 1024
_LONGEST_SKIP: Final = 128


class Watch:
    """Chooses the calls, by their number on any counter that goes up, and counts those that had come before."""

    __slots__ = ("_calls_per_telling", "_calls_told", "_look_at", "_looks", "_seen_before", "_skipped")

    def __init__(self) -> None:
        self._calls_told, self._calls_per_telling = 0, 1.0
        self._skipped = 1
        self.restart()

    def restart(self) -> None:
        """Watch the next call, and forget the former ones."""
        self._look_at = self._looks = self._seen_before = 0

    @property
    def has_repeats(self) -> bool:
        """Whether enough of the watched calls had come before."""
        return self._seen_before >= ENOUGH

    @property
    def is_certain(self) -> bool:
        """Whether enough was watched to rely on what it took."""
        return self._looks >= _CERTAIN

    def skip(self, calls: int) -> int | None:
        """Return of how many further calls nothing needs to be told, or ``None`` if this one is to be watched.

        Not every call is told of: a pipeline tells of those that it takes the time of anyway.
        """
        self._calls_per_telling = max(1.0, (calls - self._calls_told) / self._skipped)
        self._calls_told, self._skipped = calls, 1
        left = self._look_at - calls
        return self._skip(left) if 0 < left <= _LONGEST_STRIDE else None  # more: the counter was reset

    def note(self, *, repeated: bool) -> None:
        """Count a watched call."""
        if self._looks >= WINDOW:
            self._looks = self._seen_before = 0
        self._looks += 1
        self._seen_before += repeated

    def begin(self, calls: int, work_ns: int) -> int:
        """Choose the first call after those that are all watched, with little work: it is done where little else is.

        Args:
            calls: Calls so far.
            work_ns: What making a result takes.

        Returns:
            Of how many further calls nothing needs to be told.
        """
        stride = int(_FIRST_LOOK_NS / WATCHED) // (work_ns or 1)
        self._calls_told = calls
        self._skipped = 1 + min(stride, _FIRST_STRIDE)
        return self._skipped - 1

    def choose_next(self, calls: int, look_ns: float, work_ns: float) -> int:
        """Choose the next call.

        Args:
            calls: Calls so far.
            look_ns: What noting one takes.
            work_ns: What making a result takes.

        Returns:
            Of how many further calls nothing needs to be told.
        """
        stride = (2 * look_ns + _AROUND_NS) / (WATCHED * max(work_ns, 1.0))
        left = int(min(stride, _LONGEST_STRIDE))
        self._calls_told, self._look_at = calls, calls + left
        return self._skip(left)

    def _skip(self, left: int) -> int:
        """Return how many tellings are not needed before ``left`` calls went by."""
        self._skipped = max(1, min(int(left / self._calls_per_telling), _LONGEST_SKIP))
        return self._skipped - 1

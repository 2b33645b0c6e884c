"""The time of the server, without asking for it each time."""

from __future__ import annotations

import time
from typing import Final

VALID: Final = 10.0
"""Seconds after which the server is asked again."""


class ServerClock:
    """Unix seconds as the server counts them. Steps of this machine's wall clock do not move it."""

    __slots__ = ("_known_until", "_offset")

    def __init__(self) -> None:
        self._offset: float | None = None
        self._known_until = float("-inf")

    def now(self) -> float:
        """Return the server's time; this machine's until the server was asked first."""
        return time.time() if self._offset is None else time.monotonic() + self._offset

    def is_due(self) -> bool:
        """Say whether the server should be asked."""
        return time.monotonic() >= self._known_until

    def set(self, answer: tuple[int, int], asked_at: float) -> None:
        """Take over the server's seconds and microseconds, for which it was asked at ``asked_at`` on ``time.monotonic``.

        The way back counts as if the server had answered at once: an entry then seems older than it is, not younger.
        """
        seconds, microseconds = answer
        self._offset = seconds + microseconds / 1e6 - asked_at
        self._known_until = time.monotonic() + VALID

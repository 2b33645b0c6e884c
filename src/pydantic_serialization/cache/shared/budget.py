"""How long one call of a cache may wait for its shared tier, and how a tier that blocks knows."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE: Final[ContextVar[float]] = ContextVar("pydantic_serialization_cache_deadline", default=float("inf"))
"""Until when, on ``time.monotonic``, the running operation of a thread may take. A tier that blocks should keep to it."""


class Budget:
    """Seconds that one call may still wait, whatever it asks the shared tier, and however often.

    Only waiting counts: what the caller does between two questions takes nothing away.

    Attributes:
        left: Seconds.
    """

    __slots__ = ("left",)

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def spend(self, seconds: float) -> None:
        """Take off what an operation has taken."""
        self.left = max(0.0, self.left - seconds)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Take off what the block takes."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.spend(time.monotonic() - started)


@contextmanager
def ending_in(seconds: float) -> Iterator[None]:
    """Set :data:`DEADLINE` for the block."""
    token = DEADLINE.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        DEADLINE.reset(token)

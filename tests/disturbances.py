"""What may happen in the middle of a call: turns of other threads, runs of the garbage collector."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def hurried(interval: float = 1e-6) -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(interval)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def traps(prepare: Callable[[], None], spring: Callable[[], None], rounds: int) -> Iterator[None]:
    """Yield so many times; while the caller then does its work, the collector runs, each time a little later.

    Args:
        prepare: Is called before each round.
        spring: Is called by a finalizer that the collector runs.
        rounds: How many containers are made at most before that.
    """

    class Trap:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            spring()

    thresholds = gc.get_threshold()
    try:
        for threshold in range(1, rounds):
            prepare()
            gc.set_threshold(100_000)
            Trap()
            gc.set_threshold(threshold)
            yield
            gc.set_threshold(100_000)
    finally:
        gc.set_threshold(*thresholds)

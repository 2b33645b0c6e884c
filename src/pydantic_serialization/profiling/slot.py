"""The one object that a bound pipeline touches to be counted and, now and then, timed."""

from __future__ import annotations

from math import ceil
from random import Random
from threading import RLock
from time import perf_counter_ns
from typing import TYPE_CHECKING

from pydantic_serialization.profiling._log import LOGGER
from pydantic_serialization.profiling.histogram import NANOSECONDS, Histogram
from pydantic_serialization.profiling.profile import OperationProfile, operation_name

if TYPE_CHECKING:
    from collections.abc import Callable

TIMED_CALL_NS = 1000
"""What the timed branch costs: two clock readings and :meth:`OperationSlot.record`."""
BUDGET = 0.02
"""Share of an operation's own time that timing it may cost."""
LONGEST_STRIDE = 1024
ALWAYS_TIMED_NS = 20_000
"""From this mean on every call is timed, so that the slow log misses none of them."""
WARM_CALLS = 256
"""Timed one by one at the start, so that a short program has data: 0.3 ms in all."""
_SMOOTHING = 3
"""The moving mean follows a new value by 1/2^3."""
_LOG_PAUSE_NS = NANOSECONDS
# Not random's own generator: an application that seeds it must keep its sequence.
_JITTER = Random()  # noqa: S311  (nothing secret is drawn)


class OperationSlot:
    """Exact count and sampled times of one operation on one model in one format.

    The caller's hot path is these lines and nothing else::

        slot.countdown -= 1
        if slot.countdown > 0:
            return encode(model)
        start = perf_counter_ns()
        payload = encode(model)
        slot.record(perf_counter_ns() - start, len(payload))
        return payload

    **Sampling.** Calls are divided into consecutive blocks of ``stride`` calls. One call of each block, drawn at
    random, is timed and recorded with the weight of its block. This is stratified sampling: mean and total are
    unbiased whatever the order of the calls, and a period in the workload cannot alias with the stride. A block is as
    long as it must be for the timed call to cost 2 % of the block (``TIMED_CALL_NS / (BUDGET * moving mean)``), at most
    1024 calls; the first 256 calls, and operations of 20 µs and more, are all timed. What is missed is a rare stall of
    a short operation, between two samples.

    **Threads.** The hot path takes no lock. Under the GIL ``countdown -= 1`` cannot be interrupted, since threads are
    switched at calls and backward jumps only, so :attr:`count` is exact and no sample is lost. Calls that are timed at
    the same moment are all recorded; one has the weight of the block, the others 1. On a free-threaded build two
    decrements at the same moment may count as one.

    Every argument but the last three is kept as an attribute of the same name.

    Attributes:
        countdown: Calls until one is timed; decremented by the caller.

    Args:
        operation: ``"serialize"``, ``"deserialize"``, ``"compress"``, ``"decompress"``, or a name of the application's.
        model: Label of the model; empty for an operation that the application named.
        format: Name of the format; empty likewise.
        import_path: ``"module:Class"`` of the model; empty if unknown.
        threshold_ns: A timed call that takes as many nanoseconds or more is logged. Can be set at any time.
        sampling: ``False`` for callers that time every call anyway.
        clock: Nanoseconds, monotonic; for pausing the log.
        jitter: Numbers in [0, 1); where in its block a call is timed.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_durations",
        "_errors",
        "_issued",
        "_jitter",
        "_lock",
        "_mean",
        "_next_log",
        "_remainder",
        "_sampling",
        "_sizes",
        "_slow",
        "_stride",
        "_suppressed",
        "_timed",
        "countdown",
        "format",
        "import_path",
        "model",
        "operation",
        "threshold_ns",
    )

    def __init__(
        self,
        operation: str,
        model: str = "",
        format: str = "",  # noqa: A002  (the label is called format)
        *,
        import_path: str = "",
        threshold_ns: int = 100_000_000,
        sampling: bool = True,
        clock: Callable[[], int] = perf_counter_ns,
        jitter: Callable[[], float] = _JITTER.random,
    ) -> None:
        self.operation = operation
        self.model = model
        self.format = format
        self.import_path = import_path
        self.threshold_ns = threshold_ns
        self._sampling = sampling
        self._clock = clock
        self._jitter = jitter
        self._next_log = 0
        self._suppressed = 0
        self._durations = Histogram()
        self._sizes = Histogram()
        self.countdown = 0
        self.renew_lock()
        self.clear()

    def record(self, elapsed_ns: int, size: int) -> None:
        """Take in one timed call, and choose which call is timed next.

        Args:
            elapsed_ns: What the call took, in nanoseconds.
            size: Bytes of the payload that was written or read.
        """
        # acquire and release are half the price of a with statement on CPython 3.11.
        self._lock.acquire()
        try:
            weight = 1
            if self.countdown <= 0:
                weight = self._stride
                self._begin_block(elapsed_ns)
            self._durations.record(elapsed_ns, weight)
            self._sizes.record(size, weight)
            self._timed += 1
        finally:
            self._lock.release()
        if elapsed_ns >= self.threshold_ns:
            self._report_slow(elapsed_ns, size, weight)

    def failed(self) -> None:
        """Count one call that ended by an exception. It was counted down already, and is not recorded."""
        with self._lock:
            self._errors += 1

    @property
    def name(self) -> str:
        """``"serialize:User:orjson"``, or the application's own name."""
        return operation_name(self.operation, self.model, self.format)

    @property
    def count(self) -> int:
        """Calls so far, exact: finished strides, and the part of the present one that is counted down."""
        with self._lock:
            return self._issued - self.countdown

    @property
    def errors(self) -> int:
        """Calls that ended by an exception."""
        return self._errors

    @property
    def bytes_sampled(self) -> int:
        """Bytes of all payloads, estimated from the timed calls by their weights; exact if every call was timed."""
        return self._sizes.total

    def snapshot(self) -> OperationProfile:
        """Return a consistent copy of everything recorded so far."""
        with self._lock:
            return OperationProfile(
                operation=self.operation,
                model=self.model,
                format=self.format,
                import_path=self.import_path,
                count=self._issued - self.countdown,
                errors=self._errors,
                slow=self._slow,
                timed=self._timed,
                durations=self._durations.copy(),
                sizes=self._sizes.copy(),
            )

    def clear(self) -> None:
        """Start again from zero, in place: whoever holds the slot goes on using it."""
        with self._lock:
            self._durations.clear()
            self._sizes.clear()
            self._errors = self._slow = self._timed = self._mean = self._remainder = 0
            self._stride = self._issued = 1
            # Added, not assigned: a decrement by another thread in between is a call after the reset and counts.
            step = 1 - self.countdown
            self.countdown += step

    def renew_lock(self) -> None:
        """Replace the lock: after a fork the old one may be held by a thread that does not exist in the child.

        Re-entrant, because a signal handler that serializes may interrupt :meth:`record` in its own thread.
        """
        self._lock = RLock()

    def _begin_block(self, elapsed_ns: int) -> None:
        """Choose the length of the next block and the call in it that is timed, with the lock held."""
        self._mean += (elapsed_ns - self._mean) >> _SMOOTHING if self._mean else elapsed_ns
        if not self._sampling or self._timed < WARM_CALLS or self._mean >= ALWAYS_TIMED_NS:
            stride = position = 1
        else:
            stride = min(ceil(TIMED_CALL_NS / (BUDGET * max(self._mean, 1))), LONGEST_STRIDE)
            position = 1 + int(self._jitter() * stride)
        # Calls that went by while this one was timed have pushed the countdown below zero: they are added too.
        step = self._remainder + position - self.countdown
        self._remainder = stride - position
        self._stride = stride
        self._issued += step
        self.countdown += step

    def _report_slow(self, elapsed_ns: int, size: int, weight: int) -> None:
        """Count a slow call, and log it unless this slot logged one within the last second."""
        with self._lock:
            self._slow += weight
            now = self._clock()
            if now < self._next_log:
                self._suppressed += 1
                return
            suppressed, self._suppressed = self._suppressed, 0
            self._next_log = now + _LOG_PAUSE_NS
        seconds = elapsed_ns / NANOSECONDS
        LOGGER.warning(
            "slow operation: %s took %.6f s for %d bytes (%d more since the last such line)",
            self.name,
            seconds,
            size,
            suppressed,
            extra={
                "operation": self.operation,
                "model": self.model,
                "format": self.format,
                "size": size,
                "duration_s": seconds,
                "suppressed": suppressed,
            },
        )

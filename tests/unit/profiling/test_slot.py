"""Counting, sampling and the slow log of :class:`OperationSlot`."""

from __future__ import annotations

import logging
import random
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from pydantic_serialization.profiling import OperationSlot
from pydantic_serialization.profiling.slot import LONGEST_STRIDE, WARM_CALLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SLOW = 200_000_000


@pytest.fixture
def slot() -> OperationSlot:
    """A slot whose sampling is the same in every run."""
    return OperationSlot("serialize", "User", "orjson", jitter=random.Random(11).random)


def run(slot: OperationSlot, durations: Iterable[int], size: int = 73) -> int:
    """Drive the slot as a bound pipeline does; return how many calls were timed."""
    timed = 0
    for elapsed in durations:
        slot.countdown -= 1
        if slot.countdown > 0:
            continue
        slot.record(elapsed, size)
        timed += 1
    return timed


@pytest.mark.parametrize("calls", [0, 1, WARM_CALLS, WARM_CALLS + 1, 5_000, 123_457])
def test_the_count_is_exact_at_any_moment(slot: OperationSlot, calls: int) -> None:
    """Calls are counted one by one though only some are timed."""
    timed = run(slot, (1000 for _ in range(calls)))
    assert slot.count == calls
    assert slot.snapshot().timed == timed


def test_the_first_calls_are_all_timed(slot: OperationSlot) -> None:
    """A short program has data."""
    assert run(slot, [500] * WARM_CALLS) == WARM_CALLS
    assert not slot.snapshot().sampled


def test_a_tiny_operation_is_timed_rarely(slot: OperationSlot) -> None:
    """At 1 µs the timed call may cost 2 % of the time: every 50th."""
    run(slot, [1000] * WARM_CALLS)
    assert run(slot, [1000] * 100_000) == pytest.approx(2000, rel=0.01)
    profile = slot.snapshot()
    assert profile.sampled
    assert profile.rate == pytest.approx(0.02, rel=0.2)


def test_the_stride_has_an_end(slot: OperationSlot) -> None:
    """However short an operation is, one of 1024 is timed."""
    run(slot, [0] * WARM_CALLS)
    assert run(slot, [0] * 102_400) == pytest.approx(102_400 / LONGEST_STRIDE, abs=1)


def test_a_long_operation_is_timed_every_time(slot: OperationSlot) -> None:
    """From 20 µs on no call is missed, and totals are exact."""
    durations = [20_000 + 7 * index for index in range(3_000)]
    assert run(slot, durations) == 3_000
    profile = slot.snapshot()
    assert not profile.sampled
    assert profile.total_time == sum(durations) / 1e9
    assert (profile.min_time, profile.max_time) == (20e-6, durations[-1] / 1e9)


def test_an_operation_that_grows_long_is_timed_every_time_again(slot: OperationSlot) -> None:
    """The stride follows the moving mean."""
    run(slot, [1000] * 5_000)
    run(slot, [50_000] * 500)
    assert run(slot, [50_000] * 1_000) == 1_000


@pytest.mark.parametrize("period", [5, 50, 64, 100])
def test_a_period_in_the_workload_does_not_alias(slot: OperationSlot, period: int) -> None:
    """With every n-th call 40 times slower, mean and total are within 10 % of the truth."""
    durations = [40_000 if index % period == 0 else 1000 for index in range(200_000)]
    run(slot, durations)
    profile = slot.snapshot()
    assert profile.sampled
    assert profile.avg_time * 1e9 == pytest.approx(sum(durations) / len(durations), rel=0.1)
    assert profile.total_time * 1e9 == pytest.approx(sum(durations), rel=0.1)


def test_a_change_of_pace_is_weighted(slot: OperationSlot) -> None:
    """A short phase that is timed often does not outweigh a long phase that is timed rarely."""
    durations = [30_000] * 2_000 + [600] * 300_000 + [5_000] * 10_000
    run(slot, durations)
    assert slot.snapshot().avg_time * 1e9 == pytest.approx(sum(durations) / len(durations), rel=0.1)


def test_sampled_percentiles_are_near_the_exact_ones(slot: OperationSlot) -> None:
    """The median is within 5 % and the 99th percentile within 10 % of the exact quantiles."""
    rng = random.Random(5)
    durations = [int(rng.lognormvariate(7, 0.4)) for _ in range(300_000)]
    run(slot, durations)
    durations.sort()
    profile = slot.snapshot()
    assert profile.p50 * 1e9 == pytest.approx(durations[150_000], rel=0.05)
    assert profile.p99 * 1e9 == pytest.approx(durations[297_000], rel=0.10)


def test_sizes_are_estimated_from_the_timed_calls(slot: OperationSlot) -> None:
    """Bytes carry the same weights as times."""
    run(slot, [1000] * 100_000, size=200)
    assert slot.bytes_sampled == pytest.approx(20_000_000, rel=0.01)
    assert slot.snapshot().sizes.max == 200


def test_failed_calls_are_counted_and_not_timed(slot: OperationSlot) -> None:
    """A call that raised is in the count and in the errors; the next one is timed in its place."""
    slot.countdown -= 1
    slot.failed()
    run(slot, [5_000] * 9)
    profile = slot.snapshot()
    assert (profile.count, profile.errors, profile.timed) == (10, 1, 9)
    assert profile.total_time == pytest.approx(45e-6)


def test_failures_between_samples_keep_the_count(slot: OperationSlot) -> None:
    """Errors in the untimed branch leave the count exact and are left out of the total."""
    run(slot, [1000] * 10_000)
    for _ in range(1_000):
        slot.countdown -= 1
        slot.failed()
    run(slot, [1000] * 10_000)
    profile = slot.snapshot()
    assert (profile.count, profile.errors) == (21_000, 1_000)
    assert profile.total_time == pytest.approx(20e-3, rel=0.01)


def test_calls_timed_at_the_same_moment_are_all_recorded(slot: OperationSlot) -> None:
    """One of them has the weight of the block, the others stand for themselves, and the count stays exact."""
    run(slot, [1000] * 10_000)
    before = slot.snapshot()
    slot.countdown -= slot.countdown
    for _ in range(4):
        slot.countdown -= 1
    after = slot.snapshot()
    for _ in range(5):
        slot.record(1000, 73)
    assert slot.count == after.count
    assert slot.snapshot().timed == before.timed + 5
    assert slot.countdown > 0
    run(slot, [1000] * 1_000)
    assert slot.count == after.count + 1_000


@pytest.mark.parametrize("elapsed", [1000, 30_000], ids=["sampled", "every call"])
def test_no_call_and_no_sample_is_lost_between_threads(slot: OperationSlot, elapsed: int) -> None:
    """Eight threads that are switched as often as possible leave exact counts."""
    timed: list[int] = []

    def work() -> None:
        timed.append(run(slot, (elapsed for _ in range(20_000))))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    profile = slot.snapshot()
    assert profile.count == 160_000
    assert profile.timed == sum(timed)
    assert profile.avg_time == pytest.approx(elapsed / 1e9)


def test_clearing_works_in_place(slot: OperationSlot) -> None:
    """A pipeline that holds the slot goes on counting from zero, and its first calls are timed again."""
    run(slot, [1000] * 10_000)
    slot.failed()
    slot.clear()
    empty = slot.snapshot()
    assert (empty.count, empty.errors, empty.slow, empty.timed, empty.durations.count) == (0, 0, 0, 0, 0)
    assert run(slot, [1000] * 100) == 100
    assert slot.count == 100


def test_a_snapshot_no_longer_changes(slot: OperationSlot) -> None:
    """What is recorded later is not in it."""
    run(slot, [1000] * 3)
    profile = slot.snapshot()
    run(slot, [1000] * 3)
    assert (profile.count, profile.durations.count, profile.sizes.count) == (3, 3, 3)


def test_a_signal_handler_may_interrupt_a_record(slot: OperationSlot) -> None:
    """The lock is re-entrant: a record inside a record does not hang."""
    interruptions = [500, 500, 500]

    def interrupted() -> float:
        if interruptions:
            slot.record(interruptions.pop(), 1)
        return 0.5

    slot._jitter = interrupted
    run(slot, [500] * (WARM_CALLS + 1))
    assert not interruptions
    assert slot.snapshot().timed == WARM_CALLS + 4
    assert slot.count == WARM_CALLS + 1


def slow_lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return the lines of the slow log."""
    return [line for line in caplog.records if line.name == "pydantic_serialization"]


def test_a_slow_call_is_logged_with_names_size_and_duration(
    slot: OperationSlot, caplog: pytest.LogCaptureFixture
) -> None:
    """The line has flat fields, at WARNING, and nothing that was not given to the slot."""
    run(slot, [SLOW], size=4096)
    (line,) = slow_lines(caplog)
    assert line.levelno == logging.WARNING
    added = set(vars(line)) - set(vars(logging.makeLogRecord({}))) - {"message", "asctime"}
    assert added == {"operation", "model", "format", "size", "duration_s", "suppressed"}
    fields = vars(line)
    assert (fields["operation"], fields["model"], fields["format"]) == ("serialize", "User", "orjson")
    assert (fields["size"], fields["duration_s"], fields["suppressed"]) == (4096, 0.2, 0)
    assert "serialize:User:orjson took 0.200000 s for 4096 bytes" in line.getMessage()


def test_the_threshold_is_included_and_what_is_under_it_is_not(
    slot: OperationSlot, caplog: pytest.LogCaptureFixture
) -> None:
    """One nanosecond decides."""
    slot.threshold_ns = 1_000_000
    run(slot, [999_999])
    assert not slow_lines(caplog)
    run(slot, [1_000_000])
    assert len(slow_lines(caplog)) == 1


def ticking(times: list[int]) -> Callable[[], int]:
    """Return a clock that shows one time after the other."""
    shown = iter(times)
    return lambda: next(shown)


def test_the_slow_log_is_limited_to_one_line_a_second(caplog: pytest.LogCaptureFixture) -> None:
    """The next line says how many were held back, and every slow call is counted."""
    clock = ticking([0, 1, 999_999_999, 1_000_000_000])
    slot = OperationSlot("serialize", "User", "json", clock=clock)
    run(slot, [SLOW] * 4)
    assert [vars(line)["suppressed"] for line in slow_lines(caplog)] == [0, 2]
    assert slot.snapshot().slow == 4


def test_every_slow_call_of_a_long_operation_is_seen(slot: OperationSlot) -> None:
    """A 10 ms call among calls of 20 µs is never between two samples."""
    slot.threshold_ns = 10_000_000
    run(slot, [10_000_000 if index % 997 == 500 else 20_000 for index in range(20_000)])
    assert slot.snapshot().slow == 20


def test_the_package_logs_nothing_by_itself(capfd: pytest.CaptureFixture[str]) -> None:
    """Without a handler of the application's, Python's last resort does not print: a NullHandler is there."""
    logger = logging.getLogger("pydantic_serialization")
    assert any(isinstance(handler, logging.NullHandler) for handler in logger.handlers)
    assert logger.level == logging.NOTSET
    assert logger.propagate
    run(OperationSlot("serialize", "User", "json"), [SLOW])
    assert capfd.readouterr().err == ""

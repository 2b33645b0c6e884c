"""The account of lookups: it goes on where they pay, ends where they do not, and tries again seldom."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns

import pytest

from pydantic_serialization.reuse.payoff import BLOCK, COMPARISONS, FIRST_PAUSE, TRIAL, Payoff
from pydantic_serialization.reuse.watch import FIRST_LOOKS, WATCHED, WINDOW

SECOND = 1_000_000_000


class Clock:
    """Nanoseconds that are moved by hand."""

    now = 0

    def __call__(self) -> int:
        return self.now


def begun(clock: Callable[[], int] = perf_counter_ns) -> Payoff:
    """Return an account for which lookups have begun."""
    payoff = Payoff(clock)
    payoff.begin()
    return payoff


def watch(
    payoff: Payoff, calls: int, *, look: int = 300, work: int = 900, repeats: int = 0, start: int = 1, told: int = 1
) -> int:
    """Let calls go by without a lookup, and tell of each ``told``-th; return how many were watched.

    Every ``repeats``-th watched one had come before.
    """
    watched = 0
    for call in range(start, start + calls):
        if payoff.active:
            break
        if call % told:
            continue
        if payoff.skip > 0:
            payoff.skip -= 1
        elif call <= FIRST_LOOKS:
            watched += 1
            payoff.glanced(call, work, repeated=bool(repeats) and watched % repeats == 0)
        elif payoff.is_due(call):
            watched += 1
            payoff.looked(call, look, work, repeated=bool(repeats) and watched % repeats == 0)
    return watched


def run(payoff: Payoff, lookups: int, *, hits: int, hit: int = 300, miss: int = 300, made: int = 10_000) -> None:
    """Let ``hits`` of every 16 lookups find something, the timed one last; stop where lookups are switched off."""
    for step in range(1, lookups + 1):
        if not payoff.active:
            return
        payoff.countdown -= 1
        is_hit = step % BLOCK < hits
        payoff.hits += is_hit
        if payoff.countdown <= 0:
            if is_hit and payoff.wants_comparison:
                payoff.compared(hit, made)
            elif not is_hit:
                payoff.missed(miss, made)
            payoff.end_block()


def test_nothing_is_looked_up_before_something_repeats() -> None:
    """Watching costs a hundredth of the work, and says why nothing else happens."""
    payoff = Payoff()
    look, work, calls = 300, 900, 100_000
    watched = watch(payoff, calls, look=look, work=work)
    assert (payoff.active, payoff.reason, payoff.lookups) == (False, "nothing has come twice so far", 0)
    assert watched > 100
    assert watched * 2 * look < WATCHED * work * calls


def test_lookups_begin_where_enough_repeats() -> None:
    """Two of 64 watched calls are enough, one is not."""
    payoff = Payoff()
    watch(payoff, 100_000, repeats=WINDOW)
    assert not payoff.active
    watched = watch(payoff, 100_000, repeats=WINDOW // 2, start=100_001)
    assert payoff.active
    assert payoff.reason == ""
    assert watched <= 2 * WINDOW


def test_the_first_calls_are_all_watched_and_then_few() -> None:
    """What repeats itself at once is noticed at once; what does not waits the longer the less there is to gain."""
    payoff = Payoff()
    watch(payoff, FIRST_LOOKS, repeats=1)
    assert payoff.active
    for work, calls in ((900, 128), (20_000, 10)):
        payoff = Payoff()
        assert watch(payoff, FIRST_LOOKS + calls, work=work) == FIRST_LOOKS
        assert watch(payoff, 1, work=work, start=FIRST_LOOKS + calls + 1) == 1


def test_lookups_begin_where_they_cost_next_to_nothing() -> None:
    """Work of many times a lookup is not watched for long; one slow call is not enough."""
    payoff = Payoff()
    assert watch(payoff, 100, work=100_000) < 16
    assert payoff.active
    payoff = Payoff()
    watch(payoff, 1, work=1_000_000)
    watch(payoff, 1000, work=900, start=2)
    assert not payoff.active


def test_it_goes_on_where_hits_pay() -> None:
    """Half of the lookups hit, and each hit saves most of the work."""
    payoff = begun()
    run(payoff, 10 * TRIAL, hits=8)
    assert payoff.active
    assert payoff.reason == ""
    assert payoff.lookups == 10 * TRIAL
    assert payoff.hits == 5 * TRIAL


def test_it_ends_after_few_comparisons_where_a_copy_is_dear() -> None:
    """A hit that takes longer than the work is found out long before the trial ends."""
    payoff = begun()
    run(payoff, TRIAL, hits=16, hit=5000, made=900)
    assert not payoff.active
    assert payoff.lookups == COMPARISONS * BLOCK
    assert payoff.reason == "a hit takes 5.0 µs, making the result anew 0.9 µs"


def test_what_wins_clearly_is_seldom_compared() -> None:
    """A comparison costs what a hit saves: five at first, then one in 8192 lookups, or one in 128 where it is close."""
    for made, most in ((2_000_000, COMPARISONS + 2), (900, COMPARISONS + 128)):
        payoff = begun()
        compared = 0
        for _ in range(16_384 // BLOCK):
            payoff.countdown -= BLOCK
            payoff.hits += BLOCK
            if payoff.wants_comparison:
                compared += 1
                payoff.compared(300, made)
            payoff.end_block()
        assert payoff.active
        assert most - 2 <= compared <= most


def test_two_dear_copies_are_enough() -> None:
    """Copies of milliseconds are not made five times to be certain; one may have been interrupted."""
    payoff = begun()
    payoff.compared(80_000_000, 18_000_000)
    assert payoff.active
    payoff.compared(80_000_000, 18_000_000)
    assert not payoff.active


def test_one_interruption_decides_nothing() -> None:
    """A hit that the operating system interrupted is one lost comparison of five."""
    payoff = begun()
    for hit in (300, 3_000_000, 300, 300, 300):
        payoff.compared(hit, 10_000)
    assert payoff.active
    assert payoff.hit_ns < 1000


def test_it_ends_where_nothing_repeats_and_work_is_cheap() -> None:
    """Lookups in vain of a third of the work are a loss."""
    payoff = begun()
    run(payoff, TRIAL, hits=0, miss=300, made=900)
    assert not payoff.active
    assert payoff.reason == (
        "0 hits among 1024 lookups are too few: looking in vain takes 0.3 µs, making the result 0.9 µs"
    )


def test_it_goes_on_where_lookups_cost_next_to_nothing() -> None:
    """A workload that may yet repeat itself is waited for, where that costs less than 2 % of the work."""
    payoff = begun()
    run(payoff, 10 * TRIAL, hits=0, miss=300, made=100_000)
    assert payoff.active


def test_stores_are_charged() -> None:
    """What is stored and never found again is a loss at once; what is found often is paid for little by little."""
    for hits, goes_on in ((0, False), (8, True)):
        payoff = begun()
        for _ in range(100):
            payoff.stored(60_000)
        run(payoff, TRIAL, hits=hits, miss=300, made=100_000)
        assert payoff.active is goes_on


def test_it_tries_again_after_calls_and_time_and_less_and_less_often() -> None:
    """A second trial needs many calls and a second; a third twice as many, and two."""
    clock = Clock()
    payoff = begun(clock)
    calls = 0
    for trial in range(3):
        run(payoff, TRIAL, hits=0, made=900)
        assert not payoff.active
        payoff.passed(calls)
        calls += (FIRST_PAUSE << trial) - 1
        clock.now += SECOND << trial
        payoff.passed(calls)
        assert not payoff.watching
        calls += 1
        clock.now -= 1
        payoff.passed(calls)
        assert not payoff.watching
        clock.now += 1
        payoff.passed(calls)
        assert payoff.watching
        watch(payoff, 1000, repeats=1, start=calls)
        assert payoff.active
        assert payoff.reason == ""


def test_a_counter_that_was_reset_starts_the_pause_anew() -> None:
    """The profiler may be cleared in between."""
    clock = Clock()
    payoff = begun(clock)
    run(payoff, TRIAL, hits=0, made=900)
    clock.now += SECOND
    for calls in (10 * FIRST_PAUSE, 5, FIRST_PAUSE):
        payoff.passed(calls)
        assert not payoff.watching
    payoff.passed(FIRST_PAUSE + 5)
    assert payoff.watching


def test_stopped_is_for_good() -> None:
    """What cannot work is not tried again."""
    clock = Clock()
    payoff = begun(clock)
    payoff.stop("no")
    clock.now = 1 << 62
    for calls in (0, 1 << 40):
        payoff.passed(calls)
    assert (payoff.active, payoff.reason) == (False, "no")


@pytest.mark.parametrize("late", [1, 5, 40])
def test_lookups_of_other_threads_during_a_timed_one_are_counted(late: int) -> None:
    """The countdown may go below zero before the block ends."""
    payoff = begun()
    payoff.countdown -= BLOCK + late
    payoff.end_block()
    assert payoff.lookups == BLOCK + late
    assert payoff.countdown == BLOCK

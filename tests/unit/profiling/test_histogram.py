"""Buckets, percentiles, weights and merging of :class:`Histogram`."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.profiling.histogram import Histogram, bucket_bounds, bucket_of

if TYPE_CHECKING:
    from collections.abc import Callable

values = st.integers(0, 2**64 - 1)
samples = st.lists(st.tuples(st.integers(0, 10**10), st.integers(1, 1024)), max_size=50)


def filled(pairs: list[tuple[int, int]]) -> Histogram:
    """Return a histogram of values and their weights."""
    histogram = Histogram()
    for value, weight in pairs:
        histogram.record(value, weight)
    return histogram


def content(histogram: Histogram) -> tuple[object, ...]:
    """Return everything that a histogram holds."""
    return histogram.buckets, histogram.count, histogram.total, histogram.min, histogram.max


@given(values)
def test_a_value_lies_in_its_bucket_and_the_bucket_is_an_eighth_wide_at_most(value: int) -> None:
    """Eight sub-buckets per octave bound the error of any percentile."""
    low, high = bucket_bounds(bucket_of(value))
    assert low <= value < high
    assert high - low <= max(1, low / 8)


def test_buckets_are_numbered_without_gaps() -> None:
    """Neighbouring buckets touch, and 64 bits need 496 of them."""
    assert all(bucket_bounds(index)[1] == bucket_bounds(index + 1)[0] for index in range(495))
    assert bucket_of(2**64 - 1) == 495


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda rng: rng.lognormvariate(7, 0.5), id="lognormal"),
        pytest.param(lambda rng: rng.uniform(300, 90_000), id="uniform"),
        pytest.param(lambda rng: rng.gauss(*rng.choice([(900, 40)] * 9 + [(30_000, 2_000)])), id="two-peaks"),
    ],
)
def test_percentiles_are_near_the_exact_ones(draw: Callable[[random.Random], float]) -> None:
    """The median, the 95th and the 99th percentile are within 3 % of the exact quantiles."""
    rng = random.Random(7)
    durations = sorted(int(draw(rng)) for _ in range(200_000))
    histogram = filled([(value, 1) for value in durations])
    for q in (50, 95, 99):
        exact = durations[int(q / 100 * len(durations))] / 1e9
        assert histogram.percentile(q) == pytest.approx(exact, rel=0.03)


@given(samples, st.floats(0, 100))
def test_a_percentile_lies_between_the_extremes(pairs: list[tuple[int, int]], q: float) -> None:
    """Interpolation never leaves the range of what was recorded."""
    histogram = filled(pairs)
    assert histogram.min <= histogram.value_at(q) <= histogram.max


@given(samples)
def test_percentiles_rise(pairs: list[tuple[int, int]]) -> None:
    """A higher percentile is never a smaller value."""
    histogram = filled(pairs)
    found = [histogram.value_at(q) for q in range(0, 101, 5)]
    assert found == sorted(found)


@given(samples, samples)
def test_merging_is_exact(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    """A merged histogram holds what one histogram would hold that had recorded everything."""
    merged = filled(left)
    merged.merge(filled(right))
    assert content(merged) == content(filled(left + right))


@given(samples)
def test_a_weight_stands_for_so_many_records(pairs: list[tuple[int, int]]) -> None:
    """Recording with a weight equals recording that often."""
    small = [(value, weight % 7 + 1) for value, weight in pairs]
    repeated = [(value, 1) for value, weight in small for _ in range(weight)]
    assert content(filled(small)) == content(filled(repeated))


def test_a_copy_is_independent() -> None:
    """What is recorded after a copy does not reach it."""
    original = filled([(5, 1)])
    twin = original.copy()
    original.record(9000)
    assert (twin.count, twin.max) == (1, 5)


def test_an_empty_histogram_has_zeros() -> None:
    """Nothing recorded gives zeros, not errors."""
    empty = Histogram()
    assert (empty.count, empty.total, empty.min, empty.max) == (0, 0, 0, 0)
    assert (empty.mean, empty.percentile(99), empty.deviation) == (0.0, 0.0, 0.0)
    assert empty.part_above(0) == (0.0, 0.0)


def test_a_negative_value_counts_as_zero() -> None:
    """A clock that steps back must not damage the buckets."""
    histogram = filled([(-5, 2)])
    assert (histogram.count, histogram.total, histogram.min, histogram.buckets) == (2, 0, 0, [2])


@pytest.mark.parametrize("q", [-0.1, 100.1, float("nan")])
def test_a_percentile_outside_its_range_is_refused(q: float) -> None:
    """The message names the range."""
    with pytest.raises(ConfigurationError, match="between 0 and 100"):
        Histogram().value_at(q)


def test_the_part_above_a_limit_is_counted_and_added_up() -> None:
    """Buckets over the limit count in full, and the one that holds it in part."""
    histogram = filled([(100, 50), (1_000_000, 4), (3_000_000, 6)])
    count, total = histogram.part_above(900_000)
    assert count == pytest.approx(10)
    assert total == pytest.approx(22_000_000, rel=0.06)
    assert histogram.part_above(3_000_001) == (0.0, 0.0)
    inside, _ = filled([(value, 1) for value in range(1024, 1152)]).part_above(1088)
    assert inside == pytest.approx(64, rel=0.05)


def test_the_deviation_is_near_the_exact_one() -> None:
    """The middles of the buckets are good enough for a standard error."""
    rng = random.Random(3)
    histogram = filled([(int(rng.gauss(5000, 800)), 1) for _ in range(20_000)])
    assert histogram.deviation == pytest.approx(800, rel=0.05)

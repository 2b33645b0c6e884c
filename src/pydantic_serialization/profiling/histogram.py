"""A histogram with log-linear buckets: small, quick to fill, and exact to merge."""

from __future__ import annotations

from math import sqrt

from pydantic_serialization.errors import ConfigurationError

NANOSECONDS = 1_000_000_000
"""In one second."""
SUB_BUCKET_BITS = 3
SUB_BUCKETS = 1 << SUB_BUCKET_BITS
"""Buckets per octave: 8 bound the width of a bucket to an eighth of its lower edge."""
_LARGEST = (1 << 64) - 1
"""A day is 2^47 ns; nothing longer than 584 years is expected."""


def bucket_of(value: int) -> int:
    """Return the index of the bucket that holds ``value``, which is not negative."""
    shift = value.bit_length() - SUB_BUCKET_BITS - 1
    return (shift << SUB_BUCKET_BITS) + (value >> shift) if shift > 0 else value


def bucket_bounds(index: int) -> tuple[int, int]:
    """Return the lower edge (included) and the upper edge (excluded) of the bucket ``index``."""
    if index < 2 * SUB_BUCKETS:
        return index, index + 1
    shift = (index >> SUB_BUCKET_BITS) - 1
    low = (SUB_BUCKETS + (index & (SUB_BUCKETS - 1))) << shift
    return low, low + (1 << shift)


class Histogram:
    """Counts of integers in buckets that grow with the value (the scheme of HdrHistogram), 496 of them for 64 bits.

    Made for nanoseconds, and used for sizes in bytes too. Values may carry a weight: a sample that stands for 64
    operations is recorded with weight 64. Not locked: whoever shares one between threads holds a lock.

    Attributes:
        count: Sum of the weights.
        total: Sum of value times weight, exact.
        min: Smallest value recorded, exact; 0 if there is none.
        max: Largest value recorded, exact; 0 if there is none.
        buckets: Weight per bucket, by the index that :func:`bucket_of` gives; only as long as the largest value needs.
    """

    __slots__ = ("_smallest", "buckets", "count", "max", "total")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.buckets: list[int] = []
        self.count = 0
        self.total = 0
        self.max = 0
        self._smallest = _LARGEST

    def record(self, value: int, weight: int = 1) -> None:
        """Add ``value`` (nanoseconds, or bytes) ``weight`` times. A negative value counts as 0."""
        if value < 0:
            value = 0
        shift = value.bit_length() - 4  # bucket_of() written out: a call would cost as much as the rest
        index = (shift << 3) + (value >> shift) if shift > 0 else value
        try:
            self.buckets[index] += weight
        except IndexError:
            self.buckets.extend([0] * (index + 1 - len(self.buckets)))
            self.buckets[index] += weight
        self.count += weight
        self.total += value * weight
        if value > self.max:
            self.max = value
        if value < self._smallest:
            self._smallest = value

    def merge(self, other: Histogram) -> None:
        """Add everything that ``other`` holds. The result is the same as if one histogram had recorded it all."""
        missing = len(other.buckets) - len(self.buckets)
        self.buckets.extend([0] * missing)
        for index, weight in enumerate(other.buckets):
            self.buckets[index] += weight
        self.count += other.count
        self.total += other.total
        self.max = max(self.max, other.max)
        self._smallest = min(self._smallest, other._smallest)

    def copy(self) -> Histogram:
        """Return an independent histogram with the same content."""
        twin = Histogram()
        twin.merge(self)
        return twin

    @property
    def min(self) -> int:
        """Smallest value recorded, exact; 0 if there is none."""
        return self._smallest if self.count else 0

    @property
    def mean(self) -> float:
        """Weighted mean of the values, exact; 0.0 if there is none."""
        return self.total / self.count if self.count else 0.0

    def percentile(self, q: float) -> float:
        """Return the ``q``-th percentile of durations, in seconds; :meth:`value_at` divided by 10^9."""
        return self.value_at(q) / NANOSECONDS

    def value_at(self, q: float) -> float:
        """Return the ``q``-th percentile in the unit that was recorded, interpolated inside its bucket.

        Args:
            q: Between 0 and 100.

        Returns:
            A value between :attr:`min` and :attr:`max`; 0.0 if nothing was recorded.

        Raises:
            ConfigurationError: ``q`` is not between 0 and 100.
        """
        if not 0 <= q <= 100:
            message = f"a percentile is between 0 and 100, not {q}"
            raise ConfigurationError(message)
        rank = q / 100 * self.count
        below = 0
        for index, weight in enumerate(self.buckets):
            if weight and below + weight >= rank:
                low, high = self._edges(index)
                return low + (high - low) * max(rank - below, 0) / weight
            below += weight
        return float(self.max)

    def part_above(self, limit: int) -> tuple[float, float]:
        """Return how many values are ``limit`` or more (sum of the weights), and what they add up to.

        Both are estimates: the values of a bucket are taken to be spread evenly, and what all buckets add up to that
        way is scaled to the exact total.
        """
        count = total = everything = 0.0
        for index, weight in enumerate(self.buckets):
            if not weight:
                continue
            low, high = self._edges(index)
            everything += weight * (low + high) / 2
            if low < limit:
                share = max(high - limit, 0) / (high - low) if high > low else 0.0
                low = max(low, min(limit, high))
            else:
                share = 1.0
            count += weight * share
            total += weight * share * (low + high) / 2
        return count, total * self.total / everything if everything else 0.0

    @property
    def deviation(self) -> float:
        """Standard deviation in the unit that was recorded, from the middles of the buckets; 0.0 if empty."""
        if not self.count:
            return 0.0
        mean = self.mean
        squares = 0.0
        for index, weight in enumerate(self.buckets):
            if weight:
                low, high = self._edges(index)
                squares += weight * ((low + high) / 2 - mean) ** 2
        return sqrt(squares / self.count)

    def _edges(self, index: int) -> tuple[float, float]:
        """Return the edges of a bucket, drawn in to the smallest and the largest value where they lie inside."""
        low, high = bucket_bounds(index)
        return max(low, self._smallest), min(high, self.max)

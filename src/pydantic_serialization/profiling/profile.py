"""What is known of one operation at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

from pydantic_serialization.profiling.histogram import NANOSECONDS, Histogram


class OperationStats(TypedDict):
    """Figures of one operation as plain values. All times are in seconds."""

    count: int
    avg_time: float
    min_time: float
    max_time: float
    p50: float
    p95: float
    p99: float
    errors: NotRequired[int]
    """Calls that ended by an exception; absent if there were none."""
    slow: NotRequired[int]
    """Calls over the threshold; absent if there were none."""
    sampled: NotRequired[bool]
    """``True`` if only a part of the calls was timed; absent if all were."""
    rate: NotRequired[float]
    """Timed share of the calls, between 0 and 1; present beside ``sampled``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationProfile:
    """What is known of one operation at one moment: a copy that no longer changes. Times are in seconds.

    The histograms are what a pull exporter reads; profiles of several processes add up by merging them.

    Attributes:
        operation: ``"serialize"``, ``"deserialize"``, ``"compress"``, ``"decompress"``, or a name of the application's.
        model: Label of the model; empty for an operation that the application named.
        format: Name of the format; empty likewise.
        import_path: ``"module:Class"`` of the model, as the command line takes it; empty if unknown.
        count: Calls, exact, timed or not.
        errors: Calls among them that ended by an exception.
        slow: Calls over the threshold; an estimate where not every call was timed.
        timed: Calls whose time was taken.
        durations: Of the timed calls, in nanoseconds, each weighted with the number of calls that it stands for.
        sizes: Of the same payloads, in bytes.
    """

    operation: str
    model: str = ""
    format: str = ""
    import_path: str = ""
    count: int = 0
    errors: int = 0
    slow: int = 0
    timed: int = 0
    durations: Histogram = field(default_factory=Histogram, compare=False)
    sizes: Histogram = field(default_factory=Histogram, compare=False)

    @property
    def name(self) -> str:
        """``"serialize:User:orjson"``, or the application's own name."""
        return operation_name(self.operation, self.model, self.format)

    @property
    def sampled(self) -> bool:
        """Whether some calls went untimed, so that means and totals are estimates."""
        return self.durations.count > self.timed

    @property
    def rate(self) -> float:
        """Timed share of the calls, between 0 and 1."""
        return min(self.timed / self.count, 1.0) if self.count else 0.0

    @property
    def avg_time(self) -> float:
        """Mean of one call."""
        return self.durations.mean / NANOSECONDS

    @property
    def total_time(self) -> float:
        """Of all calls that returned: exact if all were timed, else the mean times their number."""
        if not self.sampled:
            return self.durations.total / NANOSECONDS
        return self.avg_time * max(self.count - self.errors, 0)

    @property
    def min_time(self) -> float:
        """Shortest timed call."""
        return self.durations.min / NANOSECONDS

    @property
    def max_time(self) -> float:
        """Longest timed call."""
        return self.durations.max / NANOSECONDS

    @property
    def p50(self) -> float:
        """Median."""
        return self.durations.percentile(50)

    @property
    def p95(self) -> float:
        """95th percentile."""
        return self.durations.percentile(95)

    @property
    def p99(self) -> float:
        """99th percentile. Nothing beyond it is offered: from samples, the 99.9th is wrong by a factor of two."""
        return self.durations.percentile(99)

    def stats(self) -> OperationStats:
        """Return the figures as plain values for ``get_stats()`` and for the report."""
        stats = OperationStats(
            count=self.count,
            avg_time=self.avg_time,
            min_time=self.min_time,
            max_time=self.max_time,
            p50=self.p50,
            p95=self.p95,
            p99=self.p99,
        )
        if self.errors:
            stats["errors"] = self.errors
        if self.slow:
            stats["slow"] = self.slow
        if self.sampled:
            stats["sampled"] = True
            stats["rate"] = self.rate
        return stats


def operation_name(operation: str, model: str, format: str) -> str:  # noqa: A002  (the label is called format)
    """Return the name under which an operation is reported."""
    return f"{operation}:{model}:{format}" if model or format else operation

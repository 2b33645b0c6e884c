"""The performance report: as data, and as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from pydantic_serialization.profiling.recommendation import Recommendation
from pydantic_serialization.profiling.recommendations import Outcome, recommend
from pydantic_serialization.profiling.units import duration

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pydantic_serialization.profiling.evidence import Evidence
    from pydantic_serialization.profiling.profile import OperationStats

SCHEMA_VERSION = 1
"""Of the report; raised when a key changes its meaning."""

_COLUMNS = ("operation", "count", "mean", "p50", "p95", "p99", "max", "errors", "timed")


class Summary(TypedDict):
    """Figures over all operations. Times are in seconds."""

    total_operations: int
    total_time: float
    avg_time: float


class PerformanceReport(TypedDict):
    """What ``get_performance_report()`` returns. Plain JSON values; a recommendation counts as its sentence."""

    schema_version: int
    window: float
    """Seconds that the figures cover."""
    summary: Summary
    operations: dict[str, OperationStats]
    recommendations: list[Recommendation]
    """Largest expected saving first."""
    notes: list[str]
    """What could not be judged, and why."""
    rules: dict[str, Outcome]
    """What became of each rule, by code."""


def build_report(evidence: Evidence, *, ignore: Collection[str] = ()) -> PerformanceReport:
    """Return the report on ``evidence``.

    Args:
        evidence: What was measured.
        ignore: Codes of rules that are not to run.

    Raises:
        ConfigurationError: a code in ``ignore`` belongs to no rule.
    """
    advice = recommend(evidence, ignore=ignore)
    profiles = sorted(evidence.operations, key=lambda profile: (-profile.total_time, profile.name))
    calls = sum(profile.count for profile in profiles)
    seconds = sum(profile.total_time for profile in profiles)
    return PerformanceReport(
        schema_version=SCHEMA_VERSION,
        window=evidence.window,
        summary=Summary(total_operations=calls, total_time=seconds, avg_time=seconds / calls if calls else 0.0),
        operations={profile.name: profile.stats() for profile in profiles},
        recommendations=list(advice.recommendations),
        notes=list(advice.notes),
        rules=advice.outcomes,
    )


def report_as_dict(report: PerformanceReport) -> dict[str, Any]:
    """Return ``report`` with every detail of its recommendations, as plain values for a JSON file."""
    return {**report, "recommendations": [item.as_dict() for item in report["recommendations"]]}


def render_report(report: PerformanceReport | Mapping[str, Any]) -> str:
    """Return ``report`` as text for a terminal, without colours; it ends with a line feed.

    Args:
        report: From :func:`build_report`, from :func:`report_as_dict`, or either of them read back from JSON.
    """
    summary = report["summary"]
    head = (
        f"{summary['total_operations']:,} operations in {duration(summary['total_time'])}, "
        f"{duration(summary['avg_time'])} each"
    )
    blocks = [head]
    if report["operations"]:
        blocks.append(_table(report["operations"]))
    blocks.extend(_advice(number, item) for number, item in enumerate(report["recommendations"], 1))
    if report["notes"]:
        blocks.append("\n".join(report["notes"]))
    blocks.append(_rules(report["rules"]))
    return "\n\n".join(blocks) + "\n"


def _table(operations: Mapping[str, OperationStats]) -> str:
    rows = [_COLUMNS, *(_row(name, stats) for name, stats in operations.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(name: str, stats: OperationStats) -> tuple[str, ...]:
    times = (stats["avg_time"], stats["p50"], stats["p95"], stats["p99"], stats["max_time"])
    rate = f"{stats.get('rate', 0.0):.1%}" if stats.get("sampled") else "all"
    return (name, f"{stats['count']:,}", *map(duration, times), f"{stats.get('errors', 0):,}", rate)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *others])


def _advice(number: int, item: Recommendation | Mapping[str, Any] | str) -> str:
    details = item.as_dict() if isinstance(item, Recommendation) else item
    if isinstance(details, str):
        return f"{number}. {details}"
    return (
        f"{number}. {details['message']}\n"
        f"   {details['code']} {details['name']} ({details['severity']}, {details['confidence']})\n"
        f"   fix:    {details['fix']}\n"
        f"   verify: {details['verify']}"
    )


def _rules(outcomes: Mapping[str, str]) -> str:
    counted = [
        f"{sum(found == outcome for found in outcomes.values())} {outcome}"
        for outcome in ("fired", "passed", "not applicable", "ignored")
        if outcome in outcomes.values()
    ]
    return f"{len(outcomes)} rules: {', '.join(counted)}"

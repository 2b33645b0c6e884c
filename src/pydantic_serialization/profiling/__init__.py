"""Counting, timing, and what follows from it. Imported by the serializer and by the manager."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pydantic_serialization.profiling.histogram import Histogram
from pydantic_serialization.profiling.profile import OperationProfile, OperationStats
from pydantic_serialization.profiling.profiler import Measurement, ProfilerStats, SerializationProfiler
from pydantic_serialization.profiling.slot import OperationSlot

if TYPE_CHECKING:
    from pydantic_serialization.profiling.evidence import (
        CacheFigures,
        CompressionTally,
        Evidence,
        Settings,
        installed_engines,
    )
    from pydantic_serialization.profiling.recommendation import Recommendation
    from pydantic_serialization.profiling.recommendations import RULES, Advice, recommend
    from pydantic_serialization.profiling.report import (
        PerformanceReport,
        Summary,
        build_report,
        render_report,
        report_as_dict,
    )

__all__ = [
    "RULES",
    "Advice",
    "CacheFigures",
    "CompressionTally",
    "Evidence",
    "Histogram",
    "Measurement",
    "OperationProfile",
    "OperationSlot",
    "OperationStats",
    "PerformanceReport",
    "ProfilerStats",
    "Recommendation",
    "SerializationProfiler",
    "Settings",
    "Summary",
    "build_report",
    "installed_engines",
    "recommend",
    "render_report",
    "report_as_dict",
]

_ADVICE = {
    **dict.fromkeys(("CacheFigures", "CompressionTally", "Evidence", "Settings", "installed_engines"), "evidence"),
    **dict.fromkeys(("RULES", "Advice", "recommend"), "recommendations"),
    **dict.fromkeys(("PerformanceReport", "Summary", "build_report", "render_report", "report_as_dict"), "report"),
    "Recommendation": "recommendation",
}


def __getattr__(name: str) -> object:
    """Return what only a report needs, loaded when somebody asks (PEP 562): most processes only measure."""
    if name in _ADVICE:
        return getattr(import_module(f"{__name__}.{_ADVICE[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)

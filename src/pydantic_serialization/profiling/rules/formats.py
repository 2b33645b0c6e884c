"""Rules about the choice of a format."""

from __future__ import annotations

from collections import defaultdict
from math import sqrt
from typing import TYPE_CHECKING

from pydantic_serialization.profiling.histogram import NANOSECONDS
from pydantic_serialization.profiling.recommendation import Recommendation, severity_of
from pydantic_serialization.profiling.rules._common import (
    CONFIDENT,
    SMALLEST_SHARE,
    Verdict,
    bench,
    confidence_of,
    enough,
    share_of,
)
from pydantic_serialization.profiling.units import duration, percent

if TYPE_CHECKING:
    from pydantic_serialization.profiling.evidence import Evidence
    from pydantic_serialization.profiling.profile import OperationProfile

_LEAST_SPEEDUP = 1.1
_SAME_BYTES = frozenset({"json", "orjson"})
# A faster pickle is no reason to move data into a format that only Python reads, and that must be guarded.
_NEVER_ADVISED = frozenset({"pickle"})


def faster_format(evidence: Evidence) -> Verdict:
    """FM101: the same model was seen in two formats, and the one in use is slower beyond chance."""
    groups: dict[tuple[str, str], list[OperationProfile]] = defaultdict(list)
    for profile in enough(evidence.named("serialize", "deserialize")):
        groups[profile.operation, profile.model].append(profile)
    compared = [group for group in groups.values() if len({profile.format for profile in group}) > 1]
    if not compared:
        return None
    measured = evidence.measured_time
    advice: list[Recommendation] = []
    for group in compared:
        candidates = [profile for profile in group if profile.format not in _NEVER_ADVISED]
        fast = min(candidates, key=lambda profile: profile.avg_time)
        for slow in group:
            if slow.format != fast.format:
                advice.extend(_compare(slow, fast, measured))
    return advice


def _compare(slow: OperationProfile, fast: OperationProfile, measured: float) -> list[Recommendation]:
    difference = slow.avg_time - fast.avg_time
    variance = sum(profile.durations.deviation**2 / profile.timed for profile in (slow, fast))
    least = difference - CONFIDENT * sqrt(variance) / NANOSECONDS
    saved = difference * slow.count
    share = share_of(saved, measured)
    if least <= 0 or slow.avg_time < _LEAST_SPEEDUP * fast.avg_time or share < SMALLEST_SHARE:
        return []
    effect = (
        "The bytes stay the same."
        if {slow.format, fast.format} <= _SAME_BYTES
        else f"Readers must then accept {fast.format}."
    )
    message = (
        f"{slow.operation} of {slow.model} takes {duration(slow.avg_time)} as {slow.format} and "
        f"{duration(fast.avg_time)} as {fast.format} (n={slow.count} and {fast.count}): "
        f"{fast.format} everywhere would save {percent(share)} of the measured time."
    )
    return [
        Recommendation(
            message,
            code="FM101",
            name="faster-format-measured",
            severity=severity_of(share),
            confidence=confidence_of(slow, fast),
            subject=slow.name,
            evidence={
                "n": slow.count,
                "avg_time": slow.avg_time,
                "faster_n": fast.count,
                "faster_avg_time": fast.avg_time,
                "difference": difference,
                "difference_at_least": least,
            },
            expected_gain={"seconds": saved, "share": share, "seconds_at_least": least * slow.count},
            fix=f'SerializationConfig(default_format="{fast.format}"), or format="{fast.format}" in the call. {effect}',
            verify=bench(slow, slow.format, fast.format),
        )
    ]

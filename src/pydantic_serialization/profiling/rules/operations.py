"""Rules about single operations and about how they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.profiling.histogram import NANOSECONDS
from pydantic_serialization.profiling.recommendation import Recommendation, severity_of
from pydantic_serialization.profiling.rules._common import (
    SMALLEST_SHARE,
    Verdict,
    bench,
    confidence_of,
    enough,
    explain,
    share_of,
)
from pydantic_serialization.profiling.units import duration, percent, size

if TYPE_CHECKING:
    from pydantic_serialization.profiling.evidence import Evidence
    from pydantic_serialization.profiling.profile import OperationProfile
    from pydantic_serialization.profiling.recommendation import Severity

_CLUSTER = 10
"""Cases that are no accident any more."""
_TAIL_FACTOR = 10
"""Times the median; from there on a payload belongs to the tail."""
_TAIL_BYTES = 65_536
_TAIL_PART = 0.05
"""Of the payloads at most; more of them are not a tail."""
_TAIL_WEIGHT = 0.2
"""Of the bytes at least."""
_MANY_CALLS = 10_000
_TINY = 20e-6
_CALLS_PER_SECOND = 5000
"""More than a process serves requests: such calls come from a loop."""
_DOMINANT = 0.5
"""Of the measured time. Below it, calls that cannot be batched are no fault: the advice is for information."""


def slow_operation_cluster(evidence: Evidence) -> Verdict:
    """OP101: calls over the threshold come again and again for one operation."""
    profiles = enough(evidence.named("serialize", "deserialize"))
    if not profiles:
        return None
    measured = evidence.measured_time
    threshold = evidence.settings.profile_threshold
    advice = (_slow_cluster(profile, threshold, measured) for profile in profiles)
    return [recommendation for recommendation in advice if recommendation is not None]


def _slow_cluster(profile: OperationProfile, threshold: float, measured: float) -> Recommendation | None:
    if profile.max_time < threshold:
        return None
    calls, nanoseconds = profile.durations.part_above(int(threshold * NANOSECONDS))
    seconds = nanoseconds / NANOSECONDS
    saved = seconds - calls * min(profile.p50, threshold)
    share = share_of(saved, measured)
    if calls < _CLUSTER or share < SMALLEST_SHARE:
        return None
    message = (
        f"{profile.operation} of {profile.model} as {profile.format} took {duration(threshold)} or more in "
        f"{calls:.0f} of {profile.count:,} calls (p50 {duration(profile.p50)}, p99 {duration(profile.p99)}, "
        f"longest {duration(profile.max_time)}); as fast as the others, they would save {percent(share)} of the "
        "measured time."
    )
    return Recommendation(
        message,
        code="OP101",
        name="slow-op-cluster",
        severity=severity_of(share),
        confidence=confidence_of(profile),
        subject=profile.name,
        evidence={
            "n": profile.count,
            "slow_calls": calls,
            "slow_seconds": seconds,
            "threshold": threshold,
            "p50": profile.p50,
            "p99": profile.p99,
            "max_time": profile.max_time,
        },
        expected_gain={"seconds": saved, "share": share},
        fix="See the slow-operation log for the sizes: page or stream large results, and let explain show the fields "
        "that leave the fast path.",
        verify=explain(profile),
    )


def large_payload_tail(evidence: Evidence) -> Verdict:
    """OP102: a few payloads are many times larger than the median and carry much of the volume."""
    profiles = enough(evidence.named("serialize", "deserialize"))
    if not profiles:
        return None
    measured = evidence.measured_time
    advice = (_large_tail(profile, measured) for profile in profiles)
    return [recommendation for recommendation in advice if recommendation is not None]


def _large_tail(profile: OperationProfile, measured: float) -> Recommendation | None:
    sizes = profile.sizes
    if sizes.max < _TAIL_BYTES:
        return None
    median = sizes.value_at(50)
    limit = int(max(_TAIL_FACTOR * median, _TAIL_BYTES))
    calls, volume = sizes.part_above(limit)
    part = volume / sizes.total if sizes.total else 0.0
    if calls < _CLUSTER or calls > _TAIL_PART * sizes.count or part < _TAIL_WEIGHT:
        return None
    # Time is taken to follow the bytes: single calls are not kept, so the two cannot be joined.
    saved = profile.total_time * (volume - calls * median) / sizes.total
    share = share_of(saved, measured)
    if share < SMALLEST_SHARE:
        return None
    message = (
        f"{profile.operation} of {profile.model} as {profile.format}: {percent(calls / sizes.count)} of "
        f"{profile.count:,} payloads are over {size(limit)} (median {size(median)}, largest {size(sizes.max)}) and "
        f"carry {percent(part)} of the bytes, about {percent(share)} of the measured time."
    )
    return Recommendation(
        message,
        code="OP102",
        name="large-payload-tail",
        severity=severity_of(share),
        confidence=confidence_of(profile),
        subject=profile.name,
        evidence={
            "n": profile.count,
            "tail_calls": calls,
            "tail_bytes": volume,
            "tail_share_of_bytes": part,
            "tail_from": limit,
            "median_size": median,
            "max_size": sizes.max,
        },
        expected_gain={"seconds": saved, "share": share},
        fix="Page these results, leave out what the reader does not need (exclude=...), or stream them with the bulk "
        "writers.",
        verify=explain(profile),
    )


def one_by_one_calls(evidence: Evidence) -> Verdict:
    """AP104: very many tiny operations on one model, each paying for a call of its own."""
    named = evidence.named("serialize", "deserialize")
    profiles = enough(named)
    if not profiles or evidence.window <= 0:
        return None
    measured = evidence.measured_time
    advice: list[Recommendation] = []
    for profile in profiles:
        rate = profile.count / evidence.window
        saved = profile.count * evidence.call_overhead
        share = share_of(saved, measured + saved)
        busy = profile.count >= _MANY_CALLS and rate >= _CALLS_PER_SECOND
        if busy and profile.avg_time < _TINY and share >= SMALLEST_SHARE:
            of_model = sum(other.total_time for other in named if other.model == profile.model)
            dominant = share_of(of_model, measured) > _DOMINANT
            advice.append(_one_by_one(profile, rate, saved, share, severity_of(share) if dominant else "info"))
    return advice


def _one_by_one(
    profile: OperationProfile, rate: float, saved: float, share: float, severity: Severity
) -> Recommendation:
    bulk, bound = (
        ("serialize_models", "encoder") if profile.operation == "serialize" else ("deserialize_models", "decoder")
    )
    message = (
        f"{profile.operation} of {profile.model} as {profile.format} is called {rate:,.0f} times per second "
        f"(n={profile.count}) for {duration(profile.avg_time)} of work each; batches, or a bound {bound}, would save "
        f"about {duration(saved)} of calling, {percent(share)} of the time."
    )
    return Recommendation(
        message,
        code="AP104",
        name="one-by-one-calls",
        severity=severity,
        confidence="static",
        subject=profile.name,
        evidence={
            "n": profile.count,
            "calls_per_second": rate,
            "avg_time": profile.avg_time,
            "call_overhead": saved / profile.count,
        },
        expected_gain={"seconds": saved, "share": share},
        fix=f'await manager.{bulk}(...) for many at once, or {bound}({profile.model}, "{profile.format}") in a loop.',
        verify=bench(profile, profile.format),
    )

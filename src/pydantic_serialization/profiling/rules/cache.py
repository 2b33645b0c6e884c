"""Rules about caches."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from pydantic_serialization.profiling.recommendation import Recommendation, severity_of
from pydantic_serialization.profiling.rules._common import (
    CONFIDENT,
    ENOUGH,
    REREAD,
    SMALLEST_SHARE,
    Verdict,
    share_of,
)
from pydantic_serialization.profiling.units import duration, percent

if TYPE_CHECKING:
    from pydantic_serialization.profiling.evidence import CacheFigures, Evidence


def hit_rate_below_break_even(evidence: Evidence) -> Verdict:
    """CA102: a cache pays if and only if its hit rate h is over (K + P) / (S + P).

    K is the cost of a lookup, P that of a store, S that of the work that a hit saves. All three must be measured.
    """
    if not evidence.settings.enable_caching:
        return None
    work = _mean_serialize_time(evidence)
    advice: list[Recommendation] = []
    judged = False
    for tier in evidence.caches:
        saved = work if tier.work_time is None else tier.work_time
        if tier.lookups >= ENOUGH and tier.lookup_time is not None and tier.store_time is not None and saved > 0:
            judged = True
            advice.extend(_judge(tier, tier.lookup_time, tier.store_time, saved, evidence.measured_time))
    return advice if judged else None


def _judge(tier: CacheFigures, lookup: float, store: float, work: float, measured: float) -> list[Recommendation]:
    rate = tier.hits / tier.lookups
    at_most = rate + CONFIDENT * sqrt(rate * (1 - rate) / tier.lookups)
    break_even = (lookup + store) / (work + store)
    lost = (lookup + store - rate * (work + store)) * tier.lookups
    share = share_of(lost, measured)
    if at_most >= break_even or share < SMALLEST_SHARE:
        return []
    verdict = (
        f"its hit rate of {percent(rate)} is under the break-even of {percent(break_even)}"
        if break_even < 1
        else "a lookup takes longer than the work it saves"
    )
    message = (
        f"Cache tier {tier.name} costs more than it saves: {verdict} (n={tier.lookups}; lookup {duration(lookup)}, "
        f"store {duration(store)}, work saved per hit {duration(work)}); "
        f"without it {percent(share)} of the measured time would be saved."
    )
    return [
        Recommendation(
            message,
            code="CA102",
            name="hit-rate-below-break-even",
            severity=severity_of(share),
            confidence="measured",
            subject=f"cache:{tier.name}",
            evidence={
                "n": tier.lookups,
                "hit_rate": rate,
                "hit_rate_at_most": at_most,
                "break_even": break_even,
                "lookup_time": lookup,
                "store_time": store,
                "work_time": work,
            },
            expected_gain={"seconds": lost, "share": share},
            fix="Leave out cache_key for what is rarely read twice, give a longer ttl to what is, or "
            "SerializationConfig(enable_caching=False).",
            verify=REREAD,
        )
    ]


def _mean_serialize_time(evidence: Evidence) -> float:
    profiles = evidence.named("serialize")
    calls = sum(profile.count for profile in profiles)
    return sum(profile.total_time for profile in profiles) / calls if calls else 0.0

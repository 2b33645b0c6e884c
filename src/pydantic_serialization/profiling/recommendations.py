"""Run the rules over the evidence, and say what could not be judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.profiling.rules import cache, compression, formats, operations
from pydantic_serialization.profiling.rules._common import ENOUGH

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pydantic_serialization.profiling.evidence import Evidence
    from pydantic_serialization.profiling.recommendation import Recommendation
    from pydantic_serialization.profiling.rules._common import Verdict

Outcome: TypeAlias = Literal["fired", "passed", "not applicable", "ignored"]

RULES: dict[str, Callable[[Evidence], Verdict]] = {
    "AP104": operations.one_by_one_calls,
    "CA102": cache.hit_rate_below_break_even,
    "CF102": compression.gzip_engine_missing,
    "CO101": compression.ratio_too_low,
    "CO102": compression.payload_below_threshold,
    "CO103": compression.level_too_high,
    "FM101": formats.faster_format,
    "OP101": operations.slow_operation_cluster,
    "OP102": operations.large_payload_tail,
}
"""By code."""

_MOST_NOTES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What the rules found.

    Attributes:
        recommendations: Largest expected saving first.
        notes: What could not be judged, and why.
        outcomes: What became of each rule, by code: silence can be trusted only if the rule had data.
    """

    recommendations: tuple[Recommendation, ...]
    notes: tuple[str, ...]
    outcomes: dict[str, Outcome]


def recommend(evidence: Evidence, *, ignore: Collection[str] = ()) -> Advice:
    """Return advice on ``evidence``; the same evidence gives the same advice.

    Args:
        evidence: What was measured.
        ignore: Codes of rules that are not to run.

    Raises:
        ConfigurationError: a code in ``ignore`` belongs to no rule.
    """
    for code in ignore:
        if code not in RULES:
            message = f"there is no rule {code!r} to ignore (rules: {', '.join(RULES)})"
            raise ConfigurationError(message)
    found: list[Recommendation] = []
    outcomes: dict[str, Outcome] = {}
    for code, check in RULES.items():
        verdict = None if code in ignore else check(evidence)
        found.extend(verdict or ())
        outcomes[code] = "ignored" if code in ignore else _outcome(verdict)
    found.sort(key=lambda item: (-item.expected_gain["seconds"], item.code, item.subject))
    return Advice(recommendations=tuple(found), notes=_notes(evidence), outcomes=outcomes)


def _outcome(verdict: Verdict) -> Outcome:
    if verdict is None:
        return "not applicable"
    return "fired" if verdict else "passed"


def _notes(evidence: Evidence) -> tuple[str, ...]:
    """Name the operations that were called too rarely to be judged."""
    if not evidence.operations:
        return (f"Not enough data (n=0, need {ENOUGH}).",)
    rare = sorted((profile.name, profile.timed) for profile in evidence.operations if profile.timed < ENOUGH)
    notes = [f"Not enough data (n={timed}, need {ENOUGH}) on {name}." for name, timed in rare[:_MOST_NOTES]]
    if len(rare) > _MOST_NOTES:
        notes.append(f"Not enough data on {len(rare) - _MOST_NOTES} more operations.")
    return tuple(notes)

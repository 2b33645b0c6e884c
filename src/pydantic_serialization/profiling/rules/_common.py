"""What several rules need: thresholds, shares, command lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pydantic_serialization.profiling.recommendation import Recommendation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_serialization.profiling.profile import OperationProfile
    from pydantic_serialization.profiling.recommendation import Confidence

ENOUGH = 200
"""Observations without which nothing is concluded."""
SMALLEST_SHARE = 0.01
"""Of the measured time; what would save less is not worth a line."""
CONFIDENT = 1.96
"""Standard errors on either side of a 95 % confidence interval."""
REREAD = "pydantic-serialization report performance-report.json"
"""For what only the application's own traffic can show: save a new report to this file and render it."""

Verdict: TypeAlias = list[Recommendation] | None
"""Advice, nothing to say (an empty list), or ``None``: the rule does not apply, or there is not enough data for it."""


def enough(profiles: Iterable[OperationProfile]) -> list[OperationProfile]:
    """Return the profiles with enough timed calls, in a stable order."""
    return sorted((profile for profile in profiles if profile.timed >= ENOUGH), key=lambda profile: profile.name)


def share_of(seconds: float, total: float) -> float:
    """Return ``seconds`` as a share of ``total``, between 0 and 1; 0 if nothing was measured."""
    return min(max(seconds / total, 0.0), 1.0) if total > 0 else 0.0


def confidence_of(*profiles: OperationProfile) -> Confidence:
    """Return ``"measured"`` if every call of every profile was timed."""
    return "sampled" if any(profile.sampled for profile in profiles) else "measured"


def bench(profile: OperationProfile, *formats: str) -> str:
    """Return the command that measures the model of ``profile`` in ``formats``."""
    if not _importable(profile.import_path):
        return REREAD
    return f"pydantic-serialization bench {profile.import_path} --data RECORDS.jsonl --formats {','.join(formats)}"


def explain(profile: OperationProfile) -> str:
    """Return the command that shows where the time of the model of ``profile`` goes."""
    if not _importable(profile.import_path):
        return REREAD
    return f"pydantic-serialization explain {profile.import_path}"


def _importable(path: str) -> bool:
    """Say whether another process can import the model: not from a script, a function or a generic alias."""
    return bool(path) and not path.startswith("__main__:") and not set("<[ ") & set(path)

"""Rules about compression."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic_serialization.profiling.histogram import Histogram
from pydantic_serialization.profiling.recommendation import Recommendation, severity_of
from pydantic_serialization.profiling.rules._common import (
    ENOUGH,
    REREAD,
    SMALLEST_SHARE,
    Verdict,
    confidence_of,
    enough,
    share_of,
)
from pydantic_serialization.profiling.units import duration, percent, size

if TYPE_CHECKING:
    from pydantic_serialization.profiling.evidence import CompressionTally, Evidence

_POOR_RATIO = 0.9
"""Of the original size: saving less than a tenth is not worth the reader's work."""
_NEARLY_ALL = 0.95
_WORTH_COMPRESSING = 256
"""Bytes; below it gzip saves less than a fifth of ordinary JSON."""
_DOMINANT_SHARE = 0.5


class _Step(NamedTuple):
    level: str
    speedup: float


# How many times as fast the next lower level is, at least: measured on 8 kB and 83 kB of JSON (orders), with and
# without the gzip engines. zstd's balanced level is as fast as its lowest and has no entry.
_LOWER_LEVEL = {
    ("gzip", "max"): _Step("balanced", 2.3),
    ("gzip", "balanced"): _Step("fast", 1.5),
    ("zstd", "max"): _Step("balanced", 100.0),
    ("lz4", "max"): _Step("balanced", 6.0),
    ("lz4", "balanced"): _Step("fast", 3.5),
    ("brotli", "max"): _Step("balanced", 50.0),
    ("brotli", "balanced"): _Step("fast", 5.0),
}


class _Engine(NamedTuple):
    module: str
    speedup: float
    smallest: int
    """Bytes of a payload from which on the speedup holds."""


# The same measurement: ISA-L level 1 against zlib level 1 (1.6 times as fast at 1 kB, 4 at 100 kB), libdeflate level 6
# against zlib level 6 (0.85 at 1 kB, 1.2 at 10 kB, 1.8 at 100 kB). At the highest level libdeflate spends the gain on
# smaller output.
_GZIP_ENGINE = {"fast": _Engine("isal", 1.6, 1_000), "balanced": _Engine("deflate", 1.2, 10_000)}


def ratio_too_low(evidence: Evidence) -> Verdict:
    """CO101: compression hardly makes the payloads smaller."""
    tallies = _judged(evidence)
    if not tallies:
        return None
    advice: list[Recommendation] = []
    for tally in tallies:
        ratio = _ratio(tally)
        share = share_of(tally.total_time, evidence.measured_time)
        if ratio <= _POOR_RATIO or share < SMALLEST_SHARE:
            continue
        message = (
            f"{tally.codec} leaves {percent(ratio)} of the size of {tally.attempts:,} payloads "
            f"({size(tally.bytes_in)} in, {size(tally.bytes_out)} out) and takes {percent(share)} of the measured time."
        )
        advice.append(
            Recommendation(
                message,
                code="CO101",
                name="ratio-too-low",
                severity=severity_of(share),
                confidence="measured",
                subject=_subject(tally),
                evidence={
                    "n": tally.attempts,
                    "bytes_in": tally.bytes_in,
                    "bytes_out": tally.bytes_out,
                    "ratio": ratio,
                    "seconds": tally.total_time,
                },
                expected_gain={"seconds": tally.total_time, "share": share},
                fix="SerializationConfig(enable_compression=False), or a higher compression_threshold if only large "
                "payloads shrink.",
                verify=REREAD,
            )
        )
    return advice


def payload_below_threshold(evidence: Evidence) -> Verdict:
    """CO102: compression is on, and nearly every payload is too small for it."""
    threshold = evidence.settings.compression_threshold
    profiles = enough(evidence.named("serialize"))
    if not evidence.settings.enable_compression or not profiles:
        return None
    sizes = Histogram()
    for profile in profiles:
        sizes.merge(profile.sizes)
    # Sizes may be those after compression, so that what was compressed is known from the tallies only.
    calls = sum(profile.count for profile in profiles)
    compressed = sum(tally.attempts for tally in evidence.compressions) / calls
    below = 1 - sizes.part_above(threshold)[0] / sizes.count - compressed
    if below < _NEARLY_ALL:
        return []
    median = sizes.value_at(50)
    lower = 1 << int(median).bit_length() - 1 if median >= 1 else 0
    fix = (
        f"SerializationConfig(compression_threshold={lower}), or enable_compression=False if the bytes do not matter."
        if lower >= _WORTH_COMPRESSING
        else "SerializationConfig(enable_compression=False): payloads this small do not compress."
    )
    message = (
        f"Compression is on but {percent(below)} of {calls:,} payloads are smaller than compression_threshold="
        f"{threshold} (median {size(median)}), so it hardly ever applies."
    )
    return [
        Recommendation(
            message,
            code="CO102",
            name="payload-below-threshold",
            severity="info",
            confidence=confidence_of(*profiles),
            subject="compression",
            evidence={"n": calls, "threshold": threshold, "share_below": below, "median_size": median},
            expected_gain={"seconds": 0.0, "share": 0.0},
            fix=fix,
            verify=REREAD,
        )
    ]


def level_too_high(evidence: Evidence) -> Verdict:
    """CO103: compressing takes most of the measured time, and a lower level is much faster."""
    tallies = [tally for tally in _worthwhile(evidence) if (tally.codec, tally.level) in _LOWER_LEVEL]
    if not tallies:
        return None
    advice: list[Recommendation] = []
    for tally in tallies:
        step = _LOWER_LEVEL[tally.codec, tally.level]
        spent = share_of(tally.compress_time, evidence.measured_time)
        if spent < _DOMINANT_SHARE:
            continue
        saved = tally.compress_time * (1 - 1 / step.speedup)
        share = share_of(saved, evidence.measured_time)
        message = (
            f"{tally.codec} at level {tally.level} takes {percent(spent)} of the measured time "
            f"({duration(tally.compress_time)} for {tally.attempts:,} payloads); level {step.level} is at least "
            f"{step.speedup:g} times as fast and would save {percent(share)}."
        )
        advice.append(
            Recommendation(
                message,
                code="CO103",
                name="level-too-high",
                severity=severity_of(share),
                confidence="static",
                subject=_subject(tally),
                evidence={
                    "n": tally.attempts,
                    "seconds": tally.compress_time,
                    "share_of_time": spent,
                    "reference_speedup": step.speedup,
                },
                expected_gain={"seconds": saved, "share": share},
                fix=f'SerializationConfig(compression_level="{step.level}"). Payloads grow a little.',
                verify=REREAD,
            )
        )
    return advice


def gzip_engine_missing(evidence: Evidence) -> Verdict:
    """CF102: the standard library's gzip does work that an installable engine does faster."""
    engines = evidence.engines
    tallies = [tally for tally in _worthwhile(evidence) if tally.codec == "gzip" and tally.level in _GZIP_ENGINE]
    if engines is None or not tallies:
        return None
    advice: list[Recommendation] = []
    for tally in tallies:
        engine = _GZIP_ENGINE[tally.level]
        saved = tally.compress_time * (1 - 1 / engine.speedup)
        share = share_of(saved, evidence.measured_time)
        small = tally.bytes_in < engine.smallest * tally.attempts
        if engine.module in engines or small or share < SMALLEST_SHARE:
            continue
        message = (
            f"gzip at level {tally.level} spends {duration(tally.compress_time)} in the standard library's engine; "
            f"{engine.module!r} writes the same format at least {engine.speedup:g} times as fast and would save "
            f"{percent(share)} of the measured time (n={tally.attempts})."
        )
        advice.append(
            Recommendation(
                message,
                code="CF102",
                name="extra-not-installed",
                severity=severity_of(share),
                confidence="static",
                subject=_subject(tally),
                evidence={
                    "n": tally.attempts,
                    "seconds": tally.compress_time,
                    "engine": engine.module,
                    "reference_speedup": engine.speedup,
                },
                expected_gain={"seconds": saved, "share": share},
                fix='pip install "pydantic-serialization[gzip]"',
                verify="pydantic-serialization doctor",
            )
        )
    return advice


def _judged(evidence: Evidence) -> list[CompressionTally]:
    """Return the tallies with enough attempts; none if compression is off, since then they are history."""
    if not evidence.settings.enable_compression:
        return []
    tallies = (tally for tally in evidence.compressions if tally.attempts >= ENOUGH)
    return sorted(tallies, key=lambda tally: (tally.codec, tally.level))


def _worthwhile(evidence: Evidence) -> list[CompressionTally]:
    """Return the judged tallies that make payloads smaller: what should be off need not be tuned."""
    return [tally for tally in _judged(evidence) if _ratio(tally) <= _POOR_RATIO]


def _ratio(tally: CompressionTally) -> float:
    return tally.bytes_out / tally.bytes_in if tally.bytes_in else 1.0


def _subject(tally: CompressionTally) -> str:
    return f"codec:{tally.codec}:{tally.level}"

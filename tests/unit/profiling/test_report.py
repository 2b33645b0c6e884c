"""The report as data and as text."""

from __future__ import annotations

import json

import pytest

from pydantic_serialization.profiling import (
    CompressionTally,
    Evidence,
    Histogram,
    OperationProfile,
    build_report,
    render_report,
    report_as_dict,
)
from pydantic_serialization.profiling.units import duration, percent, size

GOLDEN = """\
2,012 operations in 10.0 ms, 4.97 µs each

operation              count     mean      p50      p95      p99      max  errors  timed
serialize:User:json    1,002  8.00 µs  8.00 µs  8.00 µs  8.00 µs  8.00 µs       2    all
serialize:User:orjson  1,000  2.00 µs  2.00 µs  2.00 µs  2.00 µs  2.00 µs       0  25.0%
load                      10     0 ns     0 ns     0 ns     0 ns     0 ns      10    all

1. serialize of User takes 8.00 µs as json and 2.00 µs as orjson (n=1002 and 1000): orjson everywhere would save 60 % \
of the measured time.
   FM101 faster-format-measured (critical, sampled)
   fix:    SerializationConfig(default_format="orjson"), or format="orjson" in the call. The bytes stay the same.
   verify: pydantic-serialization bench app.models:User --data RECORDS.jsonl --formats json,orjson

Not enough data (n=0, need 200) on load.

9 rules: 1 fired, 4 passed, 4 not applicable
"""


def evidence() -> Evidence:
    """Return figures of two formats and of an operation that only failed."""

    def encoding(format_: str, elapsed: int, *, errors: int = 0, timed: int = 1000) -> OperationProfile:
        durations, sizes = Histogram(), Histogram()
        durations.record(elapsed, 1000)
        sizes.record(5000, 1000)
        return OperationProfile(
            operation="serialize",
            model="User",
            format=format_,
            import_path="app.models:User",
            count=1000 + errors,
            errors=errors,
            timed=timed,
            durations=durations,
            sizes=sizes,
        )

    return Evidence(
        operations=(
            OperationProfile(operation="load", count=10, errors=10),
            encoding("orjson", 2000, timed=250),
            encoding("json", 8000, errors=2),
        ),
        window=2.0,
    )


def test_the_text_is_what_it_was() -> None:
    """A golden text: the longest total first, then advice, notes, and what the rules came to."""
    assert render_report(build_report(evidence())) == GOLDEN


def test_a_saved_report_renders_as_the_live_one() -> None:
    """With the details of its recommendations saved, nothing is lost."""
    saved = json.loads(json.dumps(report_as_dict(build_report(evidence()))))
    assert render_report(saved) == GOLDEN


def test_a_report_saved_with_sentences_only_still_renders() -> None:
    """``json.dumps`` of the report itself keeps the sentence of each recommendation."""
    report = build_report(evidence())
    saved = json.loads(json.dumps(report))
    assert saved == report
    assert f"1. {report['recommendations'][0]}\n\n" in render_report(saved)


def test_an_empty_report_renders() -> None:
    """There is no table, and the note says why."""
    assert render_report(build_report(Evidence())) == (
        "0 operations in 0 ns, 0 ns each\n\nNot enough data (n=0, need 200).\n\n9 rules: 9 not applicable\n"
    )


def test_the_time_of_compression_is_not_counted_twice() -> None:
    """It is part of the operations as long as they are longer."""
    short = CompressionTally(codec="gzip", level="fast", attempts=1, bytes_in=10, bytes_out=9, compress_time=0.004)
    base = evidence()
    inside = Evidence(operations=base.operations, compressions=(short,))
    assert inside.measured_time == base.measured_time == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 ns"), (4.2e-8, "42 ns"), (1.5e-6, "1.50 µs"), (0.0123, "12.3 ms"), (0.25, "250 ms"), (7200.0, "7,200 s")],
)
def test_durations_have_three_digits_and_a_unit(seconds: float, text: str) -> None:
    """From nanoseconds to seconds."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1024, "1.02 kB"), (65_536_000, "65.5 MB"), (2e9, "2.00 GB")]
)
def test_sizes_have_three_digits_and_a_unit(number: float, text: str) -> None:
    """Decimal units."""
    assert size(number) == text


@pytest.mark.parametrize(("share", "text"), [(0.0312, "3.1 %"), (0.0999, "10 %"), (0.42, "42 %"), (1.0, "100 %")])
def test_percentages_have_a_decimal_where_it_matters(share: float, text: str) -> None:
    """Below ten."""
    assert percent(share) == text

"""Each rule: where it fires, where it does not, and that it is gone once its fix is applied."""

from __future__ import annotations

import copy
import json
import pickle
import shlex
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.profiling import (
    RULES,
    CacheFigures,
    CompressionTally,
    Evidence,
    Histogram,
    OperationProfile,
    Recommendation,
    Settings,
    recommend,
)

MICROSECOND = 1_000
MILLISECOND = 1_000_000
NO_COMPRESSION = Settings(enable_compression=False)


def histogram(*pairs: tuple[int, int]) -> Histogram:
    """Return a histogram of values and their weights."""
    filled = Histogram()
    for value, weight in pairs:
        filled.record(value, weight)
    return filled


def profile(
    format: str,  # noqa: A002
    durations: list[tuple[int, int]],
    *,
    sizes: list[tuple[int, int]] | None = None,
    operation: str = "serialize",
    model: str = "User",
    timed: int | None = None,
    import_path: str = "app.models:User",
) -> OperationProfile:
    """Return a profile of calls that took so many nanoseconds, so many times."""
    calls = sum(weight for _, weight in durations)
    return OperationProfile(
        operation=operation,
        model=model,
        format=format,
        import_path=import_path,
        count=calls,
        timed=calls if timed is None else timed,
        durations=histogram(*durations),
        sizes=histogram(*(sizes or [(5_000, calls)])),
    )


def tally(codec: str = "gzip", level: str = "balanced", **changes: Any) -> CompressionTally:
    """Return a tally of 1000 payloads of 20 kB that shrink to a quarter in 0.4 s."""
    usual: dict[str, Any] = {
        "attempts": 1000,
        "bytes_in": 20_000_000,
        "bytes_out": 5_000_000,
        "compress_time": 0.4,
        "decompress_time": 0.1,
    }
    return CompressionTally(codec=codec, level=level, **{**usual, **changes})


def found(code: str, evidence: Evidence) -> list[Recommendation]:
    """Return the advice of one rule."""
    advice = recommend(evidence)
    matching = [item for item in advice.recommendations if item.code == code]
    assert advice.outcomes[code] == "fired" if matching else advice.outcomes[code] in {"passed", "not applicable"}
    return matching


def outcome(code: str, evidence: Evidence) -> str:
    """Return what became of one rule."""
    return recommend(evidence).outcomes[code]


JSON = profile("json", [(9 * MICROSECOND, 500), (11 * MICROSECOND, 500)])
ORJSON = profile("orjson", [(4 * MICROSECOND, 500), (6 * MICROSECOND, 500)])
ENCODING = profile("json", [(MILLISECOND, 1000)])
"""One second, half of which the usual tally takes."""
LARGE_TAIL = profile("json", [(100 * MICROSECOND, 10_000)], sizes=[(2_000, 9_900), (1_000_000, 100)])
SLOW_CLUSTER = profile("json", [(MILLISECOND, 950), (300 * MILLISECOND, 50)])
ONE_BY_ONE = profile("json", [(2 * MICROSECOND, 100_000)], timed=2_000)
USELESS_TIER = CacheFigures(name="l1", lookups=10_000, hits=300, lookup_time=2e-6, store_time=3e-6, work_time=10e-6)

FIRING: dict[str, Evidence] = {
    "FM101": Evidence(operations=(JSON, ORJSON), settings=NO_COMPRESSION),
    "CA102": Evidence(operations=(ORJSON,), caches=(USELESS_TIER,)),
    "CO101": Evidence(operations=(ENCODING,), compressions=(tally(bytes_out=19_000_000),)),
    "CO102": Evidence(operations=(profile("json", [(5 * MICROSECOND, 1000)], sizes=[(80, 990), (9_000, 10)]),)),
    "CO103": Evidence(operations=(ENCODING,), compressions=(tally(compress_time=0.7),)),
    "CF102": Evidence(operations=(ENCODING,), compressions=(tally(),), engines=("isal",)),
    "OP101": Evidence(operations=(SLOW_CLUSTER,)),
    "OP102": Evidence(operations=(LARGE_TAIL,)),
    "AP104": Evidence(operations=(ONE_BY_ONE,), window=10.0),
}

FIXED: dict[str, Evidence] = {
    "FM101": Evidence(operations=(replace(ORJSON, count=2000),)),
    "CA102": replace(FIRING["CA102"], settings=Settings(enable_caching=False)),
    "CO101": replace(FIRING["CO101"], settings=NO_COMPRESSION),
    "CO102": replace(FIRING["CO102"], settings=NO_COMPRESSION),
    "CO103": replace(FIRING["CO103"], compressions=(tally(level="fast", compress_time=0.7),)),
    "CF102": replace(FIRING["CF102"], engines=("deflate", "isal")),
    "OP101": Evidence(operations=(profile("json", [(MILLISECOND, 950), (50 * MILLISECOND, 50)]),)),
    "OP102": Evidence(operations=(profile("json", [(100 * MICROSECOND, 10_000)], sizes=[(2_000, 10_000)]),)),
    "AP104": Evidence(operations=(profile("json", [(90 * MICROSECOND, 1_000)], model="list[User]"),), window=10.0),
}

SCARCE: dict[str, Evidence] = {
    "FM101": Evidence(operations=(profile("json", [(10_000, 199)]), ORJSON)),
    "CA102": Evidence(operations=(ORJSON,), caches=(replace(USELESS_TIER, lookups=199, hits=3),)),
    "CO101": Evidence(operations=(ENCODING,), compressions=(tally(bytes_out=19_000_000, attempts=199),)),
    "CO102": Evidence(operations=(profile("json", [(5_000, 199)], sizes=[(80, 199)]),)),
    "CO103": Evidence(operations=(ENCODING,), compressions=(tally(compress_time=0.7, attempts=199),)),
    "CF102": Evidence(operations=(ENCODING,), compressions=(tally(attempts=199),), engines=()),
    "OP101": Evidence(operations=(profile("json", [(300 * MILLISECOND, 199)]),)),
    "OP102": Evidence(operations=(replace(LARGE_TAIL, timed=199),)),
    "AP104": Evidence(operations=(replace(ONE_BY_ONE, timed=199),), window=10.0),
}


def test_every_rule_has_its_cases() -> None:
    """A new rule cannot go untested."""
    assert set(FIRING) == set(FIXED) == set(SCARCE) == set(RULES)


@pytest.mark.parametrize("code", sorted(RULES))
def test_a_rule_fires_with_all_details(code: str) -> None:
    """One piece of advice, with numbers, a subject, a gain, a fix and a command."""
    (item,) = found(code, FIRING[code])
    assert str(item) == item.message
    assert any(character.isdigit() for character in item.message)
    assert item.message.endswith(".")
    assert item.name
    assert item.subject
    assert item.fix
    assert item.evidence["n"] >= 200  # type: ignore[operator]
    assert set(item.expected_gain) >= {"seconds", "share"}
    assert 0 <= item.expected_gain["share"] <= 1
    assert shlex.split(item.verify)[0] == "pydantic-serialization"


@pytest.mark.parametrize("code", sorted(RULES))
def test_a_rule_is_silent_once_its_fix_is_applied(code: str) -> None:
    """The same application, after the change that was advised."""
    assert found(code, FIXED[code]) == []


@pytest.mark.parametrize("code", sorted(RULES))
def test_a_rule_is_silent_without_enough_data(code: str) -> None:
    """199 observations do not apply, whatever they show."""
    assert outcome(code, SCARCE[code]) == "not applicable"


@pytest.mark.parametrize("code", sorted(RULES))
def test_a_rule_can_be_ignored(code: str) -> None:
    """An ignored rule says nothing, and the outcome says why."""
    advice = recommend(FIRING[code], ignore=[code])
    assert code not in [item.code for item in advice.recommendations]
    assert advice.outcomes[code] == "ignored"


def test_an_unknown_code_cannot_be_ignored() -> None:
    """A misspelt code would otherwise be ignored itself."""
    with pytest.raises(ConfigurationError, match="CA999"):
        recommend(Evidence(), ignore=["CA999"])


@pytest.mark.parametrize("code", sorted(RULES))
def test_the_same_evidence_gives_the_same_advice_in_any_order(code: str) -> None:
    """Advice depends on what was measured, not on when it was asked for."""
    evidence = FIRING[code]
    turned = replace(
        evidence,
        operations=tuple(reversed(evidence.operations)),
        compressions=tuple(reversed(evidence.compressions)),
    )
    first, second = recommend(evidence), recommend(turned)
    assert [item.as_dict() for item in first.recommendations] == [item.as_dict() for item in second.recommendations]


def test_a_recommendation_is_its_sentence() -> None:
    """It prints, compares, joins, pickles and serializes as text, keeps its details, and cannot be changed."""
    (item,) = found("FM101", FIRING["FM101"])
    assert f"{item}" == item == item.message
    assert json.loads(json.dumps([item])) == [item.message]
    assert json.loads(json.dumps(item.as_dict())) == item.as_dict()
    for twin in (copy.deepcopy(item), pickle.loads(pickle.dumps(item))):
        assert twin.as_dict() == item.as_dict()
    with pytest.raises(FrozenInstanceError):
        item.code = "XX000"  # type: ignore[misc]


def test_the_largest_saving_comes_first() -> None:
    """Advice is ranked by the seconds that it saves."""
    evidence = Evidence(
        operations=(JSON, ORJSON, SLOW_CLUSTER, LARGE_TAIL), compressions=(tally(compress_time=0.2),), engines=()
    )
    saved = [item.expected_gain["seconds"] for item in recommend(evidence).recommendations]
    assert len(saved) >= 3
    assert saved == sorted(saved, reverse=True)


@pytest.mark.parametrize(("share", "severity"), [(0.5, "critical"), (0.1, "warning"), (0.03, "info"), (0.005, None)])
def test_severity_follows_the_share_of_time_and_trifles_are_hidden(share: float, severity: str | None) -> None:
    """From 20 % critical, from 5 % a warning, under 1 % nothing."""
    poor = tally(bytes_out=19_000_000, compress_time=share, decompress_time=0.0)
    items = found("CO101", Evidence(operations=(ENCODING,), compressions=(poor,)))
    assert [item.severity for item in items] == ([severity] if severity else [])


def test_the_faster_format_is_named_with_its_gain() -> None:
    """The gain is the difference of the means times the calls; between json and orjson no byte changes."""
    (item,) = found("FM101", FIRING["FM101"])
    assert item.subject == "serialize:User:json"
    assert item.expected_gain["seconds"] == pytest.approx(5e-3)
    assert item.expected_gain["share"] == pytest.approx(1 / 3)
    assert 'default_format="orjson"' in item.fix
    assert "stay the same" in item.fix
    assert item.verify == "pydantic-serialization bench app.models:User --data RECORDS.jsonl --formats json,orjson"
    assert item.confidence == "measured"


def test_another_wire_format_is_advised_with_its_price() -> None:
    """A faster format that readers must learn is said to be one."""
    (item,) = found("FM101", Evidence(operations=(JSON, replace(ORJSON, format="msgpack"))))
    assert "Readers must then accept msgpack" in item.fix


@pytest.mark.parametrize(
    "others",
    [
        pytest.param((profile("orjson", [(9 * MICROSECOND, 500), (10 * MICROSECOND, 500)]),), id="hardly faster"),
        pytest.param((profile("orjson", [(10, 998), (4 * MILLISECOND, 2)]),), id="within the noise"),
        pytest.param((replace(ORJSON, model="Order"),), id="another model"),
        pytest.param((replace(ORJSON, operation="deserialize"),), id="another operation"),
        pytest.param((replace(ORJSON, format="pickle"),), id="pickle is never advised"),
        pytest.param((), id="alone"),
    ],
)
def test_formats_that_cannot_be_compared_give_no_advice(others: tuple[OperationProfile, ...]) -> None:
    """Only the same work counts, beyond chance, and never towards pickle."""
    assert found("FM101", Evidence(operations=(JSON, *others), settings=NO_COMPRESSION)) == []


def test_sampled_figures_are_said_to_be_sampled() -> None:
    """Confidence is that of the weaker side."""
    (item,) = found("FM101", Evidence(operations=(JSON, replace(ORJSON, timed=250))))
    assert item.confidence == "sampled"


def test_the_break_even_of_a_cache_is_worked_out() -> None:
    """(K + P) / (S + P) with the measured numbers, and the time that the cache cost beyond what it saved."""
    (item,) = found("CA102", FIRING["CA102"])
    assert item.evidence["break_even"] == pytest.approx(5 / 13)
    assert item.expected_gain["seconds"] == pytest.approx(10_000 * (5e-6 - 0.03 * 13e-6))
    assert "3.0 %" in item
    assert "38 %" in item


def test_a_cache_that_is_slower_than_the_work_never_pays() -> None:
    """However often it is hit."""
    tier = CacheFigures(name="l2", lookups=1_000, hits=990, lookup_time=4e-4, store_time=4e-4, work_time=1e-5)
    (item,) = found("CA102", Evidence(operations=(ORJSON,), caches=(tier,)))
    assert "a lookup takes longer than the work it saves" in item


def test_the_work_that_a_hit_saves_is_taken_from_the_serializer_if_need_be() -> None:
    """Without a figure of its own, a tier is judged by the mean of all serializations."""
    (item,) = found("CA102", Evidence(operations=(ORJSON,), caches=(replace(USELESS_TIER, work_time=None),)))
    assert item.evidence["work_time"] == pytest.approx(5e-6)


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        pytest.param(replace(USELESS_TIER, hits=9_000), "passed", id="hit often"),
        pytest.param(replace(USELESS_TIER, hits=3_800), "passed", id="may be chance"),
        pytest.param(replace(USELESS_TIER, lookup_time=None), "not applicable", id="not measured"),
    ],
)
def test_a_cache_that_pays_or_was_not_measured_is_left_alone(tier: CacheFigures, expected: str) -> None:
    """A rate within its confidence interval of the break-even is no proof."""
    assert outcome("CA102", Evidence(operations=(ORJSON,), caches=(tier,))) == expected


def test_compression_that_should_be_off_is_not_tuned() -> None:
    """A poor ratio silences the advice on levels and engines."""
    poor = tally(bytes_out=19_500_000, compress_time=0.8)
    advice = recommend(Evidence(operations=(ENCODING,), compressions=(poor,), engines=()))
    assert [item.code for item in advice.recommendations] == ["CO101"]


def test_a_threshold_that_payloads_can_reach_is_proposed() -> None:
    """Payloads that compress but are under the threshold get a lower one; after it the rule is silent."""
    evidence = Evidence(operations=(profile("json", [(5_000, 1000)], sizes=[(700, 1000)]),))
    (item,) = found("CO102", evidence)
    assert "compression_threshold=512" in item.fix
    assert found("CO102", replace(evidence, settings=Settings(compression_threshold=512))) == []


def test_payloads_that_shrank_below_the_threshold_were_not_below_it() -> None:
    """Sizes after compression do not mislead: the tallies know how many payloads were compressed."""
    evidence = Evidence(
        operations=(profile("json", [(5_000, 1000)], sizes=[(300, 1000)]),), compressions=(tally(attempts=1000),)
    )
    assert found("CO102", evidence) == []


@pytest.mark.parametrize(
    "meter",
    [
        pytest.param(tally(compress_time=0.4), id="not dominant"),
        pytest.param(tally("zstd", "balanced", compress_time=0.9), id="no faster level"),
        pytest.param(tally(level="fast", compress_time=0.9), id="already the fastest"),
    ],
)
def test_a_level_that_is_not_too_high_is_left_alone(meter: CompressionTally) -> None:
    """Compression must dominate, and there must be a faster level."""
    assert found("CO103", Evidence(operations=(ENCODING,), compressions=(meter,))) == []


@pytest.mark.parametrize(
    ("meter", "engines"),
    [
        pytest.param(tally(level="max"), (), id="highest level"),
        pytest.param(tally(bytes_in=2_000_000, bytes_out=500_000), (), id="small payloads"),
        pytest.param(tally("zstd"), (), id="another codec"),
        pytest.param(tally(), None, id="not looked at"),
    ],
)
def test_an_engine_that_would_not_help_is_not_advised(meter: CompressionTally, engines: tuple[str, ...] | None) -> None:
    """Only gzip at a level and a size where the engine is faster."""
    assert found("CF102", Evidence(operations=(ENCODING,), compressions=(meter,), engines=engines)) == []


def test_the_missing_engine_is_named_with_its_install_line() -> None:
    """ISA-L for the fast level, libdeflate for the balanced one."""
    for level, engine in (("fast", "isal"), ("balanced", "deflate")):
        (item,) = found("CF102", replace(FIRING["CF102"], compressions=(tally(level=level),), engines=()))
        assert item.evidence["engine"] == engine
        assert item.fix == 'pip install "pydantic-serialization[gzip]"'
        assert item.verify == "pydantic-serialization doctor"


def test_a_few_slow_calls_are_no_cluster() -> None:
    """Nine are an accident, ten are not."""
    nine = profile("json", [(MILLISECOND, 950), (300 * MILLISECOND, 9)])
    assert found("OP101", Evidence(operations=(nine,))) == []


def test_the_gain_of_a_slow_cluster_is_what_it_takes_beyond_the_median() -> None:
    """Fifty calls of 300 ms against a median of 1 ms."""
    (item,) = found("OP101", FIRING["OP101"])
    assert item.expected_gain["seconds"] == pytest.approx(50 * 0.299, rel=0.05)
    assert item.verify == "pydantic-serialization explain app.models:User"


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([(2_000, 9_991), (1_000_000, 9)], id="a few"),
        pytest.param([(2_000, 9_000), (1_000_000, 1_000)], id="no tail but a second kind"),
        pytest.param([(100, 9_900), (60_000, 100)], id="not large"),
        pytest.param([(60_000, 9_980), (700_000, 20)], id="little of the volume"),
    ],
)
def test_sizes_without_a_heavy_tail_give_no_advice(sizes: list[tuple[int, int]]) -> None:
    """Large means large, a tail is thin, and it must weigh."""
    evidence = Evidence(operations=(profile("json", [(100 * MICROSECOND, 10_000)], sizes=sizes),))
    assert found("OP102", evidence) == []


@pytest.mark.parametrize(
    ("watched", "window"),
    [
        pytest.param(ONE_BY_ONE, 100.0, id="a busy web application"),
        pytest.param(profile("json", [(2_000, 5_000)]), 0.1, id="a short burst"),
        pytest.param(profile("json", [(90_000, 100_000)]), 10.0, id="real work"),
        pytest.param(ONE_BY_ONE, 0.0, id="unknown window"),
    ],
)
def test_calls_that_are_no_loop_give_no_advice(watched: OperationProfile, window: float) -> None:
    """Only very many, very short calls in quick succession come from a loop."""
    assert found("AP104", Evidence(operations=(watched,), window=window)) == []


@pytest.mark.parametrize(
    ("other", "severity"),
    [
        pytest.param(profile("json", [(20 * MILLISECOND, 1)], model="Order"), "critical", id="nearly all"),
        pytest.param(profile("json", [(190 * MILLISECOND, 1)], model="Order"), "warning", id="more than half"),
        pytest.param(profile("json", [(220 * MILLISECOND, 1)], model="Order"), "info", id="less than half"),
        pytest.param(profile("orjson", [(MILLISECOND, 220)]), "warning", id="together with another format"),
    ],
)
def test_a_loop_is_grave_only_where_its_model_takes_most_of_the_time(other: OperationProfile, severity: str) -> None:
    """Who cannot batch is not alarmed by calls that hardly matter beside the rest."""
    (item,) = found("AP104", Evidence(operations=(ONE_BY_ONE, other), window=10.0))
    assert item.subject == ONE_BY_ONE.name
    assert item.severity == severity


def test_a_loop_of_reads_is_told_about_the_reading_side() -> None:
    """The advice names the functions of the same direction."""
    (item,) = found("AP104", Evidence(operations=(replace(ONE_BY_ONE, operation="deserialize"),), window=10.0))
    assert "deserialize_models" in item.fix
    assert "decoder(User" in item.fix


def test_operations_that_the_application_named_are_not_judged() -> None:
    """They may contain the others, and have neither model nor format."""
    own = replace(SLOW_CLUSTER, operation="serialize", model="", format="")
    assert recommend(Evidence(operations=(own,))).recommendations == ()


@pytest.mark.parametrize("path", ["", "__main__:User", "app:make.<locals>.User", "app:Page[User]"])
def test_a_model_that_cannot_be_imported_by_name_is_verified_by_its_own_traffic(path: str) -> None:
    """The command line could not find a class of a script or of a function."""
    local = tuple(replace(item, import_path=path) for item in (JSON, ORJSON))
    (item,) = found("FM101", Evidence(operations=local))
    assert item.verify == "pydantic-serialization report performance-report.json"
    (slow,) = found("OP101", Evidence(operations=(replace(SLOW_CLUSTER, import_path=path),)))
    assert slow.verify == item.verify


def test_what_cannot_be_judged_is_noted_up_to_a_limit() -> None:
    """Ten operations are named, the rest is counted."""
    rare = tuple(profile("json", [(1000, 37)], model=f"Model{index:02}") for index in range(13))
    notes = recommend(Evidence(operations=rare)).notes
    assert notes[0] == "Not enough data (n=37, need 200) on serialize:Model00:json."
    assert len(notes) == 11
    assert notes[-1] == "Not enough data on 3 more operations."

"""benchmark_serialization: what it returns, for which input. How fast anything is, is not asserted."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_serializer

import pydantic_serialization.benchmark
from pydantic_serialization.benchmark import Benchmark, BenchmarkReport, benchmark_serialization
from pydantic_serialization.benchmark.equality import same
from pydantic_serialization.benchmark.result import FormatResult
from pydantic_serialization.benchmark.timing import Candidate, Part, time_together
from pydantic_serialization.benchmark.trials import parts_of
from pydantic_serialization.codecs import available_codecs
from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.errors import UnknownCodecError, UnknownFormatError
from pydantic_serialization.formats import available_formats

SECONDS = 0.02


class Item(BaseModel):
    name: str
    price: float


class Order(BaseModel):
    id: int
    items: list[Item]


class OneWay(BaseModel):
    """Writes what it does not read."""

    model_config = ConfigDict(extra="forbid")

    secret: int

    @field_serializer("secret")
    def _hide(self, value: int) -> str:
        return "hidden-value"


class Aliased(BaseModel):
    """Reads aliases only, and writes names unless told otherwise."""

    unit_price: int = Field(alias="unitPrice")


class AliasedWithDefault(BaseModel):
    unit_price: int = Field(default=0, alias="unitPrice")


class Unwritable(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    thing: Any


@dataclass
class Point:
    x: int


ORDERS = [Order(id=number, items=[Item(name="n" * number, price=number / 7)] * 3) for number in range(40)]


@pytest.fixture(scope="module")
def report() -> BenchmarkReport:
    return benchmark_serialization(ORDERS, seconds=SECONDS)


def test_every_installed_format_is_measured_both_ways(report: BenchmarkReport) -> None:
    """Each format has all figures, above zero, and its result equals what was written."""
    assert set(report["formats"]) == set(available_formats())
    for found in report["formats"].values():
        assert set(found) == set(FormatResult.__annotations__)
        assert found["equal"]
        assert found["error"] is None
        assert all(found[key] > 0 for key in ("throughput", "duration", "read_throughput", "avg_size", "rounds"))
        assert found["throughput"] == pytest.approx(len(ORDERS) / found["duration"])
        assert found["duration"] <= found["median_duration"]


def test_sizes_are_those_of_pydantics_own_json(report: BenchmarkReport) -> None:
    """Sizes are uncompressed and counted over all models, whatever the configuration compresses."""
    sizes = [len(order.model_dump_json().encode()) for order in ORDERS]
    found = report["formats"]["json"]
    assert (found["total_size"], found["ratio_to_json"], found["speed_to_json"]) == (sum(sizes), 1.0, 1.0)
    assert (report["model_sizes"]["min"], report["model_sizes"]["max"]) == (min(sizes), max(sizes))
    assert report["formats"]["msgpack"]["ratio_to_json"] < 1


def test_every_codec_is_measured_at_every_level(report: BenchmarkReport) -> None:
    """``compression_levels`` has a key ``codec:level`` for each."""
    levels = report["compression_levels"]
    assert set(levels) == {f"{codec}:{level}" for codec in available_codecs() for level in ("fast", "balanced", "max")}
    for found in levels.values():
        assert found["ratio"] == pytest.approx(found["payload_size"] / found["size"])
        assert found["compress_throughput"] > 0
        assert found["decompress_throughput"] > 0


def test_sizes_by_codec_and_batches_are_there(report: BenchmarkReport) -> None:
    """Each format has a size with each codec, and batches go as far as there are models."""
    assert set(report["sizes"]) == set(available_formats())
    assert all(set(row) == {"none", *available_codecs()} for row in report["sizes"].values())
    assert list(report["model_sizes"]["batches"]) == ["1", "10"]
    assert report["model_sizes"]["batches"]["10"]["models"] == 10


def test_the_report_is_plain_json(report: BenchmarkReport) -> None:
    """The report survives JSON, and says where it was made."""
    assert json.loads(json.dumps(report)) == report
    assert set(report) == set(BenchmarkReport.__annotations__)
    assert report["complete"]
    assert report["environment"]["backend"] in {"native", "python"}


def test_no_models_is_an_error() -> None:
    """Nothing can be measured over nothing."""
    with pytest.raises(ValueError, match="at least one model"):
        benchmark_serialization([])
    with pytest.raises(ValueError, match="positive"):
        benchmark_serialization(ORDERS, seconds=0)


def test_formats_and_codecs_can_be_chosen() -> None:
    """Named ones are measured, and Pydantic's JSON always, since it is the yardstick; any iterable is taken."""
    found = benchmark_serialization(iter(ORDERS[:3]), formats=["messagepack"], codecs=["gz"], seconds=SECONDS)
    assert list(found["formats"]) == ["json", "msgpack"]
    assert {item["codec"] for item in found["compression_levels"].values()} == {"gzip"}
    with pytest.raises(UnknownFormatError, match="did you mean"):
        benchmark_serialization(ORDERS, formats=["orjsn"])
    with pytest.raises(UnknownCodecError):
        benchmark_serialization(ORDERS, codecs=["rar"])


def test_models_of_several_classes_are_each_their_own() -> None:
    """A mixed list is measured class by class; dataclasses count too."""
    found = benchmark_serialization([*ORDERS[:5], Item(name="x", price=1.0), Point(3)], seconds=SECONDS, codecs=[])
    assert found["model_classes"] == ["Item", "Order", "Point"]
    assert all(item["equal"] for item in found["formats"].values())


def test_a_model_that_cannot_be_read_back_is_reported() -> None:
    """A failing read leaves the figures of writing, an error without the value, and no equality."""
    found = benchmark_serialization([OneWay(secret=1)], formats=["json"], seconds=SECONDS)["formats"]["json"]
    assert found["error"] is not None
    assert "secret" in found["error"]
    assert "hidden-value" not in found["error"]
    assert (found["equal"], found["read_throughput"]) == (False, 0)
    assert found["throughput"] > 0


@pytest.mark.parametrize("kind", [Aliased, AliasedWithDefault])
def test_aliased_models_get_the_advice_that_helps(kind: type[BaseModel]) -> None:
    """Where names are written and aliases read, writing aliases was tried and is advised, be it error or loss."""
    found = benchmark_serialization([kind(unitPrice=7)], formats=["json", "msgpack"], seconds=SECONDS, codecs=[])
    for item in found["formats"].values():
        assert not item["equal"]
        assert "by_alias=True" in (item["advice"] or "")
        assert (item["error"] is None) == (kind is AliasedWithDefault)


def test_advice_is_given_only_where_it_helps(report: BenchmarkReport) -> None:
    """Models that come back, and those that aliases do not bring back, have no advice."""
    assert all(found["advice"] is None for found in report["formats"].values())
    for model in (OneWay(secret=1), Unwritable(thing=object())):
        found = benchmark_serialization([model], formats=["json"], seconds=SECONDS, codecs=[])
        assert found["formats"]["json"]["advice"] is None


def test_the_package_exports_its_public_names() -> None:
    """What others need stands in the package; everything else is imported from its module."""
    public = {"Benchmark", "BenchmarkReport", "benchmark_serialization"}
    assert set(pydantic_serialization.benchmark.__all__) == public


def test_a_model_that_cannot_be_written_is_reported() -> None:
    """A format that cannot write the models has an error and zeros; the rest of the report is there."""
    found = benchmark_serialization([Unwritable(thing=object())], formats=["json"], seconds=SECONDS)
    assert found["formats"]["json"]["error"] is not None
    assert found["formats"]["json"]["throughput"] == 0
    assert found["compression_levels"] == {}
    assert found["complete"]


def test_the_configuration_holds_where_it_does_not_blur() -> None:
    """Strictness of the given configuration is kept."""
    found = benchmark_serialization(
        ORDERS[:2], SerializationConfig(strict_validation=True, max_payload_bytes=10), formats=["json"], seconds=SECONDS
    )
    assert found["formats"]["json"]["error"] is not None


def test_progress_only_grows_and_ends_at_one() -> None:
    """The share that is reported never falls."""
    shares: list[float] = []
    benchmark_serialization(ORDERS[:3], seconds=SECONDS, progress=lambda share, _: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_an_interrupted_run_keeps_what_it_has() -> None:
    """After Ctrl-C, the report has the figures taken so far and says that it is not complete."""

    def stop(share: float, _: str) -> None:
        if share > 0.6:
            raise KeyboardInterrupt

    benchmark = Benchmark(ORDERS[:3], seconds=SECONDS, progress=stop)
    with pytest.raises(KeyboardInterrupt):
        benchmark.run()
    found = benchmark.report()
    assert not found["complete"]
    assert found["formats"]["json"]["throughput"] > 0


def test_nan_equals_nan_and_nothing_else() -> None:
    """A NaN that comes back is equal; a different value, class or order of keys is not."""
    first = Item(name="a", price=math.nan)
    assert same([first, {"k": (math.nan,)}], [Item(name="a", price=math.nan), {"k": (math.nan,)}])
    assert not same(first, Item(name="b", price=math.nan))
    assert not same(first, {"name": "a", "price": math.nan})
    assert not same({"a": math.nan}, {"b": math.nan})
    assert not same(math.nan, 1.0)


def test_candidates_take_turns() -> None:
    """Every candidate has as many rounds as the others, part by part, in an order that rotates."""
    order: list[str] = []
    names = ("a1", "a2"), ("b1", "b2"), ("c1",)
    candidates = [Candidate([Part(partial(order.append, name), 1.0) for name in group]) for group in names]
    ticks: list[float] = []
    time_together(candidates, 0.001, ticks.append)
    assert order[:8] == ["a1", "b1", "c1", "b2", "a2", "b1", "c1", "a1"]
    assert len({item.rounds for item in candidates}) == 1
    assert ticks == sorted(ticks)
    assert ticks[-1] == 1.0


def test_a_candidate_adds_up_its_parts() -> None:
    """The typical time is the sum of medians, the best the sum of minima; 0 while a part was never timed."""
    found = Candidate([Part(list, 0.0, [1.0, 5.0, 2.0]), Part(list, 0.0, [10.0, 30.0, 20.0])])
    assert (found.rounds, found.typical, found.best) == (3, 22.0, 11.0)
    assert (Candidate([]).typical, Candidate([Part(list, 0.0)]).best) == (0.0, 0.0)


@pytest.mark.parametrize("count", [1, 31, 32, 33, 1000])
def test_parts_cover_every_model_once(count: int) -> None:
    """However many models there are, each is in exactly one part."""
    models = range(count)
    assert [model for part in parts_of(count) for model in models[part]] == list(models)

"""Slots, named operations, statistics and reports of :class:`SerializationProfiler`."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.profiling import (
    CompressionTally,
    Evidence,
    SerializationProfiler,
    installed_engines,
    report_as_dict,
)
from pydantic_serialization.profiling.profiler import MOST_MODELS, MOST_NAMES, OTHER

if TYPE_CHECKING:
    from pydantic_serialization.profiling import OperationSlot


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now

    def wait(self, seconds: float) -> str:
        """Let time pass."""
        self.now += round(seconds * 1e9)
        return "done"

    def wait_in_vain(self, seconds: float) -> None:
        """Let time pass, then fail."""
        self.wait(seconds)
        raise LookupError(seconds)

    async def wait_async(self, seconds: float) -> str:
        """Let time pass in a coroutine."""
        await asyncio.sleep(0)
        return self.wait(seconds)


@pytest.fixture
def clock() -> Clock:
    """Time, at zero."""
    return Clock()


@pytest.fixture
def profiler(clock: Clock) -> SerializationProfiler:
    """A profiler on the clock."""
    return SerializationProfiler(clock=clock)


def drive(slot: OperationSlot, calls: int, elapsed: int = 1000, size: int = 73) -> None:
    """Use a slot as a pipeline does."""
    for _ in range(calls):
        slot.countdown -= 1
        if slot.countdown <= 0:
            slot.record(elapsed, size)


def test_an_operation_is_run_and_timed(profiler: SerializationProfiler, clock: Clock) -> None:
    """The result is handed through, and the profile has times in seconds."""
    assert profiler.profile_operation("load", clock.wait, 0.02) == "done"
    assert profiler.profile_operation("load", clock.wait, seconds=0.04) == "done"
    profile = profiler.get_profile("load")
    assert profile is not None
    assert (profile.name, profile.count, profile.errors, profile.sampled) == ("load", 2, 0, False)
    assert profile.total_time == pytest.approx(0.06)
    assert profile.avg_time == pytest.approx(0.03)
    assert (profile.min_time, profile.max_time) == (0.02, 0.04)


def test_keyword_arguments_of_any_name_reach_the_function(profiler: SerializationProfiler) -> None:
    """The profiler's own parameters are positional only."""
    assert profiler.profile_operation("build", dict, name="x", fn=1) == {"name": "x", "fn": 1}


def test_a_coroutine_is_awaited_and_timed(profiler: SerializationProfiler, clock: Clock) -> None:
    """Waiting is part of the time."""
    assert asyncio.run(profiler.profile_async_operation("fetch", clock.wait_async, 0.05)) == "done"
    profile = profiler.get_profile("fetch")
    assert profile is not None
    assert profile.avg_time == pytest.approx(0.05)


def test_errors_are_counted_and_raised_again(profiler: SerializationProfiler, clock: Clock) -> None:
    """The error is the same object's, and its call is counted but not timed."""
    profiler.profile_operation("load", clock.wait, 0.01)
    with pytest.raises(LookupError, match=r"0\.5"):
        profiler.profile_operation("load", clock.wait_in_vain, 0.5)
    profile = profiler.get_profile("load")
    assert profile is not None
    assert (profile.count, profile.errors, profile.timed, profile.max_time) == (2, 1, 1, 0.01)


def test_a_cancelled_operation_is_an_error_and_stays_cancelled(profiler: SerializationProfiler) -> None:
    """Cancellation passes through."""

    async def cancelled() -> None:
        task = asyncio.create_task(profiler.profile_async_operation("wait", asyncio.sleep, 60))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    profile = profiler.get_profile("wait")
    assert profile is not None
    assert (profile.count, profile.errors) == (1, 1)


def test_a_block_is_measured_nested_too(profiler: SerializationProfiler, clock: Clock) -> None:
    """Blocks of the same name do not disturb each other."""
    with profiler.measure("render"):
        clock.wait(0.001)
        with profiler.measure("render"):
            clock.wait(0.002)
    profile = profiler.get_profile("render")
    assert profile is not None
    assert (profile.count, profile.min_time, profile.max_time) == (2, 0.002, 0.003)


def test_a_disabled_profiler_runs_and_records_nothing(clock: Clock) -> None:
    """It can be switched on later."""
    profiler = SerializationProfiler(enabled=False, clock=clock)
    assert profiler.profile_operation("load", clock.wait, 1.0) == "done"
    assert profiler.get_profiles() == {}
    profiler.enabled = True
    profiler.profile_operation("load", clock.wait, 1.0)
    assert list(profiler.get_profiles()) == ["load"]


def test_slow_blocks_are_logged_by_name(
    profiler: SerializationProfiler, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The threshold of the profiler holds for named operations."""
    profiler.profile_operation("load", clock.wait, 0.099)
    assert not caplog.records
    profiler.profile_operation("load", clock.wait, 0.1)
    (line,) = caplog.records
    assert vars(line)["operation"] == "load"


def test_a_new_threshold_reaches_slots_in_use(profiler: SerializationProfiler) -> None:
    """Pipelines need not be bound again."""
    slot = profiler.slot("serialize", "User", "json")
    profiler.threshold = 0.5
    assert slot.threshold_ns == 500_000_000
    assert profiler.slot("serialize", "User", "orjson").threshold_ns == 500_000_000


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("nan")])
def test_a_threshold_that_is_not_a_time_is_refused(threshold: float) -> None:
    """The message names the unit."""
    with pytest.raises(ConfigurationError, match="seconds over 0"):
        SerializationProfiler(threshold)


def test_a_slot_is_made_once(profiler: SerializationProfiler) -> None:
    """Pipelines on the same operation, model and format share it."""
    slot = profiler.slot("serialize", "User", "json", import_path="app.models:User")
    assert profiler.slot("serialize", "User", "json") is slot
    assert profiler.slot("deserialize", "User", "json") is not slot
    drive(slot, 3)
    profile = profiler.get_profile("serialize:User:json")
    assert profile is not None
    assert (profile.operation, profile.model, profile.format) == ("serialize", "User", "json")
    assert profile.import_path == "app.models:User"


def test_models_of_one_name_are_told_apart(profiler: SerializationProfiler) -> None:
    """The first model of a label keeps it, another one is called by its import path, and neither label changes."""
    for _ in range(2):
        own = profiler.slot("serialize", "User", "json", import_path="app.models:User")
        other = profiler.slot("serialize", "User", "json", import_path="shop.models:Account.User")
        assert own.name == "serialize:User:json"
        assert other.name == "serialize:shop.models.Account.User:json"
        assert (own.import_path, other.import_path) == ("app.models:User", "shop.models:Account.User")
    back = profiler.slot("deserialize", "User", "orjson", import_path="shop.models:Account.User")
    assert back.model == "shop.models.Account.User"


def test_labels_of_one_name_are_limited_too(profiler: SerializationProfiler) -> None:
    """Models of one name count as the models that they are."""
    for index in range(MOST_MODELS + 5):
        drive(profiler.slot("serialize", "User", "json", import_path=f"app{index}:User"), 1)
    assert len({profile.model for profile in profiler.get_profiles().values()}) == MOST_MODELS + 1
    other = profiler.get_profile(f"serialize:{OTHER}:json")
    assert other is not None
    assert other.count == 5
    assert other.import_path == ""


def test_an_unknown_or_unused_operation_has_no_profile(profiler: SerializationProfiler) -> None:
    """A slot that was never used is not reported."""
    profiler.slot("serialize", "User", "json")
    assert profiler.get_profile("serialize:User:json") is None
    assert profiler.get_profile("unknown") is None
    assert profiler.get_profiles() == {}


def test_model_labels_are_limited(profiler: SerializationProfiler) -> None:
    """Ten thousand generic models end up under 201 labels, and the ones seen before keep theirs."""
    for index in range(10_000):
        drive(profiler.slot("serialize", f"Page[{index}]", "json"), 1)
    labels = {profile.model for profile in profiler.get_profiles().values()}
    assert len(labels) == MOST_MODELS + 1
    other = profiler.get_profile(f"serialize:{OTHER}:json")
    assert other is not None
    assert other.count == 10_000 - MOST_MODELS
    assert profiler.slot("deserialize", "Page[0]", "json").model == "Page[0]"


def test_names_are_limited(profiler: SerializationProfiler) -> None:
    """A name per request does not fill the memory."""
    for index in range(MOST_NAMES + 50):
        profiler.profile_operation(f"request-{index}", int)
    assert len(profiler.get_profiles()) == MOST_NAMES + 1
    other = profiler.get_profile(OTHER)
    assert other is not None
    assert other.count == 50


def test_clearing_keeps_the_slots_of_pipelines(profiler: SerializationProfiler, clock: Clock) -> None:
    """A bound pipeline goes on counting into the same profile."""
    slot = profiler.slot("serialize", "User", "json")
    drive(slot, 1_000)
    profiler.profile_operation("load", clock.wait, 0.01)
    profiler.clear_profiles()
    assert profiler.get_profiles() == {}
    drive(slot, 5)
    profile = profiler.get_profile("serialize:User:json")
    assert profile is not None
    assert profile.count == 5
    assert profiler.slot("serialize", "User", "json") is slot


def test_statistics_are_plain_values(profiler: SerializationProfiler, clock: Clock) -> None:
    """They survive JSON, add up, and say where calls were sampled."""
    drive(profiler.slot("serialize", "User", "json"), 10_000)
    with pytest.raises(LookupError):
        profiler.profile_operation("load", clock.wait_in_vain, 0.01)
    profiler.profile_operation("load", clock.wait, 0.2)
    stats = profiler.get_stats()
    assert json.loads(json.dumps(stats)) == stats
    assert (stats["enabled"], stats["threshold"]) == (True, 0.1)
    assert (stats["total_operations"], stats["errors"], stats["slow_operations"]) == (10_002, 1, 1)
    assert stats["total_time"] == pytest.approx(0.21)
    sampled = stats["operations"]["serialize:User:json"]
    assert sampled.get("sampled") is True
    assert 0 < sampled.get("rate", 0) < 0.1
    load = stats["operations"]["load"]
    assert (load.get("errors"), load.get("slow")) == (1, 1)
    assert "sampled" not in load


def test_the_report_has_the_documented_shape(profiler: SerializationProfiler, clock: Clock) -> None:
    """Summary, operations in seconds, recommendations; all of it survives JSON."""
    drive(profiler.slot("serialize", "User", "json"), 300, elapsed=30_000)
    clock.wait(4)
    report = profiler.performance_report()
    assert json.loads(json.dumps(report)) == report
    assert json.loads(json.dumps(report_as_dict(report))) == report_as_dict(report)
    assert report["window"] == 4
    assert report["summary"] == {
        "total_operations": 300,
        "total_time": pytest.approx(9e-3),
        "avg_time": pytest.approx(30e-6),
    }
    operation = report["operations"]["serialize:User:json"]
    assert set(operation) == {"count", "avg_time", "min_time", "max_time", "p50", "p95", "p99"}
    assert operation["p99"] == pytest.approx(30e-6)


def test_an_empty_report_says_so(profiler: SerializationProfiler) -> None:
    """Nothing measured gives zeros, a note and no advice."""
    report = profiler.performance_report()
    assert report["summary"] == {"total_operations": 0, "total_time": 0.0, "avg_time": 0.0}
    assert report["notes"] == ["Not enough data (n=0, need 200)."]
    assert report["recommendations"] == []


def test_a_short_run_gets_a_note_and_no_advice(profiler: SerializationProfiler) -> None:
    """37 calls are not enough to conclude anything."""
    drive(profiler.slot("serialize", "User", "json"), 37, elapsed=3_000)
    drive(profiler.slot("serialize", "User", "orjson"), 37, elapsed=1_000)
    report = profiler.performance_report(Evidence(engines=()))
    assert report["recommendations"] == []
    assert report["notes"] == [
        "Not enough data (n=37, need 200) on serialize:User:json.",
        "Not enough data (n=37, need 200) on serialize:User:orjson.",
    ]


def test_the_context_completes_the_report_and_codes_can_be_ignored(profiler: SerializationProfiler) -> None:
    """What the profiler cannot know comes from its caller."""
    drive(profiler.slot("serialize", "User", "json"), 300, elapsed=30_000, size=5_000)
    poor = CompressionTally(
        codec="gzip", level="fast", attempts=300, bytes_in=1_500_000, bytes_out=1_450_000, compress_time=0.01
    )
    context = Evidence(compressions=(poor,), engines=installed_engines())
    report = profiler.performance_report(context)
    assert [item.code for item in report["recommendations"]] == ["CO101"]
    assert profiler.performance_report(context, ignore={"CO101"})["recommendations"] == []
    assert profiler.performance_report(replace(context, compressions=()))["recommendations"] == []


def test_operations_may_be_profiled_from_many_threads(profiler: SerializationProfiler) -> None:
    """Slots that are made at the same moment are the same slot."""
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for index in range(500):
            profiler.profile_operation(f"job-{index % 50}", int)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert profiler.get_stats()["total_operations"] == 4_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_forked_child_does_not_inherit_held_locks(profiler: SerializationProfiler) -> None:
    """A thread of the parent may hold any lock at the moment of the fork; the child works all the same."""
    slot = profiler.slot("serialize", "User", "json")
    held = threading.Event()
    release = threading.Event()

    def hold() -> None:
        with profiler._lock, slot._lock:
            held.set()
            release.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and later warn about fork beside threads
        child = os.fork()
    if child == 0:
        drive(slot, 10)
        profiler.profile_operation("load", int)
        os._exit(0 if profiler.get_stats()["total_operations"] == 11 else 1)
    release.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_nothing_of_a_payload_reaches_logs_statistics_or_reports(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A value that passes through a profiled function, or that is in its error, is nowhere to be found."""
    profiler = SerializationProfiler(1e-9, clock=clock)
    secret = "canary-4711"

    def fail(value: str) -> None:
        clock.wait(1)
        raise ValueError(value)

    def read(value: str) -> str:
        clock.wait(1)
        return value

    profiler.profile_operation("read", read, secret)
    with pytest.raises(ValueError, match=secret):
        profiler.profile_operation("fail", fail, secret)
    written = json.dumps([profiler.get_stats(), profiler.performance_report()])
    logged = "".join(str(vars(line)) for line in caplog.records)
    assert logged
    assert secret not in written + logged

"""What being watched costs one serialization of a small model.

Runs the hot path of a profiled pipeline around Pydantic's own serializer, interleaved with the same closure without a
slot and with ``model_dump_json``, in one process. Times vary with the machine; the ratios and the differences are what
counts::

    python benchmarks/profiling_overhead.py --rounds 40
"""

from __future__ import annotations

import argparse
import gc
import statistics
from datetime import UTC, datetime
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pydantic_serialization.profiling import OperationSlot, SerializationProfiler
from pydantic_serialization.profiling.slot import TIMED_CALL_NS

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 5_000
"""In one round of one candidate."""


class User(BaseModel):
    """Five fields, 100 bytes of JSON."""

    id: int
    name: str
    email: str
    active: bool
    created: datetime


def unwatched(encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Return the pipeline as it is bound with profiling off."""

    def dump(model: Any) -> bytes:
        return encode(model)

    return dump


def watched(encode: Callable[[Any], bytes], slot: OperationSlot) -> Callable[[Any], bytes]:
    """Return the pipeline as it is bound with profiling on."""

    def dump(model: Any) -> bytes:
        slot.countdown -= 1
        if slot.countdown > 0:
            return encode(model)
        start = perf_counter_ns()
        payload = encode(model)
        slot.record(perf_counter_ns() - start, len(payload))
        return payload

    return dump


def never_timed(encode: Callable[[Any], bytes], slot: OperationSlot) -> Callable[[Any], bytes]:
    """Return the pipeline on, with a countdown that does not end: the untimed branch alone."""
    slot.countdown = 1 << 62
    return watched(encode, slot)


def always_timed(encode: Callable[[Any], bytes], slot: OperationSlot) -> Callable[[Any], bytes]:
    """Return the pipeline on, with a slot that does not sample: the timed branch alone."""
    return watched(encode, slot)


def time_round(dump: Callable[[Any], Any], model: Any) -> float:
    """Return nanoseconds per call over one round."""
    calls = range(CALLS)
    start = perf_counter_ns()
    for _ in calls:
        dump(model)
    return (perf_counter_ns() - start) / CALLS


def measure(candidates: dict[str, Callable[[Any], Any]], model: Any, rounds: int) -> dict[str, list[float]]:
    """Return nanoseconds per call of each candidate, round by round, one after the other in every round."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    gc.disable()
    try:
        for _ in range(rounds + 2):
            for name, dump in candidates.items():
                times[name].append(time_round(dump, model))
    finally:
        gc.enable()
    return {name: values[2:] for name, values in times.items()}


def print_table(times: dict[str, list[float]]) -> None:
    """Print minimum and median of each candidate, beside ``off`` and ``model_dump_json``."""
    off, reference = min(times["off"]), min(times["model_dump_json"])
    print(f"{'':24}{'min ns':>8}{'median':>8}{'over off':>10}{'x model_dump_json':>19}{'over off / it':>15}")
    for name, values in times.items():
        added = min(values) - off
        print(
            f"{name:24}{min(values):8.0f}{statistics.median(values):8.0f}{added:+10.0f}"
            f"{min(values) / reference:19.2f}{added / reference:+15.1%}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What being watched costs one serialization of a small model.")
    parser.add_argument("--rounds", type=int, default=40, help=f"of {CALLS} calls per candidate (default: 40)")
    rounds = parser.parse_args().rounds
    user = User(
        id=1,
        name="Ada Lovelace",
        email="ada@example.com",
        active=True,
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )
    encode = User.__pydantic_serializer__.to_json
    slot = SerializationProfiler().slot("serialize", "User", "json")
    times = measure(
        {
            "model_dump_json": User.model_dump_json,
            "off": unwatched(encode),
            "on": watched(encode, slot),
            "on, untimed branch": never_timed(encode, OperationSlot("serialize", "User", "json")),
            "on, timed branch": always_timed(encode, OperationSlot("serialize", "User", "json", sampling=False)),
        },
        user,
        rounds,
    )
    print_table(times)
    profile = slot.snapshot()
    print(
        f"\n{profile.count:,} calls counted, {profile.rate:.1%} timed, mean {profile.avg_time * 1e9:.0f} ns; "
        f"the stride assumes {TIMED_CALL_NS} ns for a timed call"
    )


if __name__ == "__main__":
    main()

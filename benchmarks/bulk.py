"""What long lists cost, and what they do to others: JSON lines, files, the garbage collector, the event loop.

    python benchmarks/bulk.py [--users 100000] [--orders 22000] [--rounds 5]

Lines are written beside a loop over ``model_dump_json``, and files of records from a list beside one by one. Files
are read beside what one would write with Pydantic: a loop over ``model_validate_json`` for lines; for an array all of
it at once, with ormsgpack where it is MessagePack. A list of orders (50 MB of JSON) is read beside Pydantic with the
collector on, as processor time. The same list, and a model that holds it, are written and read by an asynchronous
manager while another task sleeps for a millisecond again and again: the longest time that it came back late is its
stall, of which the median of all rounds is printed, and the worst. A round begins with some time in which nothing is
done: so late is the task on this machine in any case. To free the list that was read is the caller's, and is measured
by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import deque
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import ormsgpack
from _shapes import models, order_data, user_data
from pydantic import TypeAdapter, create_model

from pydantic_serialization import SerializationConfig, create_serialization_manager, decoder, encoder
from pydantic_serialization.bulk import read_records, write_records

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SHAPES = models()


def fastest(call: Callable[[], object], rounds: int) -> float:
    """Return the least processor time of a call, in seconds."""
    least = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        call()
        least = min(least, time.process_time() - started)
    return least


def lines(count: int, rounds: int) -> None:
    """Time JSON lines beside a loop."""
    users = [SHAPES.user(**user_data(number)) for number in range(count)]
    encode = encoder(list[SHAPES.user], "jsonl")  # type: ignore[name-defined]
    loop = fastest(lambda: "\n".join([user.model_dump_json() for user in users]), rounds)
    ours = fastest(lambda: encode(users), rounds)
    print(f"{count:,} users as JSON lines: {loop / ours:.1f} x a loop over model_dump_json ({ours * 1e3:.0f} ms)")


def files(count: int, rounds: int) -> None:
    """Time files of records: models of a list beside models one by one."""
    users = [SHAPES.user(**user_data(number)) for number in range(count)]
    with tempfile.TemporaryDirectory() as directory:
        for name in ("jsonl", "json", "msgpack"):
            path = f"{directory}/users.{name}"
            single = fastest(lambda p=path: write_records(p, iter(users), SHAPES.user), rounds)  # type: ignore[misc]
            many = fastest(lambda p=path: write_records(p, users, SHAPES.user), rounds)  # type: ignore[misc]
            print(f"a .{name} file of {count:,} users: {single / many:.1f} x one by one ({many * 1e3:.0f} ms)")
            if name == "msgpack":
                write_records(path, users, SHAPES.user, batch=count)
            plain = fastest(lambda p=path, n=name: PLAIN[n](p), rounds)  # type: ignore[misc]
            read = fastest(lambda p=path: exhaust(p), rounds)  # type: ignore[misc]
            print(f"  read: {plain / read:.1f} x plain code ({read / count * 1e6:.1f} us a record)")


def exhaust(path: str) -> None:
    """Read all records of a file, and keep none."""
    with read_records(path, SHAPES.user) as reader:
        deque(reader, maxlen=0)


def loop_over_lines(path: str) -> None:
    """Read lines as Pydantic's users do."""
    with Path(path).open("rb") as file:
        for line in file:
            SHAPES.user.model_validate_json(line)


def whole_array(path: str) -> None:
    """Read an array as Pydantic's users do."""
    TypeAdapter(list[SHAPES.user]).validate_json(Path(path).read_bytes())  # type: ignore[name-defined]


def whole_msgpack(path: str) -> None:
    """Read an array of MessagePack as Pydantic's users do."""
    records = ormsgpack.unpackb(Path(path).read_bytes())
    TypeAdapter(list[SHAPES.user]).validate_python(records)  # type: ignore[name-defined]


PLAIN: dict[str, Callable[[str], None]] = {
    "jsonl": loop_over_lines,
    "json": whole_array,
    "msgpack": whole_msgpack,
}


def reading(document: bytes, rounds: int) -> None:
    """Time the reading of a long list with the collector on."""
    declared: Any = list[SHAPES.order]  # type: ignore[name-defined]
    ours, theirs = decoder(declared), TypeAdapter(declared).validate_json
    ratio = fastest(lambda: theirs(document), rounds) / (least := fastest(lambda: ours(document), rounds))
    print(f"{len(document) / 1e6:.0f} MB read, collector on: {ratio:.1f} x Pydantic ({least * 1e3:.0f} ms)")


async def stalled(work: Callable[[], Awaitable[Any]]) -> tuple[Any, float]:
    """Return what the work gives, and by how many seconds another task was late at most."""
    worst = 0.0

    async def tick() -> None:
        nonlocal worst
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0.001)
            worst = max(worst, time.perf_counter() - started - 0.001)

    other = asyncio.create_task(tick())
    await asyncio.sleep(0.05)
    worst = 0.0
    result = await work()
    await asyncio.sleep(0.005)
    other.cancel()
    return result, worst


async def nothing() -> None:
    """Let the time pass that the work takes."""
    await asyncio.sleep(0.4)


async def free(kept: list[Any]) -> None:
    """Let what was read go."""
    kept.clear()


def stalls(label: str, value: Any, declared: Any, name: str, rounds: int) -> None:
    """Write and read beside another task."""
    manager = create_serialization_manager(
        SerializationConfig(enable_compression=False, max_payload_bytes=1 << 30, cache_validation=False)
    )
    late: dict[str, list[float]] = {"idle": [], "written": [], "read": [], "freed": []}
    for _ in range(rounds):
        late["idle"].append(asyncio.run(stalled(nothing))[1])
        data, seconds = asyncio.run(stalled(lambda: manager.serialize_model(value, name, model_class=declared)))
        late["written"].append(seconds)
        read, seconds = asyncio.run(stalled(lambda d=data: manager.deserialize_model(d, declared, name)))  # type: ignore[misc]
        late["read"].append(seconds)
        kept = [read]
        del read
        late["freed"].append(asyncio.run(stalled(lambda k=kept: free(k)))[1])  # type: ignore[misc]
    found = ", ".join(f"{when} {median(times) * 1e3:.0f} ({max(times) * 1e3:.0f})" for when, times in late.items())
    print(f"{label} as {name}, {len(data) / 1e6:.0f} MB: another task is late by {found} ms")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=22_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    lines(options.users, options.rounds)
    files(options.users, options.rounds)
    orders = [SHAPES.order.model_validate(order_data()) for _ in range(options.orders)]
    reading(encoder(list[SHAPES.order])(orders), options.rounds)  # type: ignore[name-defined]
    holder = create_model("Holder", orders=(list[SHAPES.order], ...))  # type: ignore[name-defined]
    for name in ("orjson", "msgpack"):
        stalls("a list", orders, list[SHAPES.order], name, options.rounds)  # type: ignore[name-defined]
        stalls("a model", holder(orders=orders), holder, name, options.rounds)
    stalls("a list", orders, list[SHAPES.order], "json", 1)  # type: ignore[name-defined]  # Pydantic's own


if __name__ == "__main__":
    main()

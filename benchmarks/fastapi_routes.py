"""FastAPI's own routes beside ``ModelRoute``: ``python benchmarks/fastapi_routes.py [--server] [--chart FILE]``.

In process: the same application is built twice and called over ASGI, the calls take turns, and the CPU time of the best
round counts. ``--server`` adds a real server, uvicorn in a process of its own, and what a crowd of clients does to it.
Beside the cached list stands fastapi-cache2, where it is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import platform
import sys
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from time import process_time
from typing import TYPE_CHECKING, Any

from _rows import Target, progress
from _web_app import BODY, build, call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

JSON = ((b"content-type", b"application/json"),)
CODED = ((b"accept-encoding", b"zstd"),)

CASES: tuple[tuple[str, str, str, bytes, Any, float | None], ...] = (
    ("one model", "/user", "GET", b"", (), None),
    ("one nested model", "/order", "GET", b"", (), None),
    ("list of 100", "/users/100", "GET", b"", (), 2.0),
    ("list of 1000", "/users/1000", "GET", b"", (), 3.0),
    ("list of 1000, not annotated", "/undeclared", "GET", b"", (), 20.0),
    ("sync endpoint, one model", "/sync", "GET", b"", (), 1.4),
    ("post of one", "/post/one", "POST", BODY["one"], JSON, None),
    ("post of 1000", "/post/many", "POST", BODY["many"], JSON, 3.0),
    ("JSON lines, 1000, async", "/lines", "GET", b"", (), 3.0),
    ("JSON lines, 1000, sync", "/lines-sync", "GET", b"", (), 15.0),
    ("cached list of 1000", "/cached", "GET", b"", (), 15.0),
    ("cached list of 1000, zstd", "/cached", "GET", b"", CODED, None),
)
"""What it is called, path, method, body, headers, and the least ratio."""

ROUND_SECONDS = 0.02
MOST_SLOWER = 2.0
"""Microseconds by which a single small model may be slower."""


async def time_calls(calls: Mapping[str, Callable[[], Awaitable[Any]]], rounds: int) -> dict[str, float]:
    """Return microseconds of CPU time per call; the calls take turns, and the best round counts."""
    repeats = {}
    for name, make in calls.items():
        await make()
        started = process_time()
        await make()
        repeats[name] = max(1, min(1000, round(ROUND_SECONDS / max(process_time() - started, 1e-6))))
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, make in calls.items():
            gc.collect()
            started = process_time()
            for _ in range(repeats[name]):
                await make()
            best[name] = min(best[name], (process_time() - started) / repeats[name] * 1e6)
    return best


def in_process(rounds: int) -> tuple[list[tuple[str, float, float]], list[Target]]:
    """Measure every case. Returns the rows of the table, and how they compare with what is aimed at."""
    rows, targets = [], []
    for label, path, method, body, headers, least in CASES:
        progress(label)
        apps = {"stock": build("stock", path), "ours": build("ours", path)}
        calls = {name: partial(call, app, path, method, body, headers) for name, app in apps.items()}
        times = asyncio.run(time_calls(calls, rounds))
        rows.append((label, times["stock"], times["ours"]))
        if least is not None:
            targets.append(Target(label, times["stock"] / times["ours"], least, None))
    one = next(row for row in rows if row[0] == "one model")
    targets.append(Target("one model, at most 2 us slower", (one[1] + MOST_SLOWER) / one[2], 1.0, None))
    return rows, targets


def beside_fastapi_cache(rounds: int) -> tuple[str, Target] | None:
    """Compare a hit of the cache with one of fastapi-cache2, if that is installed."""
    try:
        found = version("fastapi-cache2")
    except PackageNotFoundError:
        return None
    other = import_module("_web_fastapi_cache").build()
    ours = build("ours", "/cached")
    calls = {"other": lambda: call(other, "/cached"), "ours": lambda: call(ours, "/cached")}
    times = asyncio.run(time_calls(calls, rounds))
    line = f"fastapi-cache2 {found}: {times['other']:.0f} us for a hit, ours {times['ours']:.1f} us"
    return line, Target("cached list of 1000, beside fastapi-cache2", times["other"] / times["ours"], 100.0, None)


def main() -> int:
    """Measure and print. Returns the exit code: 1 if an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each case (default: 15)")
    parser.add_argument("--server", action="store_true", help="measure with uvicorn too")
    parser.add_argument("--chart", metavar="FILE", help="write a chart of the table as SVG")
    options = parser.parse_args()
    names = ("fastapi", "starlette", "pydantic", "pydantic-core")
    print(f"python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in names))
    rows, targets = in_process(options.rounds)
    print(f"\n{'CPU time per request, in process':36}{'FastAPI us':>12}{'ours us':>12}{'ratio':>9}")
    for label, stock, ours in rows:
        print(f"{label:36}{stock:12,.1f}{ours:12,.1f}{stock / ours:9.2f}")
    compared = beside_fastapi_cache(options.rounds)
    if compared is not None:
        print(f"\n{compared[0]}")
        targets.append(compared[1])
    if options.server:
        lines, found = import_module("_web_server").measure()
        print("\n" + "\n".join(lines))
        targets += found
    print()
    for target in targets:
        print(target)
    if options.chart:
        import_module("_web_chart").write(options.chart, rows)
    return 0 if all(target.ratio >= target.least for target in targets) else 1


if __name__ == "__main__":
    sys.exit(main())

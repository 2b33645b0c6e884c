"""``make example``: start the shop, with the library and without, load both, show the difference, stop everything."""

from __future__ import annotations

import argparse
import asyncio
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from load import CONNECTIONS, Result, Route, measure
from servers import running

# The chart of `pydantic-serialization demo`: private to the package, and an example of the package's own may use it.
from pydantic_serialization.cli._chart import BLUE, SERIES, Bar, Group, Panel, draw

if TYPE_CHECKING:
    from collections.abc import Sequence

GREY = SERIES[0]
NAMES = ("FastAPI", "library")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run it.

    Args:
        arguments: Of the command line; those of this process if ``None``.
    """
    parser = argparse.ArgumentParser(prog="make example", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.5, help="for each route and service (default: 1.5)")
    parser.add_argument("--chart", type=Path, default=Path("example.svg"), help="file of the chart")
    parser.add_argument("--serve", action="store_true", help="start the shop, and leave it running until Ctrl-C")
    options = parser.parse_args(arguments)
    print("PostgreSQL, Redis, the worker and two services are starting on 127.0.0.1 ...", flush=True)
    with running() as shop:
        if options.serve:
            serve(shop.service.address)
            return
        table = asyncio.run(measure([shop.stock, shop.service], options.seconds))
    print_table(table)
    options.chart.write_text(chart(table), encoding="utf-8")
    print(f"\nchart: {options.chart}")


def serve(address: str) -> None:
    """Wait for Ctrl-C."""
    print(f"the shop: {address}/docs   (Ctrl-C stops it)")
    try:
        asyncio.run(asyncio.Event().wait())
    except KeyboardInterrupt:
        print("stopping ...")


def print_table(table: Sequence[tuple[Route, list[Result]]]) -> None:
    """Print requests per second, and how long the answers took."""
    print(f"\n{'':20}{'requests per second':>28}{'CPU ms per request':>28}{'p50 / p99 in ms':>34}")
    sides = f"{NAMES[0]:>10}{NAMES[1]:>10}{'':8}"
    print(f"{'route':20}{sides}{sides}{NAMES[0]:>16}{NAMES[1]:>18}")
    for route, (stock, ours) in table:
        more, less = (f"{times:.1f} x" for times in gains(stock, ours))
        rates = f"{stock.rate:10,.0f}{ours.rate:10,.0f}{more:>8}"
        cpu = f"{stock.cpu:10.2f}{ours.cpu:10.2f}{less:>8}"
        waits = [f"{one.percentile(0.5):.1f} / {one.percentile(0.99):.1f}" for one in (stock, ours)]
        print(f"{route.name:20}{rates}{cpu}{waits[0]:>16}{waits[1]:>18}")


def gains(stock: Result, ours: Result) -> tuple[float, float]:
    """Return how many times as many requests per second, and per second of CPU time."""
    return ours.rate / stock.rate, stock.cpu / ours.cpu if ours.cpu else float("nan")


def chart(table: Sequence[tuple[Route, list[Result]]]) -> str:
    """Return the table as an SVG document: as times FastAPI, for the figures of the routes differ too much."""
    rates, cpu = [], []
    for route, (stock, ours) in table:
        more, less = gains(stock, ours)
        rates.append(pair(route.name, more, f"{stock.rate:,.0f}/s", f"{ours.rate:,.0f}/s"))
        cpu.append(pair(route.name, less, f"{stock.cpu:.2f} ms", f"{ours.cpu:.2f} ms"))
    note = f'FastAPI = 1, longer is better; {CONNECTIONS} connections, "cached" on one side only'
    legend = tuple(zip(NAMES, (GREY, BLUE), strict=True))
    panels = [Panel("Requests per second", note, legend, tuple(rates), mark=1.0)]
    if all(result.cpu for _, results in table for result in results):
        panels.append(Panel("Requests per second of CPU time of the service", note, legend, tuple(cpu), mark=1.0))
    made_of = ", ".join(f"{name} {version(name)}" for name in ("fastapi", "pydantic", "sqlalchemy", "uvicorn"))
    return draw("The same shop, twice", "make example", panels, f"Python {platform.python_version()}, {made_of}")


def pair(name: str, gain: float, stock: str, ours: str) -> Group:
    """Return two bars, that of FastAPI as the unit."""
    return Group(name, (Bar(1.0, stock, GREY), Bar(gain, f"{ours} ({gain:.1f} x)", BLUE)))


if __name__ == "__main__":
    main()

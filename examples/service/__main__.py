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
NAMES = ("FastAPI", "with the library")


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
    with running(stock=True) as shop:
        if options.serve:
            serve(shop.service)
            return
        table = asyncio.run(measure([shop.stock or "", shop.service], options.seconds))
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
    print(f"\n{'':22}{'requests per second':>32}{'':6}{'p50 / p99, milliseconds':>34}")
    print(f"{'route':22}{NAMES[0]:>12}{NAMES[1]:>20}{'':6}{NAMES[0]:>16}{NAMES[1]:>18}")
    for route, (stock, ours) in table:
        waits = [f"{one.percentile(0.5):.1f} / {one.percentile(0.99):.1f}" for one in (stock, ours)]
        ratio = f"{ours.rate / stock.rate:.1f} x"
        print(f"{route.name:22}{stock.rate:12,.0f}{ours.rate:12,.0f}{ratio:>8}{'':6}{waits[0]:>16}{waits[1]:>18}")


def chart(table: Sequence[tuple[Route, list[Result]]]) -> str:
    """Return the table as an SVG document: as times FastAPI, for rates differ too much between routes."""
    groups = []
    for route, (stock, ours) in table:
        ratio = ours.rate / stock.rate
        groups.append(
            Group(
                route.name,
                (
                    Bar(1.0, f"{stock.rate:,.0f}/s", GREY),
                    Bar(ratio, f"{ours.rate:,.0f}/s ({ratio:.1f} x)", BLUE),
                ),
            )
        )
    title = "Requests per second, FastAPI = 1; longer is better"
    unit = f"{CONNECTIONS} connections; the first two are cached in Redis and in the process, the others ask PostgreSQL"
    panel = Panel(title, unit, tuple(zip(NAMES, (GREY, BLUE), strict=True)), tuple(groups), mark=1.0)
    made_of = ", ".join(f"{name} {version(name)}" for name in ("fastapi", "pydantic", "sqlalchemy", "uvicorn"))
    return draw("The same shop, twice", "make example", (panel,), f"Python {platform.python_version()}, {made_of}")


if __name__ == "__main__":
    main()

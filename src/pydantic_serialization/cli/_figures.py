"""The chart of a benchmark: how fast each format is, and how large, beside Pydantic's own JSON."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from pydantic_serialization._optional import available, require
from pydantic_serialization.bulk import atomic_output
from pydantic_serialization.cli import _numbers as numbers
from pydantic_serialization.cli._chart import BLUE, ORANGE, SERIES, Bar, Group, Panel, draw
from pydantic_serialization.cli._console import CommandError

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_serialization.benchmark import BenchmarkReport

_PNG_WIDTH = 1840
_SECONDS_TO_DRAW = 60


def check_plot(path: Path | None) -> None:
    """Find out before the work begins whether the chart can be written.

    Raises:
        CommandError: the suffix is neither .svg nor .png, or nothing is installed that makes a PNG.
    """
    if path is None:
        return
    if path.suffix.lower() not in {".svg", ".png"}:
        message = f"--plot writes .svg and .png, not {path.name!r}"
        raise CommandError(message)
    if path.suffix.lower() == ".png" and not available("cairosvg") and shutil.which("rsvg-convert") is None:
        message = (
            "a PNG chart needs cairosvg (pip install cairosvg) or rsvg-convert (Debian: apt install librsvg2-bin); "
            f"{path.with_suffix('.svg')} needs neither"
        )
        raise CommandError(message)


def write_chart(path: Path, svg: str) -> None:
    """Write a chart as the file's suffix says, once :func:`check_plot` has accepted it.

    Raises:
        CommandError: the program that turns SVG into PNG failed.
        OSError: the file cannot be written.
    """
    content = svg.encode() if path.suffix.lower() == ".svg" else _as_png(svg)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_output(path) as stream:
        stream.write(content)


def draw_benchmark(report: BenchmarkReport, what: str) -> str:
    """Return the chart of ``report`` as SVG.

    Args:
        report: The figures.
        what: What was measured, for the title.
    """
    environment = report["environment"]
    footer = (
        f"pydantic-serialization {environment['package']} ({environment['backend']}), "
        f"Python {environment['python']}, Pydantic {environment['pydantic']}, {environment['platform']}, "
        f"{environment['cpu_count']} CPUs"
    )
    sizes = report["model_sizes"]
    subtitle = f"{report['models']:,} models, {numbers.size(sizes['median'])} of JSON each (median)"
    panels = [_speed_panel(report)]
    if report["sizes"]:
        panels.append(_size_panel(report["sizes"]))
    return draw(what, subtitle, panels, footer)


def _speed_panel(report: BenchmarkReport) -> Panel:
    groups = []
    for name, found in report["formats"].items():
        if found["error"] is not None and not found["throughput"]:
            continue
        write, read = found["speed_to_json"], found["read_speed_to_json"]
        bars = (
            Bar(write, _speed_label(write, found["throughput"]), BLUE),
            Bar(read, _speed_label(read, found["read_throughput"]), ORANGE),
        )
        groups.append(Group(name, bars))
    return Panel(
        title="Speed",
        unit="multiple of Pydantic's own JSON (dashed line) and models per second; longer is better",
        legend=(("write", BLUE), ("read and validate", ORANGE)),
        groups=tuple(groups),
        mark=1.0,
    )


def _speed_label(factor: float, throughput: float) -> str:
    return f"{numbers.times(factor)}  ({numbers.amount(throughput)}/s)" if factor else "cannot be read back"


def _size_panel(sizes: dict[str, dict[str, int]]) -> Panel:
    columns = list(next(iter(sizes.values())))
    colours = {column: SERIES[index % len(SERIES)] for index, column in enumerate(columns)}
    whole = next(iter(sizes.values()))["none"]
    together: dict[tuple[int, ...], list[str]] = {}
    for name, row in sizes.items():
        together.setdefault(tuple(row[column] for column in columns), []).append(name)
    groups = [
        Group(
            ", ".join(names),
            tuple(
                Bar(number / whole, f"{numbers.size(number)}  ({number / whole:.0%})", colours[column])
                for column, number in zip(columns, row, strict=True)
            ),
        )
        for row, names in together.items()
    ]
    legend = (("uncompressed" if column == "none" else column, colours[column]) for column in columns)
    return Panel(
        title="Size",
        unit="one document of many models, and its share of the uncompressed JSON; shorter is better",
        legend=tuple(legend),
        groups=tuple(groups),
        mark=1.0,
    )


def _as_png(svg: str) -> bytes:
    if available("cairosvg"):
        cairosvg: Any = require("cairosvg", extra="cli", purpose="a PNG chart")
        drawn: bytes = cairosvg.svg2png(bytestring=svg.encode(), output_width=_PNG_WIDTH)
        return drawn
    program = shutil.which("rsvg-convert") or "rsvg-convert"
    try:
        done = subprocess.run(  # noqa: S603  (a fixed program with fixed arguments; the chart goes through its input)
            [program, "--format=png", f"--width={_PNG_WIDTH}"],
            input=svg.encode(),
            capture_output=True,
            check=True,
            timeout=_SECONDS_TO_DRAW,
        )
    except (OSError, subprocess.SubprocessError) as error:
        message = f"rsvg-convert could not draw the chart ({type(error).__name__}); an .svg chart does not need it"
        raise CommandError(message) from error
    return done.stdout

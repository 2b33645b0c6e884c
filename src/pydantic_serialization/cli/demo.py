"""``demo``: everything the package does, over real data that is on every machine."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from pydantic_serialization.benchmark import BenchmarkReport, benchmark_serialization
from pydantic_serialization.bulk import atomic_output, read_records, write_records
from pydantic_serialization.cli import _numbers as numbers
from pydantic_serialization.cli._console import GATE_FAILED, CommandError, Terminal, command, fail, table
from pydantic_serialization.cli._figures import check_plot, draw_benchmark, write_chart
from pydantic_serialization.cli._models import load_model
from pydantic_serialization.cli._options import AppDir, AsJson, NoProgress, Quiet  # noqa: TC001  (typer reads them)
from pydantic_serialization.cli._round_trips import CacheEffect, RoundTrip, cache_effect, round_trip
from pydantic_serialization.cli._tables import batch_table, codec_table, format_tables, machine, not_equal
from pydantic_serialization.cli.demo_input import Release, installed_releases
from pydantic_serialization.codecs import available_codecs
from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.formats import available_formats
from pydantic_serialization.manager import OptimizedSerializationManager, create_serialization_manager
from pydantic_serialization.profiling import render_report, report_as_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.table import Table

_CHART = Path("demo/demo.svg")
_MOST_RELEASES, _MOST_RECORDS = 150, 5_000
_SUFFIXES = {"gzip": "gz", "zstd": "zst", "lz4": "lz4", "brotli": "br"}


@command
def demo(
    data: Annotated[Path | None, typer.Option(help="Your own records, with --model, in place of the demo's.")] = None,
    model: Annotated[str | None, typer.Option(help="Their model: module:Class or path/to/file.py:Class.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use at most this many records.")] = None,
    seconds: Annotated[float, typer.Option(min=0.01, help="How long to compare the formats.")] = 6.0,
    plot: Annotated[Path, typer.Option(help="Where the chart goes, .svg or .png.", metavar="FILE")] = _CHART,
    output: Annotated[
        Path | None,
        typer.Option(help="Also write the records, in every file format, and the report here.", metavar="DIR"),
    ] = None,
    app_dir: AppDir = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
) -> int:
    """Write and read real records in every format, with and without each codec and the cache, and show what it costs.

    The records are the metadata of the Python distributions that are installed here, or your own. Exits with 1 if
    anything that was read back does not equal what was written.
    """
    terminal = Terminal("demo", as_json=as_json, quiet=quiet, progress=not no_progress)
    check_plot(plot)
    with terminal.progress("reading metadata") as progress:
        models = _models(data, model, limit, app_dir)
        report = benchmark_serialization(
            models, seconds=seconds, progress=lambda share, doing: progress(0.05 + 0.6 * share, doing)
        )
        manager = create_serialization_manager()
        trips = _round_trips(manager, models, lambda share, doing: progress(0.65 + 0.3 * share, doing))
        effects = _cache_effects(manager, models)
    performance = manager.get_performance_report()
    write_chart(plot, draw_benchmark(report, _title(models)))
    files = _write_files(output, models, report) if output is not None else []
    wrong = _wrong(report, trips, effects)
    values = {
        "input": {"records": len(models), "models": report["model_classes"], "parts": _parts(models)},
        "benchmark": report,
        "round_trips": trips,
        "cache": effects,
        "performance": report_as_dict(performance),
        "chart": str(plot),
        "files": files,
        "wrong": wrong,
    }
    terminal.result(
        values,
        f"[bold]{escape(_title(models))}[/]: {escape(_parts(models))}",
        *format_tables(report),
        codec_table(report),
        _trip_table(trips),
        _cache_table(effects),
        batch_table(report),
        machine(report),
        f"\n[bold]Performance report of the manager that did the round trips[/]\n{escape(render_report(performance))}",
    )
    terminal.note(f"chart written to {plot}" + (f", {len(files)} files to {output}" if files else ""))
    for text in wrong:
        fail(text, "not equal")
    return GATE_FAILED if wrong else 0


def _models(data: Path | None, model: str | None, limit: int | None, app_dir: Path | None) -> list[Any]:
    if (data is None) != (model is None):
        message = "--data and --model belong together: give both, or neither for the demo's own records"
        raise CommandError(message)
    if data is None or model is None:
        return list(islice(installed_releases(), limit or _MOST_RELEASES))
    with read_records(data, load_model(model, app_dir)) as reader:
        models = list(islice(reader, limit or _MOST_RECORDS))
    if not models:
        message = f"{data} has no records"
        raise CommandError(message)
    return models


def _round_trips(
    manager: OptimizedSerializationManager, models: Sequence[Any], progress: Callable[[float, str], None]
) -> list[RoundTrip]:
    pairs = [(name, codec) for codec in (None, *available_codecs()) for name in available_formats()]
    trips = []
    for number, (name, codec) in enumerate(pairs):
        progress(number / len(pairs), f"{name} with {codec or 'no compression'}")
        trips.append(round_trip(manager, models, name, codec))
    return trips


def _cache_effects(manager: OptimizedSerializationManager, models: Sequence[Any]) -> list[CacheEffect]:
    manager.config.enable_compression = True
    manager.config.compression_codec = SerializationConfig().compression_codec
    effects = [cache_effect(manager, models, name) for name in available_formats()]
    return [effect for effect in effects if effect is not None]


def _wrong(report: BenchmarkReport, trips: Sequence[RoundTrip], effects: Sequence[CacheEffect]) -> list[str]:
    """Name everything that did not come back as it went."""
    formats = report["formats"].items()
    return [
        *(f"{name}: {not_equal(found)}" for name, found in formats if not found["equal"]),
        *(
            f"{trip['format']} with {trip['codec']}: {trip['error'] or 'differs'}"
            for trip in trips
            if not trip["equal"]
        ),
        *(f"{effect['format']}: the cache returned other bytes" for effect in effects if not effect["equal"]),
    ]


def _write_files(directory: Path, models: Sequence[Any], report: BenchmarkReport) -> list[str]:
    directory.mkdir(parents=True, exist_ok=True)
    codecs = [_SUFFIXES[codec] for codec in available_codecs() if codec in _SUFFIXES]
    names = ["records.jsonl", "records.json", "records.msgpack", *(f"records.jsonl.{suffix}" for suffix in codecs)]
    for name in names:
        write_records(directory / name, models)
    with atomic_output(directory / "benchmark.json") as stream:
        stream.write(json.dumps(report, indent=2).encode())
    return [str(directory / name) for name in (*names, "benchmark.json")]


def _title(models: Sequence[Any]) -> str:
    if all(isinstance(item, Release) for item in models):
        return f"Metadata of {len(models)} installed Python distributions"
    return f"{len(models):,} records of {', '.join(sorted({type(item).__name__ for item in models}))}"


def _parts(models: Sequence[Any]) -> str:
    """Return of how many nested records the demo's own input consists."""
    releases = [item for item in models if isinstance(item, Release)]
    if not releases:
        return f"{len(models):,} records"
    files, needs = sum(len(item.files) for item in releases), sum(len(item.requires) for item in releases)
    return f"{len(releases)} releases with {files:,} files and {needs:,} requirements, dates, lists and optional fields"


def _trip_table(trips: Sequence[RoundTrip]) -> Table:
    columns = ("format", "codec", "size", "write", "read", "equal")
    rows = [
        [
            trip["format"],
            trip["codec"],
            numbers.size(trip["size"]),
            f"{trip['write_seconds'] * 1e3:.1f} ms",
            f"{trip['read_seconds'] * 1e3:.1f} ms",
            "yes" if trip["equal"] else "NO",
        ]
        for trip in trips
    ]
    return table("Round trips of all records, one by one, through one manager", columns, rows, text_columns=2)


def _cache_table(effects: Sequence[CacheEffect]) -> Table:
    columns = ("format", "records", "first call", "repeated call", "speed-up", "equal")
    rows = [
        [
            effect["format"],
            f"{effect['models']:,}",
            f"{effect['first_seconds'] / effect['models'] * 1e6:.1f} us",
            f"{effect['repeated_seconds'] / effect['models'] * 1e6:.1f} us",
            numbers.times(effect["speed_up"], 1),
            "yes" if effect["equal"] else "NO",
        ]
        for effect in effects
    ]
    return table("Cache: writing with a cache_key, per record, compressed with gzip", columns, rows)

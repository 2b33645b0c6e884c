"""The tables of a benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from pydantic_serialization.benchmark.trials import YARDSTICK
from pydantic_serialization.cli import _numbers as numbers
from pydantic_serialization.cli._console import table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from pydantic_serialization.benchmark import BenchmarkReport
    from pydantic_serialization.benchmark.result import FormatResult

_SAME_CODE = "json", "orjson"
"""Formats that write and read models with one and the same code where there is no native core."""


def format_tables(report: BenchmarkReport) -> list[RenderableType]:
    """Return what each format does to the models, one by one: writing, reading, and below what went wrong."""
    formats = report["formats"]
    writing = ("format", "models/s", "vs JSON", "speed", "avg size", "vs JSON")
    reading = ("format", "models/s", "vs JSON", "speed", "equal")
    shown: list[RenderableType] = [
        table("Writing, each model its own document, uncompressed", writing, list(map(_writing_row, formats.items()))),
        table("Reading and validating them again", reading, list(map(_reading_row, formats.items()))),
    ]
    shown += [escape(f"{name}: {not_equal(found)}") for name, found in formats.items() if not found["equal"]]
    if report["environment"]["backend"] == "python" and all(name in formats for name in _SAME_CODE):
        shown.append(f"{' and '.join(_SAME_CODE)} run the same code here; differences between them are noise")
    return shown


def not_equal(found: FormatResult) -> str:
    """Return why models did not come back as they went, and what to do about it where that is known."""
    why = found["error"] or "what was read differs from what was written"
    return f"{why}; {found['advice']}" if found["advice"] is not None else why


def _writing_row(item: tuple[str, FormatResult]) -> list[str]:
    name, found = item
    return [
        name,
        numbers.amount(found["throughput"]),
        numbers.times(found["speed_to_json"]),
        numbers.rate(_divided(found["total_size"], found["duration"])),
        numbers.size(found["avg_size"]),
        f"{found['ratio_to_json']:.0%}" if found["ratio_to_json"] else "-",
    ]


def _reading_row(item: tuple[str, FormatResult]) -> list[str]:
    name, found = item
    return [
        name,
        numbers.amount(found["read_throughput"]),
        numbers.times(found["read_speed_to_json"]),
        numbers.rate(_divided(found["total_size"], found["read_duration"])),
        "yes" if found["equal"] else "NO",
    ]


def codec_table(report: BenchmarkReport) -> Table:
    """Return what each codec does to JSON at each level."""
    found = report["compression_levels"]
    columns = ("codec", "level", "size", "share", "ratio", "compress", "decompress")
    rows = [
        [
            item["codec"],
            item["level"],
            numbers.size(item["size"]),
            f"{item['size'] / item['payload_size']:.1%}",
            f"{item['ratio']:.2f}",
            numbers.rate(item["compress_throughput"]),
            numbers.rate(item["decompress_throughput"]),
        ]
        for item in found.values()
    ]
    payload = next(iter(found.values()))["payload_size"] if found else 0
    return table(f"Codecs, over {numbers.size(payload)} of JSON", columns, rows, text_columns=2)


def batch_table(report: BenchmarkReport) -> Table:
    """Return what the number of models in one document changes."""
    columns = ("models in a document", "size", "models written/s", "models read/s")
    rows = [
        [
            f"{batch['models']:,}",
            numbers.size(batch["size"]),
            numbers.amount(batch["throughput"]),
            numbers.amount(batch["read_throughput"]),
        ]
        for batch in report["model_sizes"]["batches"].values()
    ]
    return table("Batches, in the default format", columns, rows, text_columns=0)


def machine(report: BenchmarkReport) -> str:
    """Return one line on where the figures were taken."""
    where = report["environment"]
    return (
        f"{report['models']:,} models; Python {where['python']}, Pydantic {where['pydantic']}, backend "
        f"{where['backend']}, {where['cpu_count']} CPUs, load {where['load_average']:.1f}, "
        f"median rounds {_noise(report):.0%} above the shortest, "
        f"garbage collector {'on' if where['gc_enabled'] else 'off'}"
    )


def _noise(report: BenchmarkReport) -> float:
    """Return by how much the median rounds of JSON exceed the shortest: how busy the machine was."""
    found = report["formats"][YARDSTICK]
    shortest = found["duration"] + found["read_duration"]
    return _divided(found["median_duration"] + found["median_read_duration"], shortest) - 1 if shortest > 0 else 0.0


def _divided(number: float, seconds: float) -> float:
    return number / seconds if seconds > 0 else 0.0

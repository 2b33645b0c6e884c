"""The tables of a benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.benchmark import YARDSTICK
from pydantic_serialization.cli import _numbers as numbers
from pydantic_serialization.cli._console import table

if TYPE_CHECKING:
    from rich.table import Table

    from pydantic_serialization.benchmark import BenchmarkReport, FormatResult


def format_table(report: BenchmarkReport) -> Table:
    """Return what each format does to the models, one by one."""
    columns = ("format", "write/s", "vs JSON", "write", "read/s", "vs JSON", "read", "avg size", "vs JSON", "equal")
    rows = [_format_row(name, found) for name, found in report["formats"].items()]
    return table("Formats, each model its own document, uncompressed", columns, rows)


def _format_row(name: str, found: FormatResult) -> list[str]:
    equal = "no: " + found["error"] if found["error"] is not None else ("yes" if found["equal"] else "NO")
    return [
        name,
        numbers.amount(found["throughput"]),
        numbers.times(found["speed_to_json"]),
        numbers.rate(_divided(found["total_size"], found["duration"])),
        numbers.amount(found["read_throughput"]),
        numbers.times(found["read_speed_to_json"]),
        numbers.rate(_divided(found["total_size"], found["read_duration"])),
        numbers.size(found["avg_size"]),
        f"{found['ratio_to_json']:.0%}" if found["ratio_to_json"] else "-",
        equal,
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

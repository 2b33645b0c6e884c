"""``bench``: every format and codec over the user's own models."""

from __future__ import annotations

import dataclasses
import math
from itertools import islice
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel

from pydantic_serialization.benchmark import Benchmark
from pydantic_serialization.bulk import read_records
from pydantic_serialization.cli._console import GATE_FAILED, INTERRUPTED, CommandError, Terminal, command, fail
from pydantic_serialization.cli._figures import check_plot, draw_benchmark, write_chart
from pydantic_serialization.cli._models import load_model, load_object
from pydantic_serialization.cli._options import AppDir, AsJson, ModelPath, NoProgress, Plot, Quiet, names
from pydantic_serialization.cli._tables import batch_table, codec_table, format_tables, machine
from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.formats import get_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from pydantic_serialization.benchmark import BenchmarkReport


@command
def bench(
    model: ModelPath,
    data: Annotated[Path | None, typer.Option(help="Records of the model: .jsonl, .json or .msgpack.")] = None,
    factory: Annotated[
        str | None, typer.Option(help="module:function that returns models, in place of --data.", metavar="REFERENCE")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Measure at most this many models.")] = 10_000,
    formats: Annotated[str | None, typer.Option(help="Formats, separated by commas; all installed ones.")] = None,
    codecs: Annotated[str | None, typer.Option(help="Codecs, separated by commas; all installed ones.")] = None,
    seconds: Annotated[float, typer.Option(min=0.01, help="How long to measure.")] = 5.0,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            help="Exit with 1 if a format is slower: orjson=1.2 wants 1.2 times the speed of Pydantic's JSON when "
            "writing, orjson:read=1.2 when reading. May be given several times.",
            metavar="FORMAT[:read]=FACTOR",
        ),
    ] = None,
    plot: Plot = None,
    app_dir: AppDir = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
) -> int:
    """Measure every format and codec over your models: speed, size, and whether what is read equals what was written.

    Exits with 1 if it does not, or if a --fail-under is not met. Ctrl-C prints what was measured so far.
    """
    terminal = Terminal("bench", as_json=as_json, quiet=quiet, progress=not no_progress)
    check_plot(plot)
    gates = [_Gate.parse(text) for text in fail_under or ()]
    kind = load_model(model, app_dir)
    models = _models(kind, data, factory, app_dir, limit)
    if not models:
        message = f"{data or factory} has no records"
        raise CommandError(message)
    with terminal.progress("benchmark") as progress:
        benchmark = Benchmark(
            models, _settings(), formats=names(formats), codecs=names(codecs), seconds=seconds, progress=progress
        )
        _check_gates(gates, benchmark.formats)
        interrupted = _run(benchmark)
    report = benchmark.report()
    missed = [gate.verdict(report) for gate in gates if not gate.met(report)]
    shown: list[RenderableType] = format_tables(report)
    if report["compression_levels"]:
        shown.append(codec_table(report))
    if report["model_sizes"]["batches"]:
        shown.append(batch_table(report))
    terminal.result({**report, "missed": missed}, *shown, machine(report))
    if plot is not None:
        write_chart(plot, draw_benchmark(report, f"Formats for {', '.join(report['model_classes'])}"))
        terminal.note(f"chart written to {plot}")
    for verdict in missed:
        fail(verdict, "gate")
    if interrupted:
        terminal.note("interrupted: the figures are those taken so far")
        return INTERRUPTED
    equal = all(found["equal"] for found in report["formats"].values() if found["error"] is None)
    return 0 if equal and not missed else GATE_FAILED


class _Gate:
    """One ``--fail-under``."""

    def __init__(self, name: str, direction: str, factor: float) -> None:
        self.name = name
        self.direction = direction
        self.factor = factor

    @classmethod
    def parse(cls, text: str) -> _Gate:
        what, separator, factor = text.partition("=")
        name, _, direction = what.partition(":")
        try:
            number = float(factor)
        except ValueError:
            number = 0.0
        if not separator or not 0 < number < math.inf or direction not in {"", "write", "read"}:
            message = f"--fail-under takes FORMAT=FACTOR or FORMAT:read=FACTOR, such as orjson=1.2, not {text!r}"
            raise CommandError(message)
        return cls(get_format(name).name, direction or "write", number)

    def measured(self, report: BenchmarkReport) -> float:
        found = report["formats"][self.name]
        return found["speed_to_json"] if self.direction == "write" else found["read_speed_to_json"]

    def met(self, report: BenchmarkReport) -> bool:
        return self.measured(report) >= self.factor

    def verdict(self, report: BenchmarkReport) -> str:
        speed = self.measured(report)
        if not speed:
            why = report["formats"][self.name]["error"] or "it was not timed against JSON"
            return f"{self.name} {self.direction}: no figure to hold against {self.factor:g}: {why}"
        return f"{self.name} {self.direction}: {speed:.2f} times JSON's speed, under {self.factor:g}"


def _check_gates(gates: Sequence[_Gate], measured: Sequence[str]) -> None:
    for gate in gates:
        if gate.name not in measured:
            message = f"--fail-under {gate.name}: {gate.name} was not measured; add it to --formats"
            raise CommandError(message)


def _run(benchmark: Benchmark) -> bool:
    """Run the benchmark and say whether it was interrupted."""
    try:
        benchmark.run()
    except KeyboardInterrupt:
        return True
    return False


def _models(kind: Any, data: Path | None, factory: str | None, app_dir: Path | None, limit: int) -> list[Any]:
    if (data is None) == (factory is None):
        message = "bench needs models: give either --data FILE or --factory module:function"
        raise CommandError(message)
    if not isinstance(kind, type) or not (issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind)):
        message = f"bench measures models and dataclasses, and {kind!r} is neither"
        raise CommandError(message)
    if data is not None:
        with read_records(data, kind) as reader:
            return list(islice(reader, limit))
    made = load_object(factory or "", app_dir)()
    models = [made] if isinstance(made, BaseModel) else list(islice(made, limit))
    strangers = {type(model).__name__ for model in models if not isinstance(model, kind)}
    if strangers:
        message = f"{factory} returned {', '.join(sorted(strangers))}, not {kind.__name__}"
        raise CommandError(message)
    return models


def _settings() -> SerializationConfig:
    return SerializationConfig.from_env()

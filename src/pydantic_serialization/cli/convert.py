"""``convert``: a file of records into another format, one record at a time."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from pydantic_serialization.bulk import STANDARD_STREAM, OnError, RecordReader, RecordWriter, read_records
from pydantic_serialization.cli._console import GATE_FAILED, CommandError, Terminal, command, fail
from pydantic_serialization.cli._models import load_model
from pydantic_serialization.cli._options import AppDir, AsJson, NoProgress, Quiet  # noqa: TC001  (typer reads the annotations)
from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

_BETWEEN_UPDATES = 500
_QUARANTINE = "quarantine="
_SHOWN = 10


@command
def convert(
    source: Annotated[str, typer.Argument(help="File to read, - for standard input.", metavar="IN")],
    target: Annotated[str, typer.Argument(help="File to write, - for standard output.", metavar="OUT")],
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Validate records as this model; plain data without it.")
    ] = None,
    source_format: Annotated[str | None, typer.Option("--from", help="jsonl, json or msgpack; by the suffix.")] = None,
    target_format: Annotated[str | None, typer.Option("--to", help="jsonl, json or msgpack; by the suffix.")] = None,
    compress: Annotated[
        str | None,
        typer.Option(help="Codec of OUT: zstd, zstd:19, gzip:fast, none; by the suffix.", metavar="CODEC[:LEVEL]"),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="For msgpack: write arrays of this many records, not single documents.")
    ] = None,
    on_error: Annotated[
        str, typer.Option(help="What a bad record does: fail, skip, or quarantine=FILE.", metavar="POLICY")
    ] = "fail",
    app_dir: AppDir = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    no_progress: NoProgress = False,
) -> int:
    """Convert a file of records: JSON lines, JSON, MessagePack, each plain or compressed, in constant memory.

    OUT appears when it is complete, and stays as it was if anything fails. Exits with 1 if records were skipped or set
    aside.
    """
    terminal = Terminal("convert", as_json=as_json, quiet=quiet, progress=not no_progress)
    policy, quarantine = _policy(on_error)
    _check_paths(source, target, quarantine)
    kind = load_model(model, app_dir) if model is not None else None
    config = SerializationConfig.from_env()
    with (
        read_records(
            source, kind, format=source_format, on_error=policy, quarantine=quarantine, config=config
        ) as reader,
        RecordWriter(target, kind, format=target_format, compress=compress, batch=batch, config=config) as writer,
        terminal.progress("converting") as progress,
    ):
        try:
            _copy(reader, writer, _progress(source, progress))
        except (DecodeError, ValidationError) as error:
            if policy == "raise" and _is_of_one_record(error):
                error.add_note("--on-error skip, or quarantine=FILE, goes on behind bad records")
            raise
    for problem in reader.problems[:_SHOWN]:
        fail(str(problem), "bad")
    if reader.bad > _SHOWN:
        fail(f"and {reader.bad - _SHOWN:,} more", "bad")
    _summarize(terminal, target, reader, writer, quarantine)
    return GATE_FAILED if reader.bad else 0


def _is_of_one_record(error: DecodeError | ValidationError) -> bool:
    """Say whether the records behind it can be read; it is not so where the file itself is damaged."""
    return isinstance(error, ValidationError) or bool(error.path and str(error.path[0]).startswith("record "))


def _copy(reader: RecordReader[Any], writer: RecordWriter, update: Callable[[RecordReader[Any]], None]) -> None:
    write = writer.write
    for number, record in enumerate(reader):
        write(record)
        if number % _BETWEEN_UPDATES == 0:
            update(reader)


def _progress(source: str, progress: Callable[[float, str], None]) -> Callable[[RecordReader[Any]], None]:
    path = Path(source)
    total = path.stat().st_size if source != STANDARD_STREAM and path.is_file() else 0

    def update(reader: RecordReader[Any]) -> None:
        progress(reader.consumed / total if total else 0.0, f"{reader.good:,} records")

    return update


def _policy(text: str) -> tuple[OnError, str | None]:
    if text == "fail":
        return "raise", None
    if text == "skip":
        return "skip", None
    if text.startswith(_QUARANTINE) and len(text) > len(_QUARANTINE):
        return "collect", text.removeprefix(_QUARANTINE)
    message = f"--on-error takes fail, skip or quarantine=FILE, not {text!r}"
    raise CommandError(message)


def _check_paths(source: str, target: str, quarantine: str | None) -> None:
    _check_output(target)
    if quarantine is None:
        return
    if quarantine == STANDARD_STREAM or Path(quarantine).resolve() in {Path(source).resolve(), Path(target).resolve()}:
        message = f"the quarantine needs a file of its own, not {quarantine}"
        raise CommandError(message)
    _check_output(quarantine)


def _check_output(target: str) -> None:
    """Refuse a target that cannot be created, by its own name: what fails later is the temporary file beside it."""
    path = Path(target).resolve()
    if target == STANDARD_STREAM or (path.exists() and not path.is_file()):  # a device or pipe is written to directly
        return
    if not path.parent.is_dir():
        message = f"{target}: there is no directory {path.parent}"
        raise CommandError(message)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        message = f"{target}: no permission to create files in {path.parent}"
        raise CommandError(message)


def _summarize(
    terminal: Terminal, target: str, reader: RecordReader[Any], writer: RecordWriter, quarantine: str | None
) -> None:
    values = {
        "written": writer.count,
        "bad": reader.bad,
        "problems": [dataclasses.asdict(problem) for problem in reader.problems],
        "quarantine": quarantine if reader.bad else None,
        "from": reader.format,
        "to": writer.format,
        "bytes_read": reader.consumed,
    }
    if terminal.as_json:
        # Standard output belongs to the records where they go there.
        terminal.json(values, sys.stderr if target == STANDARD_STREAM else sys.stdout)
        return
    aside = f", set aside in {quarantine}" if quarantine is not None and reader.bad else ""
    bad = f"; {reader.bad:,} bad{aside or ', skipped'}" if reader.bad else ""
    terminal.note(f"{writer.count:,} records written to {target} ({reader.format} to {writer.format}){bad}")

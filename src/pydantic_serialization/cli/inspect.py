"""``inspect``: what a file is, found out without running or trusting anything in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from pydantic_serialization.bulk import STANDARD_STREAM, Content, describe_error, looks_like_pickle, open_content
from pydantic_serialization.cli._console import GATE_FAILED, CommandError, Terminal, command
from pydantic_serialization.cli._frame import frame_fields
from pydantic_serialization.cli._options import AsJson, Quiet  # noqa: TC001  (typer reads the annotations)
from pydantic_serialization.errors import DecodeError
from pydantic_serialization.frame import CodecId

_PICKLES = frozenset({".pickle", ".pkl", ".p"})
_DEPTH = 4
_UNCOMPRESSED = CodecId.NONE.name.lower()
_PICKLE = (
    "this is a pickle, and it is not opened: reading one can run any code that its writer put into it. In your own "
    "code, deserialize_sync(data, Model, 'pickle') rebuilds only the classes of one model"
)


@command
def inspect(
    file: Annotated[str, typer.Argument(help="File to look at, - for standard input.", metavar="FILE")],
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show the first record, not only its shape.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Show what a file is: container, codec, format, sizes, number of records, shape of the first one.

    Reads in constant memory; never unpickles, never opens a sealed frame. Exits with 1 if the file is damaged.
    """
    terminal = Terminal("inspect", as_json=as_json, quiet=quiet)
    if file != STANDARD_STREAM and Path(file).suffix.lower() in _PICKLES:
        raise CommandError(_PICKLE)
    with open_content(file) as content:
        head = content.head
        frame = frame_fields(head)
        if looks_like_pickle(head) or looks_like_pickle(content.peek()):
            raise CommandError(_PICKLE)
        found = _sealed(frame, content) if frame is not None else _open(content, show_values)
    values = {"file": file, **found}
    terminal.result(values, *_lines(values))
    return GATE_FAILED if found["damage"] else 0


def _sealed(frame: dict[str, Any], content: Content) -> dict[str, Any]:
    content.drain()
    codec = frame.get("codec")
    return _found(
        container="sealed frame",
        codec=None if codec == _UNCOMPRESSED else codec,
        format=frame.get("format"),
        frame=frame,
        size=content.consumed,
    )


def _open(content: Content, show_values: bool) -> dict[str, Any]:
    found = _found(container="plain" if content.codec is None else "compressed", codec=content.codec)
    try:
        found["format"] = content.format()
        if found["format"] is None:
            content.drain()
        else:
            _count(content, found, show_values)
    except DecodeError as error:
        found["damage"] = describe_error(error)
    found["size"], found["size_decompressed"] = content.consumed, content.position
    found["ratio"] = round(content.position / content.consumed, 3) if content.consumed else None
    return found


def _count(content: Content, found: dict[str, Any], show_values: bool) -> None:
    read = content.reader()
    found["records"] = 0
    for record in content.records():
        found["records"] += 1
        if record.number > 1:
            continue
        try:
            first = read(record.data)
        except DecodeError as error:
            found["damage"] = f"record 1: {describe_error(error)}"
            continue
        found["shape"] = _shape(first, _DEPTH)
        if show_values:
            found["first_record"] = first


def _found(**known: Any) -> dict[str, Any]:
    """Return all keys of the result, so that the JSON has the same ones for every file."""
    keys = ("container", "codec", "format", "size", "size_decompressed", "ratio", "records", "frame", "shape")
    return {**dict.fromkeys(keys), "first_record": None, "damage": None, **known}


def _shape(value: Any, depth: int) -> Any:
    """Return keys and types, no values; of a list the shape of its first item."""
    if isinstance(value, dict):
        return {key: _shape(item, depth - 1) for key, item in value.items()} if depth else "object"
    if isinstance(value, list):
        return [_shape(value[0], depth - 1)] if value and depth else "array"
    if value is None:
        return "null"
    return {bool: "boolean", int: "integer", float: "number", str: "string", bytes: "binary"}.get(
        type(value), type(value).__name__
    )


def _lines(values: dict[str, Any]) -> list[str]:
    lines = []
    named = values if values["format"] is not None else {**values, "format": "none that is known here"}
    for key, value in named.items():
        if value is None or key in {"shape", "first_record", "frame"}:
            continue
        shown = f"{value:,} bytes" if key.startswith("size") else f"{value:,}" if key == "records" else str(value)
        lines.append(f"[bold]{key.replace('_', ' ')}:[/] {escape(shown)}")
    for key in ("frame", "shape", "first_record"):
        if values[key] is not None:
            text = json.dumps(values[key], indent=2, ensure_ascii=False, default=str)
            lines.append(f"[bold]{key.replace('_', ' ')}:[/] {escape(text)}")
    return lines

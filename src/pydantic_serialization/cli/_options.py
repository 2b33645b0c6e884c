"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

AsJson: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print the result as JSON, in a stable schema. Errors stay text on standard error, and then standard "
        "output stays empty.",
    ),
]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the result.")]
NoProgress: TypeAlias = Annotated[bool, typer.Option("--no-progress", help="Show no progress.")]
AppDir: TypeAlias = Annotated[
    Path | None,
    typer.Option("--app-dir", "-C", help="Directory to import models from; the current one by default.", metavar="DIR"),
]
ModelPath: TypeAlias = Annotated[
    str,
    typer.Argument(help="The model: module:Class or path/to/file.py:Class. Its module is imported.", metavar="MODEL"),
]
Plot: TypeAlias = Annotated[
    Path | None, typer.Option("--plot", help="Write a chart to this file, .svg or .png.", metavar="FILE")
]


def names(text: str | None) -> list[str] | None:
    """Return the names in ``"a,b"``; ``None`` for ``None``."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]

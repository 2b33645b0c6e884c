"""``report``: a saved performance report, as text."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003  (typer reads the annotations)
from typing import Annotated, Any

import typer
from rich.markup import escape

from pydantic_serialization.cli._console import CommandError, Terminal, command
from pydantic_serialization.cli._options import AsJson, Quiet  # noqa: TC001  (typer reads the annotations)
from pydantic_serialization.profiling import render_report

_NEEDED = ("summary", "operations", "recommendations", "notes", "rules")


@command
def report(
    stats: Annotated[
        Path, typer.Argument(help="JSON file with what get_performance_report() returned.", metavar="FILE")
    ],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Show a saved performance report with its recommendations."""
    terminal = Terminal("report", as_json=as_json, quiet=quiet)
    found = _load(stats)
    terminal.result({"report": found}, escape(_rendered(found, stats)).rstrip())
    return 0


def _load(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        message = f"{path} is not JSON: {error}"
        raise CommandError(message) from error
    missing = [key for key in _NEEDED if not isinstance(found, dict) or key not in found]
    if missing:
        message = (
            f"{path} is no performance report: it has no {', '.join(missing)}; save get_performance_report() as JSON"
        )
        raise CommandError(message)
    return dict(found)


def _rendered(found: dict[str, Any], path: Path) -> str:
    try:
        return render_report(found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"{path} is no performance report of this version ({type(error).__name__})"
        raise CommandError(message) from error

"""The commands, wired together."""

from __future__ import annotations

from typing import Annotated

import typer

from pydantic_serialization.benchmark.environment import package_version
from pydantic_serialization.cli._options import AppDir  # noqa: TC001  (typer reads the annotations)
from pydantic_serialization.cli.bench import bench
from pydantic_serialization.cli.convert import convert
from pydantic_serialization.cli.demo import demo
from pydantic_serialization.cli.doctor import doctor
from pydantic_serialization.cli.explain import explain
from pydantic_serialization.cli.inspect import inspect
from pydantic_serialization.cli.report import report

PROGRAM = "pydantic-serialization"
_IMPORTING = ("bench", "convert", "explain", "demo")
"""Commands that import models."""

app = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # paragraphs of docstrings are wrapped anew
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {package_version()}")
        raise typer.Exit


@app.callback()
def _commands(
    context: typer.Context,
    app_dir: AppDir = None,
    version: Annotated[  # noqa: ARG001  (its callback does the work)
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Every common format for the Pydantic models you already have.

    Exit codes: 0 all is well, 1 a gate failed or something was found, 2 usage or input, 130 interrupted.
    """
    # As a default, so that the option of a command itself wins.
    context.default_map = {name: {"app_dir": app_dir} for name in _IMPORTING} if app_dir is not None else {}


for _command in (bench, convert, inspect, explain, doctor, report, demo):
    app.command()(_command)


def run() -> None:
    """Run the command line with the arguments of the process."""
    app(prog_name=PROGRAM)

"""The commands, wired together."""

from __future__ import annotations

from typing import Annotated

import typer

from pydantic_serialization.benchmark import package_version
from pydantic_serialization.cli.bench import bench
from pydantic_serialization.cli.convert import convert
from pydantic_serialization.cli.demo import demo
from pydantic_serialization.cli.doctor import doctor
from pydantic_serialization.cli.explain import explain
from pydantic_serialization.cli.inspect import inspect
from pydantic_serialization.cli.report import report

PROGRAM = "pydantic-serialization"

app = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {package_version()}")
        raise typer.Exit


@app.callback()
def _commands(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Every common format for the Pydantic models you already have.

    Exit codes: 0 all is well, 1 a gate failed or something was found, 2 usage or input, 130 interrupted.
    """


for _command in (bench, convert, inspect, explain, doctor, report, demo):
    app.command()(_command)


def run() -> None:
    """Run the command line with the arguments of the process."""
    app(prog_name=PROGRAM)

"""What every command shares: where its words go, and with which code it ends.

Results go to standard output, everything else to standard error. Codes: 0 all is well, 1 a gate failed or something was
found, 2 usage or input, 130 interrupted. A reader that closes the pipe ends the command in silence.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from typing import IO, TYPE_CHECKING, Any, ParamSpec

import typer
from pydantic import ValidationError
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from pydantic_serialization.bulk import describe_error
from pydantic_serialization.errors import SerializationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Parameters = ParamSpec("Parameters")

SCHEMA_VERSION = 1
"""Of the JSON that commands print; raised when a key changes its meaning."""
GATE_FAILED = 1
USAGE_ERROR = 2
INTERRUPTED = 130
_WIDE = 200


class CommandError(Exception):
    """A mistake of the caller that the command names: usage or input."""


class Terminal:
    """Where one command writes.

    Args:
        command: Its name, for JSON.
        as_json: Print the result as one JSON document.
        quiet: Print nothing but the result.
        progress: Show progress, where standard error is a terminal.
    """

    def __init__(self, command: str, *, as_json: bool = False, quiet: bool = False, progress: bool = True) -> None:
        self.as_json = as_json
        self._command = command
        self._quiet = quiet
        self._err = _console(sys.stderr)
        self._out = _console(sys.stdout)
        self._shows_progress = progress and not quiet and self._err.is_terminal

    def result(self, values: Mapping[str, Any], *shown: RenderableType) -> None:
        """Print a result: ``values`` as JSON if that was asked for, else what is ``shown``."""
        if self.as_json:
            self.json(values, sys.stdout)
            return
        for item in shown:
            self._out.print(item, soft_wrap=isinstance(item, str), highlight=False)

    def json(self, values: Mapping[str, Any], stream: IO[str]) -> None:
        """Print ``values`` as one JSON document, with the name of the command and the version of the schema."""
        document = {"schema_version": SCHEMA_VERSION, "command": self._command, **values}
        stream.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")

    def note(self, text: str) -> None:
        """Print a line to standard error, unless the command is to be quiet."""
        if not self._quiet:
            self._err.print(escape(text), soft_wrap=True, highlight=False)

    @contextlib.contextmanager
    def progress(self, label: str) -> Iterator[Callable[[float, str], None]]:
        """Show progress on standard error during the block; yield what takes the share done (0 to 1) and a label."""
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=self._err,
            transient=True,
            disable=not self._shows_progress,
        )
        with bar:
            task = bar.add_task(escape(label), total=1.0)

            def update(share: float, doing: str) -> None:
                bar.update(task, completed=share, description=escape(doing))

            yield update


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, text_columns: int = 1) -> Table:
    """Return a table; all but the first ``text_columns`` columns are numbers and stand to the right."""
    shown = Table(title=escape(title), title_justify="left", title_style="bold", header_style="bold")
    for index, name in enumerate(columns):
        is_text = index < text_columns
        shown.add_column(escape(name), justify="left" if is_text else "right", overflow="fold", no_wrap=not is_text)
    for row in rows:
        shown.add_row(*map(escape, row))
    return shown


def command(function: Callable[Parameters, int | None]) -> Callable[Parameters, None]:
    """Return ``function`` as a command: its result is the exit code, and expected errors are one line, no traceback."""

    @functools.wraps(function)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            code = function(*args, **kwargs) or 0
            sys.stdout.flush()
        except BrokenPipeError:
            _forget_output()
            code = 0
        except KeyboardInterrupt:
            fail("interrupted")
            code = INTERRUPTED
        except (CommandError, SerializationError, ValidationError, OSError) as error:
            fail(describe_error(error) if isinstance(error, (SerializationError, ValidationError)) else _words(error))
            for note in getattr(error, "__notes__", ()):
                fail(note, "note")
            code = USAGE_ERROR
        if code:
            raise typer.Exit(code)

    return run


def fail(message: str, kind: str = "error") -> None:
    """Print an error to standard error."""
    _console(sys.stderr).print(f"[bold red]{kind}:[/] {escape(message)}", soft_wrap=True, highlight=False)


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _console(stream: IO[str]) -> Console:
    terminal = stream.isatty()
    # Rich assumes 80 columns where there is no terminal, and would break the tables in a file.
    return Console(file=stream, width=None if terminal else _WIDE, emoji=False)


def _forget_output() -> None:
    """Keep the interpreter from flushing into the closed pipe once more when it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""``doctor``: what is installed, what is configured, and what is wrong with it."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.markup import escape

from pydantic_serialization._optional import require
from pydantic_serialization._registry import did_you_mean
from pydantic_serialization.benchmark.environment import describe_environment
from pydantic_serialization.bulk import describe_error
from pydantic_serialization.cli._backend import backend_advice, backend_rows, describe_backend
from pydantic_serialization.cli._console import GATE_FAILED, Terminal, command, table
from pydantic_serialization.cli._extras import Extra, installed_extras
from pydantic_serialization.cli._options import AsJson, Quiet  # noqa: TC001  (typer reads the annotations)
from pydantic_serialization.codecs import available_codecs
from pydantic_serialization.config import ENV_PREFIX, SerializationConfig
from pydantic_serialization.errors import SerializationError
from pydantic_serialization.formats import available_formats
from pydantic_serialization.profiling import installed_engines

_LIBRARIES = ("pydantic", "pydantic-core", "pydantic-settings", "orjson", "ormsgpack")
_NOT_SETTINGS = ("NATIVE", "BUILD_NATIVE")
_ENV_FILE = ".env"


@command
def doctor(
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if there is a problem.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Show versions, extras, engines and settings, and what is wrong with them. Secrets are not shown."""
    terminal = Terminal("doctor", as_json=as_json, quiet=quiet)
    problems: list[str] = []
    variables = _variables(problems)
    extras = installed_extras()
    environment = describe_environment()
    found = {
        "environment": environment,
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "backend": describe_backend(problems),
        "gil": environment["gil"],
        "formats": list(available_formats()),
        "codecs": list(available_codecs()),
        "engines": list(installed_engines()),
        "extras": [extra.as_dict() for extra in extras],
        "variables": variables,
        "settings": _settings(problems),
        "temporary_directory": _temporary_directory(problems),
        "problems": problems,
    }
    terminal.result(found, *_shown(found, extras))
    return GATE_FAILED if strict and problems else 0


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _variables(problems: list[str]) -> list[dict[str, Any]]:
    """Return the variables with our prefix that are set, without the values of secrets."""
    known = (*(name.upper() for name in SerializationConfig.model_fields), *_NOT_SETTINGS)
    spellings = tuple(f"{ENV_PREFIX}{name}" for name in known)
    rows = []
    for source, values in (("environment", os.environ), (_ENV_FILE, _env_file())):
        for name in sorted(values):
            if not name.upper().startswith(ENV_PREFIX):
                continue
            row = {"name": name, "source": source, "known": name.upper() in spellings, "advice": None}
            if not row["known"]:
                row["advice"] = f"names no setting{did_you_mean(name.upper(), spellings)}"
                problems.append(f"{source}: {name} {row['advice']}")
            rows.append(row)
    return rows


def _env_file() -> dict[str, str | None]:
    dotenv: Any = require("dotenv", extra="all", purpose="reading .env files")
    values: dict[str, str | None] = dotenv.dotenv_values(_ENV_FILE)
    return values


def _settings(problems: list[str]) -> dict[str, dict[str, Any]]:
    """Return the settings that ``from_env()`` gives, and where each comes from; keys as their number."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # unknown variables are reported by name already
            config = SerializationConfig.from_env(env_file=_ENV_FILE)
    except (ValidationError, SerializationError) as error:
        problems.append(f"the settings in the environment cannot be used: {describe_error(error)}")
        return {}
    in_environment = {name.upper() for name in os.environ}
    in_file = {name.upper() for name in _env_file()}
    settings = {}
    for name, value in config.public().items():
        variable = f"{ENV_PREFIX}{name.upper()}"
        source = "environment" if variable in in_environment else _ENV_FILE if variable in in_file else "default"
        shown = f"{value} key(s)" if name == "signing_keys" and value else value
        settings[name] = {"value": shown, "source": source}
    return settings


def _temporary_directory(problems: list[str]) -> dict[str, Any]:
    where = tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile() as stream:
            stream.write(b"x")
    except OSError as error:
        problems.append(f"the temporary directory {where} cannot be written to: {error.strerror}")
        return {"path": where, "writable": False}
    return {"path": where, "writable": True}


def _shown(found: dict[str, Any], extras: list[Extra]) -> list[Any]:
    environment = found["environment"]
    versions = [[name, number or "missing"] for name, number in found["libraries"].items()]
    rows = [
        ["pydantic-serialization", environment["package"]],
        [environment["implementation"], environment["python"]],
        *versions,
        *backend_rows(found["backend"]),
        ["GIL", "on" if found["gil"] else "off (free-threaded)"],
        ["platform", f"{platform.system()} {platform.machine()}, {environment['cpu_count']} CPUs"],
        ["formats", ", ".join(found["formats"])],
        ["codecs", ", ".join(found["codecs"])],
        ["engines of codecs", ", ".join(found["engines"]) or "the standard library's"],
    ]
    # Paths, commands, values and messages are lines of their own: a cell would break them where they get pasted from.
    return [
        table("Installation", ("what", "value"), rows, text_columns=2),
        *_lines("", _places(found)),
        table("Extras", ("extra", "state"), [extra.row() for extra in extras], text_columns=2),
        *_lines("To install what is missing", [extra.pip_line for extra in extras if extra.missing]),
        *_lines("To have JSON written and read natively", backend_advice(found["backend"])),
        *_lines("Settings from the environment", _changed(found["settings"])),
        *(_lines("Problems", found["problems"]) or ["no problems"]),
    ]


def _places(found: dict[str, Any]) -> list[str]:
    core = found["backend"]["core_file"]
    places = [f"Python: {sys.executable}", f"temporary directory: {found['temporary_directory']['path']}"]
    return places if core is None else [*places, f"native core: {core}"]


def _changed(settings: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{name} = {item['value']} ({item['source']})" for name, item in settings.items() if item["source"] != "default"
    ]


def _lines(title: str, lines: list[str]) -> list[str]:
    """Return lines that are printed as they are, under a title."""
    if not lines:
        return []
    return [*([f"[bold]{title}[/]"] if title else []), *(f"  {escape(line)}" for line in lines)]

"""Survey the models of one installed distribution: the part of ``coverage.py`` that runs where the packages are.

    python benchmarks/_survey.py openai [--skip openai.cli]

Imports every module of the distribution, then compiles every Pydantic model that those modules define, in both
directions. Everything that is found out is one line of JSON at once, so that what a process that hangs had found before
is not lost: ``{"importing": …}`` and, where it went wrong, ``{"failed": …, "why": …}`` for each module; ``{"package":
…}`` once all are imported; ``{"name": …}`` for each model; ``{"done": true}``. Runs in a process of its own for each
distribution: importing hundreds of modules has side effects that must not meet.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import inspect
import io
import json
import os
import re
import signal
import socket
import sys
import time
import warnings
from importlib.metadata import Distribution, distribution
from typing import TYPE_CHECKING, Any

import pydantic
from pydantic import BaseModel

from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import NoReturn

SECONDS_A_MODULE = 20
SECONDS_OF_IMPORTS = 240
SECONDS_A_MODEL = 10
_SKIPPED = re.compile(r"(^|\.)(__main__|conftest|tests?|testing|_?vendor(ed)?|alembic|migrations?)(\.|$)")
_NAMES = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|<[^>]*>|\b\d+\b")
"""What makes one reason look like two: names and numbers of this or that model."""
_WORD = re.compile(r"\w+(?:\[[^\]]*\])?")


class OutOfTimeError(BaseException):
    """Not an ``Exception``: retry loops of other people's modules must not swallow it."""


def modules_of(dist: Distribution) -> list[str]:
    """Return the names of the modules that a distribution installed."""
    names = []
    for path in dist.files or ():
        if path.suffix != ".py" or ".." in path.parts:
            continue
        parts = [*path.parts[:-1], path.stem]
        if parts[-1] == "__init__":
            parts.pop()
        name = ".".join(parts)
        if parts and all(map(str.isidentifier, parts)) and not _SKIPPED.search(name):
            names.append(name)
    return sorted(names)


def leave_the_network() -> None:
    """Make every attempt to reach another machine fail at once: some modules look things up when they are imported."""

    def unreachable(*_arguments: object, **_options: object) -> NoReturn:
        message = "the survey has no network"
        raise OSError(message)

    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "create_connection"):
        setattr(socket, name, unreachable)
    socket.socket.connect = unreachable  # type: ignore[method-assign]
    socket.socket.connect_ex = unreachable  # type: ignore[method-assign]


@contextlib.contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise ``OutOfTimeError`` in the block once it has taken that long. A call into C code delays it."""

    def out_of_time(_signal: int, _frame: FrameType | None) -> None:
        raise OutOfTimeError

    before = signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def import_all(names: list[str]) -> Iterator[dict[str, Any]]:
    """Import modules. Yields what is about to be done, and what went wrong."""
    ends = time.monotonic() + SECONDS_OF_IMPORTS
    for name in names:
        if time.monotonic() > ends:
            yield {"failed": name, "why": f"the imports before it took {SECONDS_OF_IMPORTS} s"}
            continue
        yield {"importing": name}
        try:
            with time_limit(SECONDS_A_MODULE):
                importlib.import_module(name)
        except OutOfTimeError:
            yield {"failed": name, "why": f"takes longer than {SECONDS_A_MODULE} s"}
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (other people's modules raise anything)
            first = (str(error).strip().splitlines() or [""])[0]
            yield {"failed": name, "why": f"{type(error).__name__}: {first}"[:120]}


def subclasses() -> list[type[BaseModel]]:
    """Return all models of the process."""
    found: dict[int, type[BaseModel]] = {}
    rest = list(BaseModel.__subclasses__())
    while rest:
        cls = rest.pop()
        if id(cls) not in found:
            found[id(cls)] = cls
            rest += type.__subclasses__(cls)
    return list(found.values())


def models_of(names: list[str]) -> list[type[BaseModel]]:
    """Return the models that the modules define, in the order of their names; abstract ones have no instances."""
    wanted = set(names)
    chosen = [cls for cls in subclasses() if getattr(cls, "__module__", None) in wanted and not inspect.isabstract(cls)]
    return sorted(chosen, key=lambda cls: (cls.__module__, cls.__qualname__))


def is_complete(cls: type[BaseModel]) -> bool:
    """Say whether all names that a model refers to can be found, as its first use would."""
    if not cls.__pydantic_complete__:
        with contextlib.suppress(Exception, OutOfTimeError), time_limit(SECONDS_A_MODEL):
            cls.model_rebuild(raise_errors=False)
    return cls.__pydantic_complete__ is True


def survey(cls: type[BaseModel], names: frozenset[str]) -> dict[str, Any]:
    """Return what becomes of one model: for each direction its path, and the reasons that keep it from being native.

    Args:
        cls: The model.
        names: The names of all models; reasons that differ in these alone count as one.
    """
    row: dict[str, Any] = {"name": f"{cls.__module__}:{cls.__qualname__}"}
    started = time.perf_counter()
    for direction in ("encoding", "decoding"):
        try:
            with time_limit(SECONDS_A_MODEL):
                compiled = getattr(plan_for(cls), direction)
        except OutOfTimeError:
            row[direction] = {"path": "failed", "reasons": [f"compiling takes longer than {SECONDS_A_MODEL} s"]}
            continue
        except Exception as error:  # noqa: BLE001  (a compiler that fails is a finding, not the end of the survey)
            row[direction] = {"path": "failed", "reasons": [f"{type(error).__name__}: {error}"[:200]]}
            continue
        if compiled.program is None:
            path, reasons = "declined", [compiled.declined.reason if compiled.declined else "no reason given"]
        else:
            # Code of the user's own has to be called by whoever reads or writes the field.
            detours = [detour for fields in compiled.detours.values() for detour in fields.values()]
            path = "native" if all(detour.by_user for detour in detours) else "detours"
            reasons = [detour.reason for detour in detours if not detour.by_user]
        row[direction] = {"path": path, "reasons": sorted({without_names(reason, names) for reason in reasons})}
    row["seconds"] = time.perf_counter() - started
    return row


def without_names(reason: str, names: frozenset[str]) -> str:
    """Return a reason without what is this or that model's: quoted text, numbers, the names of models."""
    return _WORD.sub(lambda found: "…" if found[0] in names else found[0], _NAMES.sub("…", reason))


def survey_all(name: str, skipped: set[str]) -> Iterator[dict[str, Any]]:
    """Yield everything that is found out about one distribution."""
    dist = distribution(name)
    names = [module for module in modules_of(dist) if module not in skipped]
    yield from import_all(names)
    models = models_of(names)
    complete = [cls for cls in models if is_complete(cls)]
    known = frozenset(cls.__name__ for cls in subclasses())
    yield {
        "package": name,
        "version": dist.version,
        "pydantic": pydantic.VERSION,
        "modules": len(names),
        "incomplete": len(models) - len(complete),
        "complete": len(complete),
    }
    for cls in complete:
        yield survey(cls, known)
    yield {"done": True}


def main() -> None:
    """Print the survey of one distribution."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the distribution")
    parser.add_argument("--skip", action="append", default=[], help="a module that is not imported")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    leave_the_network()
    # What the modules print is no part of the document; some of them write to the descriptor itself.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdout = io.StringIO()
    for line in survey_all(options.name, set(options.skip)):
        print(json.dumps(line), file=out, flush=True)
    os._exit(0)  # threads that a package started must not keep the process


if __name__ == "__main__":
    main()

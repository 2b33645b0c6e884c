"""Survey the models of one installed distribution: the part of ``coverage.py`` that runs where the packages are.

    python benchmarks/_survey.py openai

Imports every module of the distribution, then compiles every Pydantic model that those modules define, in both
directions, and prints what became of each as one JSON document. Runs in a process of its own for each distribution:
importing hundreds of modules has side effects that must not meet.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import signal
import sys
import time
import warnings
from importlib.metadata import Distribution, distribution
from typing import TYPE_CHECKING, Any

import pydantic
from pydantic import BaseModel

from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from types import FrameType

SECONDS_A_MODULE = 20
SECONDS_OF_IMPORTS = 240
SECONDS_A_MODEL = 10
_SKIPPED = re.compile(r"(^|\.)(__main__|conftest|tests?|testing|_?vendor(ed)?|alembic|migrations?)(\.|$)")
_NAMES = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|<[^>]*>|\b\d+\b")
"""What makes one reason look like two: names and numbers of this or that model."""


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


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError


def import_all(names: list[str]) -> tuple[int, dict[str, int]]:
    """Import modules. Returns how many were, and how often which kind of error kept others from it."""
    imported, errors = 0, dict[str, int]()
    ends = time.monotonic() + SECONDS_OF_IMPORTS
    signal.signal(signal.SIGALRM, _too_long)
    for name in names:
        if time.monotonic() > ends:
            errors["out of time"] = errors.get("out of time", 0) + 1
            continue
        signal.alarm(SECONDS_A_MODULE)
        try:
            importlib.import_module(name)
            imported += 1
        except (Exception, SystemExit) as error:  # noqa: BLE001  (other people's modules raise anything)
            kind = type(error).__name__
            errors[kind] = errors.get(kind, 0) + 1
        finally:
            signal.alarm(0)
    return imported, errors


def models_of(names: list[str]) -> list[type[BaseModel]]:
    """Return the models that the modules define, in the order of their names."""
    found: dict[int, type[BaseModel]] = {}
    wanted, rest = set(names), list(BaseModel.__subclasses__())
    while rest:
        cls = rest.pop()
        if id(cls) not in found:
            found[id(cls)] = cls
            rest += type.__subclasses__(cls)
    chosen = [cls for cls in found.values() if getattr(cls, "__module__", None) in wanted]
    return sorted(chosen, key=lambda cls: (cls.__module__, cls.__qualname__))


def is_complete(cls: type[BaseModel]) -> bool:
    """Say whether all names that a model refers to can be found, as its first use would."""
    if not cls.__pydantic_complete__:
        with contextlib.suppress(Exception):
            cls.model_rebuild(raise_errors=False)
    return cls.__pydantic_complete__ is True


def survey(cls: type[BaseModel]) -> dict[str, Any]:
    """Return what becomes of one model: for each direction its class, and the reasons that keep it from being native."""
    row: dict[str, Any] = {"name": f"{cls.__module__}:{cls.__qualname__}"}
    started = time.perf_counter()
    for direction in ("encoding", "decoding"):
        signal.alarm(SECONDS_A_MODEL)
        try:
            compiled = getattr(plan_for(cls), direction)
        except TimeoutError:
            row[direction] = {"path": "failed", "reasons": [f"compiling takes longer than {SECONDS_A_MODEL} s"]}
            continue
        except Exception as error:  # noqa: BLE001  (a compiler that fails is a finding, not the end of the survey)
            row[direction] = {"path": "failed", "reasons": [f"{type(error).__name__}: {error}"[:200]]}
            continue
        finally:
            signal.alarm(0)
        if compiled.program is None:
            path, reasons = "declined", [compiled.declined.reason if compiled.declined else "no reason given"]
        else:
            # Code of the user's own has to be called by whoever reads or writes the field.
            detours = [detour for fields in compiled.detours.values() for detour in fields.values()]
            path = "native" if all(detour.by_user for detour in detours) else "detours"
            reasons = [detour.reason for detour in detours if not detour.by_user]
        row[direction] = {"path": path, "reasons": sorted({_NAMES.sub("…", reason) for reason in reasons})}
    row["seconds"] = time.perf_counter() - started
    return row


def main(name: str) -> None:
    """Print the survey of one distribution."""
    warnings.simplefilter("ignore")
    dist = distribution(name)
    names = modules_of(dist)
    out, sys.stdout = sys.stdout, io.StringIO()  # what the modules print is no part of the document
    imported, errors = import_all(names)
    models = models_of(names)
    complete = [cls for cls in models if is_complete(cls)]
    rows = [survey(cls) for cls in complete]
    sys.stdout = out
    document = {
        "package": name,
        "version": dist.version,
        "pydantic": pydantic.VERSION,
        "modules": imported,
        "import_errors": errors,
        "incomplete": len(models) - len(complete),
        "models": rows,
    }
    print(json.dumps(document), flush=True)
    os._exit(0)  # threads that a package started must not keep the process


if __name__ == "__main__":
    main(sys.argv[1])

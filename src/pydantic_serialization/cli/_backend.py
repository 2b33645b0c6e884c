"""What ``doctor`` says about the native core: which of the two runs, and what makes it run."""

from __future__ import annotations

from typing import Any, TypedDict

import pydantic_core

from pydantic_serialization import _native
from pydantic_serialization.plan import native

_DOES_IT = "writes and reads JSON, MessagePack and pickles of models"


class Backend(TypedDict):
    """What runs in this process.

    Attributes:
        name: ``"native"`` if the core is loaded, else ``"python"``.
        why: What the core does, or why it does not.
        core: Version of the core, ``None`` if there is none or it does not say.
        core_file: The file that it was loaded from.
        pydantic_core_known: It was compared with the pydantic-core that is installed; ``None`` if there is no core.
        advice: What makes it run; empty if it does.
    """

    name: str
    why: str
    core: str | None
    core_file: str | None
    pydantic_core_known: bool | None
    advice: str


def describe_backend(problems: list[str]) -> Backend:
    """Return what runs in this process. A core that is loaded for nothing is a problem."""
    loaded: Any = _native.core
    why, advice = native.why_not(), native.what_to_do()
    if loaded is not None and why:
        problems.append(f"{why}, so Pydantic does its work; {advice}")
    return Backend(
        name=_native.BACKEND,
        why=why or _DOES_IT,
        core=getattr(loaded, "__version__", None),
        core_file=getattr(loaded, "__file__", None),
        pydantic_core_known=None if loaded is None else not why,
        advice=advice,
    )


def backend_rows(backend: Backend) -> list[list[str]]:
    """Return the rows of the table of versions."""
    rows = [["backend", f"{backend['name']}: {backend['why']}"]]
    if backend["pydantic_core_known"] is not None:
        known = "known to it" if backend["pydantic_core_known"] else "not known to it"
        rows.append(
            ["native core", f"{backend['core'] or 'loaded'}, pydantic-core {pydantic_core.__version__} {known}"]
        )
    return rows


def backend_advice(backend: Backend) -> list[str]:
    """Return what makes the core run, as lines; none if it does."""
    return [backend["advice"]] if backend["advice"] else []

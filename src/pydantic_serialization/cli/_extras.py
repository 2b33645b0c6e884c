"""The extras of this distribution, as its own metadata states them, and which are installed."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from pydantic_serialization.cli._requirements import extra_of, parse_requirement

_DISTRIBUTION = "pydantic-serialization"
_OLDER_PYTHON = re.compile(r"""python_version\s*<\s*['"](\d+)\.(\d+)['"]""")


@dataclass
class Extra:
    """One extra: the distributions that it brings, with their versions or ``None``."""

    name: str
    libraries: dict[str, str | None] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The distributions that are not installed."""
        return [name for name, number in self.libraries.items() if number is None]

    @property
    def pip_line(self) -> str:
        """What installs it."""
        return f'pip install "{_DISTRIBUTION}[{self.name}]"'

    def as_dict(self) -> dict[str, Any]:
        """Return the extra as plain values."""
        install = self.pip_line if self.missing else None
        return {"name": self.name, "installed": not self.missing, "libraries": self.libraries, "install": install}

    def row(self) -> list[str]:
        """Return the extra as a row of a table."""
        if self.missing:
            return [self.name, f"missing: {', '.join(self.missing)}"]
        return [self.name, ", ".join(f"{name} {number}" for name, number in self.libraries.items())]


def installed_extras() -> list[Extra]:
    """Return every extra that brings something to this Python; those that only join others are left out."""
    found: dict[str, Extra] = {}
    for text in _requirements():
        parts = parse_requirement(text)
        name = extra_of(parts.marker) if parts is not None else None
        if parts is None or name is None or parts.name == _DISTRIBUTION or not _for_this_python(parts.marker):
            continue
        found.setdefault(name, Extra(name)).libraries[parts.name] = _installed(parts.name)
    return list(found.values())


def _requirements() -> list[str]:
    try:
        return requires(_DISTRIBUTION) or []
    except PackageNotFoundError:
        return []


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _for_this_python(marker: str) -> bool:
    found = _OLDER_PYTHON.search(marker)
    return found is None or sys.version_info[:2] < (int(found[1]), int(found[2]))

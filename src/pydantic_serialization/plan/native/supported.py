"""Which versions of Pydantic the native core speaks for.

The bytes that Pydantic writes depend on the version of pydantic-core: floats changed with 2.42, more changes in patch
releases. The core is used with the versions it was compared with, and only if Pydantic's own output, asked once, looks
as it did then; every other version does its work itself.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pydantic_core

from pydantic_serialization._native import WHAT_TO_DO, WHY_MISSING, core

if TYPE_CHECKING:
    from pydantic_serialization._native._protocol import Core

OLDEST = (2, 33)
"""pydantic-core of Pydantic 2.11."""
NEWEST = (2, 50)
"""pydantic-core of Pydantic 2.14."""


def version() -> tuple[int, ...]:
    """Return major and minor number of the pydantic-core that is installed."""
    return tuple(int(part) for part in pydantic_core.__version__.split(".")[:2] if part.isdigit())


@cache
def why_not() -> str:
    """Return why the native core is not used with this installation; empty if it is."""
    if core is None:
        return WHY_MISSING
    if not OLDEST <= version() <= NEWEST:
        return f"the native core has not been compared with pydantic-core {pydantic_core.__version__}"
    return ""


def what_to_do() -> str:
    """Return what makes the native core be used here; empty if it is."""
    if core is None:
        return WHAT_TO_DO
    known = " to ".join(".".join(map(str, number)) for number in (OLDEST, NEWEST))
    return f"take a pydantic-core from {known}, or a newer pydantic-serialization" if why_not() else ""


def core_for_json() -> Core | None:
    """Return the native core, or ``None`` where Pydantic has to do the work."""
    return None if why_not() else core


@cache
def float_exponent_sign() -> bool:
    """Say whether this version writes ``1e+16`` (2.42 and newer) rather than ``1e16``."""
    text: Any = pydantic_core.to_json(1e16)
    return bool(text == b"1e+16")

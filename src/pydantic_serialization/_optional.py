"""Import optional libraries, and name the exact install line when one is missing."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pydantic_serialization.errors import MissingDependencyError

if TYPE_CHECKING:
    from types import ModuleType


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import and return ``module``, which the extra ``extra`` installs.

    Args:
        module: Dotted name of the module.
        extra: Name of the extra of this distribution that brings it.
        purpose: What needs it, as the subject of the error's sentence: ``"the zstd codec"``.

    Raises:
        MissingDependencyError: The module is not installed. A module that is installed and broken raises its own error.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module != missing and not module.startswith(f"{missing}."):
            raise
        message = f'{purpose} needs {module!r}: pip install "pydantic-serialization[{extra}]"'
        raise MissingDependencyError(message) from error


def available(module: str) -> bool:
    """Say whether ``module`` can be found, without importing it (its parent packages are imported)."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False

"""The only door to the native core: says whether it is there, and which of the two runs.

``PYDANTIC_SERIALIZATION_NATIVE`` decides at run time: ``auto`` (the default) takes the core if it is installed,
``require`` fails without it, ``off`` leaves the work to Pydantic.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from pydantic_serialization.errors import ConfigurationError, MissingDependencyError

if TYPE_CHECKING:
    from types import ModuleType

_VARIABLE = "PYDANTIC_SERIALIZATION_NATIVE"
_MODULE = "pydantic_serialization._native._core"


def _load() -> ModuleType | None:
    wanted = os.environ.get(_VARIABLE, "auto").strip().lower()
    if wanted not in {"auto", "require", "off"}:
        message = f"{_VARIABLE} is {wanted!r}; it takes auto, require or off"
        raise ConfigurationError(message)
    if wanted == "off":
        return None
    try:
        return import_module(_MODULE)
    except ModuleNotFoundError as error:
        if error.name != _MODULE:  # a core that is there and broken must not be hidden
            raise
        if wanted == "require":
            message = f"{_VARIABLE} is 'require', but this installation has no native core"
            raise MissingDependencyError(message) from error
        return None


core: ModuleType | None = _load()
"""The native core, or ``None``."""

BACKEND: Literal["native", "python"] = "python" if core is None else "native"
"""Which of the two runs in this process."""

"""The only door to the native core: says whether it is there, and which of the two runs.

``PYDANTIC_SERIALIZATION_NATIVE`` decides at run time: ``auto`` (the default) takes the core if it is installed,
``require`` fails without it, ``off`` leaves the work to Pydantic.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from pydantic_serialization.errors import ConfigurationError, MissingDependencyError

if TYPE_CHECKING:
    from pydantic_serialization._native._protocol import Core

_VARIABLE = "PYDANTIC_SERIALIZATION_NATIVE"
_MODULE = "pydantic_serialization._native._core"


_INSTALL = (
    "install Rust (https://rustup.rs), then this package once more, from source; with "
    "PYDANTIC_SERIALIZATION_BUILD_NATIVE=require the installation says what is missing"
)


def _load() -> tuple[Core | None, str, str]:
    """Return the core; or ``None``, the reason, and what to do."""
    wanted = os.environ.get(_VARIABLE, "auto").strip().lower()
    if wanted not in {"auto", "require", "off"}:
        message = f"{_VARIABLE} is {wanted!r}; it takes auto, require or off"
        raise ConfigurationError(message)
    if wanted == "off":
        return None, f"the native core is switched off by {_VARIABLE}", f"unset {_VARIABLE}"
    try:
        found: Any = import_module(_MODULE)
    except ModuleNotFoundError as error:
        if error.name != _MODULE:  # a core that is there and broken must not be hidden
            raise
        if wanted == "require":
            message = f"{_VARIABLE} is 'require', but this installation has no native core; {_INSTALL}"
            raise MissingDependencyError(message) from error
        return None, "the native core is not installed", _INSTALL
    return found, "", ""


core, WHY_MISSING, WHAT_TO_DO = _load()
"""The native core, or ``None``, why it is not there, and what brings it."""

BACKEND: Literal["native", "python"] = "python" if core is None else "native"
"""Which of the two runs in this process."""

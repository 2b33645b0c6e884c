"""Where figures were taken: without it they mean nothing."""

from __future__ import annotations

import gc
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import pydantic
import pydantic_core

from pydantic_serialization._native import BACKEND
from pydantic_serialization.benchmark.result import Environment


def describe_environment() -> Environment:
    """Return versions and the state of the machine. Nothing that names a person or a host."""
    return Environment(
        package=package_version(),
        backend=BACKEND,
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        pydantic=pydantic.VERSION,
        pydantic_core=pydantic_core.__version__,
        platform=f"{platform.system()} {platform.machine()}",
        cpu_count=os.cpu_count() or 1,
        load_average=_load_average(),
        gil=gil_enabled(),
        gc_enabled=gc.isenabled(),
    )


def package_version() -> str:
    """Return the version of this distribution; ``"unknown"`` where it runs from a bare source tree."""
    try:
        return version("pydantic-serialization")
    except PackageNotFoundError:
        return "unknown"


def gil_enabled() -> bool:
    """Say whether threads of this interpreter exclude each other (PEP 703)."""
    asked = getattr(sys, "_is_gil_enabled", None)
    return True if asked is None else bool(asked())


def _load_average() -> float:
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0

"""Builds the native core where there is a Rust toolchain; everything else stands in pyproject.toml.

``PYDANTIC_SERIALIZATION_BUILD_NATIVE`` decides: ``auto`` (the default) builds the core if it can, ``require`` fails
without it, ``off`` leaves it out. A package without the core behaves the same: Pydantic does the work.
"""

import os

from setuptools import setup
from setuptools_rust import Binding, RustExtension

_VARIABLE = "PYDANTIC_SERIALIZATION_BUILD_NATIVE"

wanted = os.environ.get(_VARIABLE, "auto").strip().lower()
if wanted not in {"auto", "require", "off"}:
    raise SystemExit(f"{_VARIABLE} is {wanted!r}; it takes auto, require or off")

core = RustExtension(
    "pydantic_serialization._native._core",
    path="native/Cargo.toml",
    binding=Binding.PyO3,
    debug=False,  # an editable installation would otherwise build the slow profile
    optional=wanted == "auto",
)

setup(rust_extensions=[] if wanted == "off" else [core])

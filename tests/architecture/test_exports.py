"""The public names."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import pydantic_serialization

SPECIFIED = {
    "BACKEND",
    "CacheManager",
    "CachedSerializationManager",
    "CompressionLevel",
    "OptimizedSerializationManager",
    "PydanticModelSerializer",
    "SerializationConfig",
    "SerializationError",
    "SerializationFormat",
    "SerializationProfiler",
    "SerializationUtils",
    "accelerate",
    "available_codecs",
    "available_formats",
    "benchmark_serialization",
    "copy_model",
    "create_serialization_config",
    "create_serialization_manager",
    "decoder",
    "deserialized",
    "encoder",
    "explain",
    "install",
    "register_codec",
    "register_format",
    "serialized",
    "uninstall",
}


def test_all_is_sorted_and_complete() -> None:
    """``__all__`` is sorted, holds every specified name and every error, and each name resolves."""
    names = pydantic_serialization.__all__
    errors = {
        name
        for name, value in vars(importlib.import_module("pydantic_serialization.errors")).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert sorted(names) == names
    assert set(names) >= SPECIFIED | errors
    assert all(getattr(pydantic_serialization, name) is not None for name in names)


def test_version_is_the_installed_one() -> None:
    """``__version__`` is what the installed metadata say; other unknown names are an ``AttributeError``."""
    from importlib.metadata import version

    assert pydantic_serialization.__version__ == version("pydantic-serialization")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pydantic_serialization.nothing


def test_every_module_imports() -> None:
    """Every module can be imported by itself, and says what it is for."""
    for module in pkgutil.walk_packages(pydantic_serialization.__path__, "pydantic_serialization."):
        if module.name.endswith("__main__"):
            continue
        assert importlib.import_module(module.name).__doc__, module.name

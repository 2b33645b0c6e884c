"""Every common format for the Pydantic models you already have: fast, cached, compressed, observed and safe."""

from typing import TYPE_CHECKING

from pydantic_serialization._native import BACKEND
from pydantic_serialization.acceleration import accelerate, install, uninstall
from pydantic_serialization.bare import copy_model, decoder, encoder
from pydantic_serialization.cache import CacheManager
from pydantic_serialization.codecs import available_codecs, register_codec
from pydantic_serialization.config import (
    CompressionLevel,
    SerializationConfig,
    SerializationFormat,
    create_serialization_config,
)
from pydantic_serialization.decorators import deserialized, serialized
from pydantic_serialization.errors import (
    CacheError,
    ConfigurationError,
    DecodeError,
    DecompressionError,
    EncodeError,
    FrameError,
    IntegrityError,
    InvalidationError,
    LimitExceededError,
    MissingDependencyError,
    SchemaMismatchError,
    SerializationError,
    UnknownCodecError,
    UnknownFormatError,
    UnsupportedTypeError,
    UntrustedDataError,
)
from pydantic_serialization.formats import available_formats, register_format
from pydantic_serialization.manager import (
    CachedSerializationManager,
    OptimizedSerializationManager,
    create_serialization_manager,
)
from pydantic_serialization.plan.purity import pure
from pydantic_serialization.profiling import SerializationProfiler
from pydantic_serialization.serializer import PydanticModelSerializer
from pydantic_serialization.utils import SerializationUtils

if TYPE_CHECKING:
    from pydantic_serialization.benchmark import benchmark_serialization
    from pydantic_serialization.plan.explain import explain

    __version__: str

__all__ = [
    "BACKEND",
    "CacheError",
    "CacheManager",
    "CachedSerializationManager",
    "CompressionLevel",
    "ConfigurationError",
    "DecodeError",
    "DecompressionError",
    "EncodeError",
    "FrameError",
    "IntegrityError",
    "InvalidationError",
    "LimitExceededError",
    "MissingDependencyError",
    "OptimizedSerializationManager",
    "PydanticModelSerializer",
    "SchemaMismatchError",
    "SerializationConfig",
    "SerializationError",
    "SerializationFormat",
    "SerializationProfiler",
    "SerializationUtils",
    "UnknownCodecError",
    "UnknownFormatError",
    "UnsupportedTypeError",
    "UntrustedDataError",
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
    "pure",
    "register_codec",
    "register_format",
    "serialized",
    "uninstall",
]


def __getattr__(name: str) -> object:
    """Return what an application seldom needs, loaded when somebody asks (PEP 562)."""
    if name == "benchmark_serialization":
        from pydantic_serialization.benchmark import benchmark_serialization  # noqa: PLC0415

        return benchmark_serialization
    if name == "explain":
        from pydantic_serialization.plan.explain import explain  # noqa: PLC0415

        return explain
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("pydantic-serialization")
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)

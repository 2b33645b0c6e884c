"""Every format with and without each codec, and with and without the cache: what an application does, checked."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from pydantic import ValidationError

from pydantic_serialization.benchmark.equality import same
from pydantic_serialization.bulk import describe_error
from pydantic_serialization.errors import SerializationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic_serialization.manager import OptimizedSerializationManager

ItemT = TypeVar("ItemT")

_MOST_CACHED = 500
"""Models: what the default cache holds without dropping any."""


class RoundTrip(TypedDict):
    """All models written and read back, in one format with one codec. Times are the shorter of two runs."""

    format: str
    codec: str
    size: int
    """Bytes of all results."""
    write_seconds: float
    read_seconds: float
    equal: bool
    error: str | None


class CacheEffect(TypedDict):
    """The same models written twice with a ``cache_key``."""

    format: str
    models: int
    first_seconds: float
    repeated_seconds: float
    speed_up: float
    equal: bool
    """Whether the second results are the first ones, byte for byte."""


def round_trip(
    manager: OptimizedSerializationManager, models: Sequence[Any], format_name: str, codec: str | None
) -> RoundTrip:
    """Write and read every model through ``manager``, whose codec is changed first; ``None`` turns compression off."""
    manager.config.enable_compression = codec is not None
    if codec is not None:
        manager.config.compression_codec = codec
    written: list[bytes] = []
    wrote, read, equal, error = 0.0, 0.0, False, None

    def write() -> list[bytes]:
        return [manager.serialize_sync(model, format_name) for model in models]

    def read_back() -> list[Any]:
        pairs = zip(written, models, strict=True)
        return [manager.deserialize_sync(data, type(model), format_name) for data, model in pairs]

    try:
        written, wrote = _shortest(write)
        back, read = _shortest(read_back)
        equal = all(map(same, models, back))
    except (SerializationError, ValidationError) as failure:
        error = describe_error(failure)
    return RoundTrip(
        format=format_name,
        codec=codec or "none",
        size=sum(map(len, written)),
        write_seconds=wrote,
        read_seconds=read,
        equal=equal,
        error=error,
    )


def cache_effect(manager: OptimizedSerializationManager, models: Sequence[Any], format_name: str) -> CacheEffect | None:
    """Write the models twice with the same keys; ``None`` if the format cannot write them."""
    some = models[:_MOST_CACHED]
    keyed = [(model, f"{format_name}:{number}") for number, model in enumerate(some)]

    def write() -> list[bytes]:
        return [manager.serialize_sync(model, format_name, cache_key=key) for model, key in keyed]

    try:
        first, cold = _timed(write)
        second, warm = _timed(write)
    except SerializationError:
        return None
    return CacheEffect(
        format=format_name,
        models=len(some),
        first_seconds=cold,
        repeated_seconds=warm,
        speed_up=cold / warm if warm > 0 else 0.0,
        equal=first == second,
    )


def _shortest(work: Callable[[], list[ItemT]]) -> tuple[list[ItemT], float]:
    """Return the result and the shorter time of two runs: the first one also warms up."""
    (_, first), (result, second) = _timed(work), _timed(work)
    return result, min(first, second)


def _timed(work: Callable[[], list[ItemT]]) -> tuple[list[ItemT], float]:
    started = perf_counter()
    result = work()
    return result, perf_counter() - started

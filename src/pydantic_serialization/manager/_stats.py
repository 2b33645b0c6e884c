"""The shapes of what ``get_stats()`` returns. No secrets, no payloads, no cache keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from pydantic_serialization.cache import CacheStats
    from pydantic_serialization.profiling import ProfilerStats
    from pydantic_serialization.serializer import ModelSerializerStats


class CachedManagerStats(TypedDict):
    """Statistics of a :class:`CachedSerializationManager`."""

    model_serializer: ModelSerializerStats
    cache: CacheStats
    cache_faults: int
    config: dict[str, Any]


class ManagerStats(TypedDict):
    """Statistics of an :class:`OptimizedSerializationManager`."""

    cached_manager: CachedManagerStats
    profiler: ProfilerStats
    config: dict[str, Any]

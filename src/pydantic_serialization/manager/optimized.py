"""OptimizedSerializationManager: the entry point of an application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.manager._stats import ManagerStats
from pydantic_serialization.manager.cached import CachedSerializationManager
from pydantic_serialization.manager.operations import ModelOperations
from pydantic_serialization.profiling import SerializationProfiler
from pydantic_serialization.serializer import PydanticModelSerializer

if TYPE_CHECKING:
    from pydantic_serialization.cache import CacheManager
    from pydantic_serialization.profiling import PerformanceReport


class OptimizedSerializationManager(ModelOperations):
    """Turns models into bytes and bytes into validated models: every format, compressed, cached and observed.

    An application makes one and keeps it. Safe from many threads and many event loops at once, and across ``fork``.
    Works without :meth:`start`, which only opens the cache's shared tier early.

    Args:
        config: Settings; the defaults if ``None``. Changes of it take effect on the next call.
        cache_manager: The cache; if ``None``, one in this process, and in Redis where ``redis_url`` is set.
    """

    def __init__(self, config: SerializationConfig | None = None, cache_manager: CacheManager | None = None) -> None:
        settings = config if config is not None else SerializationConfig()
        self.profiler = SerializationProfiler()
        self.model_serializer = PydanticModelSerializer(settings, profiler=self.profiler)
        self.cached_manager = CachedSerializationManager(
            cache_manager=cache_manager, model_serializer=self.model_serializer
        )
        self.cache_manager = self.cached_manager.cache_manager
        super().__init__(self.model_serializer, self.cached_manager.results)

    def get_stats(self) -> ManagerStats:
        """Return all statistics as plain values. No secrets, no payloads, no cache keys."""
        return ManagerStats(
            cached_manager=self.cached_manager.get_stats(),
            profiler=self.profiler.get_stats(),
            config=self.config.public(),
        )

    def get_performance_report(self) -> PerformanceReport:
        """Return operations with their times in seconds, and recommendations that rest on them."""
        # Gathering evidence loads the rules, which most processes never need.
        from pydantic_serialization.manager._evidence import gather_evidence  # noqa: PLC0415

        return self.profiler.performance_report(gather_evidence(self.model_serializer, self.results))


def create_serialization_manager(
    config: SerializationConfig | None = None, cache_manager: CacheManager | None = None
) -> OptimizedSerializationManager:
    """Return a manager; see :class:`OptimizedSerializationManager`."""
    return OptimizedSerializationManager(config, cache_manager)

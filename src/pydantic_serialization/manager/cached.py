"""CachedSerializationManager: a serializer and a cache, by composition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.cache import CacheManager, SharedSettings
from pydantic_serialization.manager._stats import CachedManagerStats
from pydantic_serialization.manager.operations import ModelOperations
from pydantic_serialization.manager.results import ResultCache
from pydantic_serialization.serializer import PydanticModelSerializer

if TYPE_CHECKING:
    from pydantic_serialization.config import SerializationConfig


_CACHE_METHODS = (
    *("get_or_load", "get_or_load_sync", "invalidate", "invalidate_sync", "get_stats"),
    *("start", "stop", "start_sync", "stop_sync"),
)


class CachedSerializationManager(ModelOperations):
    """What a :class:`PydanticModelSerializer` does, with results kept by ``cache_key``.

    Args:
        config: Settings; the serializer's if ``None``.
        cache_manager: The cache; if ``None``, one in this process, and in Redis where ``redis_url`` is set.
        model_serializer: Formats and compression; one of its own if ``None``.
    """

    def __init__(
        self,
        config: SerializationConfig | None = None,
        cache_manager: CacheManager | None = None,
        *,
        model_serializer: PydanticModelSerializer | None = None,
    ) -> None:
        self.model_serializer = model_serializer if model_serializer is not None else PydanticModelSerializer(config)
        settings = self.model_serializer.config
        missing = [name for name in _CACHE_METHODS if not hasattr(cache_manager, name)]
        if cache_manager is not None and missing:
            message = f"cache_manager is no cache: {type(cache_manager).__name__} has no {', '.join(missing)}"
            raise TypeError(message)
        self.cache_manager = cache_manager if cache_manager is not None else _cache_for(settings)
        super().__init__(self.model_serializer, ResultCache(self.cache_manager, settings))

    def get_stats(self) -> CachedManagerStats:
        """Return the statistics of serializer and cache."""
        return CachedManagerStats(
            model_serializer=self.model_serializer.get_stats(),
            cache=self.cache_manager.get_stats(),
            cache_faults=self.results.faults,
            config=self.config.public(),
        )


def _cache_for(config: SerializationConfig) -> CacheManager:
    return CacheManager(
        max_size=config.cache_max_size,
        max_bytes=config.cache_max_bytes,
        ttl=config.cache_ttl,
        namespace=config.cache_namespace,
        redis_url=config.redis_url,
        signing_keys=config.secrets(),
        signing_algorithm=config.signing_algorithm,
        shared_settings=SharedSettings(
            max_retries=config.max_retries, retry_delay=config.retry_delay, max_bytes=config.max_payload_bytes
        ),
    )

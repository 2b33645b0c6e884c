"""CachedSerializationManager: a serializer and a cache, by composition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic_serialization.cache import CacheManager
from pydantic_serialization.errors import InvalidationError
from pydantic_serialization.manager._retry import TRANSIENT, retrying
from pydantic_serialization.manager._stats import CachedManagerStats
from pydantic_serialization.manager.operations import ModelOperations
from pydantic_serialization.manager.results import ResultCache, key_tag
from pydantic_serialization.serializer import PydanticModelSerializer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from pydantic_serialization.config import SerializationConfig


class CachedSerializationManager(ModelOperations):
    """What a :class:`PydanticModelSerializer` does, with results kept by ``cache_key``.

    Args:
        config: Settings; the serializer's if ``None``.
        cache_manager: The cache; one in this process if ``None``.
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
        self.cache_manager = cache_manager if cache_manager is not None else _memory_cache(settings)
        self.results = ResultCache(self.cache_manager, settings)
        super().__init__(self.model_serializer, self.results)

    async def invalidate(self, *keys: str, tags: Iterable[str] = ()) -> None:
        """Drop results that were kept under these ``cache_key``s, in every format, or with any of these tags.

        Tried again after transient errors, ``max_retries`` times.

        Raises:
            InvalidationError: it could not be delivered: others may serve the old entry until its time is up.
        """
        config = self.config
        all_tags = (*tags, *(key_tag(key) for key in keys))
        try:
            await retrying(
                lambda: self.cache_manager.invalidate(*keys, tags=all_tags),
                retries=config.max_retries,
                delay=config.retry_delay,
            )
        except TRANSIENT as error:
            message = "the invalidation could not be delivered; entries may be served until their ttl is over"
            raise InvalidationError(message) from error

    async def start(self) -> None:
        """Open the cache's shared tier early. Not needed: everything works without.

        Raises:
            OSError: the shared tier cannot be reached after ``max_retries`` retries.
        """
        config = self.config
        await retrying(self.cache_manager.start, retries=config.max_retries, delay=config.retry_delay)

    async def stop(self) -> None:
        """Finish what is pending in the background, and close the cache's shared tier."""
        await self.cache_manager.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is pending: without an event loop, nothing works in the background."""

    def get_stats(self) -> CachedManagerStats:
        """Return the statistics of serializer and cache."""
        return CachedManagerStats(
            model_serializer=self.model_serializer.get_stats(),
            cache=self.cache_manager.get_stats(),
            cache_faults=self.results.faults,
            config=self.config.public(),
        )


def _memory_cache(config: SerializationConfig) -> CacheManager:
    return CacheManager(
        max_size=config.cache_max_size,
        max_bytes=config.cache_max_bytes,
        ttl=config.cache_ttl,
        namespace=config.cache_namespace,
    )

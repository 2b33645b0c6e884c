"""What every manager offers around its cache: invalidate, start and stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic_serialization.cache.keys import check_tags
from pydantic_serialization.errors import InvalidationError
from pydantic_serialization.manager._retry import TRANSIENT, retrying
from pydantic_serialization.manager.result_keys import key_tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_serialization.config import SerializationConfig
    from pydantic_serialization.manager.results import ResultCache

_UNDELIVERED = "the invalidation could not be delivered; entries may be served until their ttl is over"


class CacheOperations:
    """Base of the managers; not for use by itself.

    Attributes:
        results: Keeps results by ``cache_key``.
    """

    def __init__(self, config: SerializationConfig, results: ResultCache) -> None:
        self._config = config
        self.results = results

    @property
    def config(self) -> SerializationConfig:
        """The settings; a change of one takes effect on the next call."""
        return self._config

    async def invalidate(self, *keys: str, tags: Iterable[str] = ()) -> None:
        """Drop results that were kept under these ``cache_key``s, in every format, or with any of these tags.

        Tried again where that fails, ``max_retries`` times.

        Raises:
            InvalidationError: it could not be delivered: others may serve the old entry until its time is up.
        """
        config, cache = self.config, self.results.cache
        all_tags = (*check_tags(tags), *(key_tag(key) for key in keys))
        try:
            await retrying(
                lambda: cache.invalidate(*keys, tags=all_tags), retries=config.max_retries, delay=config.retry_delay
            )
        except TRANSIENT as error:
            raise InvalidationError(_UNDELIVERED) from error

    def invalidate_sync(self, *keys: str, tags: Iterable[str] = ()) -> None:
        """Do what :meth:`invalidate` does, without an event loop."""
        try:
            self.results.cache.invalidate_sync(*keys, tags=(*check_tags(tags), *(key_tag(key) for key in keys)))
        except TRANSIENT as error:
            raise InvalidationError(_UNDELIVERED) from error

    async def start(self) -> None:
        """Open the cache's shared tier early. Not needed: everything works without, also where Redis cannot be reached.

        Raises:
            OSError: a cache of another kind, given as ``cache_manager``, cannot be opened after ``max_retries`` retries.
        """
        config = self.config
        await retrying(self.results.cache.start, retries=config.max_retries, delay=config.retry_delay)

    async def stop(self) -> None:
        """Finish what is pending in the background, and close the cache's shared tier."""
        await self.results.cache.stop()

    def start_sync(self) -> None:
        """Do what :meth:`start` does, without an event loop and without a retry."""
        self.results.cache.start_sync()

    def stop_sync(self) -> None:
        """Do what :meth:`stop` does for what threads have started."""
        self.results.cache.stop_sync()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        self.start_sync()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_sync()

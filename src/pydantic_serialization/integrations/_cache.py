"""The cache that a caller has given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic_serialization.cache import CacheManager


def checked_cache(cache: CacheManager | None) -> CacheManager | None:
    """Return the cache.

    Raises:
        ConfigurationError: it is none: managers are easily taken for one.
    """
    if cache is None or hasattr(cache, "get_or_load"):
        return cache
    message = f"cache= takes a CacheManager, such as manager.cache_manager, not {type(cache).__name__}"
    raise ConfigurationError(message)

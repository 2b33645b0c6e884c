"""A serializer for aiocache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_serialization.integrations.caches.models import SealedModels


class ModelSerializer:
    """Models in a cache of aiocache, in place of its ``PickleSerializer``.

    ::

        cache = aiocache.RedisCache(serializer=ModelSerializer(SealedModels(User, list[User])))

    What cannot be read is a miss, and counted by ``SealedModels.unreadable``. aiocache does not tell the key of an
    entry, so a frame is not bound to it.

    Args:
        models: The types that may be cached.
        ttl: Seconds for which an entry is read at most, whatever the cache does: its longest ``ttl``, which aiocache
            does not tell either. ``None`` leaves it to the cache.
    """

    encoding = None
    """aiocache's name for: give me bytes."""

    def __init__(self, models: SealedModels, *, ttl: float | None = None) -> None:
        self.models = models
        self.ttl = ttl

    def dumps(self, value: Any) -> bytes:
        """Return the frame of a value."""
        return self.models.dumps(value, ttl=self.ttl)

    def loads(self, value: bytes | None) -> Any:
        """Return the value in a frame; ``None`` is aiocache's word for a miss."""
        return None if value is None else self.models.loads_or(None, value)

"""A cache of aiocache as a shared tier."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pydantic_serialization.cache.adapters._looped import LoopedTier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class AiocacheTier(LoopedTier):
    """A cache of aiocache.

    ::

        AiocacheTier(lambda: aiocache.RedisCache(endpoint="localhost"))

    Values are stored as they are, whatever serializer the cache was made with. Times to live are rounded up to whole
    seconds, which is what aiocache's stores take.

    Args:
        factory: Makes the cache. It is called in the tier's own thread.
        timeout: Seconds that an operation of a thread may take.
    """

    async def _open(self, cache: Any) -> None:
        cache.serializer = _AsTheyAre()

    async def _get(self, cache: Any, names: Sequence[str]) -> dict[str, bytes]:
        if not names:  # Redis refuses to read nothing
            return {}
        found = zip(names, await cache.multi_get(names), strict=True)
        return {name: value for name, value in found if isinstance(value, bytes)}

    async def _set(self, cache: Any, items: Mapping[str, bytes], ttl: float) -> None:
        if items:
            await cache.multi_set(list(items.items()), ttl=_whole(ttl))

    async def _add(self, cache: Any, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        kept = {}
        for name, value in items.items():
            present = None
            try:
                await cache.add(name, value, ttl=_whole(ttl))
            except ValueError:  # aiocache's word for a key that exists
                present = await cache.get(name)
                await cache.expire(name, _whole(ttl) or 0)
            kept[name] = present if isinstance(present, bytes) else value
        return kept

    async def _delete(self, cache: Any, names: Sequence[str]) -> None:
        for name in names:
            await cache.delete(name)


class _AsTheyAre:
    """A serializer, as aiocache calls it, that does nothing."""

    encoding = None

    def dumps(self, value: bytes) -> bytes:
        return value

    def loads(self, value: bytes) -> bytes:
        return value


def _whole(ttl: float) -> int | None:
    """Return whole seconds; ``None`` is forever."""
    return None if math.isinf(ttl) else max(1, math.ceil(ttl))

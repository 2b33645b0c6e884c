"""What a cache offers to remove entries: by key, by tag, and all."""

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING

from pydantic_serialization.cache.keys import check_key, check_tags
from pydantic_serialization.cache.runner import run
from pydantic_serialization.cache.shared.invalidation import Invalidation

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterable

    from pydantic_serialization.cache.store import EntryStore
    from pydantic_serialization.cache.tiers import Tiers


class Invalidating:
    """Base of ``CacheManager``; not for use by itself."""

    _store: EntryStore
    _tiers: Tiers | None

    async def delete(self, key: str) -> bool:
        """Remove ``key``, also from a load of it that is under way; return whether it had an entry in this process.

        Raises:
            InvalidationError: other processes could not be told.
        """
        return await self._invalidate(get_running_loop(), Invalidation((check_key(key),))) > 0

    def delete_sync(self, key: str) -> bool:
        """Do what :meth:`delete` does, in a thread."""
        return run(self._invalidate(None, Invalidation((check_key(key),)))) > 0

    async def invalidate(self, *keys: str, tags: Iterable[str] = ()) -> None:
        """Remove ``keys`` and every entry that has one of ``tags``, also from loads that are under way, in any process.

        What was loaded before is served nowhere once this has returned, except in processes that have not yet heard of
        it: normally that takes milliseconds, and where the connection is broken ``SharedSettings.unheard_ttl``.

        Raises:
            InvalidationError: it could not be delivered to the shared tier, in spite of retries.
        """
        await self._invalidate(get_running_loop(), Invalidation(tuple(map(check_key, keys)), check_tags(tags)))

    def invalidate_sync(self, *keys: str, tags: Iterable[str] = ()) -> None:
        """Do what :meth:`invalidate` does, in a thread."""
        run(self._invalidate(None, Invalidation(tuple(map(check_key, keys)), check_tags(tags))))

    async def clear(self) -> None:
        """Remove every entry of the namespace, also from loads that are under way. The statistics go on.

        Raises:
            InvalidationError: other processes could not be told.
        """
        await self._invalidate(get_running_loop(), Invalidation(everything=True))

    def clear_sync(self) -> None:
        """Do what :meth:`clear` does, in a thread."""
        run(self._invalidate(None, Invalidation(everything=True)))

    async def _invalidate(self, loop: AbstractEventLoop | None, invalidation: Invalidation) -> int:
        if self._tiers is not None:
            return await self._tiers.invalidate(loop, invalidation)
        if invalidation.everything:
            self._store.clear()
            return 0
        return self._store.invalidate(invalidation.keys, invalidation.tags)

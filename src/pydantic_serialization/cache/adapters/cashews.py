"""A cache of cashews as a shared tier."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization.cache.adapters._looped import LoopedTier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHORTEST_TTL: Final = 0.001


class CashewsTier(LoopedTier):
    """A backend of cashews, as ``Cache.setup`` returns it.

    ::

        CashewsTier(lambda: cashews.Cache().setup("redis://localhost", suppress=False))

    With ``suppress=False`` cashews tells its errors, so that an invalidation that could not be delivered is noticed.
    Values are neither pickled nor unpickled, whatever ``pickle_type`` says; ``secret`` and ``compress_type`` hold.

    Args:
        factory: Makes the backend. It is called in the tier's own thread.
        timeout: Seconds that an operation of a thread may take.
    """

    async def _open(self, cache: Any) -> None:
        if cache.serializer is not None:
            cache.serializer.set_pickler(_AsTheyAre())
        if not cache.is_init:
            await cache.init()

    async def _get(self, cache: Any, names: Sequence[str]) -> dict[str, bytes]:
        found = zip(names, await cache.get_many(*names), strict=True)
        return {name: value for name, value in found if isinstance(value, bytes)}

    async def _set(self, cache: Any, items: Mapping[str, bytes], ttl: float) -> None:
        if items:
            await cache.set_many(items, expire=_expire(ttl))

    async def _add(self, cache: Any, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        kept = {}
        for name, value in items.items():
            present = None
            if not await cache.set(name, value, expire=_expire(ttl), exist=False):
                present = await cache.get(name)
                if hasattr(cache, "store"):
                    # cashews' memory forgets how it has encoded what it prolongs. Nothing else runs on the tier's loop
                    # in between: memory does not wait.
                    await cache.set(name, present, expire=_expire(ttl))
                else:
                    await cache.expire(name, _expire(ttl))
            kept[name] = present if isinstance(present, bytes) else value
        return kept

    async def _delete(self, cache: Any, names: Sequence[str]) -> None:
        if names:  # Redis refuses to delete nothing
            await cache.delete_many(*names)


class _AsTheyAre:
    """A pickler, as cashews calls it, that does nothing."""

    PickleError = UnpicklingError = ()

    def dumps(self, value: bytes) -> bytes:
        return value

    def loads(self, value: bytes) -> bytes:
        return value


def _expire(ttl: float) -> float | None:
    return None if math.isinf(ttl) else max(ttl, _SHORTEST_TTL)

"""Any ``MutableMapping`` as a shared tier."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization.cache.adapters._expiring import end_of, value_at, with_end
from pydantic_serialization.cache.adapters._threaded import ThreadedTier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence


class MappingTier(ThreadedTier):
    """A mapping from ``str`` to ``bytes``: a dict, a cache of ``cachetools``, ``diskcache.Cache``, a ``shelve``.

    One lock guards it, so it need not be safe from threads itself. Values carry the end of their time. One that is past
    it goes when it is read, or by :meth:`remove_expired`; how many there may be is up to the mapping.

    Args:
        mapping: Where values are kept. Nobody else should write to it.
        blocking: Its operations take time, as those of a file do: coroutines then wait in a worker thread.
        clock: Returns unix seconds.
    """

    def __init__(
        self, mapping: MutableMapping[str, bytes], *, blocking: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self._mapping = mapping
        self._blocking = blocking
        self._clock = clock
        self._lock = threading.RLock()
        renew_after_fork(self)

    def now(self) -> float:
        """Return unix seconds."""
        return self._clock()

    def get_many_sync(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the values of those ``names`` that have one."""
        now = self._clock()
        found = {}
        with self._lock:
            for name in names:
                stored = self._mapping.get(name)
                value = None if stored is None else value_at(stored, now)
                if value is not None:
                    found[name] = value
                elif stored is not None:
                    self._mapping.pop(name, None)
        return found

    def set_many_sync(self, items: Mapping[str, bytes], ttl: float) -> None:
        """Store ``items`` for ``ttl`` seconds."""
        end = self._clock() + ttl
        with self._lock:
            for name, value in items.items():
                self._mapping[name] = with_end(value, end)

    def add_many_sync(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        """Store those of ``items`` whose name has no value yet, and return the value that each name has then."""
        now = self._clock()
        with self._lock:
            kept = {}
            for name, value in items.items():
                stored = self._mapping.get(name)
                present = value_at(stored, now)
                kept[name] = value if present is None else present
                self._mapping[name] = with_end(kept[name], max(end_of(stored), now + ttl))
            return kept

    def delete_many_sync(self, names: Sequence[str]) -> None:
        """Remove the values of ``names``."""
        with self._lock:
            for name in names:
                self._mapping.pop(name, None)

    def close_sync(self) -> None:
        """Write what the mapping holds back, if it has a ``sync``, as a ``shelve`` does."""
        sync = getattr(self._mapping, "sync", None)
        if callable(sync):
            with self._lock:
                sync()

    def remove_expired(self) -> int:
        """Remove every value that is past its time, and return how many there were."""
        now = self._clock()
        with self._lock:
            expired = [name for name in list(self._mapping) if value_at(self._mapping.get(name), now) is None]
            self.delete_many_sync(expired)
        return len(expired)

    async def get_many(self, names: Sequence[str]) -> dict[str, bytes]:
        """Do what :meth:`get_many_sync` does."""
        return await super().get_many(names) if self._blocking else self.get_many_sync(names)

    async def set_many(self, items: Mapping[str, bytes], ttl: float) -> None:
        """Do what :meth:`set_many_sync` does."""
        if self._blocking:
            await super().set_many(items, ttl)
        else:
            self.set_many_sync(items, ttl)

    async def add_many(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        """Do what :meth:`add_many_sync` does."""
        return await super().add_many(items, ttl) if self._blocking else self.add_many_sync(items, ttl)

    async def delete_many(self, names: Sequence[str]) -> None:
        """Do what :meth:`delete_many_sync` does."""
        if self._blocking:
            await super().delete_many(names)
        else:
            self.delete_many_sync(names)

    def after_fork(self) -> None:
        """Replace the lock in a child process."""
        self._lock = threading.RLock()

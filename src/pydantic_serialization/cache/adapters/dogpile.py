"""A region of dogpile.cache as a shared tier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_serialization.cache.adapters._expiring import end_of, value_at, with_end
from pydantic_serialization.cache.adapters._threaded import ThreadedTier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class DogpileTier(ThreadedTier):
    """The backend of a region of dogpile.cache, without the region's locks, expiry and pickles.

    A backend that stores bytes (Redis, memcached, files) is given bytes. Values carry the end of their time, since a
    region has one time to live for all; a store with an own, shorter one may forget them earlier. Names go through the
    region's ``key_mangler``.

    Args:
        region: A configured region.
    """

    def __init__(self, region: Any) -> None:
        self._region = region

    def get_many_sync(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the values of those ``names`` that have one."""
        now = self.now()
        found = zip(names, self._read(names), strict=True)
        return {name: value for name, stored in found if (value := value_at(stored, now)) is not None}

    def set_many_sync(self, items: Mapping[str, bytes], ttl: float) -> None:
        """Store ``items`` for ``ttl`` seconds."""
        end = self.now() + ttl
        if items:
            self._write({name: with_end(value, end) for name, value in items.items()})

    def add_many_sync(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        """Store those of ``items`` whose name has no value yet, and return the value that each name has then."""
        now = self.now()
        kept, written = {}, {}
        for name, stored in zip(items, self._read(list(items)), strict=True):
            present = value_at(stored, now)
            kept[name] = items[name] if present is None else present
            if end_of(stored) < now + ttl:
                written[name] = with_end(kept[name], now + ttl)
        if written:
            self._write(written)
        return kept

    def delete_many_sync(self, names: Sequence[str]) -> None:
        """Remove the values of ``names``."""
        if names:
            self._region.backend.delete_multi([self._key(name) for name in names])

    def close_sync(self) -> None:
        """Do nothing: dogpile's backends keep connections to themselves."""

    def _key(self, name: str) -> str:
        mangle = self._region.key_mangler
        return name if mangle is None else str(mangle(name))

    def _read(self, names: Sequence[str]) -> Sequence[object]:
        """Return what is stored under each name; what is not bytes is nothing of this tier's."""
        backend, keys = self._region.backend, [self._key(name) for name in names]
        if not keys:
            return ()
        found: Sequence[object] = (
            backend.get_serialized_multi(keys) if self._stores_bytes() else backend.get_multi(keys)
        )
        return found

    def _write(self, items: Mapping[str, bytes]) -> None:
        backend, stored = self._region.backend, {self._key(name): value for name, value in items.items()}
        if self._stores_bytes():
            backend.set_serialized_multi(stored)
        else:
            backend.set_multi(stored)

    def _stores_bytes(self) -> bool:
        """Say whether the backend has a door for bytes; one in memory takes any object."""
        return self._region.backend.serializer is not None

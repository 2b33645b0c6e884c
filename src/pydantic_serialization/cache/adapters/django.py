"""Django's cache as a shared tier."""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization._optional import require
from pydantic_serialization.cache.adapters._threaded import ThreadedTier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LONGEST_NAME: Final = 180
"""Django puts a prefix and a version in front, and memcached takes 250 characters."""


class DjangoTier(ThreadedTier):
    """One of Django's ``CACHES``, which are the same for threads and for coroutines.

    Django's own backends pickle what they are given, also bytes, and unpickle what they read: a store that others can
    write to can then run code, whatever this library does. Its values are sealed, and others are not read.

    Args:
        alias: Which of ``settings.CACHES``.

    Raises:
        MissingDependencyError: Django is not installed.
    """

    def __init__(self, alias: str = "default") -> None:
        self._caches: Any = require("django.core.cache", extra="django", purpose="DjangoTier").caches
        self._alias = alias

    def get_many_sync(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the values of those ``names`` that have one."""
        keys = {_key(name): name for name in names}
        found = self._cache().get_many(list(keys))
        return {keys[key]: value for key, value in found.items() if isinstance(value, bytes)}

    def set_many_sync(self, items: Mapping[str, bytes], ttl: float) -> None:
        """Store ``items`` for ``ttl`` seconds, rounded up.

        Raises:
            OSError: Django says that some were not stored.
        """
        failed = self._cache().set_many({_key(name): value for name, value in items.items()}, timeout=_whole(ttl))
        if failed:
            message = f"{len(failed)} of {len(items)} values were not stored"
            raise OSError(message)

    def add_many_sync(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        """Store those of ``items`` whose name has no value yet, and return the value that each name has then."""
        cache, seconds = self._cache(), _whole(ttl)
        present = {}
        for name, value in items.items():
            if not cache.add(_key(name), value, timeout=seconds):
                cache.touch(_key(name), seconds)
                present[name] = value
        found = self.get_many_sync(list(present)) if present else {}
        # One that went in between is told as it would have been added.
        return {name: found.get(name, value) for name, value in items.items()}

    def delete_many_sync(self, names: Sequence[str]) -> None:
        """Remove the values of ``names``."""
        self._cache().delete_many([_key(name) for name in names])

    def close_sync(self) -> None:
        """Close the connections of this thread, as Django does at the end of a request."""
        self._cache().close()

    def _cache(self) -> Any:
        return self._caches[self._alias]  # one for each thread


def _key(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"#{blake2b(name.encode(), digest_size=32).hexdigest()}"


def _whole(ttl: float) -> int | None:
    """Return whole seconds, of which Django's backends want at least one; ``None`` is forever."""
    return None if math.isinf(ttl) else max(1, math.ceil(ttl))

"""The entries of a cache: a tier, and the generations that invalidate what is in it and what is on its way there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NamedTuple

from pydantic_serialization.cache.generation import Generations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_serialization.cache._base import CacheTier, Clock
    from pydantic_serialization.cache.generation import Generation


class Intent(NamedTuple):
    """The promise of a value: what its key and its tags were when loading it began.

    Attributes:
        key: The key that the value is for.
        of_key: The generation of the key.
        of_tags: The generations of the tags.
        endings: How many tags had been invalidated by then.
    """

    key: str
    of_key: Generation
    of_tags: tuple[Generation, ...]
    endings: int

    def is_current(self) -> bool:
        """Say whether neither the key nor a tag has been invalidated since."""
        return not self.of_key.ended and not any(generation.ended for generation in self.of_tags)


class EntryStore:
    """Writes to a tier, ordered with invalidations. Reads go to :attr:`tier` directly.

    Args:
        tier: Where the entries are.
        clock: The tier's clock.
    """

    def __init__(self, tier: CacheTier, clock: Clock) -> None:
        self.tier = tier
        self.clock = clock
        self._keys = Generations()
        self._tags = Generations()
        self._endings = 0
        # Re-entrant for the same reason as the memory tier's: finalisers and signal handlers.
        self._lock = threading.RLock()

    def get_fresh(self, key: str) -> bytes | None:
        """Return the value of ``key`` while no refresh is due, and count a hit; else count nothing."""
        entry = self.tier.peek(key)
        if entry is None or entry.value is None or self.clock() >= entry.fresh_until:
            return None
        entry = self.tier.get(key)
        return None if entry is None else entry.value

    def put(self, key: str, value: bytes, ttl: float, tags: tuple[str, ...]) -> None:
        """Store a value that is known now. A load of the key that is under way will not overwrite it.

        Args:
            key: The key.
            value: The payload.
            ttl: Seconds.
            tags: Names that invalidate the entry.
        """
        with self._lock:
            self._keys.end(key)
            generations = tuple([self._tags.current(tag) for tag in tags])
            self.tier.set(key, value, self.clock() + ttl, generations=generations)

    def settle(self, intent: Intent, value: bytes, ttl: float) -> None:
        """Do what :meth:`put` does, if neither the key was set nor it or a tag invalidated since; else store nothing.

        Args:
            intent: From :meth:`intend`.
            value: The payload.
            ttl: Seconds.
        """
        with self._lock:
            is_current = intent.is_current()
            self._keys.end(intent.key)
            if is_current:
                self.tier.set(intent.key, value, self.clock() + ttl, generations=intent.of_tags)
            else:
                self.tier.delete(intent.key)

    def intend(self, key: str, tags: tuple[str, ...]) -> Intent:
        """Return what :meth:`fulfil` needs; to be called before the value is looked up at its source."""
        with self._lock:
            of_tags = tuple([self._tags.current(tag) for tag in tags])
            return Intent(key, self._keys.current(key), of_tags, self._endings)

    def adopt(self, intent: Intent, tags: tuple[str, ...]) -> Intent | None:
        """Return the intent with the tags of an entry that was found elsewhere, and may have been looked up with others.

        Returns:
            ``None`` if any tag was invalidated since: it may have been one of these.
        """
        with self._lock:
            if intent.endings != self._endings:
                return None
            of_tags = tuple([self._tags.current(tag) for tag in tags])
            return Intent(intent.key, intent.of_key, of_tags, intent.endings)

    def fulfil(self, intent: Intent, value: bytes | None, *, ttl: float, fresh: float, stale: float) -> None:
        """Store a loaded value, unless its key or one of its tags was invalidated while it was loaded.

        Args:
            intent: From :meth:`intend`.
            value: The payload, or ``None`` for a negative entry.
            ttl: Seconds.
            fresh: Seconds after which a read starts a refresh.
            stale: Seconds past ``ttl`` for which the value may stand in for a failing load.
        """
        with self._lock:
            if not intent.is_current():
                return
            now = self.clock()
            expires_at = now + ttl
            self.tier.set(
                intent.key,
                value,
                expires_at,
                fresh_until=min(now + fresh, expires_at),
                stale_until=expires_at + stale,
                generations=intent.of_tags,
            )
            if not intent.is_current():  # a finaliser invalidated it during the write
                self.tier.delete(intent.key)

    def fulfil_without(self, intent: Intent) -> None:
        """Remove the entry, if there is one, of a key whose source has no value any more."""
        with self._lock:
            if intent.is_current():
                self.tier.delete(intent.key)

    def invalidate(self, keys: Iterable[str], tags: Iterable[str] = ()) -> int:
        """Remove the entries of ``keys`` and those with one of ``tags``, and keep loads under way from storing theirs.

        Returns:
            How many of ``keys`` had an entry.
        """
        with self._lock:
            for tag in tags:
                self._tags.end(tag)
                self._endings += 1
            removed = 0
            for key in keys:
                self._keys.end(key)
                removed += self.tier.delete(key)
            return removed

    def clear(self) -> None:
        """Remove every entry, and keep loads under way from storing theirs."""
        with self._lock:
            self._keys.end_all()
            self._tags.end_all()
            self._endings += 1
            self.tier.clear()

    def after_fork(self) -> None:
        """Replace the lock in a child process."""
        self._lock = threading.RLock()

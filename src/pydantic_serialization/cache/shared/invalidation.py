"""What is invalidated, as a value; and what could not be invalidated yet."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_serialization.cache.shared.versions import Names

MOST_QUEUED: Final = 10_000
"""Keys and tags; beyond, everything is invalidated instead."""


class Invalidation(NamedTuple):
    """Keys and tags whose entries are not to be served any more.

    Attributes:
        keys: Keys.
        tags: Tags.
        everything: Whether all entries are meant.
    """

    keys: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    everything: bool = False

    def names(self, names: Names) -> list[str]:
        """Return what has to be deleted in the store."""
        found = [names.everything] if self.everything else []
        found += map(names.of_tag, self.tags)
        found += map(names.of_key, self.keys)
        # Their versions are gone: this only frees the room.
        found += map(names.entry, self.keys)
        return found

    def encode(self, sender: str) -> bytes:
        """Return the invalidation as a message."""
        return json.dumps([sender, self.keys, self.tags, self.everything], separators=(",", ":")).encode()

    @classmethod
    def decode(cls, message: bytes) -> tuple[str, Invalidation]:
        """Return the sender and the invalidation.

        Raises:
            ValueError: it is no message.
        """
        match json.loads(message):
            case [str(sender), list(keys), list(tags), bool(everything)] if _are_text(keys) and _are_text(tags):
                return sender, cls(tuple(keys), tuple(tags), everything)
        raise ValueError("not a message of a cache")


def _are_text(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


class Queue:
    """Invalidations that have failed, each key and tag once."""

    __slots__ = ("_everything", "_keys", "_lock", "_tags")

    def __init__(self) -> None:
        self._keys: dict[str, None] = {}
        self._tags: dict[str, None] = {}
        self._everything = False
        self.after_fork()

    def after_fork(self) -> None:
        """Replace the lock in a child process."""
        self._lock = threading.RLock()

    def __len__(self) -> int:
        """Return how many keys and tags are in it."""
        return len(self._keys) + len(self._tags) + self._everything

    def add(self, invalidation: Invalidation) -> None:
        """Add an invalidation."""
        with self._lock:
            self._keys.update(dict.fromkeys(invalidation.keys))
            self._tags.update(dict.fromkeys(invalidation.tags))
            self._everything |= invalidation.everything
            if len(self) > MOST_QUEUED:
                self._keys.clear()
                self._tags.clear()
                self._everything = True

    def concerns(self, key: str, tags: Iterable[str]) -> bool:
        """Say whether an entry of the store must not be served, because it may be what has been invalidated."""
        return self._everything or key in self._keys or any(tag in self._tags for tag in tags)

    def content(self) -> Invalidation:
        """Return what is in it."""
        with self._lock:
            return Invalidation(tuple(self._keys), tuple(self._tags), self._everything)

    def remove(self, delivered: Invalidation) -> None:
        """Remove what has been delivered."""
        with self._lock:
            for key in delivered.keys:
                self._keys.pop(key, None)
            for tag in delivered.tags:
                self._tags.pop(tag, None)
            if delivered.everything:
                self._everything = False

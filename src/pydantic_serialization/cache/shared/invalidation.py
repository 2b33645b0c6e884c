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

    __slots__ = ("_everything", "_keys", "_lock", "_number", "_tags")

    def __init__(self) -> None:
        # With the number of the last addition: what is added again while it is being delivered stays.
        self._keys: dict[str, int] = {}
        self._tags: dict[str, int] = {}
        self._everything = 0
        self._number = 0
        self.after_fork()

    def after_fork(self) -> None:
        """Replace the lock in a child process."""
        self._lock = threading.RLock()

    def __len__(self) -> int:
        """Return how many keys and tags are in it."""
        return len(self._keys) + len(self._tags) + bool(self._everything)

    def add(self, invalidation: Invalidation) -> None:
        """Add an invalidation."""
        with self._lock:
            self._number += 1
            self._keys.update(dict.fromkeys(invalidation.keys, self._number))
            self._tags.update(dict.fromkeys(invalidation.tags, self._number))
            if invalidation.everything or len(self) > MOST_QUEUED:
                self._everything = self._number
            if self._everything == self._number:
                self._keys.clear()
                self._tags.clear()

    def concerns(self, key: str, tags: Iterable[str]) -> bool:
        """Say whether an entry of the store must not be served, because it may be what has been invalidated."""
        return bool(self._everything) or key in self._keys or any(tag in self._tags for tag in tags)

    def content(self) -> tuple[Invalidation, int]:
        """Return what is in it, and the number of the last addition, for :meth:`remove`."""
        with self._lock:
            return Invalidation(tuple(self._keys), tuple(self._tags), bool(self._everything)), self._number

    def remove(self, delivered: Invalidation, number: int) -> None:
        """Remove what has been delivered, except for what was added again after ``number``."""
        with self._lock:
            for names, kept in ((delivered.keys, self._keys), (delivered.tags, self._tags)):
                for name in names:
                    if kept.get(name, number + 1) <= number:
                        del kept[name]
            if delivered.everything and self._everything <= number:
                self._everything = 0

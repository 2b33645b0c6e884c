"""Names in a shared store: of entries, and of the versions that invalidate them.

Invalidation over processes rests on *versions*. For everything that can be invalidated there is a version in the store,
a random number: one for each key, one for each tag, and one for all. A load asks for the versions before it asks its
source, and its entry is stamped with them. An entry is a hit only while each of its stamps is the version that the store
has at the time of reading. To invalidate is therefore to delete versions, which is one command, does the same when it
is done twice, and reaches values that are still being loaded anywhere: they arrive with an old stamp, and are never
served. (memcached's namespaces and the leases of R. Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013, are the
same idea with counters and with tokens.)

A version is never used twice, and a version that the store has lost counts as a new one: eviction, a flush or a restart
of the store costs misses, never an old value.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic_serialization.cache.parts import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

VERSION_SIZE: Final = 8
"""Bytes."""

_LONGEST: Final = 100


class Ticket(NamedTuple):
    """The promise of an entry: the versions that it depends on, as they were before its value was asked for."""

    tags: tuple[str, ...]
    stamps: tuple[bytes, ...]


class Names:
    """The names of one namespace. They are printable ASCII and at most 250 characters long.

    Args:
        namespace: Keeps applications that share a store apart.
    """

    __slots__ = ("_entry", "_key", "_tag", "backplane", "everything", "prefix")

    def __init__(self, namespace: str) -> None:
        self.prefix = _plain(namespace.replace("%", "%25").replace(":", "%3A"))
        self._entry = f"{self.prefix}:e:"
        self._key = f"{self.prefix}:k:"
        self._tag = f"{self.prefix}:t:"
        self.everything = f"{self.prefix}:all"
        self.backplane = f"{self.prefix}:backplane"

    def entry(self, key: str) -> str:
        """Return where the entry of a key is."""
        return self._entry + _plain(key)

    def of_key(self, key: str) -> str:
        """Return where the version of a key is."""
        return self._key + _plain(key)

    def of_tag(self, tag: str) -> str:
        """Return where the version of a tag is."""
        return self._tag + _plain(tag)

    def versions(self, key: str, tags: Iterable[str]) -> list[str]:
        """Return where the versions are that an entry depends on: of everything, of its key, and of its tags."""
        return [self.everything, self.of_key(key), *map(self.of_tag, tags)]


def new_version() -> bytes:
    """Return a version that nobody has had before."""
    return secrets.token_bytes(VERSION_SIZE)


def stamps_of(found: Mapping[str, bytes] | None, names: Sequence[str]) -> tuple[bytes, ...] | None:
    """Return the versions under ``names``, or ``None`` if one is missing or damaged."""
    stamps = () if found is None else tuple([found.get(name, b"") for name in names])
    return stamps if stamps and all(len(stamp) == VERSION_SIZE for stamp in stamps) else None


def _plain(text: str) -> str:
    """Return ``text`` if every store can have it in a name, else its digest behind a sign that starts no other."""
    if len(text) <= _LONGEST and text.isascii() and text.isprintable() and " " not in text and text[:1] != "#":
        return text
    return f"#{digest(text)}"

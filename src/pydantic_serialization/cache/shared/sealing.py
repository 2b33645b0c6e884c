"""An entry in a shared store: its times, its stamps and its value, in a sealed frame.

The frame is bound to the entry's name, so that no entry is served under another key, and signed where there are keys.
In its body, little endian: written, fresh, ttl and stale, four doubles, in seconds; the stamps of everything and of the
key, 8 bytes each; the number of tags, 2 bytes; for each its length, 2 bytes, its name in UTF-8 and its stamp; the value.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic_serialization.cache.keys import MOST_TAGS
from pydantic_serialization.cache.shared.versions import VERSION_SIZE
from pydantic_serialization.envelope import Flag, FormatId
from pydantic_serialization.errors import FrameError, IntegrityError, LimitExceededError, SchemaMismatchError
from pydantic_serialization.frame import ZERO_FINGERPRINT

if TYPE_CHECKING:
    from pydantic_serialization.cache.stats import RejectedEntries
    from pydantic_serialization.envelope import Sealer

CLOCK_SKEW: Final = 60.0
"""Seconds that the clocks of signers and readers may differ; an entry put back by an attacker lives that much longer."""

_HEAD = struct.Struct(f"<dddd{VERSION_SIZE}s{VERSION_SIZE}sH")
_LENGTH = struct.Struct("<H")


class Times(NamedTuple):
    """The life of an entry, in seconds.

    Attributes:
        fresh: After which a read starts a refresh.
        ttl: After which it is no hit.
        stale: Past ``ttl``, in which it may stand in for a failing load.
    """

    fresh: float
    ttl: float
    stale: float

    @property
    def total(self) -> float:
        """After which it does not exist."""
        return self.ttl + self.stale


class SharedEntry(NamedTuple):
    """An entry as it is in the store.

    Attributes:
        value: The payload; ``None`` says that there is none.
        written: When, in unix seconds on the store's clock.
        times: Its life, from then on.
        tags: Names that invalidate it.
        stamps: The versions of everything, of its key, and of each tag.
    """

    value: bytes | None
    written: float
    times: Times
    tags: tuple[str, ...]
    stamps: tuple[bytes, ...]

    def age(self, now: float) -> float:
        """Return for how many seconds the entry has existed, at least 0."""
        return max(0.0, now - self.written)


class EntrySealer:
    """Turns entries into bytes and back. What cannot be opened is counted and no entry.

    Args:
        sealer: Seals the frames.
        max_bytes: Largest body that is opened.
        rejected: Where what cannot be opened is counted.
    """

    __slots__ = ("_max_bytes", "_rejected", "_sealer")

    def __init__(self, sealer: Sealer, max_bytes: int, rejected: RejectedEntries) -> None:
        self._sealer = sealer
        self._max_bytes = max_bytes
        self._rejected = rejected

    def seal(self, name: str, entry: SharedEntry, fingerprint: bytes = ZERO_FINGERPRINT) -> bytes | None:
        """Return the bytes of an entry, or ``None`` if it is too large to be opened again."""
        everything, of_key, *of_tags = entry.stamps
        parts = [_HEAD.pack(entry.written, *entry.times, everything, of_key, len(of_tags))]
        for tag, stamp in zip(entry.tags, of_tags, strict=True):
            encoded = tag.encode("utf-8", "surrogatepass")
            parts += (_LENGTH.pack(len(encoded)), encoded, stamp)
        if entry.value is not None:
            parts.append(entry.value)
        body = b"".join(parts)
        if len(body) > self._max_bytes:
            return None
        return self._sealer.seal(
            body,
            format=FormatId.BYTES,
            flags=Flag.NONE if entry.value is None else 0,
            fingerprint=fingerprint,
            raw_size=len(body),
            cache_key=name.encode(),
            # Without a signature the time would protect from nobody, and clocks that differ would cost hits.
            ttl=entry.times.total + CLOCK_SKEW if self._sealer.keyed else None,
        )

    def open(self, name: str, data: bytes, fingerprint: bytes | None = None) -> SharedEntry | None:
        """Return the entry in ``data``, or ``None`` if that is not an entry of ``name``, or not one to be trusted."""
        try:
            frame = self._sealer.open(
                data,
                cache_key=name.encode(),
                formats=(FormatId.BYTES,),
                fingerprint=fingerprint,
                max_bytes=self._max_bytes,
            )
            return _parse(frame.body, frame.codec, has_value=not frame.flags & Flag.NONE)
        except IntegrityError:
            self._rejected["mac"] += 1
        except SchemaMismatchError:
            self._rejected["schema"] += 1
        except (FrameError, LimitExceededError, struct.error, UnicodeDecodeError):
            self._rejected["format"] += 1
        return None


def _parse(body: memoryview, codec: int, *, has_value: bool) -> SharedEntry:
    if codec:
        raise FrameError("a cache entry is not compressed as a whole")
    written, fresh, ttl, stale, everything, of_key, count = _HEAD.unpack_from(body)
    if count > MOST_TAGS:
        raise FrameError("a cache entry has more tags than any that is written")
    at = _HEAD.size
    tags: list[str] = []
    stamps = [everything, of_key]
    for _ in range(count):
        (size,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        if not size:
            raise FrameError("a cache entry has a tag without a name")
        tags.append(str(body[at : at + size], "utf-8", "surrogatepass"))
        at += size
        stamps.append(bytes(body[at : at + VERSION_SIZE]))
        at += VERSION_SIZE
    if at > len(body) or not ttl > 0 or not stale >= 0 or math.isnan(written + fresh):
        raise FrameError("a cache entry is cut off, or its times are not valid")
    value = bytes(body[at:]) if has_value else None
    return SharedEntry(value, written, Times(fresh, ttl, stale), tuple(tags), tuple(stamps))

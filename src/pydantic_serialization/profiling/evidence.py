"""What the recommendations are drawn from: plain data, so that the same input gives the same advice anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic_serialization._optional import available

if TYPE_CHECKING:
    from pydantic_serialization.profiling.profile import OperationProfile

ENGINES = ("deflate", "isal")
"""Optional libraries that replace the standard library's gzip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFigures:
    """One tier of a cache. A time that was not measured is ``None``, and nothing is concluded from it.

    Attributes:
        name: ``"l1"``, ``"l2"``, or the name that the application gave.
        lookups: Reads, hits and misses together.
        hits: Reads that found a fresh entry.
        lookup_time: Mean of one read with the making of its key, in seconds.
        store_time: Mean of one write, in seconds.
        work_time: Mean of what a hit saves, in seconds; ``None`` takes the mean of all ``serialize`` operations.
    """

    name: str
    lookups: int
    hits: int
    lookup_time: float | None = None
    store_time: float | None = None
    work_time: float | None = None

    @property
    def total_time(self) -> float:
        """Seconds spent on reads, and on one write per miss, as far as they were measured."""
        return self.lookups * (self.lookup_time or 0.0) + (self.lookups - self.hits) * (self.store_time or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressionTally:
    """What one codec did at one level.

    Attributes:
        codec: Name of the codec.
        level: ``"fast"``, ``"balanced"`` or ``"max"``.
        attempts: Payloads that were compressed, kept or not.
        bytes_in: Their bytes before.
        bytes_out: Their bytes after.
        compress_time: Seconds for all of it.
        decompress_time: Seconds spent on the way back.
    """

    codec: str
    level: str
    attempts: int
    bytes_in: int
    bytes_out: int
    compress_time: float
    decompress_time: float = 0.0

    @property
    def total_time(self) -> float:
        """Seconds in both directions."""
        return self.compress_time + self.decompress_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings that a rule depends on, under the names of ``SerializationConfig``."""

    profile_threshold: float = 0.1
    enable_caching: bool = True
    enable_compression: bool = True
    compression_threshold: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that a rule may look at.

    Attributes:
        operations: Profiles of the operations, of one process or merged.
        caches: Tiers of the caches in use.
        compressions: What compression did, per codec and level.
        settings: Present settings.
        engines: Those of :data:`ENGINES` that are installed, see :func:`installed_engines`; ``None`` if not looked at.
        window: Seconds that the figures cover; 0 if unknown.
        call_overhead: Seconds that one call of a manager takes beside the encoding, for operations one by one. By
            default what ``benchmarks/pipeline.py`` shows between a manager and a bound encoder.
    """

    operations: tuple[OperationProfile, ...] = ()
    caches: tuple[CacheFigures, ...] = ()
    compressions: tuple[CompressionTally, ...] = ()
    settings: Settings = field(default_factory=Settings)
    engines: tuple[str, ...] | None = None
    window: float = 0.0
    call_overhead: float = 0.7e-6

    def named(self, *operations: str) -> tuple[OperationProfile, ...]:
        """Return the profiles of pipelines that do one of ``operations``, without what the application named."""
        return tuple(
            profile
            for profile in self.operations
            if profile.operation in operations and (profile.model or profile.format)
        )

    @property
    def measured_time(self) -> float:
        """Seconds spent in pipelines and caches: what every share is a share of.

        ``serialize`` and ``deserialize`` contain the compression that runs in the same thread; what codecs took beyond
        that ran beside them, and the longer of the two counts. Operations that the application named are left out,
        since they may contain the others.
        """
        pipelines = sum(profile.total_time for profile in self.named("serialize", "deserialize"))
        codecs = sum(tally.total_time for tally in self.compressions)
        return max(pipelines, codecs) + sum(tier.total_time for tier in self.caches)


def installed_engines() -> tuple[str, ...]:
    """Return those of :data:`ENGINES` that are installed, without importing them."""
    return tuple(engine for engine in ENGINES if available(engine))

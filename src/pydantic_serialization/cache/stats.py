"""The shapes of a cache's statistics."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

BreakerState: TypeAlias = Literal["closed", "open", "half-open"]
"""``"closed"`` lets all operations through, ``"open"`` none, ``"half-open"`` the next one, as a probe."""

BackplaneState: TypeAlias = Literal["none", "connecting", "verified", "degraded"]
"""``"none"``: there is no shared tier, or it has no backplane. ``"connecting"``: not heard yet. ``"verified"``: other
processes are heard. ``"degraded"``: they are not, and entries are kept in this process for a short time only."""


class TierStats(TypedDict):
    """Numbers of an in-process tier. ``hits + misses`` is the number of lookups."""

    hits: int
    misses: int
    hit_rate: float
    """Share of hits among the lookups; 0.0 before the first."""
    stale_hits: int
    """Those of the misses that found a value past its time to live which may still stand in for a failing load."""
    items: int
    bytes: int
    """Payloads, keys and bookkeeping."""
    max_items: int
    max_bytes: int
    evictions: int
    """Entries that made room for others."""
    expirations: int
    """Entries removed because their time was up."""
    rejected_oversize: int
    """Values that were too large to be stored."""


class RejectedEntries(TypedDict):
    """Values found in a shared store that were not served. They count as misses too."""

    mac: int
    """Damaged, moved to another key, forged, or signed with another secret."""
    schema: int
    """Written for another version of the model."""
    format: int
    """No entry of this version of the library, too large, or past the time that the signature covers."""
    outdated: int
    """Their key, a tag or everything was invalidated after they had been loaded."""


class SharedTierStats(TypedDict):
    """Numbers of the tier that processes share. ``hits + misses`` is the number of lookups, whatever became of them."""

    enabled: bool
    """Whether there is such a tier."""
    hits: int
    misses: int
    hit_rate: float
    """Share of hits among the lookups; 0.0 before the first."""
    stale_hits: int
    """Those of the misses that found a value past its time to live which may still stand in for a failing load."""
    rejected: RejectedEntries
    bytes_read: int
    """Bytes of the entries that were found, sealed."""
    bytes_written: int
    """Bytes of the entries that were stored, sealed."""
    writes: int
    """Entries that were stored."""
    rejected_oversize: int
    """Values that were too large to be stored."""
    round_trips: int
    keys_per_trip: float
    """Mean number of values, entries and versions, that one reading round trip asked for."""
    errors: int
    """Round trips that failed, except for those that took too long."""
    timeouts: int
    """Round trips that took too long."""
    short_circuits: int
    """Round trips that were not tried because a breaker was open."""
    breaker: BreakerState
    """Of reads."""
    write_breaker: BreakerState
    """Of writes: a store that is full or read-only is still read."""
    breaker_opened: int
    """How often one of the two has opened."""


class BackplaneStats(TypedDict):
    """Numbers of the channel on which processes tell each other what they have invalidated."""

    state: BackplaneState
    published: int
    """Messages sent."""
    received: int
    """Messages of other processes."""
    rejected: int
    """Messages that could not be opened."""
    gaps: int
    """Times that messages were missed, and the in-process tier was emptied for it."""
    queued: int
    """Names whose invalidation has failed and is still being tried."""


class LoadStats(TypedDict):
    """What reading through the cache cost and saved."""

    count: int
    """Calls of a loader."""
    errors: int
    """Those that raised."""
    coalesced: int
    """Reads that were given the outcome of another read's load."""
    promoted: int
    """Waiting reads that took over because the load they waited for was cancelled."""
    stale_served: int
    """Reads answered with a value past its time to live, because loading failed or took too long."""
    refreshes: int
    """Loads started in the background before an entry expired."""
    seconds: float
    """Time spent in loaders."""
    saved_seconds: float
    """Time that loaders would have taken for the reads that both tiers answered, at the mean of those that ran."""


class CacheStats(TypedDict):
    """What ``CacheManager.get_stats`` returns."""

    l1_cache: TierStats
    l2_cache: SharedTierStats
    loads: LoadStats
    backplane: BackplaneStats

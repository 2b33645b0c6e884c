"""How a cache uses its shared tier."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic_serialization.cache.values import as_bound, as_count, as_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSettings:
    """Times and bounds of the shared tier.

    Attributes:
        timeout: Seconds that a read or a load may wait for the tier, connecting included, whatever it has to ask; then it
            is a miss. (More than 1000 names that one event loop asks for at once are asked in turns, each of which may
            take so long.) ``set`` asks up to three things, each of which may take so long, ``invalidate`` two, which it
            tries again; the second is left out where the first has failed.
        background_writes: Whether loaded values are stored behind the caller's back: by a task of its event loop, or by a
            thread that stores what threads have loaded. ``stop`` waits for them. ``set``, ``delete`` and ``invalidate``
            always wait for the store: other processes see what they have done.
        unheard_ttl: Seconds for which entries are kept in this process while the invalidations of other processes are
            not heard, at most. Infinity keeps them as long as always, and also when the connection is lost.
        lonely_ttl: The same for a shared tier that has no backplane, over which others are never heard.
        heartbeat: Seconds between two checks that nothing was missed. Two that fail in a row are silence.
        max_retries: Further tries of an invalidation that fails, and of connecting in ``start``.
        retry_delay: Seconds before the first of them; doubled before each further one.
        max_bytes: Largest value that is stored or read, with the names of its tags.

    Raises:
        ConfigurationError: (a ``ValueError``) a number is out of range.
    """

    timeout: float = 0.05
    background_writes: bool = True
    unheard_ttl: float = 2.0
    lonely_ttl: float = 5.0
    heartbeat: float = 1.0
    max_retries: int = 3
    retry_delay: float = 0.1
    max_bytes: int = 67_108_864

    def __post_init__(self) -> None:
        for name in ("timeout", "unheard_ttl", "lonely_ttl", "heartbeat"):
            as_seconds(getattr(self, name), name)
        as_seconds(self.retry_delay, "retry_delay", zero=True)
        as_count(self.max_retries, "max_retries")
        as_bound(self.max_bytes, "max_bytes")

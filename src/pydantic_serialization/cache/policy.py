"""How one read through the cache loads and stores, checked."""

from __future__ import annotations

from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, NamedTuple

from pydantic_serialization.cache.keys import check_entry_tags
from pydantic_serialization.cache.values import as_seconds, as_share

if TYPE_CHECKING:
    from collections.abc import Iterable


class LoadPolicy(NamedTuple):
    """How one read through the cache loads and stores.

    Attributes:
        ttl: Seconds for which the value is a hit, before jitter.
        stale_ttl: Seconds past ``ttl`` for which the value may stand in for a failing load.
        refresh_after: Share of ``ttl`` after which a read starts a refresh, or ``None``.
        negative_ttl: Seconds for which "there is no value" is a hit, or ``None`` to ask the loader each time.
        tags: Names that invalidate the value.
        timeout: Seconds for which the caller waits, or ``None``.
        fingerprint: Of the value's schema, where it is known.
    """

    ttl: float
    stale_ttl: float
    refresh_after: float | None
    negative_ttl: float | None
    tags: tuple[str, ...]
    timeout: float | None
    fingerprint: bytes | None

    @property
    def longest(self) -> float:
        """Seconds that what is loaded may exist."""
        return max(self.ttl + self.stale_ttl, self.negative_ttl or 0.0)

    @classmethod
    def checked(
        cls,
        ttl: float,
        stale_ttl: float,
        refresh_after: float | None,
        negative_ttl: float | None,
        tags: Iterable[str],
        timeout: float | None,
        fingerprint: bytes | None,
    ) -> LoadPolicy:
        """Return the policy that the arguments of a call describe.

        Raises:
            ConfigurationError: (a ``ValueError``) one is out of range.
            UnsupportedTypeError: (a ``TypeError``) a tag is no str.
        """
        return cls(
            ttl=as_seconds(ttl, "ttl"),
            stale_ttl=as_seconds(stale_ttl, "stale_ttl", zero=True),
            refresh_after=None if refresh_after is None else as_share(refresh_after, "refresh_after"),
            negative_ttl=None if negative_ttl is None else as_seconds(negative_ttl, "negative_ttl"),
            tags=check_entry_tags(tags),
            # The platform's timers overflow for more than some centuries.
            timeout=None if timeout is None or as_seconds(timeout, "timeout") > TIMEOUT_MAX else timeout,
            fingerprint=fingerprint,
        )

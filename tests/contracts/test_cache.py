"""The contract of cache tiers, run on the tiers of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pydantic_serialization.cache import MemoryTier
from pydantic_serialization.testing import CacheContract, FakeClock

if TYPE_CHECKING:
    from pydantic_serialization.cache import CacheTier


class TestMemoryTier(CacheContract):
    def make_tier(self, clock: FakeClock) -> CacheTier:
        return MemoryTier(100, 1_000_000, clock=clock)


class TestMemoryTierBoundByBytes(CacheContract):
    def make_tier(self, clock: FakeClock) -> CacheTier:
        return MemoryTier(1_000_000, 120_000, clock=clock)


def test_a_suite_without_a_tier_says_what_is_missing() -> None:
    """Inheriting the contract without a tier names the method to write."""

    class Unfinished(CacheContract):
        pass

    with pytest.raises(NotImplementedError, match=r"make_tier\(clock\)"):
        Unfinished().make_tier(FakeClock())

"""The contract of shared tiers, and a cache on top, for the stores of other libraries."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import aiocache
import cashews
import dogpile.cache
import pytest

from pydantic_serialization.cache import CacheManager, SharedSettings, SharedTier
from pydantic_serialization.cache.adapters.aiocache import AiocacheTier
from pydantic_serialization.cache.adapters.cashews import CashewsTier
from pydantic_serialization.cache.adapters.django import DjangoTier
from pydantic_serialization.cache.adapters.dogpile import DogpileTier
from pydantic_serialization.cache.adapters.mapping import MappingTier
from pydantic_serialization.testing import SharedTierContract

PATIENCE = 10.0
KEYS = ("k" * 32,)

_numbers = itertools.count()


class TestMapping(SharedTierContract):
    def make_tier(self) -> SharedTier:
        return MappingTier({})


class TestDjango(SharedTierContract):
    shortest_ttl = 1.0

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        from django.conf import settings

        if not settings.configured:
            settings.configure()
        from django.core.cache import caches

        self.alias = f"contract{next(_numbers)}"
        backend = "django.core.cache.backends.locmem.LocMemCache"
        caches.settings[self.alias] = {"BACKEND": backend, "LOCATION": str(tmp_path), "OPTIONS": {"MAX_ENTRIES": 5000}}

    def make_tier(self) -> SharedTier:
        return DjangoTier(self.alias)


class TestDogpile(SharedTierContract):
    def make_tier(self) -> SharedTier:
        return DogpileTier(dogpile.cache.make_region().configure("dogpile.cache.memory"))


class TestCashews(SharedTierContract):
    def make_tier(self) -> SharedTier:
        return CashewsTier(lambda: cashews.Cache().setup("mem://", size=5000), timeout=PATIENCE)


class TestAiocache(SharedTierContract):
    shortest_ttl = 1.0

    def make_tier(self) -> SharedTier:
        namespace = f"contract{next(_numbers)}:"
        return AiocacheTier(lambda: aiocache.SimpleMemoryCache(namespace=namespace), timeout=PATIENCE)


def tiers() -> dict[str, Any]:
    """Return what makes a tier of each library."""
    return {
        "mapping": lambda: MappingTier({}),
        "dogpile": lambda: DogpileTier(dogpile.cache.make_region().configure("dogpile.cache.memory")),
        "cashews": lambda: CashewsTier(lambda: cashews.Cache().setup("mem://"), timeout=PATIENCE),
        "aiocache": lambda: AiocacheTier(aiocache.SimpleMemoryCache, timeout=PATIENCE),
    }


@pytest.mark.parametrize("library", ["mapping", "dogpile", "cashews", "aiocache"])
@pytest.mark.parametrize("keys", [(), KEYS])
def test_two_caches_share_a_store(library: str, keys: tuple[str, ...]) -> None:
    """What one has written the other reads, until it is invalidated by key or by tag, or was signed by others."""
    tier = tiers()[library]()
    first, second, fresh, other = (
        CacheManager(
            namespace="shared",
            shared_tier=tier,
            signing_keys=[item.encode() for item in found],
            shared_settings=SharedSettings(timeout=PATIENCE, background_writes=False),
        )
        for found in (keys, keys, keys, ("o" * 32,))
    )
    loads = 0

    def load() -> bytes:
        nonlocal loads
        loads += 1
        return b"loaded"

    first.set_sync("a", b"1" * 3000, 60, ("tag",))
    assert second.get_sync("a") == b"1" * 3000
    assert other.get_sync("a") is None
    assert [cache.get_or_load_sync("b", load) for cache in (first, second)] == [b"loaded"] * 2
    assert loads == 1
    first.invalidate_sync("b")
    first.invalidate_sync(tags=("tag",))
    assert fresh.get_sync("a") is None
    assert fresh.get_sync("b") is None
    tier.close_sync()

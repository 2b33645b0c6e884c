"""Caching of bytes: the tiers, loading through them, and keys."""

from __future__ import annotations

from pydantic_serialization.cache._base import Backplane, CacheTier, Entry, Listener, SharedTier
from pydantic_serialization.cache.keys import compile_key, encode_parts
from pydantic_serialization.cache.manager import CacheManager
from pydantic_serialization.cache.memory import MemoryTier
from pydantic_serialization.cache.shared.settings import SharedSettings
from pydantic_serialization.cache.stats import BackplaneStats, CacheStats, LoadStats, SharedTierStats, TierStats

__all__ = [
    "Backplane",
    "BackplaneStats",
    "CacheManager",
    "CacheStats",
    "CacheTier",
    "Entry",
    "Listener",
    "LoadStats",
    "MemoryTier",
    "SharedSettings",
    "SharedTier",
    "SharedTierStats",
    "TierStats",
    "compile_key",
    "encode_parts",
]

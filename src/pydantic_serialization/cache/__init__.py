"""Caching of bytes: the in-process tier, loading through it, and keys."""

from __future__ import annotations

from pydantic_serialization.cache._base import CacheStats, CacheTier, Entry, LoadStats, SharedTier, TierStats
from pydantic_serialization.cache.keys import compile_key, encode_parts
from pydantic_serialization.cache.manager import CacheManager
from pydantic_serialization.cache.memory import MemoryTier

__all__ = [
    "CacheManager",
    "CacheStats",
    "CacheTier",
    "Entry",
    "LoadStats",
    "MemoryTier",
    "SharedTier",
    "TierStats",
    "compile_key",
    "encode_parts",
]

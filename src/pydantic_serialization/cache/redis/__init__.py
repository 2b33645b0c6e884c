"""Redis as the tier that processes share. The only package that knows redis-py."""

from __future__ import annotations

from pydantic_serialization.cache.redis.tier import RedisTier

__all__ = ["RedisTier"]

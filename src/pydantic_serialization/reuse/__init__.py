"""What need not be done twice: validated models by the bytes they came from, bytes by their frozen instance."""

from pydantic_serialization.reuse.store import InstanceStore, StoreStats
from pydantic_serialization.reuse.validated import (
    RememberedReads,
    ValidationCache,
    ValidationCacheStats,
    ValidationStats,
)

__all__ = [
    "InstanceStore",
    "RememberedReads",
    "StoreStats",
    "ValidationCache",
    "ValidationCacheStats",
    "ValidationStats",
]

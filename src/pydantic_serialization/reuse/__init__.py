"""What need not be done twice: validated models by the bytes they came from, bytes by their frozen instance."""

from pydantic_serialization.reuse._base import CatalogStats, ReuseStats
from pydantic_serialization.reuse.store import InstanceStore, StoreStats
from pydantic_serialization.reuse.validated import RememberedReads, ValidationCache
from pydantic_serialization.reuse.written import IdentityMemo, RememberedWrites

__all__ = [
    "CatalogStats",
    "IdentityMemo",
    "InstanceStore",
    "RememberedReads",
    "RememberedWrites",
    "ReuseStats",
    "StoreStats",
    "ValidationCache",
]

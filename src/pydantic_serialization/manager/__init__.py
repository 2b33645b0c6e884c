"""The managers: what an application holds."""

from pydantic_serialization.manager.cached import CachedSerializationManager
from pydantic_serialization.manager.optimized import OptimizedSerializationManager, create_serialization_manager

__all__ = ["CachedSerializationManager", "OptimizedSerializationManager", "create_serialization_manager"]

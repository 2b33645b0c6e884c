"""Models in the caches of other libraries: as sealed frames, which are validated when they are read, never as pickles.

``cashews``, ``aiocache`` and ``dogpile`` have a file each, for :class:`~.models.SealedModels`.
"""

from pydantic_serialization.integrations.caches.models import SealedModels

__all__ = ["SealedModels"]

"""A serializer and a deserializer for dogpile.cache."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypedDict

from pydantic_serialization._optional import require

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization.integrations.caches.models import SealedModels

_UNREADABLE: Final = object()


class RegionSerialization(TypedDict):
    """Arguments of ``make_region``."""

    serializer: Callable[[Any], bytes]
    deserializer: Callable[[bytes], Any]


def region_serialization(models: SealedModels, *, ttl: float | None = None) -> RegionSerialization:
    """Return the arguments of ``make_region`` that put models into a region as sealed frames.

    ::

        region = make_region(**region_serialization(SealedModels(User)))

    What cannot be read is made anew, and counted by ``SealedModels.unreadable``. dogpile does not tell the key of an
    entry, so a frame is not bound to it.

    Args:
        models: The types that may be cached.
        ttl: Seconds for which an entry is read at most, whatever the store does: the region's longest
            ``expiration_time``, which dogpile does not tell either. ``None`` leaves it to the region.

    Raises:
        MissingDependencyError: dogpile.cache is not installed.
    """
    unreadable: Any = require(
        "dogpile.cache.api", extra="dogpile", purpose="region_serialization"
    ).CantDeserializeException

    def deserializer(data: bytes) -> Any:
        value = models.loads_or(_UNREADABLE, data)
        if value is _UNREADABLE:
            raise unreadable
        return value

    return RegionSerialization(serializer=partial(models.dumps, ttl=ttl), deserializer=deserializer)

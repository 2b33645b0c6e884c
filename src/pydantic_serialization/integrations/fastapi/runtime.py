"""What one application holds, and where a request finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic_serialization.errors import ConfigurationError

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from pydantic_serialization.cache import CacheManager
    from pydantic_serialization.manager import OptimizedSerializationManager

STATE: Final = "pydantic_serialization"
"""The name of the runtime in ``app.state``."""


class Runtime:
    """What one application holds.

    Attributes:
        manager: Formats, compression, statistics.
        cache: Where responses are cached: the manager's cache.
    """

    __slots__ = ("cache", "manager")

    def __init__(self, manager: OptimizedSerializationManager) -> None:
        self.manager = manager
        self.cache: CacheManager = manager.cache_manager


def runtime_of(connection: HTTPConnection) -> Runtime:
    """Return what the application of a request holds.

    Raises:
        ConfigurationError: neither ``setup`` nor ``lifespan`` was used.
    """
    app = connection.scope.get("app")
    found = getattr(getattr(app, "state", None), STATE, None)
    if not isinstance(found, Runtime):
        message = "this application has no manager: call setup(app), or pass lifespan(manager) to FastAPI and start it"
        raise ConfigurationError(message)
    return found

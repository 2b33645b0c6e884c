"""What belongs to one request while its route works on it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

    from pydantic_serialization.integrations.fastapi.binding import RouteBinding


class Exchange:
    """One request, and what was negotiated for its response.

    Attributes:
        binding: What is known about the route.
        request: The request.
        format: The format of the response.
        media_type: What the response calls it.
        stream: The generator that the endpoint returned, if it is to be written by us.
    """

    __slots__ = ("binding", "format", "media_type", "request", "stream")

    def __init__(self, binding: RouteBinding, request: Request, format: str, media_type: str) -> None:  # noqa: A002
        self.binding = binding
        self.request = request
        self.format = format
        self.media_type = media_type
        self.stream: Any = None


CURRENT: ContextVar[Exchange | None] = ContextVar("pydantic_serialization_fastapi_exchange", default=None)


def current_exchange() -> Exchange | None:
    """Return the exchange that the running code belongs to, if it runs in one of our routes."""
    return CURRENT.get()

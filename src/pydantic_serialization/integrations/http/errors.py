"""What a server can do wrong besides sending bytes that cannot be read."""

from __future__ import annotations

from pydantic_serialization.errors import SerializationError


class UnexpectedStatusError(SerializationError):
    """The server has answered with a status that is no success.

    Attributes:
        status: The status.
        method: Of the request.
        url: Of the request, without user, password, query and fragment, which may be secrets.
        content_type: What the body says it is.
        body: The first 64 KiB of the body, decoded; never part of the message.
    """

    def __init__(
        self, message: str, *, status: int, method: str, url: str, content_type: str, body: bytes, model: str | None
    ) -> None:
        super().__init__(message, model=model)
        self.status = status
        self.method = method
        self.url = url
        self.content_type = content_type
        self.body = body

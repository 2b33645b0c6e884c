"""Responses that an endpoint returns by itself: a model in a format, or bytes that are ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from pydantic_serialization.integrations.fastapi.declared import declared_encoder
from pydantic_serialization.integrations.fastapi.exchange import current_exchange
from pydantic_serialization.integrations.fastapi.media_types import JSON, http_format
from pydantic_serialization.plan import list_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.background import BackgroundTask

    from pydantic_serialization._types import Payload
    from pydantic_serialization.config import SerializationFormat


class ModelResponse(JSONResponse):
    """A model, or several, in a format.

    FastAPI does not look into a response that an endpoint returns: ``model`` decides which fields are written.

    Args:
        value: A model, or anything that Pydantic knows.
        model: The declared type; the value's own if ``None``. Give the one that may be seen outside: of an instance of
            a subclass only its fields are written.
        format: A format; if ``None``, the one that was negotiated for the request, JSON elsewhere.
        status_code: The status.
        headers: Further headers.
        background: What runs after the response was sent.

    Raises:
        pydantic.ValidationError: the value is none of the declared type.
        UnsupportedTypeError: the format cannot represent the type.
    """

    def __init__(
        self,
        value: Any,
        model: Any = None,
        *,
        format: SerializationFormat | str | None = None,  # noqa: A002
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        exchange = current_exchange()
        if format is not None:
            name, media_type = str(getattr(format, "value", format)), http_format(format).media_type
        elif exchange is not None:
            name, media_type = exchange.format, exchange.media_type
        else:
            name, media_type = "json", JSON
        declared = _type_of(value) if model is None else model
        self._encode = declared_encoder(declared, name)
        super().__init__(value, status_code, headers, media_type, background)

    def render(self, content: Any) -> bytes:
        """Return the bytes of the value."""
        return self._encode(content)


class EncodedResponse(Response):
    """Bytes that are ready to be sent: from a cache, a file, or a function that was decorated with ``serialized``.

    Args:
        body: The bytes.
        media_type: What they are.
        content_encoding: How they are compressed, as HTTP calls it: ``"gzip"``, ``"zstd"``, ``"br"``.
        etag: A name for exactly these bytes, without quotes.
        status_code: The status.
        headers: Further headers.
        background: What runs after the response was sent.
    """

    def __init__(
        self,
        body: Payload,
        media_type: str = JSON,
        content_encoding: str | None = None,
        etag: str | None = None,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        super().__init__(bytes(body), status_code, headers, media_type, background)
        if content_encoding is not None:
            self.headers["content-encoding"] = content_encoding
            self.headers.add_vary_header("Accept-Encoding")
        if etag is not None:
            self.headers["etag"] = f'"{etag}"'


def _type_of(value: Any) -> Any:
    return list_of(value) if type(value) is list and value else type(value)

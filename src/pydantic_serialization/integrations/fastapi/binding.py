"""What is known about a route once it stands: how to read its bodies and how to write its responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from starlette.responses import Response

from pydantic_serialization.errors import ConfigurationError, UnsupportedTypeError
from pydantic_serialization.integrations.fastapi.bodies_by_format import BodyFormats, body_formats
from pydantic_serialization.integrations.fastapi.body import json_reader, takes_document
from pydantic_serialization.integrations.fastapi.caching import CachedResponses
from pydantic_serialization.integrations.fastapi.endpoint import original
from pydantic_serialization.integrations.fastapi.media_types import Offer, offers
from pydantic_serialization.integrations.fastapi.streams import StreamBinding
from pydantic_serialization.integrations.fastapi.writing import format_writer, json_writer, write_as_fastapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic_serialization.integrations.fastapi.exchange import Exchange
    from pydantic_serialization.integrations.fastapi.options import RouteOptions

BODILESS = frozenset({204, 205, 304})
"""Statuses whose responses have no body."""


class RouteBinding:
    """What one route does, bound once: for each router that includes it, where FastAPI does so.

    Attributes:
        options: The options of its class.
        status: The status of its responses, if the route names one.
        writers: What writes a value, by format; without one FastAPI writes.
        stream: How its generator is taken over, if it is.
        offers: The formats that it writes, the preferred one first.
        read_json: What reads a JSON body.
        takes_body: Whether FastAPI reads a body, and not as a form.
        bodies: What reads bodies in other formats, if something does.
        cached: How its responses are cached, if they are.
        last_size: Bytes of the last body that was written: what the next one will have, more or less.

    Args:
        route: The route, or what stands for it where a router includes it.
        options: The options of its class.

    Raises:
        ConfigurationError: the endpoint has a query parameter that is to name the format.
    """

    def __init__(self, route: Any, options: RouteOptions) -> None:
        self._route = route
        self.options = options
        if options.format_parameter is not None and options.format_parameter in query_names(route.dependant):
            message = f"{options.format_parameter!r} is a parameter of {route.path!r}: choose another format_parameter"
            raise ConfigurationError(message)
        self.status: int | None = route.status_code
        self.writers: dict[str, Callable[[Any], bytes | None]] = {}
        self.stream = _stream(route, options)
        self.offers = self._offers(route) if self.stream is None else self.stream.offers
        self.read_json = json_reader(route) if options.body == "fast" else None
        self.takes_body = takes_document(route)
        self.bodies: BodyFormats | None = None
        if any(not offer.is_json for offer in offers(options.formats)):
            self.bodies = body_formats(route, options)
        self.last_size = 0
        self.cached = CachedResponses.of(route, original(route.endpoint))

    @property
    def is_plain(self) -> bool:
        """Say whether there is nothing to negotiate, and nothing to add to FastAPI's responses."""
        options = self.options
        return (
            len(self.offers) == 1
            and self.bodies is None
            and not (options.request_codings and self.takes_body)
            and not (options.etag or options.compression or options.max_body_bytes or options.format_parameter)
            and self.offers[0].format in _STOCK
        )

    def respond(self, exchange: Exchange, value: Any, injected: Response) -> Any:
        """Return the response for what the endpoint returned, or the value itself if FastAPI has to write it."""
        if isinstance(value, Response):
            return value
        write = self.writers.get(exchange.format)
        body = None if write is None else write(value)
        if body is None:
            return value
        self.last_size = len(body)
        response = Response(body, injected.status_code or self.status or 200, media_type=exchange.media_type)
        if response.status_code < 200 or response.status_code in BODILESS:
            response.body = b""
        response.raw_headers.extend(injected.raw_headers)
        return response

    def written_by_fastapi(self, value: Any, injected: Response) -> Response | None:
        """Return the response that FastAPI would write for a value, or ``None`` if it would refuse it."""
        response = write_as_fastapi(self._route, value)
        if response is None:
            return None
        response.status_code = injected.status_code or self.status or response.status_code
        response.raw_headers.extend(injected.raw_headers)
        return response

    def _offers(self, route: Any) -> tuple[Offer, ...]:
        found = []
        for offer in offers(self.options.formats):
            if offer.is_json:
                writer = json_writer(route, unannotated=self.options.unannotated == "fast")
            else:
                writer = format_writer(route, offer.format)
                if writer is None:
                    continue
            found.append(offer)
            if writer is not None:
                self.writers[offer.format] = writer
        return tuple(found) or offers(("json",))


_STOCK = frozenset({"json", "orjson", "jsonl"})


def query_names(dependant: Any) -> Iterator[str]:
    """Yield the names that an endpoint and its dependencies read from the query."""
    for field in dependant.query_params:
        yield field.alias
        declared = field.field_info.annotation
        if isinstance(declared, type) and issubclass(declared, BaseModel):
            for name, part in declared.model_fields.items():
                yield from (alias for alias in (name, part.alias, part.validation_alias) if isinstance(alias, str))
    for dependency in dependant.dependencies:
        yield from query_names(dependency)


def _stream(route: Any, options: RouteOptions) -> StreamBinding | None:
    """Return how the generator of a route becomes a stream, or ``None`` if it has none, or FastAPI has to do it."""
    is_lines = getattr(route, "is_json_stream", False) and getattr(route, "stream_item_field", None) is not None
    if not is_lines or options.stream == "stock":
        return None
    try:
        return StreamBinding(route, options)
    except UnsupportedTypeError:
        return None

"""The class of routes: FastAPI's own, with responses and bodies written and read natively, in every format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from fastapi import routing
from fastapi.datastructures import Default
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.integrations.fastapi.binding import RouteBinding
from pydantic_serialization.integrations.fastapi.bodies_by_format import decode_body, limited
from pydantic_serialization.integrations.fastapi.cache_policy import policy_of
from pydantic_serialization.integrations.fastapi.coding import finished, joined
from pydantic_serialization.integrations.fastapi.endpoint import original, stand_in
from pydantic_serialization.integrations.fastapi.errors import CHOSEN, negotiated_send
from pydantic_serialization.integrations.fastapi.exchange import CURRENT, Exchange
from pydantic_serialization.integrations.fastapi.media_types import is_json, names, offer_name, offers
from pydantic_serialization.integrations.fastapi.negotiation import choose
from pydantic_serialization.integrations.fastapi.openapi import document
from pydantic_serialization.integrations.fastapi.options import RouteOptions, codings
from pydantic_serialization.integrations.fastapi.request_coding import decoded_request

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from pydantic_serialization.config import SerializationFormat

    Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ModelRoute(APIRoute):
    """A route that does exactly what FastAPI's does, faster.

    ``APIRouter(route_class=ModelRoute)`` is all it takes; :func:`model_route` gives classes that do more.

    Attributes:
        options: What routes of this class do beyond FastAPI's.
        caches: Whether the endpoint asked for a cache when the route was made.
    """

    options: ClassVar[RouteOptions] = RouteOptions()

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        self.caches = policy_of(original(endpoint)) is not None
        self._rewrites_errors = self.options.problem_details != "never" or any(
            not offer.is_json for offer in offers(self.options.formats)
        )
        super().__init__(path, stand_in(endpoint, path), **settings)
        if getattr(self, "stream_item_field", None) is not None:
            # Where a router includes this route, FastAPI before 0.140.8 forgets what type its items have, and sends
            # whatever stands in them: it shall look at the endpoint again.
            self.response_model = Default(None)
        if self.caches and self.endpoint is original(endpoint):
            message = f"cached() is for functions; the endpoint of {path!r} is a {type(endpoint).__name__}"
            raise ConfigurationError(message)

    def get_route_handler(self) -> Handler:
        """Return what answers a request: FastAPI's own handler, with ours around it."""
        stock = super().get_route_handler()
        route = _effective(self)
        if route is None:
            return stock
        binding = RouteBinding(route, self.options)
        if route is self:
            document(self, binding)
        return _plain_handler(stock, binding) if binding.is_plain else _negotiating_handler(stock, binding)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if self.options.max_body_bytes is not None:
            receive = limited(receive, self.options.max_body_bytes)
        if self._rewrites_errors:
            send = negotiated_send(scope, send, self.options)
        await super().handle(scope, receive, send)


def model_route(
    *formats: SerializationFormat | str,
    strict_accept: bool = True,
    etag: bool = False,
    compression: str | Iterable[str] | None = None,
    compression_threshold: int = 1024,
    body: Literal["fast", "stock"] = "fast",
    unannotated: Literal["fast", "stock"] = "fast",
    stream: Literal["coalesce", "stock"] = "coalesce",
    max_body_bytes: int | None = None,
    request_compression: str | Iterable[str] | None = ("zstd", "gzip"),
    problem_details: Literal["accept", "always", "never"] = "accept",
    format_parameter: str | None = None,
) -> type[ModelRoute]:
    """Return a class of routes for ``APIRouter(route_class=...)`` and :func:`setup`.

    With more than JSON, responses are in the format that Accept asks for, bodies in the one that Content-Type says, and
    errors in the format of the response. A route whose type a format cannot represent does without that format.

    Bodies with a Content-Encoding are unpacked before FastAPI reads them; dependencies and the endpoint see a request
    that was never packed. Where the request's class is the user's own, that class has to do it.

    Args:
        *formats: The formats, the preferred one first; JSON if there is none.
        strict_accept: Answer 406, before the endpoint runs, where no format is acceptable; otherwise the first is sent.
        etag: Name bodies by ETag, and answer 304 where the client has the body.
        compression: Content codings for clients that ask for them: ``"zstd"``, ``"gzip"``, ``"br"``, the preferred one
            first. Those whose library is not installed are left out.
        compression_threshold: Bytes; smaller bodies are not compressed.
        body: ``"stock"`` has FastAPI parse JSON bodies.
        unannotated: ``"stock"`` has FastAPI write what endpoints without a declared type return.
        stream: ``"stock"`` has FastAPI write the items of generators one by one.
        max_body_bytes: Bytes of a request's body, as it comes and unpacked; more is refused with 413. Without it, an
            unpacked body may have 64 MiB, and one that comes as it is any length: set it for public endpoints. It bounds
            memory too, at some 30 times as much. More than a mebibyte may be unpacked of a thousandth of its size at
            least, and bodies in other formats than JSON may have four million items.
        request_compression: Content codings that bodies may come in; others are refused with 415. ``None`` leaves them
            to FastAPI, which knows none.
        problem_details: Errors as problem details (RFC 9457): where Accept names ``application/problem+json`` and does
            not prefer the format of the response; always; or never.
        format_parameter: A query parameter that names the format, in place of Accept: ``"format"`` for
            ``?format=msgpack``. A name that is not offered is answered with 404.

    Raises:
        UnknownFormatError: nobody knows a format.
        ConfigurationError: a format that must not go over HTTP, such as pickle, an unknown content coding, or, when a
            route is added, a ``format_parameter`` that the endpoint has for itself.
    """
    chosen = names(formats) or ("json",)
    offers(chosen)
    options = RouteOptions(
        formats=chosen,
        strict_accept=strict_accept,
        etag=etag,
        compression=codings(compression),
        compression_threshold=compression_threshold,
        body=body,
        unannotated=unannotated,
        stream=stream,
        max_body_bytes=max_body_bytes,
        request_codings=codings(request_compression),
        problem_details=problem_details,
        format_parameter=format_parameter,
    )
    return type(
        "ModelRoute", (ModelRoute,), {"options": options, "__module__": __name__, "__doc__": ModelRoute.__doc__}
    )


def _effective(route: APIRoute) -> Any | None:
    """Return what FastAPI builds the handler from: the route, or what stands for it where a router includes it.

    ``None`` where a future FastAPI keeps that somewhere else: its own handler is then all there is.
    """
    variable = getattr(routing, "_effective_route_context_var", None)
    if variable is None:
        return None if hasattr(routing, "iter_route_contexts") else route
    context = variable.get()
    return context if context is not None and context.original_route is route else route


def _plain_handler(stock: Handler, binding: RouteBinding) -> Handler:
    """Return the handler of a route that does what FastAPI's does, and nothing else."""
    offer = binding.offers[0]
    read_json = binding.read_json
    if read_json is None:

        async def handle(request: Request) -> Response:
            exchange = Exchange(binding, request, offer.format, offer.media_type)
            return await _run(stock, request, exchange)

    else:

        async def handle(request: Request) -> Response:
            exchange = Exchange(binding, request, offer.format, offer.media_type)
            return await _run_with_body(stock, request, exchange, read_json)

    return handle


async def _run(stock: Handler, request: Request, exchange: Exchange) -> Response:
    token = CURRENT.set(exchange)
    try:
        response = await stock(request)
    finally:
        CURRENT.reset(token)
    if exchange.stream is not None:
        await exchange.stream.put_into(request, response)
    return response


async def _run_with_body(
    stock: Handler, request: Request, exchange: Exchange, read_json: Callable[[bytes], Any]
) -> Response:
    content_type = next((value for name, value in request.scope["headers"] if name == b"content-type"), b"")
    if not is_json(content_type.decode("latin-1")):
        # FastAPI would not ask for JSON, and the user's code would be the first that does.
        return await _run(stock, request, exchange)
    body = _Body(request, read_json)
    request.json = body.json  # type: ignore[method-assign]
    try:
        return await _run(stock, request, exchange)
    except RequestValidationError as error:
        if body.given is not None and error.body is body.given:
            error.body = json.loads(await request.body())
        raise


def _negotiating_handler(stock: Handler, binding: RouteBinding) -> Handler:
    """Return the handler of a route that looks at what the client accepts and sends."""
    options, preferred = binding.options, binding.offers[0]
    negotiates = len(binding.offers) > 1 or preferred.format not in {"json", "orjson", "jsonl"}
    by_name = {offer_name(offer): offer for offer in binding.offers}
    unpacks = binding.takes_body and bool(options.request_codings)

    async def handle(request: Request) -> Response:
        offer, media_type = preferred, preferred.media_type
        named = None if options.format_parameter is None else request.query_params.get(options.format_parameter)
        if named is not None:
            if named not in by_name:
                raise HTTPException(404, f"{options.format_parameter} is one of {', '.join(by_name)}")
            offer, media_type = by_name[named], by_name[named].media_type
        elif negotiates:
            chosen = choose(joined(request, "accept"), binding.offers)
            if chosen is not None:
                offer, media_type = chosen
            elif options.strict_accept:
                offered = ", ".join(item.media_type for item in binding.offers)
                raise HTTPException(406, f"there is {offered}", headers={"Vary": "Accept"})
        if negotiates:
            request.scope[CHOSEN] = (offer.format, media_type)
        if unpacks:
            request = await decoded_request(request, options)
        exchange = Exchange(binding, request, offer.format, media_type)
        content_type = joined(request, "content-type") if binding.bodies is not None else None
        found = None
        if binding.bodies is not None and content_type is not None:
            found = binding.bodies.reader(content_type)
        if found is not None:
            await decode_body(request, *found)
            response = await _run(stock, request, exchange)
        elif binding.read_json is not None:
            response = await _run_with_body(stock, request, exchange, binding.read_json)
        else:
            response = await _run(stock, request, exchange)
        return await finished(request, response, options)

    return handle


class _Body:
    """The body of one request, given to FastAPI once; the user's own code gets plain JSON."""

    __slots__ = ("_read", "_request", "given")

    def __init__(self, request: Request, read: Callable[[bytes], Any]) -> None:
        self._request = request
        self._read = read
        self.given: Any = None

    async def json(self) -> Any:
        """Return what FastAPI is to validate."""
        request = self._request
        del request.json
        data = await request.body()
        try:
            self.given = self._read(data)
        except Exception:  # noqa: BLE001  (whatever is wrong with the document, FastAPI says it)
            return await request.json()
        return self.given

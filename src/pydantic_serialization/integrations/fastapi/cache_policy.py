"""How responses are cached: what an endpoint declares, and what checks that it has an effect."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic_serialization.cache.keys import check_tags
from pydantic_serialization.cache.values import as_seconds
from pydantic_serialization.errors import ConfigurationError
from pydantic_serialization.integrations.fastapi.endpoint import original
from pydantic_serialization.integrations.fastapi.options import codings
from pydantic_serialization.integrations.fastapi.signatures import refuse_elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from starlette.requests import Request

EndpointT = TypeVar("EndpointT", bound="Callable[..., Any]")

_POLICY: Final = "__pydantic_serialization_cached__"
_PLAIN_ROUTE: Final = "its route is FastAPI's own: call setup(app) first, or use APIRouter(route_class=ModelRoute)"


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """What :func:`cached` was called with."""

    ttl: float
    key: str | Callable[[Request], str] | None
    vary: tuple[str, ...]
    tags: tuple[str, ...]
    private_by: tuple[str, ...]
    stale: float
    compress: tuple[str, ...]
    etag: bool


def cached(
    ttl: float,
    *,
    key: str | Callable[[Request], str] | None = None,
    vary: Iterable[str] = (),
    tags: Iterable[str] = (),
    private_by: Iterable[str] = ("authorization", "cookie"),
    stale: float = 0,
    compress: str | Iterable[str] | None = ("zstd", "gzip"),
    etag: bool = True,
) -> Callable[[EndpointT], EndpointT]:
    """Keep the responses of a GET endpoint: the next request gets the bytes, and the endpoint does not run.

    Put it below the route's decorator, on a :class:`ModelRoute`, in an application with :func:`setup`. Dependencies run
    for every request. Requests share a response only if they agree in address, in the headers and cookies that the
    endpoint or a dependency declares, in ``vary`` and in ``private_by``. What code reads from the request by itself has
    to be named in ``vary`` or ``key``.

    On a route of FastAPI's own, which keeps nothing, requests fail with a :class:`ConfigurationError` that says so.

    Not kept: anything but 200 and 203, responses with Set-Cookie, streams. Of concurrent requests that miss one runs the
    endpoint, the others wait for its result.

    Args:
        ttl: Seconds for which a response is kept.
        key: In place of the address: a text with parameters of the endpoint in braces, ``"product:{product_id}"``, or a
            function of the request.
        vary: Further headers that the response depends on.
        tags: Names for ``cache.invalidate(tags=...)``; parameters of the endpoint may stand in braces.
        private_by: Headers that say who is asking: each of their values has its own response. ``()`` declares that all
            may see the response.
        stale: Seconds past ``ttl`` in which the old response is sent, while a new one is made in the background.
        compress: Content codings for clients that ask for them, the preferred one first; each is made once, and kept.
        etag: Name the response by ETag, and answer 304 where the client has it.

    Raises:
        ConfigurationError: a time is out of range, or HTTP knows no such coding.
    """
    if isinstance(vary, str) or isinstance(private_by, str):
        message = "vary and private_by are collections of names: write vary=('accept-language',)"
        raise ConfigurationError(message)
    if callable(ttl):
        message = "cached() takes the seconds first: write @cached(60)"
        raise ConfigurationError(message)
    policy = CachePolicy(
        as_seconds(ttl, "ttl"),
        key,
        tuple(vary),
        check_tags(tags),
        tuple(private_by),
        as_seconds(stale, "stale", zero=True),
        codings(compress),
        etag,
    )

    def decorate(endpoint: EndpointT) -> EndpointT:
        setattr(endpoint, _POLICY, policy)
        function: Any = endpoint
        if inspect.isfunction(function):
            where = f"{function.__module__}.{function.__qualname__}"
            refuse_elsewhere(function, f"cached() has no effect on {where}: {_PLAIN_ROUTE}")
        return endpoint

    return decorate


def policy_of(endpoint: Any) -> CachePolicy | None:
    """Return what :func:`cached` noted at an endpoint."""
    found: CachePolicy | None = getattr(endpoint, _POLICY, None)
    return found


def check_cached(app: Any) -> None:
    """See that every endpoint of an application that asks for a cache has one.

    Raises:
        ConfigurationError: a route with a cached endpoint is none of ours.
    """
    for route in _routes(app):
        endpoint = original(getattr(route, "endpoint", None))
        if policy_of(endpoint) is None or getattr(route, "caches", False):
            continue
        way_out = "put @cached below the route's decorator"
        if not hasattr(route, "caches"):
            way_out = _PLAIN_ROUTE
        message = f"cached() has no effect on {route.path!r}: {way_out}"
        raise ConfigurationError(message)


def _routes(holder: Any) -> Iterator[Any]:
    for route in getattr(holder, "routes", ()):
        yield route
        yield from _routes(getattr(route, "original_router", route))

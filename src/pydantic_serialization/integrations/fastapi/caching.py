"""Cached responses: the final bytes of a response, per key, format and content coding.

Dependencies run for every request, so that nobody gets past one that refuses; the endpoint runs where nothing is kept.
"""

from __future__ import annotations

import inspect
import logging
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization.cache import compile_key
from pydantic_serialization.errors import ConfigurationError, UnsupportedTypeError
from pydantic_serialization.integrations.fastapi.body import body_fields
from pydantic_serialization.integrations.fastapi.cache_keys import RequestKeys, headers_in_key
from pydantic_serialization.integrations.fastapi.cache_policy import CachePolicy, policy_of
from pydantic_serialization.integrations.fastapi.coding import (
    FinalResponse,
    compressed,
    is_unchanged,
    joined,
    not_modified,
    quoted,
)
from pydantic_serialization.integrations.fastapi.entries import CachedEntry, unpacked
from pydantic_serialization.integrations.fastapi.making import Failed, Making, NotKept
from pydantic_serialization.integrations.fastapi.negotiation import IDENTITY, choose_coding
from pydantic_serialization.integrations.fastapi.runtime import runtime_of
from pydantic_serialization.integrations.fastapi.signatures import own_signature
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Message

    from pydantic_serialization.cache import CacheManager
    from pydantic_serialization.integrations.fastapi.exchange import Exchange

CAPTURE: Final = "pydantic_serialization.capture"
"""The key in the scope under which a refresh of the cache asks a route for an entry instead of a response."""

_SMALLEST_CODED: Final = 1024
"""Bytes below which a body is not worth a content coding."""

_COPIED_ONCE: Final = range(65_536, 1_048_576)
"""Sizes of bodies of which a route keeps the copy that it has sent: shorter ones are copied at once, longer ones too large
to keep twice."""

_log = logging.getLogger(__name__)


class CachedResponses:
    """The cached responses of one route.

    Args:
        route: The route, or what stands for it where a router includes it.
        endpoint: The user's endpoint.
        policy: How they are cached.

    Raises:
        ConfigurationError: the route is not one of GET, takes a body or all headers, or a key or a tag names what is no
            parameter of the endpoint.
    """

    def __init__(self, route: Any, endpoint: Any, policy: CachePolicy) -> None:
        self._policy = policy
        self._name = f"{endpoint.__module__}.{getattr(endpoint, '__qualname__', type(endpoint).__qualname__)}"
        methods = set(route.methods or ()) - {"GET", "HEAD"}
        if methods or inspect.isgeneratorfunction(endpoint) or inspect.isasyncgenfunction(endpoint):
            message = f"cached() is for endpoints of GET that return a value, and {self._name} is none"
            raise ConfigurationError(message)
        if any(True for _ in body_fields(route.dependant)):
            message = f"cached() is for endpoints without a request body, which is in no key; {self._name} takes one"
            raise ConfigurationError(message)
        names = headers_in_key(route.dependant, policy.vary, policy.private_by)
        self._keys = RequestKeys(names, self._name.encode(), route.path_format.encode(), _fingerprint(route))
        varying = [*(["Accept-Encoding"] if policy.compress else []), *(name.title() for name in names)]
        self._vary = {False: _vary_header(varying), True: _vary_header(["Accept", *varying])}
        self._lifetime = policy.ttl + policy.stale
        self._refresh_after = policy.ttl / self._lifetime if policy.stale else None
        self._control = b"private, no-cache" if policy.private_by else b"no-cache"
        signature = own_signature(endpoint)
        self._template = compile_key(policy.key, signature) if isinstance(policy.key, str) else None
        for tag in policy.tags:
            compile_key(tag, signature)
        self._tags_vary = any("{" in tag for tag in policy.tags)
        self._last: tuple[object, bytes] = None, b""

    @classmethod
    def of(cls, route: Any, endpoint: Any) -> CachedResponses | None:
        """Return the cached responses of a route, or ``None`` if its endpoint does not ask for any."""
        policy = policy_of(endpoint)
        return None if policy is None else cls(route, endpoint, policy)

    async def respond(
        self, exchange: Exchange, injected: Response, call: Callable[[], Awaitable[Any]], arguments: dict[str, Any]
    ) -> Any:
        """Return the response that is kept, or the one that the endpoint makes."""
        request = exchange.request
        by_dependencies = tuple(injected.raw_headers)
        capture = request.scope.get(CAPTURE)
        if capture is not None:
            making = Making(exchange, injected, call)
            result = await making.run()
            capture.append(making.entry)
            return result
        cache = runtime_of(request).cache
        key = self._key(exchange, arguments)
        found = await self._find(cache, key)
        if found is None:
            making = Making(exchange, injected, call)
            tags = self._tags_of(arguments)
            error: Exception | None = None
            try:
                data = await cache.get_or_load(
                    key, making.load, ttl=self._lifetime, refresh_after=self._refresh_after, tags=tags
                )
            except NotKept:
                return making.result if making.has_run else await making.run()
            except Failed as failed:
                error = failed.error
            except Exception as failure:  # noqa: BLE001  (whatever a cache raises is a miss)
                self._note(failure)
                return making.result if making.has_run else await making.run()
            else:
                found = making.entry or (None if data is None else unpacked(data))
            if error is not None:
                raise error
            if found is None:  # what is stored there is none of ours
                return await making.run()
        elif self._refresh_after is not None and time.time() - found.head.created >= self._policy.ttl:
            await self._refresh(cache, key, request, self._tags_of(arguments))
        return await self._send(cache, exchange, by_dependencies, found)

    async def _find(self, cache: CacheManager, key: str) -> CachedEntry | None:
        try:
            data = await cache.get(key)
        except Exception as failure:  # noqa: BLE001  (whatever a cache raises is a miss)
            self._note(failure)
            return None
        return None if data is None else unpacked(data)

    async def _refresh(self, cache: CacheManager, key: str, request: Request, tags: tuple[str, ...]) -> None:
        """Have the entry made anew in the background, with dependencies of its own: the request's end with it."""
        scope = dict(request.scope)

        async def load() -> bytes:
            entries: list[CachedEntry | None] = []
            async with AsyncExitStack() as files:
                scope.update({CAPTURE: entries, "fastapi_middleware_astack": files})
                await scope["route"].handle(scope, _no_body, _discard)
            entry = entries[0] if entries else None
            if entry is None:
                raise NotKept
            return entry.packed()

        try:
            await cache.get_or_load(key, load, ttl=self._lifetime, refresh_after=self._refresh_after, tags=tags)
        except Exception as failure:  # noqa: BLE001  (the old response is there)
            _log.warning("a refresh of %s could not be started (%s)", self._name, type(failure).__qualname__)

    def _note(self, failure: Exception) -> None:
        # The class only: texts of clients repeat addresses and keys.
        _log.warning("the cache failed (%s); %s answers without it", type(failure).__qualname__, self._name)

    async def _send(
        self,
        cache: CacheManager,
        exchange: Exchange,
        by_dependencies: tuple[tuple[bytes, bytes], ...],
        entry: CachedEntry,
    ) -> Response:
        policy, request, head = self._policy, exchange.request, entry.head
        coding = IDENTITY
        if policy.compress and len(entry.body) >= _SMALLEST_CODED and not head.has(b"content-encoding"):
            coding = choose_coding(joined(request, "accept-encoding"), policy.compress)
        headers = [*head.headers, *self._vary[len(exchange.binding.offers) > 1]]
        if head.merges:
            headers += by_dependencies
        if not head.has(b"cache-control"):
            headers.append((b"cache-control", self._control))
        if policy.etag:
            etag = quoted(head.tag, coding)
            headers.append((b"etag", etag.encode()))
            if is_unchanged(joined(request, "if-none-match"), etag):
                return not_modified(FinalResponse(b"", head.status, headers))
        if coding == IDENTITY:
            body = self._whole(entry)
        else:
            body = await self._coded(cache, entry, coding)
            headers.append((b"content-encoding", coding.encode()))
        headers.append((b"content-length", b"%d" % len(body)))
        headers.append((b"content-type", head.media_type.encode("latin-1")))
        return FinalResponse(body, head.status, headers)

    def _whole(self, entry: CachedEntry) -> bytes:
        """Return the body as the ``bytes`` that ASGI asks for; a long one that was sent last is not copied again."""
        body = entry.body
        if isinstance(body, bytes) or len(body) not in _COPIED_ONCE:
            return bytes(body)
        sent_from, copy = self._last
        if sent_from is not body.obj:
            copy = bytes(body)
            self._last = body.obj, copy
        return copy

    async def _coded(self, cache: CacheManager, entry: CachedEntry, coding: str) -> bytes:
        """Return the body in a content coding; it is found by the body's own digest, so it can never be out of date."""

        def load() -> Awaitable[bytes]:
            return compressed(bytes(entry.body), coding)

        try:
            packed = await cache.get_or_load(f"coded:{coding}:{entry.head.tag}", load, ttl=self._lifetime)
        except Exception:  # noqa: BLE001  (whatever a cache raises is a miss)
            packed = None
        return await load() if packed is None else packed

    def _key(self, exchange: Exchange, arguments: dict[str, Any]) -> str:
        request, key = exchange.request, self._policy.key
        what = None
        if self._template is not None:
            what = self._template((), arguments)
        elif callable(key):
            what = key(request)
        return self._keys.key(request, exchange.media_type, what)

    def _tags_of(self, arguments: dict[str, Any]) -> tuple[str, ...]:
        tags = self._policy.tags
        return tuple(tag.format_map(arguments) for tag in tags) if self._tags_vary else tags


def _vary_header(names: list[str]) -> list[tuple[bytes, bytes]]:
    return [(b"vary", ", ".join(names).encode("latin-1"))] if names else []


def _fingerprint(route: Any) -> bytes:
    """Return what changes when the declared type does: another deploy's entries are not found."""
    try:
        return plan_for(route.response_model).fingerprint if route.response_model is not None else b""
    except UnsupportedTypeError:
        return b""


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _discard(_: Message) -> None:
    """Take what a refresh would send to a client."""

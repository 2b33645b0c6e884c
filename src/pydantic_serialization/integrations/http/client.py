"""The asynchronous client. ``tools/write_sync_twins.py`` makes the synchronous one of it."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from pydantic import ValidationError

from pydantic_serialization.cache.keys import check_tags
from pydantic_serialization.errors import CacheError, ConfigurationError, DecodeError
from pydantic_serialization.integrations.http.answers import Collector, pack, unpack
from pydantic_serialization.integrations.http.calls import Calls, checked_client, describe, is_final
from pydantic_serialization.integrations.http.errors import UnexpectedStatusError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pydantic_serialization.cache import CacheManager
    from pydantic_serialization.config import SerializationFormat
    from pydantic_serialization.integrations.http.answers import Answer

ModelT = TypeVar("ModelT")


class AsyncHttpClient(Protocol):
    """What is needed of ``httpx.AsyncClient`` and ``httpx2.AsyncClient``."""

    @property
    def build_request(self) -> Callable[..., Any]:
        """Make a request."""
        ...

    @property
    def send(self) -> Callable[..., Awaitable[Any]]:
        """Send a request."""
        ...


class ModelClient:
    """Sends and receives models over HTTP.

    Answers come in any of ``formats``, as the server chooses; bodies go out in ``body_format``, by alias. Only
    compression that can be bounded is asked for, and a body is counted while it comes in.

    Args:
        client: An ``AsyncClient`` of httpx or httpx2. It stays the caller's, with its base address, time-outs,
            authorization, redirects and closing.
        formats: Formats of answers, best first.
        body_format: Format of what is sent, where a call names none.
        cache: Where answers are kept by calls with ``ttl``, as bytes: ``manager.cache_manager``. Entries are kept apart
            by address, request headers, authorization and model.
        max_response_bytes: The largest body that is read, before and after decompression.
        revalidate_for: Seconds for which an answer with an ``ETag`` is kept past its ``ttl``, to be confirmed by the
            server with 304 instead of being sent again.
        namespace: Part of every key: what tells callers apart and is not in the headers of a call, such as a client
            certificate; a function is asked at each call. Answers are only kept with one where the client has event
            hooks for requests, or an ``auth`` of another class than httpx's own: they may say something else for each
            caller. A text says that they do not.

    Raises:
        ConfigurationError: the client is synchronous, or none, or a format has no place on a network.
        UnknownFormatError: no such format.
    """

    def __init__(
        self,
        client: AsyncHttpClient,
        *,
        formats: Iterable[SerializationFormat | str] = ("msgpack", "orjson"),
        body_format: SerializationFormat | str = "orjson",
        cache: CacheManager | None = None,
        max_response_bytes: int = 67_108_864,
        revalidate_for: float = 3600.0,
        namespace: str | Callable[[], str] = "",
    ) -> None:
        if not inspect.iscoroutinefunction(checked_client(client).send):
            message = f"{type(client).__name__} is not asynchronous: use SyncModelClient"
            raise ConfigurationError(message)
        self._client = client
        self._calls = Calls(
            client,
            formats=formats,
            body_format=body_format,
            cache=cache,
            max_response_bytes=max_response_bytes,
            revalidate_for=revalidate_for,
            namespace=namespace,
        )

    @overload
    async def get(
        self,
        url: Any,
        model: type[ModelT],
        *,
        ttl: float | None = None,
        stale_if_error: float = 0,
        tags: Iterable[str] = (),
        **options: Any,
    ) -> ModelT: ...

    @overload
    async def get(
        self,
        url: Any,
        model: Any,
        *,
        ttl: float | None = None,
        stale_if_error: float = 0,
        tags: Iterable[str] = (),
        **options: Any,
    ) -> Any: ...

    async def get(
        self,
        url: Any,
        model: Any,
        *,
        ttl: float | None = None,
        stale_if_error: float = 0,
        tags: Iterable[str] = (),
        **options: Any,
    ) -> Any:
        """Return what is at ``url``, as a validated value of ``model``.

        With ``ttl`` the answer is kept. Callers that miss at once share one request, and each gets a value of its own.
        When the time is up, the server is asked whether the ``ETag`` still holds. Answers that cannot be read, errors
        and what is marked ``no-store`` are not kept.

        Args:
            url: Absolute, or relative to the client's base address.
            model: A model class, or anything that Pydantic makes a ``TypeAdapter`` of.
            ttl: Seconds for which the answer is kept; ``None`` asks the server each time.
            stale_if_error: Seconds past ``ttl`` in which an old answer stands in where the server cannot be reached,
                answers with 5xx or 429, or with something that cannot be read.
            tags: Names by which ``manager.invalidate(tags=...)`` drops the answer.
            **options: What ``client.build_request`` takes: ``params``, ``headers``, ``cookies``, ``timeout``.

        Raises:
            UnexpectedStatusError: the status is no success.
            pydantic.ValidationError: the answer does not fit the model.
            DecodeError: the answer is of another format, damaged, or too large (``LimitExceededError``).
            ConfigurationError: ``ttl`` without a cache; or an event hook or ``auth`` of the client may change what is
                sent, and no ``namespace`` says for whom.
            Exception: what the client raises where the server cannot be reached; a note names the request.
        """
        if ttl is None and not stale_if_error and not tags:
            return await self.request("GET", url, model, **options)
        cache, calls, names = self._calls.needed_cache(), self._calls, check_tags(tags)
        first = calls.request("GET", url, options=options)
        key = calls.key(first, model)
        last = f"{key}:last"
        fresh: list[Any] = []

        async def load() -> bytes:
            fresh.clear()
            old = calls.usable(await cache.get(last), first, model)
            request = calls.request("GET", url, etag=None if old is None else old[0].etag, options=options)
            try:
                answer = await self._exchange(request, model, conditional=old is not None)
            except UnexpectedStatusError as error:
                if is_final(error):
                    with suppress(CacheError):  # the server's word matters more than whether other processes heard it
                        await cache.invalidate(key, last)
                raise
            if old is not None and answer.status == 304:
                answer, value = old
            else:
                value = calls.read(answer, request, model)  # what cannot be read is not kept
            fresh.append(value)
            kept = pack(answer)
            if not answer.keep:
                with suppress(CacheError):
                    await cache.invalidate(key, last)  # which keeps the result of this very load out, too
            elif answer.etag is not None:
                await cache.set(last, kept, (cache.ttl if ttl is None else ttl) + calls.revalidate_for, names)
            return kept

        for attempt in range(2):
            found = await cache.get_or_load(key, load, ttl=ttl, stale_ttl=stale_if_error, tags=names)
            if fresh:
                return fresh[0]
            try:
                return calls.read(unpack(found or b""), first, model)
            except (DecodeError, ValidationError):
                if attempt:
                    raise
            await cache.invalidate(key)  # whatever it is, it is not what was kept
        raise AssertionError

    @overload
    async def post(self, url: Any, body: Any, model: type[ModelT], **options: Any) -> ModelT: ...

    @overload
    async def post(self, url: Any, body: Any, model: Any = None, **options: Any) -> Any: ...

    async def post(self, url: Any, body: Any, model: Any = None, **options: Any) -> Any:
        """Send ``body`` and return what is answered; see :meth:`request`."""
        return await self.request("POST", url, model, body=body, **options)

    @overload
    async def put(self, url: Any, body: Any, model: type[ModelT], **options: Any) -> ModelT: ...

    @overload
    async def put(self, url: Any, body: Any, model: Any = None, **options: Any) -> Any: ...

    async def put(self, url: Any, body: Any, model: Any = None, **options: Any) -> Any:
        """Send ``body`` and return what is answered; see :meth:`request`."""
        return await self.request("PUT", url, model, body=body, **options)

    @overload
    async def patch(self, url: Any, body: Any, model: type[ModelT], **options: Any) -> ModelT: ...

    @overload
    async def patch(self, url: Any, body: Any, model: Any = None, **options: Any) -> Any: ...

    async def patch(self, url: Any, body: Any, model: Any = None, **options: Any) -> Any:
        """Send ``body`` and return what is answered; see :meth:`request`."""
        return await self.request("PATCH", url, model, body=body, **options)

    @overload
    async def delete(self, url: Any, model: type[ModelT], **options: Any) -> ModelT: ...

    @overload
    async def delete(self, url: Any, model: Any = None, **options: Any) -> Any: ...

    async def delete(self, url: Any, model: Any = None, **options: Any) -> Any:
        """Delete what is at ``url`` and return what is answered; see :meth:`request`."""
        return await self.request("DELETE", url, model, **options)

    @overload
    async def request(
        self,
        method: str,
        url: Any,
        model: type[ModelT],
        *,
        body: Any = None,
        body_type: Any = None,
        format: SerializationFormat | str | None = None,
        **options: Any,
    ) -> ModelT: ...

    @overload
    async def request(
        self,
        method: str,
        url: Any,
        model: Any = None,
        *,
        body: Any = None,
        body_type: Any = None,
        format: SerializationFormat | str | None = None,
        **options: Any,
    ) -> Any: ...

    async def request(
        self,
        method: str,
        url: Any,
        model: Any = None,
        *,
        body: Any = None,
        body_type: Any = None,
        format: SerializationFormat | str | None = None,  # noqa: A002
        **options: Any,
    ) -> Any:
        """Send a request and return the answer as a validated value of ``model``.

        Args:
            method: The method.
            url: Absolute, or relative to the client's base address.
            model: The type of the answer; ``None`` looks at the status only, and returns ``None``.
            body: A model, or any value that Pydantic knows; ``None`` sends none.
            body_type: The declared type of the body, where it is not its own class: a subclass then gives only the
                declared fields.
            format: The format of the body.
            **options: What ``client.build_request`` takes.

        Raises:
            EncodeError: the body cannot be written.
            UnexpectedStatusError: the status is no success.
            pydantic.ValidationError: the answer does not fit the model.
            DecodeError: the answer is of another format, damaged, or too large (``LimitExceededError``).
            Exception: what the client raises where the server cannot be reached; a note names the request.
        """
        request = self._calls.request(method, url, body=body, body_type=body_type, format=format, options=options)
        answer = await self._exchange(request, model, conditional=False)
        return self._calls.read(answer, request, model)

    async def _exchange(self, request: Any, model: Any, *, conditional: bool) -> Answer:
        try:
            response = await self._client.send(request, stream=True)
            try:
                collector = Collector(response, self._calls.limit)
                if response.is_stream_consumed:  # as of a transport for tests, or of a cache
                    collector.add_decoded(response.content)
                else:
                    async for chunk in response.aiter_raw():
                        if not collector.add(chunk):
                            break
            finally:
                await response.aclose()
        except DecodeError as error:
            raise self._calls.placed(error, request, model=model) from None
        except Exception as error:
            error.add_note(f"in {describe(request)}")
            raise
        return self._calls.judge(request, collector, model, conditional=conditional)

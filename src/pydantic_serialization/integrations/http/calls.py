"""What both clients do around a call: build the request, judge and read the answer, name the entry of the cache."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from pydantic_serialization.cache.parts import digest, encode_part
from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.errors import ConfigurationError, DecodeError, SerializationError
from pydantic_serialization.integrations._cache import checked_cache
from pydantic_serialization.integrations.http.answers import accepted_codings, unpack
from pydantic_serialization.integrations.http.errors import UnexpectedStatusError
from pydantic_serialization.integrations.http.media_types import MediaTypes, media_type_of
from pydantic_serialization.plan import plan_for
from pydantic_serialization.serializer import PydanticModelSerializer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic_serialization.cache import CacheManager
    from pydantic_serialization.config import SerializationFormat
    from pydantic_serialization.integrations.http.answers import Answer, Collector

_NOT_IN_KEYS: Final = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "host", "if-none-match", "user-agent"),
        *("traceparent", "tracestate", "baggage", "x-request-id", "x-correlation-id"),
    }
)
"""Headers that do not change what is answered; all others are part of the key, credentials among them."""

_NOT_MODIFIED: Final = 304
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500

_identities: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


class Calls:
    """The settings of a client, and the steps of a call that do no I/O.

    Args:
        client: The client of httpx or httpx2.
        formats: Formats of answers, best first.
        body_format: Format of what is sent.
        cache: Where answers are kept.
        max_response_bytes: Bytes of a body, before and after decoding.
        revalidate_for: Seconds for which an answer with an ``ETag`` is kept past its time.
        namespace: Part of every key: a text, or a function that returns one.
    """

    def __init__(
        self,
        client: Any,
        *,
        formats: Iterable[SerializationFormat | str],
        body_format: SerializationFormat | str,
        cache: CacheManager | None,
        max_response_bytes: int,
        revalidate_for: float,
        namespace: str | Callable[[], str],
    ) -> None:
        self._client = client
        self._types = MediaTypes(formats)
        self._body_format = body_format
        media_type_of(body_format)
        self._cache = checked_cache(cache)
        self.limit = max_response_bytes
        self.revalidate_for = revalidate_for
        self._namespace = namespace
        config = SerializationConfig(
            enable_compression=False, fallback_format=None, max_payload_bytes=max_response_bytes
        )
        self._pipeline = PydanticModelSerializer(config).pipeline
        self._codings = accepted_codings()

    def needed_cache(self) -> CacheManager:
        """Return the cache.

        Raises:
            ConfigurationError: there is none.
        """
        if self._cache is None:
            message = "ttl, stale_if_error and tags are about the cache, and there is none: pass cache= to the client"
            raise ConfigurationError(message)
        return self._cache

    def request(
        self,
        method: str,
        url: Any,
        *,
        body: Any = None,
        body_type: Any = None,
        format: SerializationFormat | str | None = None,  # noqa: A002
        etag: str | None = None,
        options: dict[str, Any],
    ) -> Any:
        """Return the request of a call.

        Raises:
            EncodeError: the body cannot be written.
        """
        request = self._client.build_request(method, url, **options, **self._content(body, body_type, format))
        own = {"Accept": self._types.accept, "Accept-Encoding": self._codings}
        if body is not None:
            own["Content-Type"] = media_type_of(self._body_format if format is None else format)
        given = {name.lower() for name in dict(options.get("headers") or {})}
        for name, value in own.items():
            if name.lower() not in given or name == "Accept-Encoding":  # what is not asked for could not be bounded
                request.headers[name] = value
        if etag is not None:
            request.headers["If-None-Match"] = etag
        return request

    def judge(self, request: Any, collector: Collector, model: Any, *, conditional: bool) -> Answer:
        """Return the answer of a server, if it is a success, or the confirmation that was asked for.

        Raises:
            UnexpectedStatusError: it is neither.
            DecodeError: its body cannot be decoded, or is too large.
        """
        if collector.is_success or (conditional and collector.status == _NOT_MODIFIED):
            try:
                return collector.answer()
            except DecodeError as error:
                raise self.placed(error, request) from None
        place = describe(request)
        raise UnexpectedStatusError(
            f"{place} was answered with {collector.status}",
            status=collector.status,
            method=request.method,
            url=place.partition(" ")[2],
            content_type=collector.content_type,
            body=collector.error_body(),
            model=None if model is None else plan_for(model).name,
        )

    def read(self, answer: Answer, request: Any, model: Any) -> Any:
        """Return the validated value in an answer.

        Raises:
            DecodeError: the body is of no format that was asked for, or no document of it.
            pydantic.ValidationError: it does not fit the model; a note names the request.
        """
        if model is None:
            return None
        try:
            if not answer.body:
                message = "the body is empty"
                raise DecodeError(message, model=plan_for(model).name)
            return self._pipeline(model, self._types.format_of(answer.content_type)).load(answer.body)
        except SerializationError as error:
            raise self.placed(error, request, answer, model) from None
        except ValidationError as error:
            error.add_note(f"in the answer to {describe(request)} ({answer.status})")
            raise

    def usable(self, kept: bytes | None, request: Any, model: Any) -> tuple[Answer, Any] | None:
        """Return an answer that the server may confirm, with its value, if there is one that can be read."""
        if kept is None:
            return None
        try:
            answer = unpack(kept)
            return None if answer.etag is None else (answer, self.read(answer, request, model))
        except (DecodeError, ValidationError):
            return None

    def placed(
        self, error: SerializationError, request: Any, answer: Answer | None = None, model: Any = None
    ) -> SerializationError:
        """Return an error with the request in its text."""
        status = "" if answer is None else f" ({answer.status})"
        error.args = (f"{describe(request)}{status}: {error.args[0]}", *error.args[1:])
        error.model = error.model or (None if model is None else plan_for(model).name)
        return error

    def key(self, request: Any, model: Any) -> str:
        """Return the key of the entry of a request: address, headers, credentials and model, as a digest.

        Raises:
            ConfigurationError: what the client adds to requests may depend on the caller, and nothing says on which.
        """
        namespace = self._namespace() if callable(self._namespace) else self._namespace
        headers = sorted((name.lower(), value) for name, value in request.headers.multi_items())
        parts = (
            "http",
            namespace,
            str(request.url),
            tuple(pair for pair in headers if pair[0] not in _NOT_IN_KEYS),
            self._identity(),
            plan_for(model).name,
            plan_for(model).fingerprint,
        )
        return "".join(("http:", digest("".join(map(encode_part, parts)))))

    def _identity(self) -> str:
        """Return what stands for what the client adds after the request was built: credentials, mostly."""
        auth = getattr(self._client, "auth", None)
        hooks = getattr(self._client, "event_hooks", {}).get("request")
        if self._namespace == "" and (hooks or not _is_for_all_callers(auth)):
            what = "event hooks" if hooks else f"{type(auth).__name__} as auth"
            message = (
                f"{what} may send something else for each caller: pass namespace= with what tells callers apart "
                "(a text if nothing does, a function that returns one if they differ), or the header with the call"
            )
            raise ConfigurationError(message)
        if auth is None:
            return ""
        try:
            return _identities.setdefault(auth, secrets.token_hex(16))
        except TypeError:
            message = f"a {type(auth).__name__} as auth cannot be told from another one: set the header instead"
            raise ConfigurationError(message) from None

    def _content(self, body: Any, body_type: Any, format: SerializationFormat | str | None) -> dict[str, Any]:  # noqa: A002
        if body is None:
            return {}
        name = self._body_format if format is None else format
        media_type_of(name)
        pipeline = self._pipeline(body.__class__ if body_type is None else body_type, name)
        return {"content": pipeline.dump_with(body, {"by_alias": True})}


def _is_for_all_callers(auth: Any) -> bool:
    """Say whether an authorization holds its own credentials, and does not look for them when it is used."""
    cls = type(auth)
    return auth is None or (
        cls.__module__.partition(".")[0] in {"httpx", "httpx2"}
        and cls.__name__ in {"BasicAuth", "DigestAuth", "NetRCAuth"}
    )


def checked_client(client: Any) -> Any:
    """Return the client.

    Raises:
        ConfigurationError: it cannot send requests.
    """
    if not hasattr(client, "send") or not hasattr(client, "build_request"):
        message = f"a ModelClient is made of a client of httpx or httpx2, not of {type(client).__name__}"
        raise ConfigurationError(message)
    return client


def is_final(error: UnexpectedStatusError) -> bool:
    """Say whether an error is the server's word on the resource, rather than trouble that may pass (RFC 5861, 4)."""
    return error.status < _SERVER_ERROR and error.status != _TOO_MANY


def describe(request: Any) -> str:
    """Return a request for a message: without user, password, query and fragment."""
    url = request.url
    port = "" if url.port is None else f":{url.port}"
    return f"{request.method} {url.scheme}://{url.host}{port}{url.path}"

"""Streams of models: JSON lines, a JSON array, or MessagePack documents one after the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fastapi.exceptions import ResponseValidationError
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from pydantic_serialization.errors import ConfigurationError, UnsupportedTypeError
from pydantic_serialization.integrations.fastapi.coalescing import (
    BATCH_BYTES,
    Pace,
    coalesce_async,
    coalesce_sync,
)
from pydantic_serialization.integrations.fastapi.declared import declared_encoder
from pydantic_serialization.integrations.fastapi.exchange import current_exchange
from pydantic_serialization.integrations.fastapi.media_types import JSON, JSON_LINES, Offer, http_format, offers
from pydantic_serialization.integrations.fastapi.writing import dump_options, item_writer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.background import BackgroundTask
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from pydantic_serialization.integrations.fastapi.options import RouteOptions


class Framing(NamedTuple):
    """How the documents of a stream stand one after the other.

    Attributes:
        format: The format of each document.
        media_type: What the stream is called.
        start: What comes before the first document.
        between: What comes between two documents.
        after: What comes after each document.
        end: What comes after the last document.
    """

    format: str
    media_type: str
    start: bytes = b""
    between: bytes = b""
    after: bytes = b""
    end: bytes = b""


_LINES: Final = Framing("json", JSON_LINES, after=b"\n")
_ARRAY: Final = Framing("json", JSON, start=b"[", between=b",", end=b"]")


def framing(name: str) -> Framing:
    """Return how a stream of a format looks: ``"jsonl"``, ``"json-array"``, or a format whose documents know their end.

    Raises:
        UnknownFormatError: nobody knows the name.
        ConfigurationError: documents of the format cannot stand one after the other.
    """
    text = str(getattr(name, "value", name)).lower()
    if text == "jsonl":
        return _LINES
    if text in {"json", "orjson", "json-array"}:
        return _ARRAY
    found = http_format(text)
    if found.name not in _SELF_DELIMITING:
        message = f"{found.name} documents do not say where they end; stream jsonl, json-array or msgpack"
        raise ConfigurationError(message)
    return Framing(found.name, found.media_type)


_SELF_DELIMITING: Final = {"msgpack", "cbor"}


class ModelStream(StreamingResponse):
    """A stream of models.

    What is ready goes out together, and nothing waits for what is not. The client sets the pace: a generator is not
    asked for more than the connection takes. When the client is gone, the generator is closed.

    Args:
        items: The models: a generator or another iterable, asynchronous or not. One that is not runs in a thread.
        model: The declared type of an item; only its fields are written.
        format: ``"jsonl"``, ``"json-array"`` or ``"msgpack"``.
        batch_bytes: Bytes that are collected at most before they are sent.
        status_code: The status.
        headers: Further headers.
        background: What runs after the response was sent.

    Raises:
        ConfigurationError: documents of the format cannot stand one after the other; ``items`` is one model.
        UnsupportedTypeError: the format cannot represent the type.
    """

    def __init__(
        self,
        items: AsyncIterable[Any] | Iterable[Any],
        model: Any,
        *,
        format: str = "jsonl",  # noqa: A002
        batch_bytes: int = BATCH_BYTES,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        if isinstance(items, BaseModel):  # which is an iterable, of the names and values of its fields
            message = f"ModelStream sends several items, and {type(items).__name__} is one: use ModelResponse"
            raise ConfigurationError(message)
        frame = framing(format)
        encode = declared_encoder(model, frame.format)
        self._content = framed(items, frame, encode, None, Pace(batch_bytes))
        super().__init__(self._content, status_code, headers, frame.media_type, background)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream, and close the generator, however the sending ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._content.aclose()


async def framed(
    items: AsyncIterable[Any] | Iterable[Any],
    frame: Framing,
    write: Callable[[Any], bytes | None],
    write_other: Callable[[Any], Awaitable[bytes]] | None,
    pace: Pace,
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a stream; see :func:`~pydantic_serialization.integrations.fastapi.coalescing.coalesce_async`."""
    after, between = frame.after, frame.between
    separator = b""

    def write_framed(item: Any) -> bytes | None:
        nonlocal separator
        data = write(item)
        if data is None:
            return None
        before, separator = separator, between
        return before + data + after if after or before else data

    if isinstance(items, AsyncIterable):
        chunks = coalesce_async(aiter(items), write_framed, write_other, pace)
    else:
        chunks = coalesce_sync(iter(items), write_framed, write_other, pace)
    try:
        if frame.start:
            yield frame.start
        async for chunk in chunks:
            yield chunk
        if frame.end:
            yield frame.end
    finally:
        await chunks.aclose()


class StreamBinding:
    """How the generator of a route becomes a stream.

    Attributes:
        offers: The formats that it may be in, FastAPI's JSON lines first.

    Args:
        route: The route, or what stands for it where a router includes it.
        options: The options of its class.
    """

    def __init__(self, route: Any, options: RouteOptions) -> None:
        self._field = route.stream_item_field
        self._options = dump_options(route)
        self._writers: dict[str, Callable[[Any], bytes | None]] = {}
        self.offers = tuple(self._offers(route, options))

    def _offers(self, route: Any, options: RouteOptions) -> Iterator[Offer]:
        lines, *rest = offers(("jsonl", *(name for name in options.formats if name != "jsonl")))
        self._writers["jsonl"] = item_writer(route.stream_item_type, self._field, "json", self._options)
        yield lines
        if not any(not offer.is_json for offer in rest):
            return  # nothing but JSON was asked for: exactly what FastAPI does
        for offer in rest:
            try:
                frame = framing(offer.format)
                self._writers[offer.format] = item_writer(
                    route.stream_item_type, self._field, frame.format, self._options, always=True
                )
            except (ConfigurationError, UnsupportedTypeError):
                continue
            yield offer

    def take(self, generator: Any) -> TakenStream:
        """Take a generator over that the endpoint has returned."""
        exchange = current_exchange()
        name = "jsonl" if exchange is None else exchange.format
        return TakenStream(generator, name, self._writers[name], self._field)


class TakenStream:
    """A generator that we write instead of FastAPI, which still writes the items that we are not certain of.

    Attributes:
        source: What FastAPI takes for the generator.
    """

    def __init__(
        self,
        generator: Any,
        name: str,
        write: Callable[[Any], bytes | None],
        field: Any,
    ) -> None:
        self._generator = generator
        self._format = name
        self._write = write
        self._field = field
        self.source = _AsyncFeed() if isinstance(generator, AsyncIterator) else _Feed()

    async def put_into(self, request: Request, response: Response) -> None:
        """Have a streaming response of FastAPI's send our bytes."""
        if not isinstance(response, StreamingResponse):
            return
        stock: Any = response.body_iterator
        frame = framing(self._format)
        if self._format == "jsonl":
            source = self.source

            async def write_other(item: Any) -> bytes:
                source.items.append(item)
                data: bytes = await anext(stock)
                return data

        else:
            field = self._field

            async def write_other(item: Any) -> bytes:
                _, errors = field.validate(item, {}, loc=("response",))
                raise ResponseValidationError(errors=errors, body=item)

            response.headers["content-type"] = frame.media_type
        content = framed(self._generator, frame, self._write, write_other, Pace())
        response.body_iterator = content
        stack = request.scope.get("fastapi_inner_astack")
        if stack is not None:  # it ends after the response, and before what dependencies have opened
            stack.push_async_callback(content.aclose)


class _AsyncFeed:
    """Gives FastAPI's own stream the one item that it has to write."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def __aiter__(self) -> _AsyncFeed:
        return self

    async def __anext__(self) -> Any:
        if not self.items:
            raise StopAsyncIteration
        return self.items.pop()


class _Feed:
    """The same for generators that run in a thread."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> Any:
        if not self.items:
            raise StopIteration
        return self.items.pop()

"""Typed HTTP calls with httpx: models go out, models come back, and what was fetched is cached as it arrived.

The server is a small ASGI application in the same process, called through ``httpx.ASGITransport``; with a real server,
leave ``transport=`` out. Run it with ``python examples/httpx_client.py``.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from pydantic_serialization import (
    DecodeError,
    OptimizedSerializationManager,
    SerializationConfig,
    SerializationFormat,
    create_serialization_manager,
    decoder,
    encoder,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

JSON = "application/json"
MSGPACK = "application/vnd.msgpack"
FORMATS = {JSON: SerializationFormat.ORJSON, MSGPACK: SerializationFormat.MSGPACK}

# Bodies must be what their Content-Type says: no compression of our own, and no sealed frame of another format.
HTTP = SerializationConfig(enable_compression=False, fallback_format=None)

ModelT = TypeVar("ModelT")


class Reading(BaseModel):
    """One value of a sensor."""

    sensor: int
    taken_at: datetime
    celsius: float


class Receipt(BaseModel):
    """What the server says to a reading."""

    number: int
    reading: Reading


class ModelClient:
    """Sends and receives models over HTTP.

    Args:
        http: The client; it belongs to the caller, with its base address, time-outs and authorization.
        manager: Formats and cache.
        media_type: What is sent, and asked for. The answer may come in any known type.
    """

    def __init__(
        self, http: httpx.AsyncClient, manager: OptimizedSerializationManager, media_type: str = MSGPACK
    ) -> None:
        self._http = http
        self._manager = manager
        self._media_type = media_type

    async def get(self, url: str, model_class: type[ModelT], *, ttl: float | None = None) -> ModelT:
        """Return what is at ``url``. With ``ttl``, the body is kept for that many seconds.

        Bytes are cached and not models, so that no caller can change what another one gets. If many ask at once, one
        request is made. The cache belongs to this client's manager: share it only among clients that send the same
        authorization.
        """
        if ttl is None:
            return await self._read(*await self._fetch(url), model_class)

        async def load() -> bytes:
            content_type, body = await self._fetch(url)
            return content_type.encode() + b"\n" + body

        key = f"GET {self._media_type} {self._http.base_url.join(url)}"
        kept = await self._manager.cache_manager.get_or_load(key, load, ttl=ttl)
        content_type, _, body = (kept or b"").partition(b"\n")
        return await self._read(content_type.decode(), body, model_class)

    async def post(self, url: str, model: BaseModel, model_class: type[ModelT]) -> ModelT:
        """Send a model and return the one that comes back."""
        body = await self._manager.serialize_model(model, FORMATS[self._media_type])
        headers = {"Content-Type": self._media_type, "Accept": self._media_type}
        response = await self._http.post(url, content=body, headers=headers)
        response.raise_for_status()
        return await self._read(response.headers.get("content-type", ""), response.content, model_class)

    async def _fetch(self, url: str) -> tuple[str, bytes]:
        response = await self._http.get(url, headers={"Accept": f"{self._media_type}, {JSON};q=0.5"})
        response.raise_for_status()  # an error is raised, and so never cached
        return response.headers.get("content-type", ""), response.content

    async def _read(self, content_type: str, body: bytes, model_class: type[ModelT]) -> ModelT:
        found = FORMATS.get(content_type.partition(";")[0].strip().lower())
        if found is None:
            message = f"the server answered in {content_type!r}; known are {', '.join(FORMATS)}"
            raise DecodeError(message)
        return await self._manager.deserialize_model(body, model_class, found)


class SensorServer:
    """An ASGI application: ``POST /readings`` stores a reading, ``GET /readings`` returns all of them."""

    def __init__(self) -> None:
        self.requests = 0
        self._readings: list[Reading] = []

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        self.requests += 1
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        accepted = MSGPACK if MSGPACK in headers.get("accept", "") else JSON
        if scope["method"] == "POST":
            body, more = b"", True
            while more:
                message = await receive()
                body, more = body + message.get("body", b""), message.get("more_body", False)
            reading = decoder(Reading, FORMATS[headers["content-type"]])(body)
            self._readings.append(reading)
            receipt = Receipt(number=len(self._readings), reading=reading)
            answer = encoder(Receipt, FORMATS[accepted])(receipt)
        else:
            answer = encoder(list[Reading], FORMATS[accepted])(self._readings)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", accepted.encode())]})
        await send({"type": "http.response.body", "body": answer})


async def main() -> None:
    """Send and fetch readings in both formats, and print what happens."""
    server = SensorServer()
    async with (
        create_serialization_manager(HTTP) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://sensors.example") as http,
    ):
        by_media_type = {media_type: ModelClient(http, manager, media_type) for media_type in (MSGPACK, JSON)}
        for number, (media_type, client) in enumerate(by_media_type.items(), 1):
            reading = Reading(sensor=number, taken_at=datetime(2025, 3, 1, 12, tzinfo=UTC), celsius=19.5 + number)
            receipt = await client.post("/readings", reading, Receipt)
            print(f"sent as {media_type:24} {receipt!r}")

        client = by_media_type[MSGPACK]
        server.requests = 0
        started = time.perf_counter()
        for _ in range(100):
            readings = await client.get("/readings", list[Reading], ttl=60)
        each = (time.perf_counter() - started) / 100
        print(f"fetched 100 times: {len(readings)} readings, {server.requests} request, {each * 1e6:.0f} µs each")

        server.requests = 0
        await asyncio.gather(*(by_media_type[JSON].get("/readings", list[Reading], ttl=60) for _ in range(50)))
        print(f"50 at once, nothing cached yet: {server.requests} request")

        try:
            await client.get("/readings", Receipt)
        except ValidationError as error:
            print(f"not what was expected: {error.errors()[0]['msg']}")


if __name__ == "__main__":
    asyncio.run(main())

"""Typed HTTP calls: models go out, models come back, and what was fetched is kept and confirmed by its ETag.

The client is httpx's; httpx2's works alike. The server is a small ASGI application in the same process; with a real one,
leave ``transport=`` out. Run it with ``python examples/httpx_client.py``.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import BaseModel, ValidationError

from pydantic_serialization import create_serialization_manager, decoder, encoder
from pydantic_serialization.integrations.http import ModelClient, UnexpectedStatusError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

JSON = "application/json"
MSGPACK = "application/vnd.msgpack"
FORMATS = {JSON: "json", MSGPACK: "msgpack"}


class Reading(BaseModel):
    """One value of a sensor."""

    sensor: int
    taken_at: datetime
    celsius: float


class Receipt(BaseModel):
    """What the server says to a reading."""

    number: int
    reading: Reading


class SensorServer:
    """An ASGI application: ``POST /readings`` stores a reading, ``GET /readings`` returns all of them, with an ETag."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self._readings: list[Reading] = []

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        accepted = MSGPACK if MSGPACK in headers.get("accept", "") else JSON
        tag = f'"{len(self._readings)}"'
        status, answer = 200, b""
        if scope["path"] != "/readings":
            status = 404
        elif scope["method"] == "POST":
            reading = decoder(Reading, FORMATS[headers["content-type"]])((await receive())["body"])
            self._readings.append(reading)
            receipt = Receipt(number=len(self._readings), reading=reading)
            answer = encoder(Receipt, FORMATS[accepted])(receipt)
        elif headers.get("if-none-match") == tag:
            status = 304
        else:
            answer = encoder(list[Reading], FORMATS[accepted])(self._readings)
        self.sent.append(status)
        given = [(b"content-type", accepted.encode()), (b"etag", tag.encode())]
        await send({"type": "http.response.start", "status": status, "headers": given})
        await send({"type": "http.response.body", "body": answer})


async def main() -> None:
    """Send and fetch readings, and print what happens."""
    server = SensorServer()
    async with (
        create_serialization_manager() as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(server), base_url="http://sensors.example") as http,
    ):
        client = ModelClient(http, cache=manager.cache_manager)
        for number, format_name in enumerate(("msgpack", "json"), 1):
            reading = Reading(sensor=number, taken_at=datetime(2025, 3, 1, 12, tzinfo=UTC), celsius=19.5 + number)
            receipt = await client.post("/readings", reading, Receipt, format=format_name)
            print(f"sent as {format_name:8} {receipt!r}")

        server.sent.clear()
        await asyncio.gather(*(client.get("/readings", list[Reading], ttl=0.1) for _ in range(50)))
        print(f"50 at once        the server has sent {server.sent}")
        started = time.perf_counter()
        for _ in range(100):
            readings = await client.get("/readings", list[Reading], ttl=0.1)
        each = (time.perf_counter() - started) / 100
        print(f"100 times more    {len(readings)} readings, {each * 1e6:.0f} µs each")
        await asyncio.sleep(0.2)
        server.sent.clear()
        await client.get("/readings", list[Reading], ttl=0.1)
        print(f"after its time    the server has sent {server.sent}, without a body")

        try:
            await client.get("/readings", Receipt, params={"token": "secret"})
        except ValidationError as error:
            print(f"not as expected   {error.errors()[0]['msg']}; {error.__notes__[0]}")
        try:
            await client.get("/nothing?token=secret", Receipt)
        except UnexpectedStatusError as error:
            print(f"not there         {error}")


if __name__ == "__main__":
    asyncio.run(main())

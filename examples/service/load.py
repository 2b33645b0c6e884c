"""A bounded load: each route for a moment, on both services in turns, over a few connections that stay open."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servers import Service

CONNECTIONS: Final = 8
ROUNDS: Final = 3
"""The services take turns, so that what else the machine does hits both."""

ORDER: Final = b'{"customer":"Ada","lines":[{"product_id":1,"quantity":2},{"product_id":7,"quantity":1}]}'


@dataclass(frozen=True)
class Route:
    """What is called.

    Attributes:
        name: In the table.
        path: With the query.
        headers: Of each request to the service with the library.
        body: What is posted; ``None`` for a GET.
    """

    name: str
    path: str
    headers: str = ""
    body: bytes | None = None

    def request(self, headers: str) -> bytes:
        """Return the bytes of a request."""
        method = "GET" if self.body is None else "POST"
        head = f"{method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}"
        if self.body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n"
        return f"{head}\r\n".encode() + (self.body or b"")


MSGPACK: Final = "Accept: application/vnd.msgpack\r\n"
ROUTES: Final = (
    Route("products, cached", "/products?limit=100"),
    Route("cached, MessagePack", "/products?limit=100", MSGPACK),
    Route("one product", "/products/7"),
    Route("orders", "/orders?limit=100"),
    Route("orders, MessagePack", "/orders?limit=100", MSGPACK),
    Route("stream of products", "/products.stream", "Accept: application/jsonl\r\n"),
    Route("posting an order", "/orders", body=ORDER),
)
"""Only the first two are cached, and by one side only; the others ask the database every time."""


@dataclass
class Result:
    """What was measured at one service and one route.

    Attributes:
        waits: Seconds that each answer took.
        seconds: Of the whole measurement.
        cpu_seconds: That the service has worked in them; 0 if nobody knows.
    """

    waits: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.waits) / self.seconds

    @property
    def cpu(self) -> float:
        """Milliseconds of the service's CPU time per request."""
        return self.cpu_seconds / len(self.waits) * 1e3

    def percentile(self, share: float) -> float:
        """Return the milliseconds that ``share`` of the answers did not take longer than."""
        return sorted(self.waits)[min(int(len(self.waits) * share), len(self.waits) - 1)] * 1e3


async def measure(services: Sequence[Service], seconds: float) -> list[tuple[Route, list[Result]]]:
    """Call every route of every service.

    Args:
        services: The last one is sent the headers of the routes.
        seconds: For which each route of each service is called.
    """
    table = []
    for route in ROUTES:
        results = [Result() for _ in services]
        for _ in range(ROUNDS):
            for service, result in zip(services, results, strict=True):
                request = route.request(route.headers if service is services[-1] else "")
                worked = service.cpu_seconds()
                await _call(urlsplit(service.address).port or 80, request, result, seconds / ROUNDS)
                result.cpu_seconds += service.cpu_seconds() - worked
        table.append((route, results))
    return table


async def _call(port: int, request: bytes, result: Result, seconds: float) -> None:
    started = time.perf_counter()
    until = started + seconds
    await asyncio.gather(*(_connection(port, request, result.waits, until) for _ in range(CONNECTIONS)))
    result.seconds += time.perf_counter() - started


async def _connection(port: int, request: bytes, waits: list[float], until: float) -> None:
    """Send requests, one after the other, until the time is up: one at least."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    try:
        now = time.perf_counter()
        while True:
            started = now
            writer.write(request)
            await _read_answer(reader)
            now = time.perf_counter()
            waits.append(now - started)
            if now >= until:
                break
    finally:
        writer.close()
        await writer.wait_closed()


async def _read_answer(reader: asyncio.StreamReader) -> None:
    """Read one answer to its end (RFC 9112, section 6).

    Raises:
        RuntimeError: it is no success.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 20"):
        status = head.partition(b"\r\n")[0].decode()
        message = f"the service answers {status}"
        raise RuntimeError(message)
    _, length, rest = head.partition(b"content-length:")
    if length:
        await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
        return
    while size := int(await reader.readline(), 16):  # chunks
        await reader.readexactly(size + 2)
    await reader.readline()

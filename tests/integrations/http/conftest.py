"""One server for all tests of this folder, and the four clients."""

from __future__ import annotations

import asyncio
import inspect
import ssl
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
from integrations.http.server import Behaviour, serve

from pydantic_serialization.integrations.http import ModelClient, SyncModelClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TLS = ssl.create_default_context()  # reading all certificates takes longer than most tests

CLIENTS = {
    "httpx": (ModelClient, httpx.AsyncClient),
    "httpx2": (ModelClient, httpx2.AsyncClient),
    "httpx-sync": (SyncModelClient, httpx.Client),
    "httpx2-sync": (SyncModelClient, httpx2.Client),
}


class Blocking:
    """A client of either colour, whose calls return results."""

    def __init__(self, client: Any, run: Callable[[Any], Any]) -> None:
        self.client = client
        self._run = run

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)

        def call(*arguments: Any, **named: Any) -> Any:
            result = method(*arguments, **named)
            return self._run(result) if inspect.isawaitable(result) else result

        return call


@pytest.fixture(scope="session")
def running_server() -> Iterator[tuple[Behaviour, str]]:
    behaviour = Behaviour()
    with serve(behaviour) as address:
        yield behaviour, address


@pytest.fixture
def server(running_server: tuple[Behaviour, str]) -> Behaviour:
    behaviour, _ = running_server
    behaviour.__init__()  # type: ignore[misc]
    return behaviour


@pytest.fixture
def address(running_server: tuple[Behaviour, str]) -> str:
    return running_server[1]


@pytest.fixture(params=CLIENTS)
def make(request: pytest.FixtureRequest, server: Behaviour, address: str) -> Iterator[Callable[..., Blocking]]:
    """Make a client of each kind; the first argument are options of the HTTP client."""
    kind, http_client = CLIENTS[request.param]
    opened: list[Any] = []
    with asyncio.Runner() as runner:

        def run(awaitable: Any) -> Any:
            async def wait() -> Any:
                return await awaitable

            return runner.run(wait())

        def build(http_options: dict[str, Any] | None = None, **options: Any) -> Blocking:
            http: Any = http_client(**{"base_url": address, "verify": TLS, "timeout": 60, **(http_options or {})})
            opened.append(http)
            return Blocking(kind(http, **options), run)

        yield build
        for http in opened:
            if hasattr(http, "aclose"):
                run(http.aclose())
            else:
                http.close()

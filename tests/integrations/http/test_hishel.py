"""HTTP's own caching rules (RFC 9111) are hishel's: its clients are clients like any other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import hishel
from hishel.httpx import AsyncCacheClient, CacheClient
from integrations.http.server import Behaviour, User

from pydantic_serialization.integrations.http import ModelClient, SyncModelClient

if TYPE_CHECKING:
    from pathlib import Path


def test_a_synchronous_client(server: Behaviour, address: str, tmp_path: Path) -> None:
    """What it answers from its storage is read as what the server sent, compressed or not."""
    server.headers = {"cache-control": "max-age=60"}
    storage = hishel.SqliteStorage(database_path=tmp_path / "cache.db")
    with CacheClient(base_url=address, storage=storage) as http:
        client = SyncModelClient(http)
        for _ in range(2):
            assert client.get("/user", User).name == "Ada"
            assert client.get("/compressed", User).name == "x" * 5000
    storage.close()
    assert server.requests == {"/user": 1, "/compressed": 1}


def test_an_asynchronous_client(server: Behaviour, address: str, tmp_path: Path) -> None:
    """The same."""
    server.headers = {"cache-control": "max-age=60"}

    async def run() -> None:
        storage = hishel.AsyncSqliteStorage(database_path=tmp_path / "cache.db")
        async with AsyncCacheClient(base_url=address, storage=storage) as http:
            client = ModelClient(http)
            for _ in range(2):
                assert (await client.get("/user", User)).name == "Ada"
                assert (await client.get("/compressed", User)).name == "x" * 5000
        await storage.close()

    asyncio.run(run())
    assert server.requests == {"/user": 1, "/compressed": 1}

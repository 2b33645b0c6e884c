"""Callers that read through a cache, from threads and from an event loop, and know what is right."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from faults.proxy import MARKER
from redis_servers import wait_until

from pydantic_serialization.cache import CacheManager, SharedSettings

if TYPE_CHECKING:
    from pydantic_serialization.cache import SharedTierStats

OPERATIONS = 150
"""Reads under each fault."""
WARM = 10
"""Keys that are in Redis before."""


class Caller:
    """Reads keys through a cache whose first tier holds next to nothing, and compares each value with the truth."""

    def __init__(self, url: str, *, keys: tuple[bytes, ...] = (), timeout: float = 0.05) -> None:
        # What a fault has left undelivered is delivered with a heartbeat: the end of each test waits for one.
        settings = SharedSettings(max_retries=0, timeout=timeout, heartbeat=0.25)
        self.cache = CacheManager(max_size=1, redis_url=url, signing_keys=keys, shared_settings=settings)
        self.loads = 0

    def stats(self) -> SharedTierStats:
        return self.cache.get_stats()["l2_cache"]

    def close(self) -> None: ...


class Threads(Caller):
    def read(self, key: str) -> None:
        assert self.cache.get_or_load_sync(key, lambda: self._load(key)) == truth(key)

    def invalidate(self, key: str) -> None:
        self.cache.invalidate_sync(key)

    def close(self) -> None:
        self.cache.stop_sync()

    def _load(self, key: str) -> bytes:
        self.loads += 1
        return truth(key)


class Loop(Caller):
    def __init__(self, url: str, *, keys: tuple[bytes, ...] = (), timeout: float = 0.05) -> None:
        super().__init__(url, keys=keys, timeout=timeout)
        self.runner = asyncio.Runner()

    def read(self, key: str) -> None:
        assert self.runner.run(self._read(key)) == truth(key)

    def invalidate(self, key: str) -> None:
        self.runner.run(self.cache.invalidate(key))

    def close(self) -> None:
        self.runner.run(self.cache.stop())
        self.runner.close()

    async def _read(self, key: str) -> bytes | None:
        async def load() -> bytes:
            self.loads += 1
            return truth(key)

        value = await self.cache.get_or_load(key, load)
        await asyncio.sleep(0)  # lets the write in the background begin
        return value


def key_of(number: int) -> str:
    """Return the key of a read: every fifth is new, so that writing is tried too."""
    return f"cold:{number}" if number % 5 == 0 else f"warm:{number % WARM}"


def truth(key: str) -> bytes:
    return MARKER + key.encode() * 5


def warm(caller: Caller) -> None:
    """Read the warm keys until each was found in the shared tier.

    Not until all are found one after the other: on a busy machine one of them may well take more than 50 ms.
    """
    assert isinstance(caller, Threads | Loop)
    missing = {f"warm:{number}" for number in range(WARM)}

    def all_found() -> bool:
        for key in tuple(missing):
            caller.cache._store.clear()
            before = caller.loads
            caller.read(key)
            if caller.loads == before:
                missing.remove(key)
        return not missing

    wait_until(all_found, "the shared tier has all keys", 60)

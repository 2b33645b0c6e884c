"""Tiers of libraries that block: coroutines wait for them in a worker thread."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ThreadedTier(ABC):
    """Gives coroutines the operations that a subclass has for threads. A coroutine that is cancelled leaves its thread.

    The library bounds the time of an operation; give it a timeout.
    """

    def now(self) -> float:
        """Return unix seconds."""
        return time.time()

    @abstractmethod
    def get_many_sync(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the values of those ``names`` that have one."""

    @abstractmethod
    def set_many_sync(self, items: Mapping[str, bytes], ttl: float) -> None:
        """Store ``items`` for ``ttl`` seconds."""

    @abstractmethod
    def add_many_sync(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        """Store those of ``items`` whose name has no value yet, and return the value that each name has then."""

    @abstractmethod
    def delete_many_sync(self, names: Sequence[str]) -> None:
        """Remove the values of ``names``."""

    @abstractmethod
    def close_sync(self) -> None:
        """Give back what threads hold."""

    async def get_many(self, names: Sequence[str]) -> dict[str, bytes]:
        """Do what :meth:`get_many_sync` does, in a worker thread."""
        return await asyncio.to_thread(self.get_many_sync, names)

    async def set_many(self, items: Mapping[str, bytes], ttl: float) -> None:
        """Do what :meth:`set_many_sync` does, in a worker thread."""
        await asyncio.to_thread(self.set_many_sync, items, ttl)

    async def add_many(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        """Do what :meth:`add_many_sync` does, in a worker thread."""
        return await asyncio.to_thread(self.add_many_sync, items, ttl)

    async def delete_many(self, names: Sequence[str]) -> None:
        """Do what :meth:`delete_many_sync` does, in a worker thread."""
        await asyncio.to_thread(self.delete_many_sync, names)

    async def close(self) -> None:
        """Do what :meth:`close_sync` does, in a worker thread."""
        await asyncio.to_thread(self.close_sync)

"""How a cache begins and ends: connections, work in the background, and forks."""

from __future__ import annotations

from asyncio import get_running_loop
from typing import TYPE_CHECKING, Final, Self

from pydantic_serialization.cache.runner import run

if TYPE_CHECKING:
    from pydantic_serialization.cache.background import Background
    from pydantic_serialization.cache.loading import ReadThrough
    from pydantic_serialization.cache.store import EntryStore
    from pydantic_serialization.cache.tiers import Tiers

DRAIN_SECONDS: Final = 5.0
"""How long ``stop`` waits for loads in the background."""


class Lifecycle:
    """Base of ``CacheManager``; not for use by itself."""

    _store: EntryStore
    _tiers: Tiers | None
    _background: Background
    _reading: ReadThrough

    async def start(self) -> None:
        """Connect the shared tier early, and let refreshes run in the background again after :meth:`stop`.

        A new cache need not be started. A shared tier that cannot be reached is logged, and connected later.
        """
        self._background.open()
        if self._tiers is not None:
            await self._tiers.open(get_running_loop())

    def start_sync(self) -> None:
        """Do what :meth:`start` does, in a thread."""
        self._background.open()
        if self._tiers is not None:
            run(self._tiers.open(None))

    async def stop(self, timeout: float = DRAIN_SECONDS) -> None:  # noqa: ASYNC109  (what is late is not an error)
        """Wait for what runs in the background of this event loop and of threads, and close the shared tier's connections.

        The cache can still be used; what expires is loaded while the caller waits, and connections are made anew.

        Args:
            timeout: Seconds; loads that take longer are cancelled, or left to themselves if they are threads.
        """
        await self._background.drain(timeout)
        if self._tiers is not None:
            await self._tiers.close(get_running_loop())

    def stop_sync(self, timeout: float = DRAIN_SECONDS) -> None:
        """Do what :meth:`stop` does for the background loads of threads."""
        self._background.drain_sync(timeout)
        if self._tiers is not None:
            run(self._tiers.close(None))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        self.start_sync()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_sync()

    def after_fork(self) -> None:
        """Replace locks, and forget loads under way, in a child process. Called by the interpreter."""
        self._store.after_fork()
        self._reading.after_fork()
        self._background.after_fork()
        if self._tiers is not None:
            self._tiers.after_fork()

"""Tiers of libraries that have coroutines only: they live on one event loop, in a thread of its own.

Such libraries bind their connections to the event loop that was running first. An application has several of them, one
after the other or at once, and threads without any; so each operation is sent to the one loop, and waited for.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization.cache.shared.budget import DEADLINE
from pydantic_serialization.cache.values import as_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from concurrent.futures import Future

ResultT = TypeVar("ResultT")

_inherited: list[object] = []


class LoopedTier(ABC):
    """Sends the operations of a subclass to an event loop that lives as long as the tier is in use.

    Args:
        factory: Makes the library's cache. It is called in the tier's own thread, once in each process.
        timeout: Seconds that an operation of a thread may take, and no longer than the cache lets it. Coroutines are
            cancelled by those who wait for them.

    Raises:
        ConfigurationError: ``timeout`` is not positive.
    """

    def __init__(self, factory: Callable[[], Any], *, timeout: float = 1.0) -> None:
        self._factory = factory
        self._timeout = as_seconds(timeout, "timeout")
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_loop: weakref.finalize[..., Any] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._cache: Any = None
        self._is_open = False
        renew_after_fork(self)

    def now(self) -> float:
        """Return unix seconds."""
        return time.time()

    # -- what a subclass says ------------------------------------------------------------------------------------------

    @abstractmethod
    async def _open(self, cache: Any) -> None:
        """Prepare a cache that the factory has made."""

    @abstractmethod
    async def _get(self, cache: Any, names: Sequence[str]) -> dict[str, bytes]: ...

    @abstractmethod
    async def _set(self, cache: Any, items: Mapping[str, bytes], ttl: float) -> None: ...

    @abstractmethod
    async def _add(self, cache: Any, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]: ...

    @abstractmethod
    async def _delete(self, cache: Any, names: Sequence[str]) -> None: ...

    # -- for coroutines ------------------------------------------------------------------------------------------------

    async def get_many(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the values of those ``names`` that have one."""
        return await asyncio.wrap_future(self._send(lambda cache: self._get(cache, names)))

    async def set_many(self, items: Mapping[str, bytes], ttl: float) -> None:
        """Store ``items`` for ``ttl`` seconds."""
        await asyncio.wrap_future(self._send(lambda cache: self._set(cache, items, ttl)))

    async def add_many(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        """Store those of ``items`` whose name has no value yet, and return the value that each name has then."""
        return await asyncio.wrap_future(self._send(lambda cache: self._add(cache, items, ttl)))

    async def delete_many(self, names: Sequence[str]) -> None:
        """Remove the values of ``names``."""
        await asyncio.wrap_future(self._send(lambda cache: self._delete(cache, names)))

    async def close(self) -> None:
        """Close the library's connections. The tier can still be used."""
        await asyncio.to_thread(self.close_sync)

    # -- for threads ---------------------------------------------------------------------------------------------------

    def get_many_sync(self, names: Sequence[str]) -> dict[str, bytes]:
        """Do what :meth:`get_many` does, blocking the thread."""
        return self._wait(self._send(lambda cache: self._get(cache, names)))

    def set_many_sync(self, items: Mapping[str, bytes], ttl: float) -> None:
        """Do what :meth:`set_many` does, blocking the thread."""
        self._wait(self._send(lambda cache: self._set(cache, items, ttl)))

    def add_many_sync(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        """Do what :meth:`add_many` does, blocking the thread."""
        return self._wait(self._send(lambda cache: self._add(cache, items, ttl)))

    def delete_many_sync(self, names: Sequence[str]) -> None:
        """Do what :meth:`delete_many` does, blocking the thread."""
        self._wait(self._send(lambda cache: self._delete(cache, names)))

    def close_sync(self) -> None:
        """Do what :meth:`close` does, blocking the thread."""
        if self._loop is not None:
            self._wait(asyncio.run_coroutine_threadsafe(self._close_cache(), self._loop))

    def after_fork(self) -> None:
        """Begin anew in a child process, where the thread does not exist and connections belong to the parent."""
        self._lock = threading.Lock()
        # Kept for ever: what they would close takes the parent's sockets out of the epoll set, which both share.
        _inherited.append((self._loop, self._cache))
        if self._stop_loop is not None:
            self._stop_loop.detach()
        self._loop = self._stop_loop = self._cache = None

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _send(self, operation: Callable[[Any], Coroutine[Any, Any, ResultT]]) -> Future[ResultT]:
        with self._lock:
            if self._loop is None:
                self._start()
            loop = self._loop
            assert loop is not None  # noqa: S101  (for the type checker: it was just made)
            return asyncio.run_coroutine_threadsafe(self._run(operation), loop)

    def _start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._opening = None
        self._is_open = False
        name = f"pydantic-serialization-{type(self).__name__}"
        threading.Thread(target=_serve, args=(self._loop,), name=name, daemon=True).start()
        self._stop_loop = weakref.finalize(self, _stop, self._loop)

    async def _run(self, operation: Callable[[Any], Coroutine[Any, Any, ResultT]]) -> ResultT:
        if not self._is_open:
            if self._opening is None:
                self._opening = asyncio.create_task(self._open_cache())
                self._opening.add_done_callback(self._has_opened)
            # Whoever gives up leaves it to those who come later: no single operation may have the time.
            await asyncio.shield(self._opening)
        return await operation(self._cache)

    async def _open_cache(self) -> None:
        if self._cache is None:
            self._cache = self._factory()
        await self._open(self._cache)
        self._is_open = True

    def _has_opened(self, task: asyncio.Task[None]) -> None:
        self._opening = None
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits any more

    async def _close_cache(self) -> None:
        if self._is_open:
            self._is_open = False
            await self._cache.close()

    def _wait(self, future: Future[ResultT]) -> ResultT:
        try:
            return future.result(max(0.0, min(self._timeout, DEADLINE.get() - time.monotonic())))
        except TimeoutError:
            future.cancel()
            raise


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


def _stop(loop: asyncio.AbstractEventLoop) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)

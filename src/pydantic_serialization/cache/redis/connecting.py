"""Connecting that outlives the operation which began it.

An operation has some 50 ms. Where connecting takes longer (a name server, TLS, a distance), every operation would begin
anew and none would ever succeed. So connecting goes on in the background: the operation is a miss, a later one finds the
connection made. It is also never cut off in the middle of a login, whose late reply would pass for the next command's.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization.cache.redis.deadline import DeadlineSocket
from pydantic_serialization.cache.shared.budget import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_TIMEOUT: Final = 2.0
"""Seconds that making a connection may take, before the login."""

LONGEST_WAIT: Final = 60.0
"""Seconds that a thread waits for a connection where no deadline says less."""


class ConnectsApart:
    """Goes before an asynchronous class of connections of redis-py: connects in a task of its own."""

    _connecting: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Connect, or wait for the attempt that is under way; a caller that is cancelled leaves it alone."""
        if self._connecting is None:
            if self.is_connected:  # type: ignore[attr-defined]
                return
            self._connecting = asyncio.create_task(super().connect())  # type: ignore[misc]
            self._connecting.add_done_callback(self._has_connected)
        await asyncio.shield(self._connecting)

    async def disconnect(self, *args: Any, **kwargs: Any) -> None:
        """Disconnect, and give up an attempt that is under way."""
        connecting = self._connecting
        if connecting is not None and connecting is not asyncio.current_task():
            connecting.cancel()
            await asyncio.wait((connecting,))
        await super().disconnect(*args, **kwargs)  # type: ignore[misc]

    def _has_connected(self, task: asyncio.Task[None]) -> None:
        self._connecting = None
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits any more


class SyncConnectsApart:
    """Goes before a class of connections of redis-py for threads: connects in a thread, and keeps to the deadline."""

    _attempt: Attempt | None = None

    def _connect(self) -> Any:
        attempt = self._attempt
        if attempt is None:
            attempt = self._attempt = Attempt(super()._connect)  # type: ignore[misc]
        made = attempt.result(DEADLINE.get())
        self._attempt = None
        if isinstance(made, BaseException):
            raise made
        return DeadlineSocket(made)

    def disconnect(self, *args: Any, **kwargs: Any) -> None:
        """Disconnect, and give up an attempt that is under way."""
        # With a reason it is redis-py, which disconnects whatever it could not connect in time.
        if self._attempt is not None and not args and not kwargs:
            self._attempt.abandon()
            self._attempt = None
        super().disconnect(*args, **kwargs)  # type: ignore[misc]


class Attempt:
    """The making of something that is to be closed, in a thread of its own.

    Args:
        make: Makes it.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._made: Any = None
        self._abandoned = False
        threading.Thread(target=self._run, name="pydantic-serialization-connect", daemon=True).start()

    def result(self, deadline: float) -> Any:
        """Return what was made, or the exception that was raised.

        Raises:
            TimeoutError: there is neither at ``deadline``; the attempt goes on.
        """
        left = min(max(0.0, deadline - time.monotonic()), LONGEST_WAIT)
        if not self._done.wait(left):
            message = "connecting takes longer than an operation may"
            raise TimeoutError(message)
        return self._made

    def abandon(self) -> None:
        """Close it, now or when it is made."""
        with self._lock:
            self._abandoned = True
            self._close()

    def _run(self) -> None:
        try:
            self._made = self._make()
        except Exception as error:  # noqa: BLE001  (raised in the thread that waits)
            self._made = error
        with self._lock:
            self._done.set()
            if self._abandoned:
                self._close()

    def _close(self) -> None:
        if self._made is not None and not isinstance(self._made, BaseException):
            with contextlib.suppress(OSError):
                self._made.close()

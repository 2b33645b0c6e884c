"""Delivering invalidations: to the store, to the other processes, with retries, and later if need be."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from pydantic_serialization.cache.shared.invalidation import Queue
from pydantic_serialization.errors import InvalidationError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from pydantic_serialization.cache.shared.access import Access
    from pydantic_serialization.cache.shared.budget import Budget
    from pydantic_serialization.cache.shared.invalidation import Invalidation
    from pydantic_serialization.cache.shared.messages import Messenger
    from pydantic_serialization.cache.shared.settings import SharedSettings
    from pydantic_serialization.cache.shared.versions import Names

RECOVERY_PAUSE: Final = 1.0
"""Seconds between two attempts to deliver what could not be invalidated, where reads do it in passing."""

_UNDELIVERED = (
    "an invalidation could not be delivered to the shared cache: other processes may serve the old entries until it is,"
    " or until their time to live is over. It is tried again in the background"
)


class Delivery:
    """Invalidates in a shared tier, and tells the other processes.

    Args:
        access: The tier.
        names: The namespace.
        settings: Retries.
        messenger: Tells other processes; ``None`` where the tier has no backplane.

    Attributes:
        queue: What could not be delivered yet.
    """

    def __init__(self, access: Access, names: Names, settings: SharedSettings, messenger: Messenger | None) -> None:
        self.queue = Queue()
        self.messenger = messenger
        self._access = access
        self._names = names
        self._settings = settings
        self._recover_at = 0.0

    async def invalidate(self, loop: AbstractEventLoop | None, invalidation: Invalidation) -> None:
        """Invalidate in the store and tell the other processes, tried again where that fails.

        Raises:
            InvalidationError: it could not be delivered. It stays queued, and is tried again in the background.
        """
        settings = self._settings
        failure: Exception | None = None
        try:
            for attempt in range(settings.max_retries + 1):
                if attempt:
                    await pause(loop, settings.retry_delay * 2 ** (attempt - 1))
                try:
                    await self._deliver(loop, invalidation)
                except Exception as error:  # noqa: BLE001  (whatever a store raises, it has not confirmed)
                    failure = error
                else:
                    return
        except BaseException:
            # Cancelled: what became of it nobody knows.
            self.queue.add(invalidation)
            raise
        self.queue.add(invalidation)
        raise InvalidationError(_UNDELIVERED) from failure

    async def announce(self, loop: AbstractEventLoop | None, invalidation: Invalidation) -> None:
        """Tell the other processes what was stored anew. A failure is left to the queue."""
        try:
            await self._announce(loop, invalidation)
        except Exception:  # noqa: BLE001  (the entry is stored; only the others' copies are old)
            self.queue.add(invalidation)

    async def recover(self, loop: AbstractEventLoop | None, budget: Budget | None = None) -> None:
        """Deliver what is queued, within ``budget`` if there is one.

        Raises:
            Exception: what the tier raises; it all stays queued then.
        """
        content, number = self.queue.content()
        if any(content):
            await self._deliver(loop, content, budget)
            self.queue.remove(content, number)

    async def recover_once(self, loop: AbstractEventLoop | None, budget: Budget | None = None) -> None:
        """Try once to deliver what is queued."""
        if self.queue:
            with contextlib.suppress(Exception):
                await self.recover(loop, budget)

    async def recover_in_passing(self, loop: AbstractEventLoop | None, budget: Budget) -> None:
        """Deliver what is queued, where no backplane does it in the background; a read pays for it from its budget."""
        if self.messenger is None and time.monotonic() >= self._recover_at:
            self._recover_at = time.monotonic() + RECOVERY_PAUSE
            await self.recover_once(loop, budget)

    async def _deliver(
        self, loop: AbstractEventLoop | None, invalidation: Invalidation, budget: Budget | None = None
    ) -> None:
        names = invalidation.names(self._names)
        await self._access.delete_many(loop, names, budget or self._access.budget())
        await self._announce(loop, invalidation, budget)

    async def _announce(
        self, loop: AbstractEventLoop | None, invalidation: Invalidation, budget: Budget | None = None
    ) -> None:
        if self.messenger is not None:
            await self._access.announce(loop, self.messenger, invalidation, budget or self._access.budget())


async def pause(loop: AbstractEventLoop | None, seconds: float) -> None:
    """Wait for ``seconds``, in a task of ``loop`` or in a thread."""
    if loop is None:
        time.sleep(seconds)  # noqa: ASYNC251  (a thread's: there is no event loop)
    else:
        await asyncio.sleep(seconds)

"""Retry what a retry can help: connecting, invalidating, writing in the background. Never encoding."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ResultT = TypeVar("ResultT")

TRANSIENT = (ConnectionError, TimeoutError, OSError)
"""Errors of a network that may have gone when the operation is tried again."""


async def retrying(
    operation: Callable[[], Awaitable[ResultT]],
    *,
    retries: int,
    delay: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> ResultT:
    """Return the result of ``operation``, tried again after transient errors.

    Args:
        operation: Makes a new awaitable for each try.
        retries: Tries after the first.
        delay: Seconds before the first retry; doubled before each further one.
        sleep: Waits that many seconds.

    Raises:
        OSError: the last transient error, when every try failed. Any other error passes at once.
    """
    for attempt in range(retries):
        try:
            return await operation()
        except TRANSIENT:
            await sleep(delay * 2**attempt)
    return await operation()

"""Large bodies are written one at a time, so that small requests get through between them.

Writing 5 MB takes some milliseconds and holds the interpreter. Where a thousand requests for that are ready at once, the
event loop would run them all before it looks at its sockets again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

ResultT = TypeVar("ResultT")

LARGE: Final = 262_144
"""Bytes of a body from which on it is worth a turn of the event loop."""

_ROUNDS: Final = 3
"""Rounds of the event loop between two large bodies: a small request needs two, one to be read and one to be answered."""

_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def in_turn(write: Callable[[], ResultT]) -> ResultT:
    """Return what ``write`` returns; between two of these calls the event loop serves everybody else."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # not asyncio
        return write()
    lock = _locks.get(loop)
    if lock is None:
        lock = _locks[loop] = asyncio.Lock()
    async with lock:
        result = write()
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
    return result

"""Drive generators so that items which are ready go out together, and no item waits for one that is not.

Asynchronous: each step is run by hand. If it ends without suspending, the item joins the batch; if it suspends, the batch
is sent first, and the step awaited then. Synchronous: a worker thread takes items for some milliseconds, instead of one
hop of a thread for each item.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import anyio
import anyio.lowlevel
from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator

    Write = Callable[[Any], bytes | None]
    WriteOther = Callable[[Any], Awaitable[bytes]]

BATCH_BYTES: Final = 65_536
BATCH_SECONDS: Final = 0.005
"""How long a generator that is never idle may hold back what it has made."""


class Pace(NamedTuple):
    """When a batch is sent at the latest.

    Attributes:
        size: Bytes.
        seconds: Time since its first item.
    """

    size: int = BATCH_BYTES
    seconds: float = BATCH_SECONDS


async def coalesce_async(
    items: AsyncIterator[Any], write: Write, write_other: WriteOther | None, pace: Pace
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of items, in batches.

    Args:
        items: The items; closed at the end, whatever happens.
        write: Returns the bytes of an item, or ``None`` if ``write_other`` has to.
        write_other: Returns the bytes of an item; ``None`` where ``write`` gives them for all.
        pace: When a batch is sent at the latest.

    Raises:
        TypeError: nobody has written an item.
    """
    batch: list[bytes] = []
    size = 0
    began = perf_counter()
    by_hand = _is_asyncio()
    begun: tuple[Any, Any] | None = None
    try:
        while True:
            step: Any = items.__anext__()
            try:
                if by_hand:
                    suspended, outcome = _start(step)
                    if suspended:
                        if batch:
                            begun = outcome
                            yield b"".join(batch)
                            batch, size, begun = [], 0, None
                        outcome = await _Rest(*outcome)
                        began = perf_counter()
                else:
                    outcome = await step
            except StopAsyncIteration:
                break
            data = write(outcome)
            if data is None:
                if batch:
                    yield b"".join(batch)
                    batch, size = [], 0
                data = await _written_otherwise(outcome, write_other)
            batch.append(data)
            size += len(data)
            if size >= pace.size or not by_hand or perf_counter() - began >= pace.seconds:
                yield b"".join(batch)
                batch, size = [], 0
                await _checkpoint()
                began = perf_counter()
    except Exception:
        if batch:  # what was made before the error is sent
            yield b"".join(batch)
        raise
    else:
        if batch:
            yield b"".join(batch)
    finally:
        if begun is not None:  # whoever took the batch wants no more, and the generator is in the middle of a step
            await _cancel(*begun)
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


async def coalesce_sync(
    items: Iterator[Any], write: Write, write_other: WriteOther | None, pace: Pace
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of items, in batches that are made in a worker thread; see :func:`coalesce_async`."""
    first = True
    try:
        while True:
            taken = await run_in_threadpool(_take, items, write, Pace(1, 0.0) if first else pace)
            first = False
            if taken.batch:
                yield b"".join(taken.batch)
            if taken.error is not None:
                raise taken.error
            if taken.others:
                yield await _written_otherwise(taken.others[0], write_other)
            elif taken.is_last:
                return
            await _checkpoint()
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            await run_in_threadpool(close)


async def _written_otherwise(item: Any, write_other: WriteOther | None) -> bytes:
    if write_other is None:
        message = f"{type(item).__name__}: there are no bytes for this item, and nobody else to write it"
        raise TypeError(message)
    return await write_other(item)


class _Taken(NamedTuple):
    """What a worker thread took from a generator: bytes, and the item after them that somebody else has to write."""

    batch: list[bytes]
    others: list[Any]
    is_last: bool
    error: Exception | None


def _take(items: Iterator[Any], write: Write, pace: Pace) -> _Taken:
    batch: list[bytes] = []
    size = 0
    until = perf_counter() + pace.seconds
    try:
        for item in items:
            data = write(item)
            if data is None:
                return _Taken(batch, [item], False, None)
            batch.append(data)
            size += len(data)
            if size >= pace.size or perf_counter() >= until:
                return _Taken(batch, [], False, None)
    except Exception as error:  # noqa: BLE001  (raised again where the batch has been sent)
        return _Taken(batch, [], True, error)
    return _Taken(batch, [], True, None)


def _start(step: Any) -> tuple[bool, Any]:
    """Run a step until it ends or suspends. Returns whether it suspends, and its result or what it suspends with.

    Raises:
        StopAsyncIteration: there are no more items.
    """
    iterator = step if hasattr(step, "send") else step.__await__()
    try:
        return True, (iterator, iterator.send(None))
    except StopIteration as end:
        return False, end.value


async def _cancel(iterator: Any, yielded: Any) -> None:
    """End a step that has been started as a cancellation does: first of what it waits for, then of itself."""
    task = asyncio.current_task()
    cancelled_before = 0 if task is None else task.cancelling()
    waits = isinstance(yielded, asyncio.Future) and yielded.cancel()
    try:
        await _Rest(iterator, yielded, None if waits else asyncio.CancelledError())
    except StopAsyncIteration:
        pass
    except asyncio.CancelledError:
        if task is not None and task.cancelling() > cancelled_before:  # ours, which came meanwhile
            raise


class _Rest:
    """Awaits the rest of a step that has been started, with an exception raised in it first, if there is one."""

    __slots__ = ("_error", "_iterator", "_yielded")

    def __init__(self, iterator: Any, yielded: Any, error: BaseException | None = None) -> None:
        self._iterator = iterator
        self._yielded = yielded
        self._error = error

    def __await__(self) -> Generator[Any, Any, Any]:
        iterator, yielded, error = self._iterator, self._yielded, self._error
        sent = None
        while True:
            if error is None:
                try:
                    sent = yield yielded
                except GeneratorExit:
                    iterator.close()
                    raise
                except BaseException as raised:  # noqa: BLE001  (a cancellation belongs to whoever is awaited)
                    error = raised
            try:
                yielded = iterator.send(sent) if error is None else iterator.throw(error)
            except StopIteration as end:
                return end.value
            error = None


async def _checkpoint() -> None:
    """Let others run, and a cancellation arrive: neither generator nor client may be what suspends us."""
    await anyio.lowlevel.checkpoint()


def _is_asyncio() -> bool:
    """Say whether asyncio runs this: what a step suspends with may be kept for a while there, and nowhere else."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

"""How a caller waits: in a coroutine on its event loop, or in a thread.

Reading through the cache is written once, as coroutines. A :class:`ThreadRunner` never suspends in them, so :func:`run`
drives one to its end in the calling thread, without an event loop.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from pydantic_serialization.errors import CacheError, UnsupportedTypeError

if TYPE_CHECKING:
    from pydantic_serialization.cache._base import Loader
    from pydantic_serialization.cache.background import Background

ResultT = TypeVar("ResultT")

Work: TypeAlias = Coroutine[Any, Any, None]


class Signal(Protocol):
    """Something that is given once, and that any number of callers may wait for."""

    def give(self) -> None:
        """Wake all who wait, and let through all who come later."""
        ...

    async def wait(self, deadline: float | None) -> None:
        """Return once it is given, or at ``deadline`` on the runner's clock."""
        ...


class Runner(Protocol):
    """What reading through the cache needs of the caller's world."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop of the caller, or ``None`` in the world of threads."""
        ...

    def may_wait(self) -> bool:
        """Say whether the caller may wait for another's load."""
        ...

    def now(self) -> float:
        """Return seconds on the clock that deadlines are on."""
        ...

    def signal(self) -> Signal:
        """Return a signal for callers of this world."""
        ...

    async def call(self, loader: Loader) -> object:
        """Return what ``loader`` makes."""
        ...

    async def run_apart(self, work: Work, ended: Callable[[], None], deadline: float) -> None:
        """Run ``work`` beside the caller, and return when it has ended, or at ``deadline`` while it goes on.

        ``ended`` is called in any case when the work is over. A caller that is cancelled cancels the work.
        """
        ...

    def start(self, work: Work, ended: Callable[[], None]) -> None:
        """Run ``work`` in the background; ``ended`` is called in any case when it is over."""
        ...

    def write(self, work: Work) -> bool:
        """Run ``work``, which writes to the shared tier, in the background; return whether it will be run."""
        ...


def run(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Drive a coroutine that never suspends, and return its result.

    Raises:
        CacheError: it did suspend.
    """
    try:
        work.send(None)
    except StopIteration as end:
        result: ResultT = end.value
        return result
    work.close()
    message = "a synchronous call of the cache cannot wait for an event loop: use the asynchronous method"
    raise CacheError(message)


class _LoopSignal:
    __slots__ = ("_future",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._future: asyncio.Future[None] = loop.create_future()

    def give(self) -> None:
        # A coroutine may be finalised after its loop was closed; nobody waits then.
        if not self._future.done() and not self._future.get_loop().is_closed():
            self._future.set_result(None)

    async def wait(self, deadline: float | None) -> None:
        timeout = None if deadline is None else max(0.0, deadline - self._future.get_loop().time())
        # Unlike awaiting the future, this leaves it alone when the waiter is cancelled.
        await asyncio.wait((self._future,), timeout=timeout)


class LoopRunner:
    """The world of one event loop."""

    __slots__ = ("_background", "loop")

    def __init__(self, background: Background) -> None:
        self._background = background
        self.loop = asyncio.get_running_loop()

    def may_wait(self) -> bool:
        """Say yes: a waiting coroutine blocks nobody."""
        return True

    def now(self) -> float:
        """Return the loop's time in seconds."""
        return self.loop.time()

    def signal(self) -> Signal:
        """Return a signal for coroutines of this loop."""
        return _LoopSignal(self.loop)

    async def call(self, loader: Loader) -> object:
        """Call ``loader``, and await what it returns if that can be awaited."""
        made = loader()
        return await made if inspect.isawaitable(made) else made

    async def run_apart(self, work: Work, ended: Callable[[], None], deadline: float) -> None:
        """Run ``work`` in a task of its own until ``deadline``, and leave it to the background then."""
        task = self._background.start_task(work, ended)
        try:
            await asyncio.wait((task,), timeout=max(0.0, deadline - self.now()))
        except asyncio.CancelledError:
            # What the loader uses may be closed right after the caller: it ends first.
            task.cancel()
            await asyncio.wait((task,))
            raise

    def start(self, work: Work, ended: Callable[[], None]) -> None:
        """Run ``work`` in a background task."""
        self._background.start_task(work, ended)

    def write(self, work: Work) -> bool:
        """Run ``work`` in a background task, if there is room; return whether it will be run."""
        return self._background.start_write(work)


class _ThreadSignal:
    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    def give(self) -> None:
        self._event.set()

    async def wait(self, deadline: float | None) -> None:
        self._event.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))


class ThreadRunner:
    """The world of threads. Its coroutines block instead of suspending."""

    __slots__ = ("_background",)

    loop = None

    def __init__(self, background: Background) -> None:
        self._background = background

    def may_wait(self) -> bool:
        """Say no in a thread whose event loop runs: what it would wait for may need that loop."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return True
        return False

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def signal(self) -> Signal:
        """Return a signal for threads."""
        return _ThreadSignal()

    async def call(self, loader: Loader) -> object:
        """Call ``loader``.

        Raises:
            UnsupportedTypeError: (a ``TypeError``) it is an ``async def``.
        """
        made = loader()
        if inspect.isawaitable(made):
            if inspect.iscoroutine(made):
                made.close()
            message = "get_or_load_sync was given an async loader: use await get_or_load(), or a loader that is a def"
            raise UnsupportedTypeError(message)
        return made

    async def run_apart(self, work: Work, ended: Callable[[], None], deadline: float) -> None:
        """Run ``work`` in a thread of its own until ``deadline``, and leave it to the background then.

        Where the system gives no further thread, ``work`` runs in this one, and takes as long as it takes.
        """
        try:
            thread = self._background.start_thread(_in_context(work), ended)
        except RuntimeError:
            try:
                await work
            finally:
                ended()
        else:
            thread.join(max(0.0, deadline - self.now()))

    def start(self, work: Work, ended: Callable[[], None]) -> None:
        """Run ``work`` in a background thread, or not at all where the system gives no further one."""
        try:
            self._background.start_thread(_in_context(work), ended)
        except RuntimeError:
            work.close()
            ended()

    def write(self, work: Work) -> bool:
        """Run ``work`` in the thread that writes, if there is room; return whether it will be run."""
        return self._background.start_thread_write(work)


def _in_context(work: Work) -> Callable[[], None]:
    """Return a function that runs ``work`` with the context variables of the caller, as a task would."""
    context = copy_context()
    return lambda: context.run(run, work)

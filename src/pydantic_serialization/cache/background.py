"""Loads and writes that no caller waits for: kept alive, bounded in number, and drained when the cache stops."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from pydantic_serialization.cache.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

MOST_REFRESHES: Final = 64
"""Background loads under way beyond which no refresh is started; the value in the cache is still good."""

MOST_WRITES: Final = 1024
"""Writes under way beyond which callers wait for theirs."""

_log = logging.getLogger(__name__)


class Background:
    """The tasks and threads of one cache."""

    def __init__(self) -> None:
        self._accepting = True
        self._writer = Writer(MOST_WRITES)
        self.after_fork()

    def after_fork(self) -> None:
        """Forget tasks and threads, which do not live in a child process."""
        # An event loop refers to its tasks weakly: without these references they may vanish half-way.
        self._tasks: set[asyncio.Task[None]] = set()
        self._writes: set[asyncio.Task[None]] = set()
        self._threads: set[threading.Thread] = set()
        self._writer.after_fork()

    def open(self) -> None:
        """Let refreshes be started; they may be from the beginning."""
        self._accepting = True

    def has_room(self) -> bool:
        """Say whether another refresh may be started."""
        if len(self._tasks) + len(self._threads) >= MOST_REFRESHES:
            self._tasks -= {task for task in tuple(self._tasks) if task.get_loop().is_closed()}
        return self._accepting and len(self._tasks) + len(self._threads) < MOST_REFRESHES

    def start_task(self, work: Coroutine[Any, Any, None], ended: Callable[[], None]) -> asyncio.Task[None]:
        """Run ``work`` in a task of the running loop, and call ``ended`` when it is over, even if it never began."""
        task = asyncio.create_task(work)

        def over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            ended()

        self._tasks.add(task)
        task.add_done_callback(over)
        return task

    def start_write(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run ``work`` in a task of the running loop, if there is room; return whether it will be run."""
        if not self._accepting or len(self._writes) >= MOST_WRITES:
            self._writes = {task for task in self._writes if not task.get_loop().is_closed()}
            if not self._accepting or len(self._writes) >= MOST_WRITES:
                return False
        task = asyncio.create_task(work)
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return True

    def start_thread_write(self, work: Coroutine[Any, Any, None]) -> bool:
        """Run ``work``, which never suspends, in the thread that writes; return whether it will be run."""
        return self._accepting and self._writer.submit(work)

    def start_thread(self, work: Callable[[], None], ended: Callable[[], None]) -> threading.Thread:
        """Run ``work`` in a thread, and call ``ended`` when it is over.

        Raises:
            RuntimeError: the system gives no further thread.
        """

        def body() -> None:
            try:
                work()
            finally:
                self._threads.discard(thread)
                ended()

        # A load that nobody waits for must not keep the interpreter from ending.
        thread = threading.Thread(target=body, name="pydantic-serialization-load", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except BaseException:
            self._threads.discard(thread)
            raise
        return thread

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109  (what is left at the end is cancelled, not raised)
        """Start nothing further, and wait for the tasks of the running loop, for the threads and for their writes.

        Args:
            timeout: Seconds; tasks that take longer are cancelled, threads are left to themselves, and writes that have
                not begun are given up. All are logged.
        """
        self._accepting = False
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + timeout
        every = (*tuple(self._tasks), *tuple(self._writes))
        tasks = {task for task in every if task.get_loop() is loop} - {asyncio.current_task()}
        late: set[asyncio.Task[None]] = set()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)
        left = await asyncio.to_thread(self._finish, deadline) if self._threads or self._writer.is_busy() else 0
        self._report(len(late) + left)

    def drain_sync(self, timeout: float) -> None:
        """Start nothing further, and wait at most ``timeout`` seconds for the threads and for their writes."""
        self._accepting = False
        self._report(self._finish(time.monotonic() + timeout))

    def _finish(self, deadline: float) -> int:
        """Wait until ``deadline`` for the threads and for what they have to write; return how much is left."""
        for thread in tuple(self._threads):
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        return len(self._threads) + self._writer.drain(max(0.0, deadline - time.monotonic()))

    def _report(self, late: int) -> None:
        if late:
            _log.warning("%d background loads or writes had not ended when the cache was stopped", late)

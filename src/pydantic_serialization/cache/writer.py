"""A thread that stores what threads have loaded, so that none of them waits for the shared tier to confirm."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from pydantic_serialization.cache.runner import run

if TYPE_CHECKING:
    from pydantic_serialization.cache.runner import Work

IDLE_SECONDS: Final = 1.0
"""After which the thread ends; the next write starts another one."""

EXIT_SECONDS: Final = 1.0
"""How long an interpreter that ends waits for writes, where the cache was not stopped."""

_log = logging.getLogger(__name__)


class Writer:
    """Runs writes one after the other, in one thread, which exists while there is something to write.

    Args:
        most: Writes that may wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.after_fork()

    def after_fork(self) -> None:
        """Forget the thread, which does not live in a child process, and the parent's writes."""
        # Re-entrant: a finaliser may use the cache while this thread holds the lock.
        self._changed = threading.Condition(threading.RLock())
        self._waiting: deque[Work] = deque()
        self._thread: threading.Thread | None = None
        self._is_writing = False

    def submit(self, work: Work) -> bool:
        """Run ``work`` behind those that wait, and return true; or false if there are too many, or no further thread."""
        with self._changed:
            if len(self._waiting) >= self._most or not self._start():
                return False
            self._waiting.append(work)
            self._changed.notify_all()
            return True

    def is_busy(self) -> bool:
        """Say whether there is something to write."""
        return bool(self._waiting) or self._is_writing

    def drain(self, timeout: float) -> int:
        """Wait at most ``timeout`` seconds until everything is written; give up the rest, and return how much that is."""
        with self._changed:
            if self._thread is not threading.current_thread():
                self._changed.wait_for(lambda: not self.is_busy(), timeout)
            left = len(self._waiting) + self._is_writing
            while self._waiting:
                self._waiting.popleft().close()
            return left

    def _start(self) -> bool:
        if self._thread is None:
            # A write that nobody waits for must not keep the interpreter from ending, at least not for long.
            thread = threading.Thread(target=self._serve, name="pydantic-serialization-write", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system gives no further thread, or the interpreter is ending
                return False
            self._thread = thread
            atexit.register(self.drain, EXIT_SECONDS)
        return True

    def _serve(self) -> None:
        changed = self._changed
        while True:
            with changed:
                self._is_writing = False
                changed.notify_all()
                ends = time.monotonic() + IDLE_SECONDS
                while not self._waiting:
                    if not changed.wait(ends - time.monotonic()) and not self._waiting:
                        self._thread = None
                        atexit.unregister(self.drain)
                        return
                work = self._waiting.popleft()
                self._is_writing = True
            try:
                run(work)
            except Exception as error:  # noqa: BLE001  (nobody waits for it; the class only: a text may repeat a key)
                _log.warning("storing a loaded cache entry failed with %s", type(error).__qualname__)

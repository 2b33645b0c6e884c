"""Hearing what other processes invalidate: a thread that listens, and checks that it has missed nothing.

Pub/Sub loses messages when a connection breaks, and says nothing. So the store numbers the messages, and the thread asks
for the last number with each heartbeat: if it has heard fewer, or cannot ask, it does not know what other processes have
invalidated. It then drops everything that this process keeps, and until it hears again entries are kept for a short time
only.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from pydantic_serialization.cache.runner import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_serialization.cache._base import Listener
    from pydantic_serialization.cache.shared.delivery import Delivery
    from pydantic_serialization.cache.shared.invalidation import Invalidation
    from pydantic_serialization.cache.shared.messages import Messenger
    from pydantic_serialization.cache.shared.settings import SharedSettings
    from pydantic_serialization.cache.stats import BackplaneState

GRACE: Final = 0.25
"""Seconds for which a message may be on its way after it was numbered, and at most half a heartbeat."""

_BEATS = 2
_log = logging.getLogger(__name__)


class Hearing:
    """What this process hears of the others.

    Args:
        delivery: What is queued there is delivered with each heartbeat.
        messenger: Reads messages.
        settings: Times.
        apply: Drops what is invalidated from this process.
        forget: Drops everything from this process.
    """

    def __init__(
        self,
        delivery: Delivery,
        messenger: Messenger,
        settings: SharedSettings,
        *,
        apply: Callable[[Invalidation], object],
        forget: Callable[[], object],
    ) -> None:
        self.gaps = 0
        self._delivery = delivery
        self._settings = settings
        self._messenger = messenger
        self._apply = apply
        self._forget = forget
        self._beat = settings.heartbeat
        self._heard = -1
        self.after_fork()

    def after_fork(self) -> None:
        """Forget the thread, which does not live in a child process."""
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._listener: Listener | None = None
        self._verified_until = float("-inf")
        self._was_verified = False

    @property
    def state(self) -> BackplaneState:
        """Whether the other processes are heard."""
        if self.is_verified():
            return "verified"
        return "degraded" if self._heard >= 0 else "connecting"

    def is_verified(self) -> bool:
        """Say whether nothing has been missed, as of two heartbeats ago."""
        return time.monotonic() < self._verified_until

    def ensure(self) -> None:
        """Start to listen, unless the thread already does."""
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._start()

    def stop(self) -> None:
        """Listen no longer, and forget what this process keeps: it would not learn of changes."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._stopping.set()
            self._close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(2 * self._beat)
        self._fall_silent()

    def request_stop(self) -> None:
        """Let the thread end by itself, without waiting."""
        self._stopping.set()
        self._close()

    def _start(self) -> None:
        stopping = self._stopping = threading.Event()
        # Nothing here must keep the interpreter from ending.
        thread = threading.Thread(
            target=self._listen, args=(stopping,), name="pydantic-serialization-backplane", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # the system gives no further thread, or the interpreter is ending
            return
        self._thread = thread

    def _listen(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                self._listener = self._messenger.backplane.listen(self._messenger.topic)
                while not stopping.is_set():
                    self._check()
                    self._hear(time.monotonic() + self._beat)
            except Exception as error:  # noqa: BLE001  (whatever fails, others are not heard)
                self._note_failure(stopping, error)
                stopping.wait(self._beat / 2)
            finally:
                self._close()

    def _hear(self, until: float) -> None:
        """Apply the messages that come until then."""
        listener = self._listener
        while listener is not None and (left := until - time.monotonic()) > 0:
            received = listener.receive(left)
            if received is not None:
                self._take(*received)

    def _take(self, number: int, message: bytes) -> None:
        invalidation = self._messenger.read(message)
        if number > self._heard + 1:
            self._miss()
        self._heard = max(self._heard, number)
        if invalidation is not None:
            self._apply(invalidation)

    def _check(self) -> None:
        """Compare what was heard with what was announced, and deliver what could not be invalidated."""
        started = time.monotonic()
        last = self._messenger.backplane.last_announced(self._messenger.topic)
        if last > self._heard >= 0:
            self._hear_up_to(last, started + min(GRACE, self._beat / 2))
        if last != self._heard:
            self._miss()
            self._heard = last
        self._verified_until = started + _BEATS * self._beat
        self._was_verified = True
        if self._delivery.queue:
            with contextlib.suppress(Exception):
                run(self._delivery.recover(None))

    def _hear_up_to(self, last: int, until: float) -> None:
        listener = self._listener
        while listener is not None and self._heard < last and (left := until - time.monotonic()) > 0:
            received = listener.receive(left)
            if received is not None:
                self._take(*received)

    def _miss(self) -> None:
        # Before the first check nothing was known, and everything was kept for a short time.
        if self._heard >= 0:
            self.gaps += 1
            self._forget()

    def _note_failure(self, stopping: threading.Event, error: Exception) -> None:
        if stopping.is_set() or self.is_verified():
            return
        if self._was_verified:
            name = type(error).__qualname__
            _log.warning("other processes are not heard (%s): cached entries are kept for a short time only", name)
        self._fall_silent()

    def _fall_silent(self) -> None:
        self._verified_until = float("-inf")
        if self._was_verified:
            self._was_verified = False
            # Endlessly: the application prefers entries that may be old to none.
            if self._settings.unheard_ttl != float("inf"):
                self._forget()

    def _close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(Exception):
                listener.close()

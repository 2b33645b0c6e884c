"""Connections of threads that keep to the deadline of an operation, not only to a time per packet.

A socket's timeout starts anew with each packet: a server that sends a byte a millisecond never runs into it.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic_serialization.cache.shared.budget import DEADLINE

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator


class DeadlineSocket:
    """A connected socket on which no call lasts beyond :data:`DEADLINE`."""

    __slots__ = ("_socket", "_timeout")

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._timeout = sock.gettimeout()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def settimeout(self, timeout: float | None) -> None:
        """Set the time that one call may take, besides the deadline."""
        self._timeout = timeout

    def recv(self, *args: Any) -> bytes:
        """Receive until the deadline."""
        self._arm()
        return self._socket.recv(*args)

    def recv_into(self, *args: Any) -> int:
        """Receive until the deadline."""
        self._arm()
        return self._socket.recv_into(*args)

    def sendall(self, *args: Any) -> None:
        """Send until the deadline."""
        self._arm()
        self._socket.sendall(*args)

    def _arm(self) -> None:
        left = DEADLINE.get() - time.monotonic()
        if left <= 0:
            # Not a short wait: from a server that never stops to send, each one would succeed.
            message = "the operation has taken too long"
            raise TimeoutError(message)
        timeout = self._timeout
        if timeout is None or left < timeout:
            timeout = None if left == float("inf") else left
        self._socket.settimeout(timeout)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let what is asked of Redis in a thread take no longer than this, all its packets together."""
    token = DEADLINE.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        DEADLINE.reset(token)

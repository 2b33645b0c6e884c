"""A Redis behind a proxy, one of which does something wrong every few seconds."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from faults.kinds import FAULTS
from faults.proxy import Proxy
from redis import RedisError
from redis_servers import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

# Beside what the proxy does: with the server itself, and with connections.
OTHERS = ("freeze", "kill", "flush", "full", "cut")


class Outages:
    """The server, the proxy, and what is wrong with them.

    Args:
        random: Chooses what goes wrong.
        every: Seconds between two faults; each lasts for half of that.

    Attributes:
        faults: How many there have been.
    """

    def __init__(self, random: Random, every: float) -> None:
        self.faults = 0
        self._random, self._every = random, every
        self._server = Server()
        self._proxy = Proxy(self._server.port)
        self._undo: Callable[[], None] = lambda: None
        self._next = time.monotonic() + every

    @property
    def url(self) -> str:
        """The URL of the Redis behind the proxy."""
        return self._proxy.url

    def tick(self) -> bool:
        """Change what is wrong, if it is time; return whether the network is as it should be."""
        now = time.monotonic()
        if now >= self._next:
            self.mend()
            self._break()
            self._next = now + self._every
        elif now >= self._next - self._every / 2:
            self.mend()
        return self._proxy.mode == "pass"

    def mend(self) -> None:
        """End what is wrong."""
        undo, self._undo = self._undo, lambda: None
        undo()

    def close(self) -> None:
        """End the proxy and the server."""
        self._proxy.close()
        self._server.close()

    def _break(self) -> None:
        self.faults += 1
        number = self._random.randrange(len(FAULTS) + len(OTHERS))
        if number < len(FAULTS):
            fault = FAULTS[number]
            self._proxy.set(fault.mode, fault.arg)
            if fault.is_at_the_door:
                self._proxy.cut()
            self._undo = lambda: self._proxy.set("pass")
            return
        what = OTHERS[number - len(FAULTS)]
        if what == "freeze":
            self._server.freeze()
            self._undo = self._server.thaw
        elif what == "kill":
            self._server.kill()
            self._undo = self._server.start
        elif what == "cut":
            self._proxy.cut()
        else:
            self._ask("flushall" if what == "flush" else "config set maxmemory 1")
            self._undo = lambda: self._ask("config set maxmemory 0")

    def _ask(self, command: str) -> None:
        with contextlib.suppress(RedisError), self._server.client() as client:
            client.execute_command(*command.split())

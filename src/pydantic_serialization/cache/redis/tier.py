"""Redis as the tier that processes share: one server, a Sentinel group or a Cluster."""

from __future__ import annotations

import asyncio
import math
import re
import threading
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakKeyDictionary

from redis.connection import parse_url
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pydantic_serialization._fork import renew_after_fork
from pydantic_serialization.cache.redis.address import parse_address
from pydantic_serialization.cache.redis.clients import async_client, sync_client
from pydantic_serialization.cache.redis.clock import ServerClock
from pydantic_serialization.cache.redis.connecting import Attempt
from pydantic_serialization.cache.redis.deadline import within
from pydantic_serialization.cache.redis.lifetime import LoopClient, disconnect_idle, pools
from pydantic_serialization.cache.redis.lifetime import close_sync as close_client
from pydantic_serialization.cache.redis.listener import RedisListener
from pydantic_serialization.cache.redis.replies import WrongReplyError, check_number, check_stored, values_of
from pydantic_serialization.cache.redis.scripts import ADD, ANNOUNCE, LAST
from pydantic_serialization.cache.shared.budget import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pydantic_serialization.cache._base import Listener

ResultT = TypeVar("ResultT")

_QUOTATION: Final = re.compile("[\"'`(#]")

LISTENER_TIMEOUT: Final = 1.0
"""Seconds for connecting and asking in the thread that listens, for which nobody waits."""


_inherited: list[tuple[asyncio.AbstractEventLoop, LoopClient]] = []
"""Clients of event loops of the process that this one was forked from."""


class RedisTier:
    """A :class:`SharedTier` with a :class:`Backplane` in Redis 5 or newer, or what speaks its protocol.

    Nothing is connected before the first operation. Each event loop has connections of its own, and so have threads; a
    child process makes new ones.

    Args:
        url: ``redis://[user:password@]host[:port][/db]``, ``rediss://`` with TLS, ``unix://path``,
            ``redis+sentinel://host[:port][,host...]/service[/db]``, ``redis+cluster://host[:port][,host...]``; options
            of redis-py's connections may follow behind a ``?``.
        timeout: Seconds that one operation may take.

    Raises:
        ConfigurationError: the URL is none of these.
    """

    def __init__(self, url: str, *, timeout: float = 0.05) -> None:
        self._address = parse_address(url, parse_url)
        self._timeout = timeout
        self._is_cluster = self._address.kind == "cluster"
        self._clock = ServerClock()
        self._forget()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Forget all connections: they are the parent's."""
        # Not collected: closing a transport here would take it out of the parent's selector, which both share.
        _inherited.extend(self._clients.items())
        self._forget()

    def _forget(self) -> None:
        # By the loop itself: the id of a closed loop is given to the next one.
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopClient] = WeakKeyDictionary()
        self._lock = threading.RLock()
        self._sync: Any = None
        self._making: Attempt | None = None
        self._listening: Any = None

    @property
    def where(self) -> str:
        """Where it is, for log lines: ``"Redis at host:6379"``, without credentials."""
        return f"Redis at {self._address.where}"

    def now(self) -> float:
        """Return unix seconds on the server's clock, as far as it is known."""
        return self._clock.now()

    # -- for event loops ---------------------------------------------------------------------------------------------

    async def get_many(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the values of those ``names`` that have one: one MGET, of a Cluster one for each slot."""

        async def ask(client: Any) -> dict[str, bytes]:
            return values_of(names, await (client.mget_nonatomic(names) if self._is_cluster else client.mget(names)))

        return await self._run(ask)

    async def set_many(self, items: Mapping[str, bytes], ttl: float) -> None:
        """Store ``items`` for ``ttl`` seconds, in one round trip."""
        life = _milliseconds(ttl)

        async def ask(client: Any) -> None:
            if len(items) == 1:
                ((name, value),) = items.items()
                check_stored(await client.set(name, value, px=life))
                return
            pipeline = self._pipeline(client)
            for name, value in items.items():
                pipeline.set(name, value, px=life)
            check_stored(*await pipeline.execute())

        await self._run(ask)

    async def add_many(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        """Store those of ``items`` whose name has no value yet, and return the value that each name has then."""
        life = _milliseconds(ttl)

        async def ask(client: Any) -> dict[str, bytes]:
            if not self._is_cluster:
                return values_of(items, await client.eval(ADD, len(items), *items, life, *items.values()))
            pipeline = self._pipeline(client)
            for name, value in items.items():
                pipeline.execute_command("EVAL", ADD, 1, name, life, value)
            return values_of(items, [value[0] for value in await pipeline.execute()])

        return await self._run(ask)

    async def delete_many(self, names: Sequence[str]) -> None:
        """Remove the values of ``names``."""

        async def ask(client: Any) -> None:
            check_number(await client.delete(*names), len(names))

        await self._run(ask)

    async def announce(self, topic: str, message: bytes) -> None:
        """Give ``message`` the next number of ``topic``, and send it to all who listen."""
        start = int(self.now() * 1e6)

        async def ask(client: Any) -> None:
            check_number(await client.eval(ANNOUNCE, 1, topic, topic, message, start))

        await self._run(ask)

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    # -- for threads -------------------------------------------------------------------------------------------------

    def get_many_sync(self, names: Sequence[str]) -> dict[str, bytes]:
        """Do what :meth:`get_many` does, blocking the thread."""

        def ask(client: Any) -> dict[str, bytes]:
            return values_of(names, client.mget_nonatomic(names) if self._is_cluster else client.mget(names))

        return self._run_sync(ask)

    def set_many_sync(self, items: Mapping[str, bytes], ttl: float) -> None:
        """Do what :meth:`set_many` does, blocking the thread."""
        life = _milliseconds(ttl)

        def ask(client: Any) -> None:
            pipeline = self._pipeline(client)
            for name, value in items.items():
                pipeline.set(name, value, px=life)
            check_stored(*pipeline.execute())

        self._run_sync(ask)

    def add_many_sync(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        """Do what :meth:`add_many` does, blocking the thread."""
        life = _milliseconds(ttl)

        def ask(client: Any) -> dict[str, bytes]:
            if not self._is_cluster:
                return values_of(items, client.eval(ADD, len(items), *items, life, *items.values()))
            pipeline = self._pipeline(client)
            for name, value in items.items():
                pipeline.execute_command("EVAL", ADD, 1, name, life, value)
            return values_of(items, [value[0] for value in pipeline.execute()])

        return self._run_sync(ask)

    def delete_many_sync(self, names: Sequence[str]) -> None:
        """Do what :meth:`delete_many` does, blocking the thread."""
        self._run_sync(lambda client: check_number(client.delete(*names), len(names)))

    def announce_sync(self, topic: str, message: bytes) -> None:
        """Do what :meth:`announce` does, blocking the thread."""
        start = int(self.now() * 1e6)
        self._run_sync(lambda client: check_number(client.eval(ANNOUNCE, 1, topic, topic, message, start)))

    def close_sync(self) -> None:
        """Close the connections of threads."""
        with self._lock:
            clients, self._sync, self._listening = (self._sync, self._listening), None, None
            making, self._making = self._making, None
        if making is not None:
            making.abandon()
        for client in clients:
            if client is not None:
                close_client(client)

    # -- for the thread that listens ---------------------------------------------------------------------------------

    def last_announced(self, topic: str) -> int:
        """Return the number of the last message of ``topic``."""
        with within(LISTENER_TIMEOUT):
            return int(self._listening_client().eval(LAST, 1, topic, int(self.now() * 1e6)))

    def listen(self, topic: str) -> Listener:
        """Subscribe to ``topic``."""
        return RedisListener(self._listening_client(), topic, LISTENER_TIMEOUT)

    # -- clients -----------------------------------------------------------------------------------------------------

    async def _run(self, ask: Callable[[Any], Awaitable[ResultT]]) -> ResultT:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = LoopClient(async_client(self._address, self._timeout))
            await client.close_with_the_loop()
        work = self._asked(client.redis, ask)
        # A Cluster's client begins anew to find the nodes when it is cut off, and would never have found them.
        return await (client.apart(work) if self._is_cluster else work)

    async def _asked(self, client: Any, ask: Callable[[Any], Awaitable[ResultT]]) -> ResultT:
        try:
            if self._clock.is_due():
                asked_at = time.monotonic()
                self._clock.set(await client.time(), asked_at)
            try:
                return await ask(client)
            except RedisConnectionError as error:
                if not _was_connected(error):
                    raise
                return await ask(client)
        except RedisTimeoutError as error:
            raise TimeoutError(*error.args) from error
        except (ResponseError, WrongReplyError) as error:
            _shorten(error)
            # The server has changed its role, or the reply was another command's: more of them may follow.
            for pool in pools(client):
                await pool.disconnect(inuse_connections=False)
            raise

    def _run_sync(self, ask: Callable[[Any], ResultT]) -> ResultT:
        client = self._sync or self._make_sync()
        try:
            if self._clock.is_due():
                asked_at = time.monotonic()
                self._clock.set(client.time(), asked_at)
            try:
                return ask(client)
            except RedisConnectionError as error:
                if not _was_connected(error):
                    raise
                return ask(client)
        except RedisTimeoutError as error:
            raise TimeoutError(*error.args) from error
        except (ResponseError, WrongReplyError) as error:
            _shorten(error)
            for pool in pools(client):
                disconnect_idle(pool)
            raise

    def _make_sync(self) -> Any:
        with self._lock:
            if self._sync is None and self._making is None:
                # A Cluster's client looks for the nodes while it is made.
                self._making = Attempt(lambda: sync_client(self._address, self._timeout))
            making = self._making
        if making is not None:
            made = making.result(DEADLINE.get())
            with self._lock:
                self._making = None
                if isinstance(made, BaseException):
                    raise made
                self._sync = made
        return self._sync

    def _listening_client(self) -> Any:
        client = self._listening
        if client is None:
            client = sync_client(self._address, LISTENER_TIMEOUT)
            with self._lock:
                client = self._listening = self._listening or client
        return client

    def _pipeline(self, client: Any) -> Any:
        return client.pipeline() if self._is_cluster else client.pipeline(transaction=False)


def _was_connected(error: RedisConnectionError) -> bool:
    """Say whether a pooled connection has broken, so that a new one may help; one that cannot be made does not."""
    cause = error.__cause__ or error.__context__
    refused = isinstance(cause, OSError) and not isinstance(cause, (ConnectionResetError, BrokenPipeError))
    return not refused and type(error) is RedisConnectionError


def _shorten(error: Exception) -> None:
    """Leave of an error's text what stands before the first quotation: servers and clients repeat commands with keys."""
    error.args = (_QUOTATION.split(str(error), maxsplit=1)[0].strip(),)


def _milliseconds(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))

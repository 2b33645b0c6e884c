"""Clients of redis-py with settings of our own: it must not retry, and not take longer than an operation may.

redis-py's defaults retry ten times and wait five seconds each: with Redis down, that costs more than the cache saves.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import redis
import redis.asyncio.cluster
import redis.asyncio.retry
import redis.asyncio.sentinel
import redis.cluster
import redis.sentinel
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry
from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection

from pydantic_serialization.cache.redis.connecting import CONNECT_TIMEOUT, ConnectsApart, SyncConnectsApart
from pydantic_serialization.cache.shared.budget import DEADLINE

if TYPE_CHECKING:
    from pydantic_serialization.cache.redis.address import Address

MOST_CONNECTIONS: Final = 64
"""Of one event loop, or of all threads of a process."""

_RESP: Final = 2
_CLUSTER_TRIES: Final = 1

# What redis-py declares of itself is partial, and another thing in each version.
_redis: Final[Any] = redis
_asyncio: Final[Any] = redis.asyncio


class _Tcp(SyncConnectsApart, Connection):
    pass


class _Tls(SyncConnectsApart, SSLConnection):
    pass


class _Unix(SyncConnectsApart, UnixDomainSocketConnection):
    pass


class _Managed(SyncConnectsApart, SentinelManagedConnection):
    pass


class _ManagedTls(SyncConnectsApart, SentinelManagedSSLConnection):
    pass


class _Pool(_redis.BlockingConnectionPool):  # type: ignore[misc]
    """Waits for a free connection, but not beyond the deadline of the operation."""

    _longest = 0.0

    @property
    def timeout(self) -> float:
        """Seconds that an operation may wait from now on."""
        return max(0.0, min(self._longest, DEADLINE.get() - time.monotonic()))

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self._longest = seconds


class _AsyncTcp(ConnectsApart, _asyncio.Connection):  # type: ignore[misc]
    pass


class _AsyncTls(ConnectsApart, _asyncio.SSLConnection):  # type: ignore[misc]
    pass


class _AsyncUnix(ConnectsApart, _asyncio.UnixDomainSocketConnection):  # type: ignore[misc]
    pass


class _AsyncManaged(ConnectsApart, _asyncio.sentinel.SentinelManagedConnection):  # type: ignore[misc]
    pass


class _AsyncManagedTls(ConnectsApart, _asyncio.sentinel.SentinelManagedSSLConnection):  # type: ignore[misc]
    pass


def async_client(address: Address, timeout: float) -> Any:
    """Return a client for one event loop. It does not connect yet.

    Args:
        address: Where Redis is.
        timeout: Seconds for each packet.
    """
    options = _options(address, timeout)
    if address.kind == "cluster":
        nodes = [_asyncio.cluster.ClusterNode(host, port) for host, port in address.hosts]
        options["retry"] = _asyncio.retry.Retry(NoBackoff(), _CLUSTER_TRIES)
        return _asyncio.RedisCluster(startup_nodes=nodes, ssl=address.encrypted, require_full_coverage=False, **options)
    options["retry"] = _asyncio.retry.Retry(NoBackoff(), 0)
    if address.kind == "sentinel":
        login = {**_plain(timeout), **address.sentinel_options, "retry": options["retry"]}
        group = _asyncio.sentinel.Sentinel(address.hosts, sentinel_kwargs=login)
        options["connection_class"] = _AsyncManagedTls if address.encrypted else _AsyncManaged
        return group.master_for(address.service, **options)
    kind = _AsyncUnix if not address.hosts else _AsyncTls if address.encrypted else _AsyncTcp
    options |= _place(address)
    # Not the pool that waits, which takes as long as the command: reads share connections, and need few.
    return _asyncio.Redis.from_pool(_asyncio.ConnectionPool(connection_class=kind, **options))


def sync_client(address: Address, timeout: float) -> Any:
    """Return a client for threads, which keeps to their deadlines. It does not connect yet, except to a Cluster.

    Args:
        address: Where Redis is.
        timeout: Seconds for each packet.
    """
    options = _options(address, timeout)
    kinds = (_Tcp, _Tls, _Unix)
    if address.kind == "cluster":
        (host, port), *others = address.hosts
        # A URL is what has it make connections of a given class.
        options["connection_class"] = kinds[address.encrypted]
        return _redis.RedisCluster(
            url=f"redis://{host if ':' not in host else f'[{host}]'}:{port}",
            startup_nodes=[_redis.cluster.ClusterNode(*other) for other in others],
            retry=Retry(NoBackoff(), _CLUSTER_TRIES),
            require_full_coverage=False,
            **options,
        )
    options["retry"] = Retry(NoBackoff(), 0)
    if address.kind == "sentinel":
        login = {**_plain(timeout), **address.sentinel_options, "retry": options["retry"]}
        group = _redis.sentinel.Sentinel(address.hosts, sentinel_kwargs=login)
        options["connection_class"] = _ManagedTls if address.encrypted else _Managed
        return group.master_for(address.service, **options)
    kind = kinds[address.encrypted] if address.hosts else kinds[2]
    options |= _place(address)
    return _redis.Redis.from_pool(_Pool(connection_class=kind, timeout=timeout, **options))


def _plain(timeout: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "socket_keepalive": True,
        "protocol": _RESP,
    }


def _options(address: Address, timeout: float) -> dict[str, Any]:
    # Ours come last where a URL must not override them.
    return {
        "protocol": _RESP,
        "max_connections": MOST_CONNECTIONS,
        "socket_keepalive": True,
        **address.options,
        "socket_timeout": timeout,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "decode_responses": False,
        "health_check_interval": 0,
    }


def _place(address: Address) -> dict[str, Any]:
    if not address.hosts:
        return {}
    host, port = address.hosts[0]
    return {"host": host, "port": port}

"""A process that does not hear the others notices it, whatever it hears in their place."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from faults.proxy import Proxy
from redis_servers import Server, wait_until

from pydantic_serialization.cache import CacheManager, SharedSettings
from pydantic_serialization.cache.redis.deadline import DeadlineSocket, within


def test_a_message_that_never_ends_is_given_up(shared_server: Server, redis_url: str) -> None:
    """Half of a message, and then more and more of what seems to belong to it, is silence: old entries are dropped."""
    proxy = Proxy(shared_server.port)
    one, other = (
        CacheManager(redis_url=redis_url, shared_settings=SharedSettings(timeout=5.0)),
        CacheManager(redis_url=proxy.url, shared_settings=SharedSettings(timeout=0.5, heartbeat=0.2)),
    )
    stopping = threading.Event()

    def announce() -> None:
        while not stopping.wait(0.05):
            one.invalidate_sync("something else")

    others = threading.Thread(target=announce)
    try:
        one.set_sync("key", b"old")
        other.get_sync("key")
        wait_until(lambda: other.get_stats()["backplane"]["state"] == "verified", "the other one listens")
        wait_until(lambda: other.get_sync("key") == b"old", "the other one has the entry")
        proxy.set("flood")
        one.invalidate_sync("key")
        time.sleep(0.1)
        proxy.set("pass")
        others.start()
        wait_until(lambda: other.get_sync("key") is None, "what was invalidated is dropped", 30)
        wait_until(lambda: other.get_stats()["backplane"]["state"] == "verified", "it listens again")
    finally:
        stopping.set()
        others.join()
        one.stop_sync()
        other.stop_sync()
        proxy.close()


def test_a_deadline_ends_what_is_always_ready() -> None:
    """A server that never stops to send is not read beyond the deadline: there would be no end of it."""
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"much")
        bounded = DeadlineSocket(here)
        with within(10):
            assert bounded.recv(1) == b"m"
        with within(0), pytest.raises(TimeoutError):
            bounded.recv(1)
        assert bounded.recv(1) == b"u"

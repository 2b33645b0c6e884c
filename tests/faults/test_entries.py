"""Whatever is in Redis in place of an entry: it is not served, and soon replaced."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from faults.callers import OPERATIONS, Loop, Threads, key_of, warm
from redis_servers import Server, free_port

SECRET = b"a secret of thirty-two bytes, ok"
chance = random.Random(1)


def _cut(data: bytes) -> bytes:
    return data[:-5]


def _flipped(data: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "its end is missing": _cut,
    "a bit is another one": _flipped,
    "random bytes": lambda _: chance.randbytes(80),
    "nothing": lambda _: b"",
    "somebody else's JSON": lambda _: b'{"value":1}',
    "an old pickle": lambda _: b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01x\x94.",
    "a list": lambda _: None,
}


def damage(client: Any, damaged: Callable[[bytes], bytes | None]) -> None:
    """Put something else in the place of everything that is in Redis."""
    for name in list(client.scan_iter()):
        data = client.get(name) if client.type(name) == b"string" else b""
        changed = damaged(data or b"?????")
        client.delete(name)
        if changed is None:
            client.lpush(name, "item")
        else:
            client.set(name, changed)


@pytest.mark.parametrize("world", [Threads, Loop])
@pytest.mark.parametrize("keys", [(), (SECRET,)], ids=["unsigned", "signed"])
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_entry_is_a_miss(
    redis_url: str, shared_server: Server, name: str, keys: tuple[bytes, ...], world: Callable[..., Threads | Loop]
) -> None:
    """150 reads of entries that are damaged again and again give the right values; afterwards all are hits."""
    caller = world(redis_url, keys=keys)
    try:
        warm(caller)
        with shared_server.client() as client:
            for number in range(OPERATIONS):
                if number % 25 == 0:
                    damage(client, DAMAGES[name])
                caller.read(key_of(number))
        warm(caller)
        assert caller.stats()["breaker"] == "closed"
    finally:
        caller.close()


@pytest.mark.parametrize("world", [Threads, Loop])
@pytest.mark.parametrize("keys", [(), (SECRET,)], ids=["unsigned", "signed"])
def test_entries_under_each_others_keys_are_misses(
    redis_url: str, shared_server: Server, keys: tuple[bytes, ...], world: Callable[..., Threads | Loop]
) -> None:
    """What is whole, but stands under the key of another entry, is not served there."""
    caller = world(redis_url, keys=keys)
    try:
        warm(caller)
        with shared_server.client() as client:
            for number in range(OPERATIONS):
                if number % 25 == 0:
                    names = [name for name in client.scan_iter() if client.type(name) == b"string"]
                    found = client.mget(names)
                    client.mset(dict(zip(names, [*found[1:], found[0]], strict=True)))
                caller.read(key_of(number))
        warm(caller)
    finally:
        caller.close()


@pytest.mark.parametrize("world", [Threads, Loop])
@pytest.mark.parametrize("delay", [0.0, 0.3])
def test_a_name_that_is_not_known_is_a_miss(
    monkeypatch: pytest.MonkeyPatch, delay: float, world: Callable[..., Threads | Loop]
) -> None:
    """Where the name server does not know the host, at once or in its own time, the cache seldom asks, and works on."""
    asked = 0

    def unknown(*_: Any, **__: Any) -> Any:
        nonlocal asked
        asked += 1
        time.sleep(delay)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    caller = world(f"redis://cache.example:{free_port()}")
    try:
        for number in range(OPERATIONS):
            caller.read(key_of(number))
        assert 1 <= asked < 20
        assert caller.stats()["short_circuits"] > OPERATIONS / 2
    finally:
        caller.close()

"""Hearing other processes: numbers show what was missed, and what is not known is not kept."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest
from redis_servers import wait_until
from shared_tiers import DictTier

from pydantic_serialization.cache import CacheManager, SharedSettings
from pydantic_serialization.cache.shared.invalidation import Invalidation
from pydantic_serialization.cache.shared.messages import Messenger
from pydantic_serialization.envelope import Sealer
from pydantic_serialization.errors import InvalidationError

BEAT = 0.2
"""Seconds. Two of them without being heard, and a process is not: a machine may be busy for that long."""


class Channel(DictTier):
    """A shared tier with a backplane, which loses messages and breaks on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 100
        self.lose = False
        self.broken = False
        self.listeners: list[Ear] = []

    async def announce(self, topic: str, message: bytes) -> None:
        self.announce_sync(topic, message)

    def announce_sync(self, topic: str, message: bytes) -> None:
        if self.broken:
            raise ConnectionError
        self.number += 1
        if not self.lose:
            for listener in self.listeners:
                listener.messages.put((self.number, message))

    def last_announced(self, topic: str) -> int:
        if self.broken:
            raise ConnectionError
        return self.number

    def listen(self, topic: str) -> Ear:
        if self.broken:
            raise ConnectionError
        listener = Ear()
        self.listeners.append(listener)
        return listener


class Ear:
    def __init__(self) -> None:
        self.messages: queue.Queue[tuple[int, bytes] | None] = queue.Queue()
        self.closed = threading.Event()

    def receive(self, timeout: float) -> tuple[int, bytes] | None:
        if self.closed.is_set():
            raise ConnectionError
        try:
            return self.messages.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        self.closed.set()
        self.messages.put(None)


class Pair:
    def __init__(self, **options: float) -> None:
        self.channel = Channel()
        settings = SharedSettings(heartbeat=BEAT, max_retries=0, **options)  # type: ignore[arg-type]
        self.one, self.other = (CacheManager(shared_tier=self.channel, shared_settings=settings) for _ in range(2))
        for cache in (self.one, self.other):
            cache.get_sync("anything")
            reaches(cache, "verified")


def reaches(cache: CacheManager, state: str) -> None:
    wait_until(lambda: cache.get_stats()["backplane"]["state"] == state, state)


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.one.stop_sync()
    pair.other.stop_sync()


def copied(pair: Pair) -> None:
    """Have one process store an entry and the other one keep a copy of it."""
    pair.one.set_sync("key", b"1")
    # The message about it must not come after the copy.
    wait_until(lambda: pair.other._tiers.hearing._heard == pair.channel.number, "heard")  # type: ignore[union-attr]
    assert pair.other.get_sync("key") == b"1"
    assert kept(pair.other, "key")


def kept(cache: CacheManager, key: str) -> bool:
    return cache._tier.peek(key) is not None


def test_what_others_invalidate_is_dropped(pair: Pair) -> None:
    """By key, by tag and all; the sender's own message changes nothing for it."""
    for invalidate in (
        lambda: pair.one.invalidate_sync("key"),
        lambda: pair.one.invalidate_sync(tags=("tag",)),
        lambda: pair.one.clear_sync(),
        lambda: pair.one.delete_sync("key"),
        lambda: pair.one.set_sync("key", b"new"),
    ):
        pair.one.set_sync("key", b"old", tags=("tag",))
        pair.one.set_sync("kept", b"1")
        wait_until(lambda: pair.other.get_sync("key") == b"old", "the old value")
        invalidate()
        wait_until(lambda: not kept(pair.other, "key"), "dropped")
    assert kept(pair.one, "key")
    wait_until(lambda: pair.other.get_stats()["backplane"]["received"] >= 15, "all heard")
    stats = pair.one.get_stats()["backplane"], pair.other.get_stats()["backplane"]
    assert (stats[0]["published"], stats[0]["received"]) == (15, 0)
    assert (stats[1]["published"], stats[1]["received"], stats[1]["gaps"]) == (0, 15, 0)


def test_entries_are_kept_for_long_while_others_are_heard(pair: Pair) -> None:
    """And for a short time only while they are not."""
    pair.one.set_sync("key", b"1", 1000)

    def left() -> float:
        pair.other._store.clear()
        assert pair.other.get_sync("key") == b"1"
        entry = pair.other._tier.peek("key")
        assert entry is not None
        return entry.expires_at - pair.other._clock()

    wait_until(lambda: left() > 900, "kept for long")
    pair.channel.broken = True
    reaches(pair.other, "degraded")
    assert left() <= SharedSettings().unheard_ttl


def test_a_lost_message_empties_the_first_tier(pair: Pair) -> None:
    """The next heartbeat shows that there was one; or the next message does."""
    for lost in (1, 3):
        copied(pair)
        gaps = pair.other.get_stats()["backplane"]["gaps"]
        pair.channel.lose = True
        for _ in range(lost):
            pair.one.invalidate_sync("unrelated")
        pair.channel.lose = False
        if lost == 3:
            pair.one.invalidate_sync("next")
        wait_until(lambda: not kept(pair.other, "key"), "emptied")
        assert pair.other.get_stats()["backplane"]["gaps"] > gaps
        reaches(pair.other, "verified")


def test_a_broken_connection_that_missed_nothing_costs_nothing(pair: Pair) -> None:
    """The numbers show it, so the first tier is not emptied."""
    copied(pair)
    count = len(pair.channel.listeners)
    for listener in list(pair.channel.listeners):
        listener.close()
    wait_until(lambda: len(pair.channel.listeners) >= count + 2, "listens again")
    reaches(pair.other, "verified")
    assert kept(pair.other, "key")
    assert pair.other.get_stats()["backplane"]["gaps"] == 0


def test_a_store_that_has_lost_count_empties_the_first_tier(pair: Pair) -> None:
    """A flush or a failover: nobody knows what was announced meanwhile."""
    copied(pair)
    pair.channel.number = 3
    wait_until(lambda: not kept(pair.other, "key"), "emptied")


def test_silence_empties_the_first_tier_unless_that_is_not_wanted() -> None:
    """An application may prefer old entries to none."""
    for unheard_ttl, survives in ((2.0, False), (float("inf"), True)):
        pair = Pair(unheard_ttl=unheard_ttl)
        copied(pair)
        pair.channel.broken = True
        reaches(pair.other, "degraded")
        wait_until(lambda pair=pair, survives=survives: kept(pair.other, "key") == survives, "kept or not")
        pair.one.stop_sync()
        pair.other.stop_sync()


def test_a_load_under_way_when_a_message_was_missed_is_not_kept(pair: Pair) -> None:
    """It may have read what was invalidated meanwhile."""

    def load() -> bytes:
        gaps = pair.other.get_stats()["backplane"]["gaps"]
        pair.channel.number += 1
        wait_until(lambda: pair.other.get_stats()["backplane"]["gaps"] == gaps + 1, "noticed")
        return b"old"

    assert pair.other.get_or_load_sync("key", load) == b"old"
    assert not kept(pair.other, "key")


def test_a_message_that_cannot_be_read_counts_as_everything(pair: Pair) -> None:
    """It may be a true one, signed with a key that this process does not have yet."""
    for message in (b"garbage", b"", Sealer([b"k" * 32]).seal(b"[]", format=1, raw_size=2)):
        copied(pair)
        pair.channel.announce_sync("topic", message)
        wait_until(lambda: not kept(pair.other, "key"), "emptied")
    assert pair.other.get_stats()["backplane"]["rejected"] == 3


def test_what_could_not_be_delivered_is_delivered_later(pair: Pair) -> None:
    """The caller is told, and the background goes on trying."""
    pair.one.set_sync("key", b"old")
    assert pair.other.get_sync("key") == b"old"
    pair.channel.fault = ConnectionError()
    with pytest.raises(InvalidationError):
        pair.one.invalidate_sync("key")
    assert pair.one.get_stats()["backplane"]["queued"] == 1
    assert pair.other.get_sync("key") == b"old"
    pair.channel.fault = None
    wait_until(lambda: pair.other.get_sync("key") is None, "delivered")
    wait_until(lambda: pair.one.get_stats()["backplane"]["queued"] == 0, "no longer queued")


def test_a_stopped_cache_keeps_nothing_and_can_be_used_again(pair: Pair) -> None:
    """It would not hear of changes; the next operation listens again."""
    copied(pair)
    pair.other.stop_sync()
    assert not kept(pair.other, "key")
    pair.one.set_sync("key", b"2")
    assert pair.other.get_sync("key") == b"2"
    reaches(pair.other, "verified")


@pytest.mark.parametrize(
    "invalidation",
    [
        Invalidation(),
        Invalidation(("a", "ä", "\ud800", 'q"', "\x00"), ("t",)),
        Invalidation(everything=True),
    ],
)
def test_a_message_comes_back(invalidation: Invalidation) -> None:
    """Whatever keys and tags contain, signed or not."""
    for keys in ((), (b"k" * 32,)):
        channel = Channel()
        ear = channel.listen("topic")
        sender, reader = (Messenger(channel, "topic", Sealer(keys)) for _ in range(2))
        sender.send_sync(invalidation)
        received = ear.receive(1)
        assert received is not None
        assert reader.read(received[1]) == invalidation
        assert sender.read(received[1]) is None
        assert Messenger(channel, "other topic", Sealer(keys)).read(received[1]) == Invalidation(everything=True)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b'["x",["a"],[],1]', b'["x",[1],[],false]', b'["x","a",[],false]']
)
def test_another_message_is_none(body: bytes) -> None:
    """Of another version, or by somebody who can write to the channel."""
    reader = Messenger(Channel(), "topic", Sealer())
    message = Sealer().seal(body, format=1, raw_size=len(body), cache_key=b"topic")
    assert reader.read(message) == Invalidation(everything=True)

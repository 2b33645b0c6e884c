"""Two processes and a Redis: what one of them changes, the other one sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cache_worker import Worker
from faults.proxy import Proxy
from redis_servers import Server, wait_until

PATIENCE = 5.0
"""Seconds. What is awaited comes in milliseconds; only a machine that does something else is slower."""


def within_a_second(dropped: Callable[[], float]) -> bool:
    """Say whether something is dropped within a second, once in three times at least: the machine may be busy."""
    return any(dropped() < 1.0 for _ in range(3))


@pytest.fixture(scope="module", params=["?protocol=2", "?protocol=3"])
def workers(request: pytest.FixtureRequest, shared_server: Server) -> Iterator[tuple[Worker, Worker]]:
    """Two processes, which hear each other."""
    url = shared_server.url + request.param
    with ThreadPoolExecutor() as pool:
        one, other = pool.map(Worker, [url, url])
    for worker in (one, other):
        worker("get", "anything")
        assert worker("state", "verified") == "verified"
    yield one, other
    one.close()
    other.close()


def test_an_entry_is_loaded_once_for_all_processes(workers: tuple[Worker, Worker]) -> None:
    """What one process has loaded the other one finds, with its tags."""
    one, other = workers
    assert one("load", "loaded", "by one", "tag") == "by one"
    assert other("load", "loaded", "by other", "tag") == "by one"
    assert other("get", "loaded") == "by one"


def test_an_update_reaches_the_other_process(workers: tuple[Worker, Worker]) -> None:
    """A copy in another process is gone in less than a second, and the new value is found."""
    one, other = workers

    def dropped() -> float:
        one("set", "updated", "old")
        assert other("get", "updated") == "old"
        one("set", "updated", "new")
        seconds: float = other("gone", "updated")
        assert other("get", "updated") == "new"
        return seconds

    assert within_a_second(dropped)


@pytest.mark.parametrize("what", ["key", "tag", "everything"])
def test_an_invalidation_reaches_the_other_process(workers: tuple[Worker, Worker], what: str) -> None:
    """By key, by tag and altogether: nothing old is served afterwards in either process."""
    one, other = workers
    key, tag = f"invalidated {what}", f"tag of {what}"
    one("set", key, "old", tag)
    assert other("get", key) == "old"
    if what == "everything":
        one("clear")
    else:
        one("invalidate", [key] if what == "key" else [], [tag] if what == "tag" else [])
    assert one("get", key) is None
    assert other("gone", key) < PATIENCE
    assert other("get", key) is None
    assert other("load", key, "new") == "new"
    assert one("get", key) == "new"


@pytest.mark.parametrize("what", ["key", "tag", "everything", "set"])
def test_a_load_that_began_before_an_invalidation_leaves_no_trace(workers: tuple[Worker, Worker], what: str) -> None:
    """It gets its result, and nobody else does, in either tier, in any process."""
    one, other = workers
    key, tag = f"overtaken {what}", f"tag of overtaken {what}"
    one("set", "marker", "before")
    assert other("get", "marker") is not None
    other("begin_load", key, "old", tag)
    if what == "everything":
        one("clear")
    elif what == "set":
        one("set", key, "new", tag)
    else:
        one("invalidate", [key] if what == "key" else [], [tag] if what == "tag" else [])
    # Messages come in order: when this one has been heard, so has the one before.
    one("set", "marker", "after")
    assert other("gone", "marker") < PATIENCE
    assert other("end_load") == "old"
    for worker in (one, other):
        assert worker("get", key) in ({"new"} if what == "set" else set()) | {None}
    assert other("load", key, "new") == "new"
    # Not at once: the write that the load before has left behind may come first, and is found by nobody.
    wait_until(lambda: one("get", key) == "new", "the new value is stored")


def test_a_process_that_missed_a_message_drops_everything(shared_server: Server, redis_url: str) -> None:
    """A connection that breaks is noticed by what was numbered meanwhile, and nothing old is kept."""
    proxy = Proxy(shared_server.port)
    with ThreadPoolExecutor() as pool:
        one, other = pool.map(Worker, [redis_url, proxy.url])
    try:
        for worker in (one, other):
            worker("get", "anything")
            worker("state", "verified")
        one("set", "missed", "old")
        one("set", "unrelated", "kept")
        assert (other("get", "missed"), other("get", "unrelated")) == ("old", "kept")
        proxy.set("hole_reply")
        one("invalidate", ["missed"], [])
        assert other("state", "degraded") == "degraded"
        # It cannot ask Redis, and soon has nothing of its own any more.
        wait_until(lambda: other("get", "missed") is None, "what may be old is dropped")
        proxy.set("pass")
        proxy.cut()
        assert other("state", "verified") == "verified"
        assert other("load", "missed", "new") == "new"
        assert one("get", "missed") == "new"
    finally:
        one.close()
        other.close()
        proxy.close()

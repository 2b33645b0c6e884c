"""The thread that stores what threads have loaded: in order, one at a time, and gone when there is nothing to do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import pytest
from redis_servers import wait_until

from pydantic_serialization.cache import writer as module
from pydantic_serialization.cache.writer import Writer

WRITES = """
import sys, time
from pydantic_serialization.cache.writer import Writer

async def write(number):
    time.sleep(0.02)
    print(number)

writer = Writer(100)
for number in range(5):
    assert writer.submit(write(number))
"""


class Log:
    """Writes that say that they were made, once the gate is open."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.threads: set[int | None] = set()
        self.gate = threading.Event()
        self.gate.set()

    async def write(self, number: int) -> None:
        self.gate.wait(10)
        self.threads.add(threading.current_thread().ident)
        self.done.append(number)


def test_writes_are_made_in_order_by_one_thread() -> None:
    """Whichever threads have submitted them; draining waits for the last."""
    writer, log = Writer(1000), Log()
    for number in range(500):
        assert writer.submit(log.write(number))
    assert writer.drain(10) == 0
    assert log.done == list(range(500))
    assert len(log.threads) == 1
    assert threading.get_ident() not in log.threads


def test_it_takes_so_many_and_no_more() -> None:
    """What it does not take is left to the caller, not closed."""
    writer, log = Writer(3), Log()
    log.gate.clear()
    assert writer.submit(log.write(0))
    wait_until(lambda: not writer._waiting, "the first has begun")
    assert [writer.submit(log.write(number)) for number in range(1, 4)] == [True] * 3
    refused = log.write(4)
    assert not writer.submit(refused)
    refused.close()
    log.gate.set()
    assert writer.drain(10) == 0
    assert log.done == [0, 1, 2, 3]


def test_draining_gives_up_what_is_late() -> None:
    """It says how much; what has begun is left to itself, and the next write is made."""
    writer, log = Writer(10), Log()
    log.gate.clear()
    for number in range(4):
        writer.submit(log.write(number))
    assert writer.drain(0.05) == 4
    assert writer.submit(log.write(4))
    log.gate.set()
    assert writer.drain(10) == 0
    assert log.done == [0, 4]


def test_an_idle_thread_ends_and_another_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of a cache that nobody uses."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.02)
    writer, log = Writer(10), Log()
    for number in range(3):
        assert writer.submit(log.write(number))
        wait_until(lambda: writer._thread is None, "the thread has ended")
    assert log.done == [0, 1, 2]


def test_draining_from_a_write_does_not_wait_for_itself() -> None:
    """A store may stop the cache."""
    writer, log = Writer(10), Log()
    left: list[int] = []

    async def stop() -> None:
        left.append(writer.drain(10))

    writer.submit(stop())
    wait_until(lambda: left == [1], "it has been drained")
    assert writer.submit(log.write(0))
    assert writer.drain(10) == 0
    assert log.done == [0]


def test_without_a_thread_nothing_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system gives no further one: the caller writes."""

    def fail(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    writer, log = Writer(10), Log()
    monkeypatch.setattr(threading.Thread, "start", fail)
    work = log.write(0)
    assert not writer.submit(work)
    work.close()


def test_a_program_that_ends_loses_no_write() -> None:
    """Without being stopped, too."""
    ended = subprocess.run([sys.executable, "-c", WRITES], capture_output=True, text=True, check=True, timeout=30)
    assert ended.stdout.split() == ["0", "1", "2", "3", "4"]
    assert ended.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_process_begins_anew() -> None:
    """It writes what it loads itself, and nothing of the parent's."""
    writer, log = Writer(10), Log()
    log.gate.clear()
    for number in range(3):
        writer.submit(log.write(number))
    child = os.fork()
    if child == 0:
        try:
            writer.after_fork()
            log.gate.set()
            writer.submit(log.write(7))
            os._exit(0 if writer.drain(10) == 0 and log.done == [7] else 1)
        finally:
            os._exit(2)
    log.gate.set()
    assert os.waitpid(child, 0)[1] == 0
    assert writer.drain(10) == 0
    assert log.done == [0, 1, 2]

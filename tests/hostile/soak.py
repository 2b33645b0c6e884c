"""An application at work for hours, with a network and a Redis that fail in another way every few seconds.

Threads and tasks read records through a manager with both tiers, others change records and invalidate them, and a second
manager, as of another process, reads what the first one invalidates. Every value is compared with the truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from random import Random
from typing import TYPE_CHECKING, Any

from faults.proxy import MARKER
from pydantic import BaseModel

from hostile import resources
from hostile.outages import Outages
from pydantic_serialization import InvalidationError, SerializationConfig, create_serialization_manager, serialized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RECORDS = 40
EVERY = 5.0
"""Seconds between two faults."""
HEARD = 10.0
"""Seconds after which an invalidation has reached another manager, whatever happens: five times ``unheard_ttl``."""
MOST_GROWTH = 32
"""MiB that the process may have at its end beyond the least that it had after its first third."""
MOST_AT_ONCE = 1024
"""MiB that it may take for a moment: a flood of 16 MiB, and what it is put together from, on each of its connections."""
SECRET = b"the secret of the soak, 32 bytes"
COUNTED = ("operations", "writes", "undelivered", "faults", "wrong values", "lost writes", "undeclared exceptions")


class Record(BaseModel):
    """What is cached."""

    number: int
    version: int
    text: str


def text_of(number: int, version: int) -> str:
    """Return the text that a record has; the proxy knows its beginning."""
    return f"{MARKER.decode()}{number}/{version} " * 20


def prepare(random: Random, every: float = EVERY) -> Soak:
    """Return the step: a twentieth of a second of the application's life."""
    return Soak(random, every)


class Truth:
    """The source: the version of each record, and which of them everybody must have."""

    def __init__(self) -> None:
        self.versions = [0] * RECORDS
        self._acknowledged: list[deque[tuple[float, int]]] = [deque([(0.0, 0)]) for _ in range(RECORDS)]

    def load(self, number: int) -> Record:
        """Read a record from the source."""
        version = self.versions[number]
        return Record(number=number, version=version, text=text_of(number, version))

    def acknowledge(self, number: int, version: int) -> None:
        """Note that an invalidation has been confirmed: what is older must not be served any more."""
        self._acknowledged[number].append((time.monotonic(), version))

    def least(self, number: int, seconds: float = 0.0) -> int:
        """Return the oldest version that may be served, where invalidations may take so many seconds."""
        noted, until = self._acknowledged[number], time.monotonic() - seconds
        while len(noted) > 1 and noted[1][0] < time.monotonic() - HEARD:
            with contextlib.suppress(IndexError):  # two readers may do so at once
                noted.popleft()
        return max((version for at, version in list(noted) if at <= until), default=0)

    def check(self, number: int, data: bytes, least: int) -> str:
        """Return what is wrong with a value, or nothing."""
        record = Record.model_validate_json(data)
        if (record.number, record.text) != (number, text_of(number, record.version)):
            return f"wrong value: {record!r} for record {number}"
        if record.version > self.versions[number]:
            return f"wrong value: version {record.version}, which record {number} has not had"
        if record.version < least:
            return f"lost write: version {record.version} of record {number}, after {least} was acknowledged"
        return ""


class Soak:
    """The application, its servers, and the faults.

    Attributes:
        figures: What has happened so far.
    """

    def __init__(self, random: Random, every: float) -> None:
        resources.give_back()
        self._before = resources.held()
        self._outages = Outages(random, every)
        self._truth = Truth()
        self._problems: deque[str] = deque()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._started = time.monotonic()
        self._memory: list[float] = []
        self.figures: dict[str, float] = dict.fromkeys(COUNTED, 0)
        self._own, self._other = (self._manager() for _ in range(2))
        work = [self._read_in_thread] * 2 + [self._write_in_thread, self._read_elsewhere, self._run_loop]
        self._threads = [threading.Thread(target=self._guarded, args=(function,)) for function in work]
        for thread in self._threads:
            thread.start()

    def __call__(self) -> bool:
        """Let the others work, with something else wrong when it is time; say whether nothing is wrong with the network."""
        time.sleep(0.05)
        is_whole = self._outages.tick()
        self.figures["faults"] = self._outages.faults
        if time.monotonic() - self._started > len(self._memory):
            self._memory.append(resources.memory())
        assert not self._problems, self._problems.popleft()
        return is_whole

    def close(self) -> None:
        """End everything, and look at what is left of it."""
        self._stopping.set()
        self._outages.mend()
        for thread in self._threads:
            thread.join(30)
        self._own.stop_sync()
        self._other.stop_sync()
        self._outages.close()
        deadline = time.monotonic() + 10
        while (left := resources.left(self._before)) and time.monotonic() < deadline:
            time.sleep(0.05)
        early, late = min(self._memory[len(self._memory) // 3 :]), resources.memory()
        self.figures["memory growth in MiB"] = round(late - early, 1)
        self.figures |= {"files left": left.get("files", 0), "threads left": left.get("threads", 0)}
        assert not self._problems, self._problems.popleft()
        assert not left, f"left behind: {left}"
        assert late - early < MOST_GROWTH, f"the process has grown from {early:.0f} to {late:.0f} MiB"

    # -- the application ---------------------------------------------------------------------------------------------------

    def _manager(self) -> Any:
        return create_serialization_manager(
            SerializationConfig(redis_url=self._outages.url, signing_keys=(SECRET,), max_retries=1, retry_delay=0.01)
        )

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._count("undeclared exceptions", f"undeclared exception: {error!r}")

    def _read_in_thread(self) -> None:
        load = self._loader(self._own)
        for number in self._numbers():
            least = self._truth.least(number)
            self._judge(number, load(number), least)

    def _read_elsewhere(self) -> None:
        load = self._loader(self._other)
        for number in self._numbers():
            least = self._truth.least(number, HEARD)
            self._judge(number, load(number), least)

    def _write_in_thread(self) -> None:
        for number in self._numbers():
            if number % 2:
                version = self._changed(number)
                try:
                    self._own.invalidate_sync(f"record:{number}")
                except InvalidationError:
                    self._count("undelivered")
                else:
                    self._truth.acknowledge(number, version)
                time.sleep(0.01)

    def _run_loop(self) -> None:
        asyncio.run(self._tasks())

    async def _tasks(self) -> None:
        @serialized("json", key="record:{number}", manager=self._own)
        async def load(number: int) -> Record:
            await asyncio.sleep(0.001)
            return self._truth.load(number)

        async def read() -> None:
            for number in self._numbers():
                least = self._truth.least(number)
                self._judge(number, await load(number), least)
                await asyncio.sleep(0)

        async def write() -> None:
            for number in self._numbers():
                if not number % 2:
                    version = self._changed(number)
                    try:
                        await self._own.invalidate(f"record:{number}")
                    except InvalidationError:
                        self._count("undelivered")
                    else:
                        self._truth.acknowledge(number, version)
                    await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            for work in (read, read, read, write):
                group.create_task(work())
        await self._own.stop()

    def _loader(self, manager: Any) -> Callable[[int], bytes]:
        @serialized("json", key="record:{number}", manager=manager)
        def load(number: int) -> Record:
            return self._truth.load(number)

        return load

    def _numbers(self) -> Iterator[int]:
        """Yield numbers of records until the end."""
        random = Random(threading.get_native_id())
        while not self._stopping.wait(0.0002):
            yield random.randrange(RECORDS)

    def _changed(self, number: int) -> int:
        self._count("writes")
        self._truth.versions[number] += 1
        return self._truth.versions[number]

    def _judge(self, number: int, data: bytes, least: int) -> None:
        self._count("operations")
        problem = self._truth.check(number, data, least)
        if problem:
            self._count("lost writes" if problem.startswith("lost") else "wrong values", problem)

    def _count(self, what: str, problem: str = "") -> None:
        with self._lock:
            self.figures[what] += 1
        if problem:
            self._problems.append(problem)

"""A shared tier in a dict, for tests: without a backplane, and with faults on demand."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class DictTier:
    """The least that a shared tier of one's own may be.

    Attributes:
        calls: The operations that were asked for, in order.
        fault: Raised by every operation while it is set.
        before: Called by every operation with its name.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.values: dict[str, tuple[bytes, float]] = {}
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.fault: Exception | None = None
        self.before: Callable[[str], None] = lambda _: None
        self.closed = 0
        self._clock = clock
        self._lock = threading.RLock()

    def now(self) -> float:
        return self._clock()

    async def get_many(self, names: Sequence[str]) -> dict[str, bytes]:
        return self.get_many_sync(names)

    async def set_many(self, items: Mapping[str, bytes], ttl: float) -> None:
        self.set_many_sync(items, ttl)

    async def add_many(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        return self.add_many_sync(items, ttl)

    async def delete_many(self, names: Sequence[str]) -> None:
        self.delete_many_sync(names)

    async def close(self) -> None:
        self.close_sync()

    def get_many_sync(self, names: Sequence[str]) -> dict[str, bytes]:
        with self._operation("get", names):
            found = ((name, self.values.get(name)) for name in names)
            return {name: held[0] for name, held in found if held is not None and self._clock() < held[1]}

    def set_many_sync(self, items: Mapping[str, bytes], ttl: float) -> None:
        with self._operation("set", items):
            for name, value in items.items():
                self.values[name] = (value, self._clock() + ttl)

    def add_many_sync(self, items: Mapping[str, bytes], ttl: float) -> dict[str, bytes]:
        with self._operation("add", items):
            now = self._clock()
            for name, value in items.items():
                kept, ends = self.values.get(name, (value, now))
                self.values[name] = (kept if now < ends else value, max(ends, now + ttl))
            return {name: self.values[name][0] for name in items}

    def delete_many_sync(self, names: Sequence[str]) -> None:
        with self._operation("delete", names):
            for name in names:
                self.values.pop(name, None)

    def close_sync(self) -> None:
        self.closed += 1

    def _operation(self, what: str, names: Sequence[str] | Mapping[str, bytes]) -> threading.RLock:
        self.before(what)
        self.calls.append((what, tuple(names)))
        if self.fault is not None:
            raise self.fault
        return self._lock

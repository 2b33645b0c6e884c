"""A process with a cache, which does what it is told: one JSON list per line, one JSON value back."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import Any

from pydantic_serialization.cache import CacheManager, SharedSettings


class Worker:
    """The other side: starts the process, and speaks with it."""

    def __init__(self, redis_url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, redis_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, command: str, *arguments: Any) -> Any:
        """Let it run a command, and return the result."""
        self.begin(command, *arguments)
        return self.end()

    def begin(self, command: str, *arguments: Any) -> None:
        """Let it run a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, *arguments]) + "\n")
        self._process.stdin.flush()

    def end(self) -> Any:
        """Return the result of the command."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class _Commands:
    def __init__(self, redis_url: str) -> None:
        self.cache = CacheManager(redis_url=redis_url, shared_settings=SharedSettings(heartbeat=0.2, timeout=5.0))
        self.loading: threading.Thread | None = None
        self.release = threading.Event()
        self.loaded: bytes | None = None

    def get(self, key: str) -> str | None:
        value = self.cache.get_sync(key)
        return None if value is None else value.decode()

    def set(self, key: str, value: str, *tags: str) -> None:
        self.cache.set_sync(key, value.encode(), tags=tags)

    def load(self, key: str, value: str, *tags: str) -> str | None:
        """Load, and wait until what was loaded is stored."""
        before = self.cache.get_stats()
        loaded = self.cache.get_or_load_sync(key, value.encode, tags=tags)
        deadline = time.monotonic() + 10
        while self.cache.get_stats()["loads"]["count"] > before["loads"]["count"] and time.monotonic() < deadline:
            if self.cache.get_stats()["l2_cache"]["writes"] > before["l2_cache"]["writes"]:
                break
            time.sleep(0.001)
        return None if loaded is None else loaded.decode()

    def begin_load(self, key: str, value: str, *tags: str) -> None:
        """Start a load that has read its source, and does not return before :meth:`end_load`."""
        inside = threading.Event()

        def loader() -> bytes:
            inside.set()
            self.release.wait(10)
            return value.encode()

        def run() -> None:
            self.loaded = self.cache.get_or_load_sync(key, loader, tags=tags)

        self.release.clear()
        self.loading = threading.Thread(target=run)
        self.loading.start()
        inside.wait(10)

    def end_load(self) -> str | None:
        self.release.set()
        assert self.loading is not None
        self.loading.join()
        return None if self.loaded is None else self.loaded.decode()

    def invalidate(self, keys: list[str], tags: list[str]) -> None:
        self.cache.invalidate_sync(*keys, tags=tags)

    def clear(self) -> None:
        self.cache.clear_sync()

    def state(self, wanted: str) -> str:
        """Wait until the backplane is in a state, and return it."""
        deadline = time.monotonic() + 10
        while self.cache.get_stats()["backplane"]["state"] != wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        return self.cache.get_stats()["backplane"]["state"]

    def gone(self, key: str) -> float:
        """Wait until this process has no entry of a key, and return the seconds that took."""
        started = time.monotonic()
        while self.cache._tier.peek(key) is not None and time.monotonic() < started + 10:
            time.sleep(0.001)
        return time.monotonic() - started

    def stats(self) -> Any:
        return self.cache.get_stats()


def main() -> None:
    commands = _Commands(sys.argv[1])
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(getattr(commands, name)(*arguments)), flush=True)  # noqa: T201
    commands.cache.stop_sync()


if __name__ == "__main__":
    main()

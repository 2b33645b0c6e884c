"""Real Redis servers for tests: one alone, a Sentinel group, a Cluster. Each on a free port of the loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import redis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PATIENCE = 30.0


def free_port() -> int:
    """Return a port that nothing listens on, nor on the one 10,000 above, which a Cluster's node needs too."""
    while True:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port: int = sock.getsockname()[1]
        if port < 55_000:
            with contextlib.suppress(OSError), socket.socket() as bus:
                bus.bind(("127.0.0.1", port + 10_000))
                return port


class Server:
    """One redis-server process.

    Args:
        arguments: Of the command line, beside the usual ones.
        port: Where it listens; a free port if ``None``.
        sentinel: Whether it is a Sentinel, which needs a file of its own.
    """

    def __init__(self, *arguments: str, port: int | None = None, sentinel: str | None = None) -> None:
        self.port = port or free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="redis-test-"))
        self._arguments = arguments
        self._sentinel = sentinel
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """The URL of database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        if self._sentinel is None:
            command = ["redis-server", "--save", "", "--appendonly", "no"]
        else:
            file = self.folder / "sentinel.conf"
            file.write_text(self._sentinel)
            command = ["redis-server", str(file), "--sentinel"]
        command += ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with self.client() as client:
            wait_until(lambda: _answers(client), f"redis-server on port {self.port}")

    def client(self) -> redis.Redis:
        """Return a plain client."""
        return redis.Redis(port=self.port, socket_timeout=2)

    def freeze(self) -> None:
        """Stop the process where it is: connections stay open, and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kill it at once."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Kill it, and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def wait_until(condition: object, what: str, seconds: float = _PATIENCE) -> None:
    """Wait until ``condition()`` is true."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.01)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


@contextlib.contextmanager
def sentinel_group() -> Iterator[tuple[str, Sequence[Server], Sequence[Server]]]:
    """Start a master with a replica, and three Sentinels; yield their URL, the servers and the Sentinels."""
    at_once = ("--repl-diskless-sync-delay", "0")
    master = Server(*at_once)
    servers = [master, Server(*at_once, "--replicaof", "127.0.0.1", str(master.port))]
    lines = (
        f"sentinel monitor main 127.0.0.1 {master.port} 2",
        "sentinel down-after-milliseconds main 300",
        "sentinel failover-timeout main 2000",
    )
    sentinels = [Server(sentinel="\n".join(lines) + "\n") for _ in range(3)]
    hosts = ",".join(f"127.0.0.1:{one.port}" for one in sentinels)
    try:
        for one in sentinels:
            with one.client() as client:
                wait_until(lambda client=client: _knows_the_group(client), "the Sentinels know each other")
        yield f"redis+sentinel://{hosts}/main/0", servers, sentinels
    finally:
        for one in (*sentinels, *servers):
            one.close()


def _knows_the_group(sentinel: redis.Redis) -> bool:
    # Not by sentinel_master(), which some versions of redis-py have broken.
    (state,) = sentinel.sentinel_masters().values()
    return (state["num-slaves"], state["num-other-sentinels"]) == (1, 2)


@contextlib.contextmanager
def cluster() -> Iterator[tuple[str, Sequence[Server]]]:
    """Start a Cluster of three nodes; yield its URL and the nodes."""
    nodes = [Server("--cluster-enabled", "yes", "--cluster-node-timeout", "1000") for _ in range(3)]
    try:
        share = 16_384 // 3 + 1
        for index, node in enumerate(nodes):
            with node.client() as client:
                last = min(16_383, (index + 1) * share - 1)
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", index * share, last)
                client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
                for other in nodes[:index]:
                    client.execute_command("CLUSTER", "MEET", "127.0.0.1", other.port)
        for node in nodes:
            with node.client() as client:
                wait_until(
                    lambda client=client: (
                        b"cluster_state:ok" in _raw_info(client) and b"cluster_known_nodes:3" in _raw_info(client)
                    ),
                    "the Cluster is whole",
                )
        yield ",".join(f"127.0.0.1:{node.port}" for node in nodes).join(("redis+cluster://", "")), nodes
    finally:
        for node in nodes:
            node.close()


def _raw_info(client: redis.Redis) -> bytes:
    info = client.execute_command("CLUSTER INFO")
    return info if isinstance(info, bytes) else str({f"{k}:{v}" for k, v in info.items()}).encode()

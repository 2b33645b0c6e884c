"""The same with a real server: uvicorn in a process of its own, and clients on the loopback interface."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from _rows import Target, progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")
CASES = (("/user", 400), ("/users/100", 400), ("/users/1000", 150), ("/cached", 400))
"""Path and number of requests in a round."""
ROUNDS = 3
CROWD = 1000
"""Requests for 5 MB each that are under way at once."""
HEALTH_P99 = 0.050
"""Seconds that the health endpoint may take, for 99 of 100 requests, while the crowd is served."""


@contextmanager
def server(kind: str) -> Iterator[tuple[int, int]]:
    """Start a server; yield its port and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = (
        f"import uvicorn; from _web_app import build; uvicorn.run(build({kind!r}), port={port}, log_level='error')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > until or process.poll() is not None:
                    raise
                time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


async def request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> int:
    """Send a request over an open connection and read the answer; return the size of its body."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    size = next(int(line[15:]) for line in head.decode().split("\r\n") if line.startswith("content-length:"))
    await reader.readexactly(size)
    return size


async def many(port: int, path: str, count: int) -> None:
    """Send requests over one connection, one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    for _ in range(count):
        await request(reader, writer, path)
    writer.close()


async def one_of_the_crowd(port: int) -> None:
    """Ask for 5 MB, and read them to the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /megabytes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    size = 0
    while chunk := await reader.read(1 << 20):
        size += len(chunk)
    assert size > 5_000_000, size
    writer.close()


async def come(port: int, count: int) -> None:
    """Be a crowd: ``count`` clients at once."""
    await asyncio.gather(*(one_of_the_crowd(port) for _ in range(count)))


def waits_beside_a_crowd(port: int) -> list[float]:
    """Return how long the health endpoint takes while a crowd, in a process of its own, asks for 5 MB each."""
    program = f"import asyncio; from _web_server import come; asyncio.run(come({port}, {CROWD}))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)
    waits = asyncio.run(ask_until(port, lambda: process.poll() is not None))
    assert process.returncode == 0
    return sorted(waits)


async def ask_until(port: int, is_over: Callable[[], bool]) -> list[float]:
    """Ask the health endpoint again and again; return how long each answer took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waits: list[float] = []
    while not is_over():
        started = time.perf_counter()
        await request(reader, writer, "/health")
        waits.append(time.perf_counter() - started)
        await asyncio.sleep(0.005)
    writer.close()
    return waits


def measure() -> tuple[list[str], list[Target]]:
    """Return lines to print, and how they compare with what is aimed at."""
    lines = [f"{'CPU time of the server per request':36}{'FastAPI us':>12}{'ours us':>12}{'ratio':>9}"]
    best: dict[tuple[str, str], float] = {}
    with server("stock") as stock, server("ours") as ours:
        for path, count in CASES:
            progress(f"uvicorn {path}")
            for _ in range(ROUNDS):
                for kind, (port, pid) in (("stock", stock), ("ours", ours)):
                    started = cpu_seconds(pid)
                    asyncio.run(many(port, path, count))
                    spent = (cpu_seconds(pid) - started) / count * 1e6
                    best[path, kind] = min(best.get((path, kind), spent), spent)
            one, other = best[path, "stock"], best[path, "ours"]
            lines.append(f"{path:36}{one:12,.0f}{other:12,.0f}{one / max(other, 1):9.2f}")
        targets = []
        for kind, (port, _) in (("FastAPI", stock), ("ours", ours)):
            progress(f"a crowd, {kind}")
            waits = waits_beside_a_crowd(port)
            p99 = waits[int(len(waits) * 0.99)]
            lines.append(f"health beside {CROWD} requests for 5 MB, {kind}: p99 {p99 * 1e3:.0f} ms, {len(waits)} asked")
            if kind == "ours":
                targets.append(Target("health endpoint beside a crowd, p99", HEALTH_P99 / p99, 1.0, None))
    return lines, targets

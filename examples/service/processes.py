"""PostgreSQL, Redis and other programs, as processes of this machine that end with a ``with`` block.

Only 127.0.0.1 and free ports are used, and temporary directories, which are removed. The tests start theirs with it, too.
"""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PATIENCE = 120.0
"""Seconds that a process may take to listen, or to end."""

_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=40")
"""PostgreSQL's settings for data that nobody will miss."""


@contextmanager
def redis_server() -> Iterator[str]:
    """Run an empty Redis that keeps nothing on disk; give its URL."""
    program = shutil.which("redis-server")
    if program is None:
        message = "redis-server is missing; on Debian: apt-get install redis-server"
        raise RuntimeError(message)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        command = [program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        with process(command, port, stdout=subprocess.DEVNULL):
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL with an empty database; give ``user@host:port/database`` of it."""
    programs, account = _postgres_programs(), _postgres_account()
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        if account:
            shutil.chown(folder, account["user"], account["group"])
        data, port = Path(folder, "data"), free_port()
        init = [
            str(programs / "initdb"),
            "-D",
            str(data),
            "--username=shop",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
        ]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=folder, **account)
        settings = [word for setting in _QUICK for word in ("-c", setting)]
        command = [programs / "postgres", "-D", data, "-k", folder, "-h", "127.0.0.1", "-p", port, *settings]
        # SIGQUIT stops at once, without a checkpoint: nobody will read the files.
        with (
            Path(folder, "log").open("wb") as log,
            process(command, port, stop=signal.SIGQUIT, stdout=log, stderr=log, cwd=folder, **account),
        ):
            _wait_until_ready(programs, port)
            yield f"shop@127.0.0.1:{port}/postgres"


@contextmanager
def process(
    command: Sequence[object], port: int | None = None, *, stop: int = signal.SIGTERM, **options: Any
) -> Iterator[int]:
    """Run a program until the block ends; give its process id, when it listens on ``port``, if there is one."""
    started = subprocess.Popen([str(word) for word in command], **options)
    try:
        if port is not None:
            _wait_for(port, started)
        yield started.pid
    finally:
        started.send_signal(stop)
        try:
            started.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def free_port() -> int:
    """Return a TCP port that nobody uses, and none of those that systems give to outgoing connections meanwhile."""
    while True:
        port = random.randrange(10_000, 32_768)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def _wait_for(port: int, started: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and started.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    message = f"{Path(str(started.args[0])).name} does not listen on port {port}"  # type: ignore[index]
    raise RuntimeError(message)


def _wait_until_ready(programs: Path, port: int) -> None:
    """Wait for what comes after listening: until then PostgreSQL refuses its clients."""
    asking = [str(programs / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={port}", "--username=shop"]
    until = time.monotonic() + PATIENCE
    while subprocess.run(asking, check=False).returncode != 0:
        if time.monotonic() > until:
            message = "PostgreSQL does not get ready"
            raise RuntimeError(message)
        time.sleep(0.02)


def _postgres_programs() -> Path:
    """Return where the programs are: in Debian, not on the path."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not versions:
        message = "PostgreSQL is missing; on Debian: apt-get install postgresql"
        raise RuntimeError(message)
    return versions[-1].parent


def _postgres_account() -> dict[str, Any]:
    """Return whose processes these are: PostgreSQL refuses to be root's."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

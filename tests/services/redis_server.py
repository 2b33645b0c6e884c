"""A Redis server of the tests' own. ``tools/install-test-services.sh`` installs it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from services.ports import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def redis_server() -> Iterator[int]:
    """Start an empty server that keeps nothing on disk, and give its port."""
    program = shutil.which("redis-server")
    if program is None:
        message = "redis-server is missing: sh tools/install-test-services.sh"
        raise RuntimeError(message)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="redis-") as directory:
        options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory)
        server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        try:
            wait_for(port, server)
            yield port
        finally:
            server.terminate()
            server.wait(30)

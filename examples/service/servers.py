"""The service, the same without the library, the worker and what they need: all of it runs until a ``with`` block ends."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from processes import free_port, postgres, process, redis_server
from sqlalchemy import create_engine
from tables import create

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Service:
    """A service that runs: where, and as what process."""

    address: str
    pid: int

    def cpu_seconds(self) -> float:
        """Return the CPU time that the process has used; 0 where the system has no ``/proc``."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Running:
    """What runs.

    Attributes:
        service: The service.
        stock: The same service without the library.
        environment: The settings of both, as they stand in the environment.
    """

    service: Service
    stock: Service
    environment: Mapping[str, str]


@contextmanager
def running() -> Iterator[Running]:
    """Start everything, with a filled database, and stop it again.

    Raises:
        RuntimeError: PostgreSQL or Redis is not installed, or a process has ended early.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shop-", ignore_cleanup_errors=True)))
        settings = {
            "SHOP_DATABASE_URL": f"postgresql+psycopg://{stack.enter_context(postgres())}",
            "SHOP_REDIS_URL": stack.enter_context(redis_server()),
            "SHOP_EXPORTS": str(folder),
            "SHOP_SIGNING_KEY": secrets.token_hex(32),
        }
        engine = create_engine(settings["SHOP_DATABASE_URL"])
        create(engine)
        engine.dispose()
        environment = {**os.environ, **settings}
        stack.enter_context(process([sys.executable, HERE / "worker.py"], env=environment, cwd=folder))
        first = stack.enter_context(web_server("app:create_app", "--factory", env=environment, cwd=folder))
        second = stack.enter_context(web_server("stock:app", env=environment, cwd=folder))
        yield Running(first, second, environment)


@contextmanager
def web_server(*arguments: str, **options: Any) -> Iterator[Service]:
    """Run uvicorn."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--app-dir", HERE, "--port", port, "--log-level", "warning", *arguments]
    with process(command, port, **options) as pid:
        yield Service(f"http://127.0.0.1:{port}", pid)

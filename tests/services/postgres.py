"""A PostgreSQL server of the tests' own. ``tools/install-test-services.sh`` installs it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.ports import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=20")


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server with an empty database, and give ``user@host:port/database`` of it."""
    programs = _programs()
    account = _account()
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as directory:
        if account:
            shutil.chown(directory, account["user"], account["group"])
        data, port = Path(directory, "data"), free_port()
        subprocess.run(
            [programs / "initdb", "--pgdata", data, "--username=tests", "--auth=trust", "--encoding=UTF8", "--no-sync"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=directory,
            **account,
        )
        options = [word for setting in _FAST for word in ("-c", setting)]
        with Path(directory, "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", directory, "-h", "127.0.0.1", "-p", str(port), *options],
                stdout=log,
                stderr=log,
                cwd=directory,
                **account,
            )
            try:
                wait_for(port, server)
                yield f"tests@127.0.0.1:{port}/postgres"
            finally:
                server.send_signal(signal.SIGQUIT)  # at once, without a checkpoint: nobody will read the files
                server.wait(30)


def _programs() -> Path:
    """Return where the programs are: in Debian, not on the path."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not versions:
        message = "PostgreSQL is missing: sh tools/install-test-services.sh"
        raise RuntimeError(message)
    return versions[-1].parent


def _account() -> dict[str, Any]:
    """Return whose processes these are: PostgreSQL refuses to be root's."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

"""Processes that are killed while they write a file: what is there afterwards is an old file or a new one, whole.

    python -m hostile.kills TARGET

is the process that the campaign talks to: for each number of seconds on its standard input it lets a child of its own
rewrite the target for so long, kills it, and says so. It has no threads, so that it may fork.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic_serialization.bulk import RecordWriter

if TYPE_CHECKING:
    from random import Random

RECORDS = 400
"""In every version of the file: to write and flush it takes some ten milliseconds."""


def prepare(random: Random) -> Killer:
    """Return the step: one kill. It counts as accepted if the target was replaced meanwhile."""
    return Killer(random)


class Killer:
    """A file, and the process that lets its children write it and kills them."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._directory = tempfile.TemporaryDirectory()
        self._target = Path(self._directory.name) / "out.jsonl"
        self._seen = 0
        started = time.monotonic()
        write(self._target, 0)
        # On a slow disk too some children get to replace the file, and some do not.
        self._longest = max(0.08, 4 * (time.monotonic() - started))
        command = [sys.executable, "-m", "hostile.kills", str(self._target)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment
        )

    def __call__(self) -> bool:
        """Have one child killed, and look at what it left."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(self._random.uniform(0, self._longest), file=self._process.stdin, flush=True)
        assert self._process.stdout.readline() == "killed\n", "the process that forks is gone"
        lines = [json.loads(line) for line in self._target.read_bytes().splitlines()]
        versions = {line["version"] for line in lines}
        assert len(lines) == RECORDS, f"{len(lines)} of {RECORDS} records are there"
        assert len(versions) == 1, f"records of several versions: {versions}"
        left = [item.name for item in self._target.parent.iterdir() if item != self._target]
        assert len(left) <= 1, f"files of earlier kills are still there: {left}"
        (version,) = versions
        assert version >= self._seen, f"version {self._seen} was there, now it is {version}"
        was_replaced, self._seen = version > self._seen, version
        return was_replaced

    def close(self) -> None:
        """End the process, and remove the file."""
        self._process.communicate()
        self._directory.cleanup()


def write(target: Path, version: int) -> None:
    """Write one version of the file."""
    with RecordWriter(target) as writer:
        for number in range(RECORDS):
            writer.write({"version": version, "number": number, "text": "x" * (version % 100)})


def _version(target: Path) -> int:
    with target.open() as file:
        version: int = json.loads(file.readline())["version"]
    return version


def _main(target: Path) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            version = _version(target)
            while True:
                version += 1
                write(target, version)
        time.sleep(float(line))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print("killed", flush=True)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))

"""Where memory ends, a call ends in a ``MemoryError``; the process, its state and later calls do not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pydantic_serialization._native import core

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit on the address space is Linux's"),
    pytest.mark.skipif(core is None, reason="without memory, Pydantic's own core ends the process"),
]

PROGRAM = Path(__file__).with_name("memory_matrix.py")
RESULT = re.compile(r"(.*): (\d+) worked, (\d+) did not")


@pytest.mark.parametrize("doors", ["write", "read", "copy", "serialize"])
def test_no_lack_of_memory_ends_the_process(doors: str) -> None:
    """Large values at every door, with all and with less and less of the memory that they take."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), doors],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert done.returncode == 0, (done.stdout[-300:], done.stderr[-1500:])
    lines = [RESULT.fullmatch(line) for line in done.stdout.splitlines()]
    assert len(lines) >= 2
    for line in lines:
        assert line is not None
        assert int(line[2]) > 0, line[0]
        assert int(line[3]) > 0, line[0]

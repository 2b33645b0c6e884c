"""Run the native core under valgrind: ``make valgrind``.

    python tools/memory_safety.py PACKAGE [--share 0.1] [--self-check]

PACKAGE is a folder with a copy of the package whose core is a debug build. ``tests/parity/exercise.py`` reads and writes
the model zoo, odd objects, wrong texts and some worlds of the differential campaign; Python's own allocator is off, so that
every object is a block that valgrind watches. Invalid reads and writes, and decisions on uninitialised memory, make the run
fail if the core did them, or something of the interpreter's that the core called; those of others are counted only.
``--self-check`` lets a small program read freed memory: that has to be found.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = re.compile(r"\b_core::\w+::|_native/_core")
PYDANTICS = re.compile(r"_pydantic_core|/pydantic_core/")
PREFIX = re.compile(r"^==\d+== ?")
FREED = """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
block = libc.malloc(64)
libc.free(ctypes.c_void_p(block))
ctypes.string_at(block, 64)
"""


def errors_of(log: str) -> list[str]:
    """Return the errors that valgrind reports, each with its stack."""
    lines = [PREFIX.sub("", line) for line in log.splitlines() if PREFIX.match(line)]
    blocks = "\n".join(lines).split("\n\n")
    return [block for block in blocks if re.search(r"^ +(at|by) 0x", block, re.MULTILINE)]


def is_ours(error: str) -> bool:
    """Say whether the innermost of the two cores in an error's stack is this project's."""
    for frame in error.splitlines():
        if PYDANTICS.search(frame):
            return False
        if OURS.search(frame):
            return True
    return False


def watched(command: list[str], environment: dict[str, str]) -> tuple[int, list[str]]:
    """Run Python under valgrind; return the exit code and the errors."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        valgrind = ["valgrind", f"--log-file={log}", "--error-limit=no", "--num-callers=30", "--leak-check=no"]
        # The interpreter itself, not a link to it: valgrind looks for its symbols.
        code = subprocess.run([*valgrind, sys.executable, *command], env=environment, check=False).returncode
        return code, errors_of(log.read_text(errors="replace"))


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", help="the folder that holds the package with its debug build")
    parser.add_argument("--share", type=float, default=0.1, help="of the documents")
    parser.add_argument("--self-check", action="store_true")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("valgrind is missing", file=sys.stderr)
        return 1
    environment = {
        **os.environ,
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": os.pathsep.join([str(Path(options.package).resolve()), str(ROOT / "tests")]),
        "PYDANTIC_SERIALIZATION_NATIVE": "require",
    }
    if options.self_check:
        _, errors = watched(["-c", FREED], environment)
        print(f"{len(errors)} errors in a program that reads freed memory")
        return int(not any("Invalid read" in error for error in errors))
    code, errors = watched(["-m", "parity.exercise", str(options.share)], environment)
    ours = [error for error in errors if is_ours(error)]
    print("\n\n".join(ours))
    print(f"exit code {code}; {len(ours)} errors of the core, {len(errors) - len(ours)} of others")
    return int(bool(ours) or code != 0)


if __name__ == "__main__":
    sys.exit(main())

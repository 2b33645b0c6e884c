"""What a process holds: memory, open files, threads."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import re
import sys
import threading
from pathlib import Path

_M_MMAP_THRESHOLD = -3
"""From malloc.h."""


def memory() -> float:
    """Return how many MiB this process has; 0 where the system does not say."""
    gc.collect()
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def give_back() -> None:
    """Have the allocator give large pieces back to the system as soon as they are free, from now on.

    glibc keeps up to 64 MiB for each of its arenas once it has seen a large piece, so that after some floods nobody can
    tell whether anything is left of them.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 18)


def peak() -> float:
    """Return how many MiB this program has had at most; 0 where the system does not say."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux, whose getrusage also counts what the parent had before the program was started
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(found[1]) / 2**10 if found else 0.0
    try:
        import resource  # POSIX only
    except ImportError:
        return 0.0
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (2**20 if sys.platform == "darwin" else 2**10)


def held() -> dict[str, int]:
    """Return how many open files and threads this process has; no files where the system does not say."""
    gc.collect()
    files = Path("/proc/self/fd")
    return {"files": sum(1 for _ in files.iterdir()) if files.exists() else 0, "threads": threading.active_count()}


def left(before: dict[str, int]) -> dict[str, int]:
    """Return of what there is more than before, and how much."""
    return {name: now - before[name] for name, now in held().items() if now > before[name]}

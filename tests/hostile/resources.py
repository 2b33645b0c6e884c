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


def memory() -> float:
    """Return how many MiB this process has, without what its allocator keeps; 0 where the system does not say."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc's: after a flood it keeps a hundred MiB for the next one
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


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

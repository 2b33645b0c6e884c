"""Write a file so that nobody ever sees half of it.

The content goes to a temporary file in the directory of the target, is flushed to the disk, and takes the target's name
in one step (POSIX ``rename``); whatever goes wrong before that leaves the target as it was.

Only a process that is killed leaves its temporary file behind. Each is locked while it is written to, and the system ends
a lock with its process: the next writer of the same target removes those that nobody holds.
"""

from __future__ import annotations

import contextlib
import glob
import os
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from pydantic_serialization.bulk.naming import STANDARD_STREAM

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # not POSIX: there are no locks that end with their process, so nothing is removed
    fcntl = None  # type: ignore[assignment]


_SUFFIX: Final = ".pydantic-serialization"
"""Of temporary files: what is removed later must not be mistaken for a file of the user's."""


@contextlib.contextmanager
def atomic_output(target: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open ``target`` for writing bytes; it is replaced when the block ends, and untouched if the block fails.

    A link is followed, and an existing file's permissions are kept. Standard output (``"-"``), devices and pipes cannot
    be replaced: they are written to directly.

    Args:
        target: Path of the file, or ``"-"``.

    Raises:
        OSError: the file cannot be written, or its directory does not exist.
    """
    if os.fspath(target) == STANDARD_STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(target).resolve()
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    _sweep(path)
    descriptor, temporary = _locked_temporary(path)
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123  (an open descriptor, not a path)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(_permissions(path))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _locked_temporary(path: Path) -> tuple[int, Path]:
    """Return the descriptor and the path of a new file beside ``path``, which is locked where that can be."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=_prefix(path), suffix=_SUFFIX, dir=path.parent)
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        os.close(descriptor)  # another writer's sweep came between making and locking it


def _sweep(path: Path) -> None:
    """Remove the temporary files that killed writers of ``path`` left behind."""
    if fcntl is None:
        return
    for orphan in path.parent.glob(f"{glob.escape(_prefix(path))}*{_SUFFIX}"):
        with contextlib.suppress(OSError):  # it was just finished, or it is somebody else's
            descriptor = os.open(orphan, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                orphan.unlink()
            finally:
                os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a new file until it is closed; return whether nobody else did. File systems without locks do without."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _prefix(path: Path) -> str:
    return f".{path.name}."


def _permissions(path: Path) -> int:
    """Return the permissions of the file that is replaced, or those that a new file gets."""
    if path.exists():
        return path.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_directory(directory: Path) -> None:
    """Make the new name survive a power failure, where the system lets a directory be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

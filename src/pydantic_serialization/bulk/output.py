"""Write a file so that nobody ever sees half of it.

The content goes to a temporary file in the directory of the target, is flushed to the disk, and takes the target's name
in one step (POSIX ``rename``); whatever goes wrong before that leaves the target as it was.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pydantic_serialization.bulk.naming import STANDARD_STREAM

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
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

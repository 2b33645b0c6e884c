"""Files that appear when they are complete."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pydantic_serialization.bulk import RecordWriter, atomic_output, output, write_records


def test_the_target_is_replaced_when_the_block_ends(tmp_path: Path) -> None:
    """Until the block ends, readers see the old content; then the new one, and nothing else is left."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with atomic_output(path) as stream:
        stream.write(b"new")
        stream.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_the_target_alone(tmp_path: Path, failure: type[BaseException]) -> None:
    """Whatever ends the block, the old file stays and the temporary one goes."""
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail_halfway() -> None:
        with atomic_output(path) as stream:
            stream.write(b"half")
            raise failure

    with pytest.raises(failure):
        fail_halfway()
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz", "out.json.zst", "out.msgpack.lz4", "out.jsonl.br"])
def test_a_writer_that_fails_leaves_the_target_alone(tmp_path: Path, name: str) -> None:
    """An error in the middle of the records leaves no part of them."""
    path = tmp_path / name
    path.write_bytes(b"old")

    def fail_halfway() -> None:
        with RecordWriter(path) as writer:
            writer.write({"a": 1})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="POSIX limits")
@pytest.mark.parametrize("room", [0, 1, 100_000])
def test_a_full_disk_leaves_the_target_alone(tmp_path: Path, room: int) -> None:
    """Where the system takes no more bytes that is the error, whether it shows while writing or at the end."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"old")
    script = (
        "import resource, signal, sys\n"
        "from pydantic_serialization.bulk import write_records\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)\n"
        "try:\n"
        "    write_records(sys.argv[1], ({'number': number} for number in range(100_000)))\n"
        "except OSError as error:\n"
        "    print(type(error).__name__, error.errno)\n"
    )
    command = [sys.executable, "-B", "-c", script, str(path), str(room)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == f"OSError {errno.EFBIG}\n"
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_disk_that_fails_at_the_end_leaves_the_target_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, error: int
) -> None:
    """What the disk has not confirmed does not take the target's place."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(*((os, "fsync") if failing == "fsync" else (Path, "replace")), fail)
    with pytest.raises(OSError, match=re.escape(os.strerror(error))):
        write_records(path, [{"number": 1}])
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_power_failure_finds_the_old_content_or_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is on the disk before it gets the name, and the name before the call returns."""
    path = tmp_path / "out.jsonl"
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        steps.append("name" if stat.S_ISDIR(status.st_mode) else f"content, {status.st_size} bytes")
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    write_records(path, [{"number": 1}])
    assert steps == [f"content, {path.stat().st_size} bytes", "rename", "name"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
def test_a_killed_process_leaves_the_target_alone(tmp_path: Path) -> None:
    """Even a process that cannot clean up leaves the old file whole."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"old")
    script = (
        "import os, signal, sys\n"
        "from pydantic_serialization.bulk import RecordWriter\n"
        "with RecordWriter(sys.argv[1]) as writer:\n"
        "    for number in range(100_000):\n"
        "        writer.write({'number': number})\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2
    write_records(path, [{"number": 1}])
    assert [item.name for item in tmp_path.iterdir()] == ["out.jsonl"]


def test_what_is_being_written_is_not_swept(tmp_path: Path) -> None:
    """Two writers of one target do not disturb each other, and other files stay: the last one to finish wins."""
    path = tmp_path / "out.jsonl"
    mine = tmp_path / ".out.jsonl.mine.tmp"
    mine.write_bytes(b"kept")
    with RecordWriter(path) as first:
        first.write({"by": "first"})
        with RecordWriter(path) as second:
            second.write({"by": "second"})
        assert path.read_bytes() == b'{"by":"second"}\n'
    assert path.read_bytes() == b'{"by":"first"}\n'
    assert sorted(item.name for item in tmp_path.iterdir()) == [mine.name, path.name]


def test_a_file_that_is_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may see a new file as nobody's in the moment before it is locked."""
    path = tmp_path / "out.jsonl"
    lock, calls = output._lock, 0

    def swept_once(descriptor: int) -> bool:
        nonlocal calls
        calls += 1
        if calls == 1:
            output._sweep(path)
        return lock(descriptor)

    monkeypatch.setattr(output, "_lock", swept_once)
    write_records(path, [{"number": 1}])
    assert calls == 2
    assert [item.name for item in tmp_path.iterdir()] == ["out.jsonl"]


def test_permissions_are_kept_and_new_files_get_the_usual_ones(tmp_path: Path) -> None:
    """A replaced file keeps its permissions; a new one follows the process's mask, not the temporary file's 0600."""
    kept, made = tmp_path / "kept", tmp_path / "made"
    kept.write_bytes(b"")
    kept.chmod(0o640)
    mask = os.umask(0o022)
    try:
        for path in (kept, made):
            with atomic_output(path) as stream:
                stream.write(b"x")
    finally:
        os.umask(mask)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (kept, made)] == [0o640, 0o644]


def test_a_link_is_followed(tmp_path: Path) -> None:
    """Writing through a symbolic link replaces what it points to, not the link."""
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with atomic_output(tmp_path / "link") as stream:
        stream.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """What is no regular file cannot be replaced by one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write_records(pipe, [{"a": 1}], format="jsonl")
    reader.join(5)
    assert received == [b'{"a":1}\n']
    assert pipe.is_fifo()


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    """No directory is made up."""
    with pytest.raises(FileNotFoundError), atomic_output(tmp_path / "absent" / "file"):
        pass


def test_a_file_can_be_rewritten_from_itself(tmp_path: Path) -> None:
    """Since the target is replaced at the end, it may be the source too."""
    from pydantic_serialization.bulk import read_records

    path = tmp_path / "data.jsonl"
    write_records(path, [{"number": number} for number in range(50_000)])
    with read_records(path) as reader:
        write_records(path, ({**record, "seen": True} for record in reader))
    assert sum(record["seen"] for record in read_records(path)) == 50_000

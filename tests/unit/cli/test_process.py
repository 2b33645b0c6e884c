"""The command as a process: exit codes, pipes, signals and what it prints where."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Run: TypeAlias = Callable[..., subprocess.CompletedProcess[bytes]]

CLEAN = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "NO_COLOR"}}


def test_version_and_help(run: Run) -> None:
    """--version and --help go to standard output with code 0; an unknown command is 2 with the nearest one."""
    assert run("--version").stdout.startswith(b"pydantic-serialization ")
    assert run("--help").returncode == 0
    done = run("bnch")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"bench" in done.stderr


def test_nothing_but_text_goes_into_a_pipe(run: Run) -> None:
    """Where the output is no terminal, there are no control codes and there is no progress."""
    done = run("bench", "shop_models:Order", "--data", "orders.jsonl", "--seconds", "0.05", env=CLEAN)
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
    assert done.stderr == b""
    assert "msgpack" in done.stdout.decode()


def test_json_is_the_only_thing_on_standard_output(run: Run) -> None:
    """With --json, standard output is one document."""
    done = run("demo", "--limit", "2", "--seconds", "0.02", "--json", "--plot", "c.svg", env=CLEAN)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["command"] == "demo"
    assert b"\x1b" not in done.stdout


def test_convert_in_the_middle_of_a_pipe(run: Run, workplace: Path) -> None:
    """``-`` and ``-`` make a filter; what is said about it goes to standard error."""
    data = (workplace / "orders.jsonl").read_bytes()
    packed = run("convert", "-", "-", "--to", "msgpack", "--compress", "gzip", input=data)
    assert packed.returncode == 0, packed.stderr
    back = run("convert", "-", "-", "--to", "jsonl", "--json", input=packed.stdout)
    assert back.stdout == data
    assert json.loads(back.stderr)["written"] == 20


def test_a_closed_pipe_is_silent(workplace: Path) -> None:
    """A reader that has seen enough ends the command without a word."""
    (workplace / "many.jsonl").write_text(('{"text":"' + "x" * 1000 + '"}\n') * 5000)
    command = [sys.executable, "-m", "pydantic_serialization", "convert", "many.jsonl", "-", "--to", "jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=workplace) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_prints_what_was_measured(workplace: Path) -> None:
    """An interrupted benchmark prints the figures so far and ends with 130."""
    command = [sys.executable, "-m", "pydantic_serialization", "bench", "shop_models:Order"]
    command += ["--data", "orders.jsonl", "--seconds", "30", "--json"]
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs do not hear it
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, cwd=workplace, preexec_fn=heard) as process:  # noqa: PLW1509
        _wait_until_busy(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert b"Traceback" not in err
    assert not json.loads(out)["complete"]


def _wait_until_busy(process: subprocess.Popen[bytes], seconds: float = 1.5) -> None:
    """Wait until the process has used some processor time beyond its start."""
    deadline = time.monotonic() + 20
    stat = Path(f"/proc/{process.pid}/stat")
    while time.monotonic() < deadline and process.poll() is None:
        ticks = int(stat.read_text().rsplit(")", 1)[1].split()[11]) if stat.exists() else 0
        if ticks / os.sysconf("SC_CLK_TCK") > seconds:
            return
        time.sleep(0.05)


def test_without_the_extra_the_pip_line_is_printed(run: Run, workplace: Path) -> None:
    """Where typer is not installed, the command says what to install and ends with 2."""
    (workplace / "sitecustomize.py").write_text(
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer':\n"
        "            raise ModuleNotFoundError('no typer', name='typer')\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    done = run("doctor", env={**CLEAN, "PYTHONPATH": str(workplace)})
    assert done.returncode == 2
    assert done.stderr == (b"error: the command line needs 'typer': pip install \"pydantic-serialization[cli]\"\n")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory as Linux tells it")
def test_one_record_at_a_time(workplace: Path) -> None:
    """Converting takes no more memory for a file a hundred times as large."""
    script = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from pydantic_serialization.bulk import read_records, write_records\n"
        "write_records(sys.argv[2], read_records(sys.argv[1]))\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
    )
    peaks = []
    for count in (200, 40_000):
        source = workplace / f"{count}.jsonl"
        source.write_text(('{"text":"' + "x" * 1000 + '"}\n') * count)
        command = [sys.executable, "-c", script, str(source), str(workplace / "out.json.gz")]
        peaks.append(int(subprocess.run(command, capture_output=True, check=True).stdout))
    assert peaks[1] - peaks[0] < 8_000  # KiB, for 40 MB more of input

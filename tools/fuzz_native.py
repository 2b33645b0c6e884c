"""Fuzz the native core by coverage, under AddressSanitizer: ``make fuzz-native``.

    python tools/fuzz_native.py [--seconds 60] [--only json] [--seed 7] [--keep]
    python tools/fuzz_native.py --exercise 0.1
    python tools/fuzz_native.py --self-check

The targets stand in ``native/fuzz/targets``: the readers of JSON, MessagePack and frames beside other libraries, and
the whole core in a Python of its own beside Pydantic. Each starts from the inputs in ``native/fuzz/corpus``, one bytes
literal a line, and from what earlier runs have left in ``build/fuzz``; ``--keep`` writes the shortest of those that add
something into the corpus, up to a few KB. ``--exercise`` has the sanitizer watch ``tests/parity/exercise.py`` instead, as
``tools/memory_safety.py`` does with valgrind, some ten times faster. The exit code is 1 if anything was found.

It needs Rust and a C++ compiler, not cargo-fuzz; sanitizers are switched on in the stable compiler by RUSTC_BOOTSTRAP.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import site
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from memory_safety import FREED

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT: Final = Path(__file__).resolve().parents[1]
FUZZ: Final = ROOT / "native" / "fuzz"
BUILT: Final = ROOT / "native" / "target" / "fuzz"
WORK: Final = ROOT / "build" / "fuzz"
TARGETS: Final = ("json", "msgpack", "frame", "models")
LONGEST: Final = 512
"""Bytes of an input."""
MOST_KEPT: Final = 6000
"""Characters of a corpus in the repository."""
# What cargo-fuzz sets, but for the names of its own.
FLAGS: Final = (
    "-Cpasses=sancov-module", "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters", "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares", "--cfg=fuzzing", "-Cdebug-assertions", "-Coverflow-checks",
    "-Zsanitizer=address",
)  # fmt: skip
FAILING: Final = """
def check(data):
    assert len(data) < 3, "planted"
"""


class Outcome(NamedTuple):
    """What came of a target."""

    name: str
    executions: int
    coverage: int
    inputs: int
    seconds: float
    fault: str


def build() -> Path:
    """Compile the targets; return the folder of the programs."""
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(BUILT),
        "PYO3_PYTHON": sys.executable,
        "RUSTC_BOOTSTRAP": "1",
        "RUSTFLAGS": " ".join(FLAGS),
    }
    said = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    host = next(line.removeprefix("host: ") for line in said.splitlines() if line.startswith("host: "))
    # Apart from what is compiled to run while compiling, which needs no sanitizer: so the triple is said.
    manifest = str(FUZZ / "Cargo.toml")
    command = ["cargo", "build", "--quiet", "--release", "--manifest-path", manifest, "--target", host]
    subprocess.run(command, check=True, env=environment)
    return BUILT / host / "release"


def environment_of(*first: str) -> dict[str, str]:
    """Return the environment for a program with Python in it: this Python's packages, and the sources."""
    paths = [*first, str(ROOT / "src"), str(ROOT / "tests"), *site.getsitepackages()]
    return {
        **os.environ,
        "LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR")),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONMALLOC": "malloc",  # so that every object is a block of its own, which the sanitizer knows
        "PYDANTIC_SERIALIZATION_NATIVE": "require",
        # Python keeps what it has made until the process ends.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
    }


def read_corpus(target: str) -> list[bytes]:
    """Return the inputs of a target that are in the repository."""
    file = FUZZ / "corpus" / f"{target}.txt"
    lines = file.read_text().splitlines() if file.exists() else []
    return [ast.literal_eval(line) for line in lines if line and not line.startswith("#")]


def write_corpus(target: str, inputs: Iterable[bytes]) -> None:
    """Write the shortest inputs into the repository."""
    kept, size = [], 0
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        size += len(repr(data)) + 1
        if size > MOST_KEPT:
            break
        kept.append(repr(data))
    (FUZZ / "corpus" / f"{target}.txt").write_text("\n".join(kept) + "\n")


def contents(folder: Path) -> list[bytes]:
    """Return what is in the files of a folder."""
    return [file.read_bytes() for file in folder.iterdir() if file.is_file()]


def launch(program: Path, *arguments: str | Path, first: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program that was built here, and take down what it says."""
    command = [str(program), *map(str, arguments)]
    environment = environment_of(first) if first else environment_of()
    return subprocess.run(
        command, check=False, capture_output=True, text=True, errors="replace", env=environment, cwd=WORK
    )


def starting_inputs(programs: Path, target: str) -> list[bytes]:
    """Return what a target starts from: the corpus, and documents of the model zoo."""
    found = read_corpus(target)
    if target == "models":
        code = "from hostile.covered import inputs; print([*inputs()])"
        found += ast.literal_eval(launch(programs / "python", "-W", "ignore", "-c", code).stdout)
    return found


def fuzz(programs: Path, target: str, seconds: float, seed: int, *, keep: bool) -> Outcome:
    """Run one target."""
    program, folder = programs / target, WORK / target
    folder.mkdir(parents=True, exist_ok=True)
    starting = starting_inputs(programs, target)
    for number, data in enumerate(starting):
        (folder / f"start-{number}").write_bytes(data)
    options = [f"-max_total_time={max(1, round(seconds))}", f"-max_len={LONGEST}", f"-seed={seed}", "-timeout=20"]
    options += ["-detect_leaks=0", "-rss_limit_mb=2048", "-malloc_limit_mb=512", "-print_final_stats=1"]
    ran = launch(program, *options, f"-artifact_prefix={WORK}/", folder)
    if keep and ran.returncode == 0:
        with tempfile.TemporaryDirectory() as merged:
            launch(program, "-set_cover_merge=1", "-detect_leaks=0", merged, folder).check_returncode()
            # The documents of the zoo are made anew each time.
            made = set(starting) - set(read_corpus(target)) if target == "models" else set()
            write_corpus(target, (data for data in contents(Path(merged)) if data not in made))
    lines = ran.stderr.splitlines()
    executed = re.findall(r"^(?:stat::number_of_executed_units: +|#)(\d+)", ran.stderr, re.MULTILINE)
    covered = re.findall(r" cov: (\d+) ", ran.stderr)
    took = re.findall(r"^Done \d+ runs in (\d+) second", ran.stderr, re.MULTILINE)
    return Outcome(
        target,
        max(map(int, executed), default=0),
        max(map(int, covered), default=0),
        len(contents(folder)),
        float(took[0]) if took else seconds,
        # Without libFuzzer's own lines about its progress.
        "" if ran.returncode == 0 else "\n".join(line for line in lines if line[:1] != "#")[:6000],
    )


def exercise(programs: Path, share: float) -> int:
    """Read and write everything that the parity tests have, under the sanitizer."""
    ran = launch(programs / "python", "-W", "ignore", "-m", "parity.exercise", str(share))
    print(ran.stdout, ran.stderr, sep="", end="")
    print(f"exit code {ran.returncode}")
    return ran.returncode


def self_check(programs: Path) -> int:
    """Read freed memory, and fail a check: both have to be noticed."""
    ran = launch(programs / "python", "-c", FREED)
    is_noticed = "heap-use-after-free" in ran.stderr
    print("freed memory that is read:", "noticed" if is_noticed else "not noticed")
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / "hostile" / "covered.py"
        module.parent.mkdir()
        module.with_name("__init__.py").touch()
        module.write_text(FAILING)
        options = ("-runs=1000", "-detect_leaks=0", f"-artifact_prefix={folder}/")
        ran = launch(programs / "models", *options, first=folder)
    is_found = ran.returncode != 0 and "planted" in ran.stderr
    print("a check that fails:", "noticed" if is_found else "not noticed")
    return int(not (is_noticed and is_found))


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="shared by the targets that run")
    parser.add_argument("--hours", type=float, help="of a campaign, of which this is a fourth")
    parser.add_argument("--only", action="append", choices=TARGETS)
    parser.add_argument("--seed", type=int, default=0, help="0, the default, takes another each time")
    parser.add_argument("--keep", action="store_true", help="what was found goes into the corpus of the repository")
    parser.add_argument("--exercise", type=float, metavar="SHARE", help="of the documents of the parity tests")
    parser.add_argument("--self-check", action="store_true")
    options = parser.parse_args()
    for program, what in (("cargo", "Rust (https://rustup.rs)"), ("c++", "a C++ compiler")):
        if shutil.which(program) is None:
            print(f"{program} is missing: install {what}", file=sys.stderr)
            return 1
    WORK.mkdir(parents=True, exist_ok=True)
    programs = build()
    if options.self_check:
        return self_check(programs)
    if options.exercise is not None:
        return exercise(programs, options.exercise)
    seconds = options.seconds if options.hours is None else options.hours * 3600 / 4
    chosen = options.only or TARGETS
    outcomes = [fuzz(programs, target, seconds / len(chosen), options.seed, keep=options.keep) for target in chosen]
    print(f"{'target':10} {'executions':>13} {'coverage':>9} {'inputs':>7} {'faults':>7} {'seconds':>8}")
    for outcome in outcomes:
        figures = f"{outcome.executions:>13,} {outcome.coverage:>9,} {outcome.inputs:>7,} {bool(outcome.fault):>7}"
        print(f"{outcome.name:10} {figures} {outcome.seconds:>8.0f}")
    faults = [outcome for outcome in outcomes if outcome.fault]
    for outcome in faults:
        print(f"\n{outcome.name}; the input is in {WORK.relative_to(ROOT)}:\n{outcome.fault}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())

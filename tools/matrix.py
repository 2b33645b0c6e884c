"""Run the tests on every supported Pydantic and every Python of this machine: ``make matrix``.

    python tools/matrix.py [--python 3.12] [--pydantic 2.11] [--tests tests/parity ...]

Pythons from 3.11 on are found on the path and among pyenv's. For each of them the package is built once, with its native
core, and installed with each version of Pydantic into an environment of its own below ``build/matrix``. A line for each
run goes to standard error, the table of results to standard output. The exit code is 1 if anything fails.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "matrix"
OLDEST = (3, 11)
PYDANTICS = ("2.11", "2.12", "2.13", "newest")
TESTS = ("tests/parity",)
PARALLEL = ("--numprocesses", "auto", "--dist", "worksteal")
LARGEST_MINOR = 20
SHOWN = 15
"""Lines of a failing run that are shown."""


def progress(text: str) -> None:
    """Tell on standard error what is going on."""
    print(text, file=sys.stderr, flush=True)


def pythons() -> dict[str, Path]:
    """Return the interpreters of this machine by version, one for each minor version."""
    places = [Path(found) for minor in range(LARGEST_MINOR) if (found := shutil.which(f"python3.{minor}"))]
    places.append(Path(sys.executable))
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    places += sorted(root.glob("versions/*/bin/python3"))
    known: dict[tuple[int, ...], Path] = {}
    for place in places:
        program = (
            "import sys, venv, ensurepip; print(*sys.version_info[:3]); assert sys.implementation.name == 'cpython'"
        )
        done = subprocess.run([str(place), "-c", program], capture_output=True, text=True, check=False)
        if done.returncode == 0:  # a shim of pyenv for a version that is not switched on fails here
            known.setdefault(tuple(map(int, done.stdout.split())), place)
    newest = {version[:2]: version for version in sorted(known) if version >= OLDEST}
    return {".".join(map(str, version)): known[version] for version in newest.values()}


def run(command: list[str | Path], log: Path, environment: dict[str, str] | None = None) -> int:
    """Run a command in the folder of the project and keep its output. Returns the exit code."""
    with log.open("a") as file:
        arguments = [str(part) for part in command]
        file.write(f"$ {' '.join(arguments)}\n")
        file.flush()
        done = subprocess.run(
            arguments, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, check=False, env=environment or dict(os.environ)
        )
    return done.returncode


def build(version: str, python: Path, log: Path) -> Path | None:
    """Return the wheel for one Python, with the native core in it; ``None`` if it cannot be built."""
    folder = BUILD / f"wheel-{version}"
    shutil.rmtree(folder, ignore_errors=True)
    venv = BUILD / f"build-{version}"
    interpreter = venv / "bin" / "python"
    if not interpreter.exists():
        run([python, "-m", "venv", venv], log)
        run([interpreter, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1"], log)
    environment = {**os.environ, "PYDANTIC_SERIALIZATION_BUILD_NATIVE": "require"}
    run([interpreter, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT], log, environment)
    return next(folder.glob("*.whl"), None)


def test(name: str, python: Path, wheel: Path, pydantic: str, tests: list[str], log: Path) -> str:
    """Install and run the tests with one Python and one Pydantic. Returns the cell of the table."""
    venv = BUILD / name
    shutil.rmtree(venv, ignore_errors=True)
    interpreter = venv / "bin" / "python"
    run([python, "-m", "venv", venv], log)
    run([interpreter, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1"], log)
    requirement = "pydantic" if pydantic == "newest" else f"pydantic=={pydantic}.*"
    command: list[str | Path] = [interpreter, "-m", "pip", "install", "--quiet", wheel, requirement, "--group", "test"]
    if run(command, log):
        return "cannot be installed"
    environment = {**os.environ, "PYDANTIC_SERIALIZATION_NATIVE": "require"}
    existing = [path for path in tests if (ROOT / path.partition("::")[0]).exists()]
    run([interpreter, "-m", "pytest", "-q", "-p", "no:cacheprovider", *PARALLEL, *existing], log, environment)
    text = log.read_text()
    summary = re.findall(r"^=*\s*((?:\d+ \w+(?:, )?)+) in [\d.]+s", text, flags=re.MULTILINE)
    found = run_version(interpreter)
    if not summary:
        return f"{found}: no result"
    counts = dict(reversed(item.split(" ", 1)) for item in summary[-1].split(", "))
    bad = [f"{counts[kind]} {kind}" for kind in ("failed", "error", "errors") if kind in counts]
    return f"{found}: {', '.join(bad) if bad else counts.get('passed', '0') + ' passed'}"


def failures(log: Path) -> str:
    """Return what went wrong in a run, and where all of it stands."""
    lines = [line for line in log.read_text().splitlines() if re.match(r"\s*(FAILED|ERROR|error)", line)]
    return "\n".join([*lines[:SHOWN], f"  all of it: {log}"])


def run_version(interpreter: Path) -> str:
    """Return the version of Pydantic in an environment."""
    program = "import pydantic; print(pydantic.VERSION)"
    return subprocess.run([interpreter, "-c", program], capture_output=True, text=True, check=False).stdout.strip()


def main() -> int:
    """Run the matrix. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", help="a version such as 3.12 (default: all that are found)")
    parser.add_argument("--pydantic", action="append", help=f"one of {', '.join(PYDANTICS)} (default: all)")
    parser.add_argument("--tests", nargs="+", default=list(TESTS), help="what to run")
    options = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    found = pythons()
    chosen = {
        version: place
        for version, place in found.items()
        if not options.python or any(version.startswith(f"{wanted}.") or version == wanted for wanted in options.python)
    }
    if not chosen:
        sys.exit(f"no such Python; there are {', '.join(found) or 'none'}")
    wanted = options.pydantic or list(PYDANTICS)
    table: dict[str, list[str]] = {}
    for version, place in chosen.items():
        progress(f"python {version}: building the package")
        log = BUILD / f"build-{version}.log"
        log.unlink(missing_ok=True)
        wheel = build(version, place, log)
        if wheel is None:
            progress(failures(log))
        cells = []
        for pydantic in wanted:
            name = f"python-{version}-pydantic-{pydantic}"
            log = BUILD / f"{name}.log"
            log.unlink(missing_ok=True)
            cell = "cannot be built" if wheel is None else test(name, place, wheel, pydantic, options.tests, log)
            cells.append(cell)
            progress(f"python {version}, pydantic {pydantic}: {cell}")
            if "passed" not in cell and log.exists():
                progress(failures(log))
        table[version] = cells
    width = max(len(cell) for cells in table.values() for cell in cells) + 3
    print(f"{'':10}" + "".join(f"{'pydantic ' + pydantic:<{width}}" for pydantic in wanted))
    for version, cells in table.items():
        print(f"{version:10}" + "".join(f"{cell:<{width}}" for cell in cells))
    return 0 if all("passed" in cell for cells in table.values() for cell in cells) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Hold the native core against Pydantic's own test suite: ``make conformance``.

    PYTHONPATH=tools python -m conformance [--self-check] [--pydantic 2.14.4] [--tests tests/test_main.py ...]

Makes ``.venv-conformance``, installs this package with its core and a version of Pydantic into it, downloads Pydantic's
source distribution of the same version, and runs its tests three times: as they are; with ``install()`` in force, which
must change no outcome; and recording every instance that the tests make, to compare both directions, with all options,
with right and wrong values and documents around each. ``--self-check`` does the latter with implementations that are
wrong on purpose, each of which has to be noticed.

Progress goes to standard error. The exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "conformance"
EXTRAS = ("cloudpickle", "sqlalchemy", "email-validator", "tzdata")
"""What some of Pydantic's tests take if it is there."""
LEFT_OUT = ("tests/benchmarks", "tests/mypy", "tests/typechecking", "tests/test_docs.py", "tests/pydantic_core")
"""Tests of type checkers and of the documentation, and tests that need the sources of pydantic-core."""
SHOWN = 40
SELF_CHECK = [
    f"tests/test_{name}.py" for name in ("main", "serialize", "aliases", "datetime", "computed_fields", "json")
]
SELF_CHECK += [f"tests/test_{name}.py" for name in ("edge_cases", "private_attributes", "root_model", "types")]
"""Enough models of every kind for a detail to show."""


def progress(text: str) -> None:
    """Tell on standard error what is going on."""
    print(text, file=sys.stderr, flush=True)


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its output is shown only if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


def prepare(venv: Path, wanted: str | None) -> tuple[Path, str]:
    """Return the interpreter of the environment, and the version of Pydantic in it."""
    python = venv / "bin" / "python"
    if not python.exists():
        progress(f"making {venv}")
        run(sys.executable, "-m", "venv", venv)
        run(python, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1")
    progress("installing the package with its native core")
    requirement = f"pydantic=={wanted}" if wanted else "pydantic"
    environment = {**os.environ, "PYDANTIC_SERIALIZATION_BUILD_NATIVE": "require"}
    run(python, "-m", "pip", "install", "--quiet", "--editable", ROOT, requirement, env=environment)
    return python, run(python, "-c", "import pydantic; print(pydantic.VERSION)").stdout.strip()


def sources(python: Path, version: str) -> Path:
    """Return the folder of Pydantic's source distribution, with what its tests need in the environment."""
    folder = BUILD / f"pydantic-{version}"
    if not folder.exists():
        progress(f"downloading the sources of pydantic {version}")
        command = ("-m", "pip", "download", "--quiet", "--no-binary", ":all:", "--no-deps", "--no-build-isolation")
        BUILD.mkdir(parents=True, exist_ok=True)
        run(python, "-m", "pip", "install", "--quiet", "hatchling", "hatch-fancy-pypi-readme")
        run(python, *command, "--dest", BUILD, f"pydantic=={version}")
        with tarfile.open(BUILD / f"pydantic-{version}.tar.gz") as archive:
            archive.extractall(BUILD, filter="data")
    pyproject = folder / "pyproject.toml"
    # The copy of Pydantic beside its tests must not be imported in place of the one that is installed.
    if (folder / "pydantic").exists():
        (folder / "pydantic").rename(folder / "pydantic.unused")
    progress("installing what the tests need")
    run(python, "-m", "pip", "install", "--quiet", "--group", f"{pyproject}:dev", *EXTRAS, f"pydantic=={version}")
    return folder


def suite(python: Path, folder: Path, mode: str, tests: list[str]) -> dict[str, Any]:
    """Run the tests in one mode and return the report."""
    progress(f"running the tests: {mode}")
    report = BUILD / f"{mode}.json"
    report.unlink(missing_ok=True)
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "conformance.plugin", "-o", "addopts="]
    command += ["--benchmark-disable", "--conformance", mode, "--conformance-report", report, *tests]
    command += [part for path in LEFT_OUT for part in ("--ignore", path)]
    # Ids of tests hold the order of sets.
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT / "tools")}
    environment["PYDANTIC_SERIALIZATION_NATIVE"] = "require"
    with (BUILD / f"{mode}.log").open("w") as log:
        subprocess.run([str(part) for part in command], cwd=folder, env=environment, stdout=log, check=False)
    if not report.exists():
        sys.exit(f"the tests did not run to their end; see {log.name}")
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def differing(plain: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the outcomes that are in one run only."""
    left, right = Counter(plain["outcomes"]), Counter(other["outcomes"])
    return [f"before: {name}" for name in left - right] + [f"now:    {name}" for name in right - left]


def share(counts: dict[str, int], part: str, whole: str) -> str:
    """Return a count and its share of another as text."""
    return f"{counts.get(part, 0):,} ({100 * counts.get(part, 0) / max(counts.get(whole, 0), 1):.1f} %)"


def print_comparison(found: dict[str, Any]) -> None:
    """Print what was compared, and what differs."""
    counts = found["counts"]
    print(f"\ninstances {counts.get('instances', 0):,}, uses of adapters {counts.get('adapter uses', 0):,}")
    for call in ("to_json", "validate_json"):
        types, declined = f"{call}: types", f"{call}: declined types"
        print(f"{call}: {counts.get(types, 0):,} types, left to pydantic {share(counts, declined, types)}")
        for kind in ("right values", "any values"):
            compared = f"{call}: compared, {kind}"
            native = share(counts, f"{call}: native, {kind}", compared)
            print(f"  {kind}: {counts.get(compared, 0):,} calls compared, native {native}")
    for name in sorted(name for name in counts if name.startswith("calls left out")):
        print(f"{name}: {counts[name]:,}")
    print("\nwhat is left to pydantic, and why")
    for reason, count in Counter(found["reasons"]).most_common(SHOWN):
        print(f"{count:6}  {reason}")
    print(f"\nmismatches: {counts.get('mismatches', 0)}")
    seen: set[tuple[str, str]] = set()
    for item in found["mismatches"]:
        key = (item["test"].partition("[")[0], item["call"])
        if key in seen or len(seen) >= SHOWN:
            continue
        seen.add(key)
        print(f"\n{item['test']}: {item['subject']}.{item['call']}\n  input     {item['input']}")
        print(f"  pydantic  {item['pydantic']}\n  here      {item['ours']}")


def check_itself(python: Path, folder: Path, tests: list[str]) -> int:
    """Say which of the wrong implementations are noticed."""
    found = suite(python, folder, "self-check", tests)
    variants = found["variants"]
    missed = [name for name, where in variants.items() if where is None and name != "nothing wrong"]
    for name, where in variants.items():
        print(f"{'noticed' if where else 'not noticed':12} {name}{': ' + where if where else ''}")
    if variants["nothing wrong"]:
        print("the comparison blames an implementation without a fault")
    print(f"\n{len(variants) - 1 - len(missed)} of {len(variants) - 1} wrong implementations are noticed")
    return 1 if missed or variants["nothing wrong"] else 0


def main() -> int:
    """Run what was asked for. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv-conformance")
    parser.add_argument("--pydantic", help="a version of Pydantic (default: the newest)")
    parser.add_argument("--tests", nargs="+", help="files below Pydantic's folder (default: all)")
    parser.add_argument("--self-check", action="store_true", help="test the test, with wrong implementations")
    options = parser.parse_args()
    python, version = prepare(options.venv.absolute(), options.pydantic)
    folder = sources(python, version)
    if options.self_check:
        return check_itself(python, folder, options.tests or SELF_CHECK)
    tests = options.tests or ["tests"]
    plain, installed = (suite(python, folder, mode, tests) for mode in ("plain", "install"))
    compared = suite(python, folder, "record", tests)
    changed = differing(plain, installed)
    passed = sum(count for name, count in plain["outcomes"].items() if name.startswith("passed"))
    print(f"pydantic {version}: {plain['tests']:,} tests, {passed:,} passed as they are")
    print(f"with install(): {len(changed)} outcomes differ")
    print("\n".join(changed[:SHOWN]))
    disturbed = differing(plain, compared)
    print(f"recording disturbs {sum(line.startswith('now') for line in disturbed)} tests (they look at the stack)")
    print_comparison(compared)
    for fault in compared["faults"][:SHOWN]:
        print(f"fault of the harness: {fault}")
    return 1 if changed or compared["counts"].get("mismatches") or compared["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())

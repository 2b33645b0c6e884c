"""Run the tests of the FastAPI integration on several versions of FastAPI.

    python tools/fastapi_versions.py [0.115.0 0.128.8 ...]

Each version gets an environment of its own below ``build/fastapi``, with what the tests need; the sources and the native
core are those of this folder. A line for each run goes to standard output; the exit code is 1 if anything fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "fastapi"
VERSIONS = ("0.115.0", "0.128.8", "0.136.3", "0.141.1", "newest")
"""The oldest that is supported, and those between which the parts that we hold on to have changed."""
EXTRAS = ("zstd", "lz4", "brotli", "gzip", "fastapi", "http")
TESTS = "tests/integrations/fastapi"
EXPECTED = (
    "ignore:Please use `import python_multipart`:PendingDeprecationWarning",
    "ignore:The 'validation_alias' attribute",
)
"""What older versions of Starlette and FastAPI are warned of by newer versions of what they use."""
SHOWN = 20
"""Lines of a failing run that are shown."""


def requirements(fastapi: str) -> list[str]:
    """Return what to install for a version of FastAPI: what ``pyproject.toml`` says, without the project itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [*project["project"]["dependencies"]]
    for extra in EXTRAS:
        wanted += project["project"]["optional-dependencies"][extra]
    wanted += [item for item in project["dependency-groups"]["test"] if not item.startswith("pydantic-serialization")]
    pinned = "fastapi" if fastapi == "newest" else f"fastapi=={fastapi}"
    return [pinned, *(item for item in wanted if not item.startswith("fastapi"))]


def run(fastapi: str) -> bool:
    """Run the tests with a version of FastAPI. Returns whether they pass."""
    venv = BUILD / fastapi
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *requirements(fastapi)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    expected = [word for warning in EXPECTED for word in ("-W", warning)]
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *expected, TESTS]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    summary = re.findall(r"^=*\s*(\d+ \w+.* in [\d.]+s.*)", done.stdout, flags=re.MULTILINE)
    print(f"fastapi {fastapi}: {summary[-1] if summary else 'no result'}", flush=True)
    if done.returncode:
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        print("\n".join([*failed[:SHOWN], done.stderr.strip()[-2000:]]), flush=True)
    return done.returncode == 0


def main() -> int:
    """Run all versions. Returns the exit code."""
    BUILD.mkdir(parents=True, exist_ok=True)
    passed = [run(version) for version in sys.argv[1:] or VERSIONS]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())

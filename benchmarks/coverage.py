"""How much of the models that people really have runs in the native core.

    python benchmarks/coverage.py [--venv build/coverage-venv] [--packages openai,anthropic] [--no-install] [--json FILE]

Makes a virtual environment, installs public packages that ship Pydantic models into it (one that does not install is
left out and named), imports all their modules, compiles every model, and prints which share of the models runs
natively with all that is reachable from them (``native``; Python code of their own, validators and serializers, is
called for its field), which runs natively but for some fields that Pydantic does
(``detours``), and which is left to Pydantic altogether (``declined``); then what keeps the rest from being native.

The mean over packages is the figure to look at: over all models, the largest generated client outweighs all others.
Nothing is executed natively here, so the survey needs no Rust core.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).resolve().parent.parent
SURVEY = Path(__file__).with_name("_survey.py")
NEEDED = ("pydantic-settings", "orjson", "ormsgpack")
"""What this package itself needs; it is taken from the source tree."""
GENERATED = """openai anthropic google-genai elevenlabs cohere mistralai groq ollama atproto qdrant-client"""
WRITTEN = """mcp mcp-types fastapi fastapi-users openapi-pydantic stac-pydantic langchain-core docling-core prefect litellm
inspect-ai llama-index-core pydantic-ai-slim pyiceberg alpaca-py instructor"""
DIRECTIONS = {"encoding": ("encode", 85, 95), "decoding": ("decode", 75, 90)}
"""Name, the least share of native models in per cent, and the aim."""
PATHS = ("native", "detours", "declined")
SECONDS_A_PACKAGE = 600
TRIES = 4
REASONS = 25
KINDS = 3
"""Reasons for not being imported that are shown of one package."""
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "DO_NOT_TRACK": "1",
    "ANONYMIZED_TELEMETRY": "false",
}
"""What makes packages do without the network; for the others the survey makes every look-up fail."""


def progress(text: str) -> None:
    """Tell on standard error what is going on."""
    print(text, file=sys.stderr, flush=True)


def prepare(venv: Path, packages: Sequence[str], *, install: bool) -> Path:
    """Return the interpreter of the environment, with as many of ``packages`` in it as can be had."""
    python = venv / "bin" / "python"
    if not python.exists():
        progress(f"making {venv}")
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    present = installed(python)
    for name in [*NEEDED, *packages] if install else ():
        if name in present:
            continue
        progress(f"installing {name}")
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            progress(f"  left out: {(done.stderr.strip().splitlines() or ['pip failed'])[-1]}")
    return python


def installed(python: Path) -> set[str]:
    """Return the names of the distributions of an environment, as the package index writes them."""
    program = "import json, importlib.metadata as m; print(json.dumps([d.name for d in m.distributions()]))"
    done = subprocess.run([str(python), "-c", program], capture_output=True, text=True, check=True)
    return {name.lower().replace("_", "-").replace(".", "-") for name in json.loads(done.stdout)}


def survey(python: Path, name: str) -> dict[str, Any] | None:
    """Return what became of the models of one package, as far as it was found out; ``None`` without any model.

    A module that does not come back from its import, even when it is interrupted, is left out of another try.
    """
    stuck: dict[str, str] = {}
    for _ in range(TRIES):
        found = read_lines(*run_survey(python, name, list(stuck)))
        found["failed"] = {**stuck, **found["failed"]}
        if found["package"] or not found["importing"]:
            break
        progress(f"  {name}: {found['importing']} does not come back; once more without it")
        stuck[found["importing"]] = "does not come back"
    if not found["package"]:
        progress(f"  {name}: {found['end']}")
        return None
    if not found["done"]:
        progress(f"  {name}: {len(found['models'])} of {found['complete']} models, then {found['end']}")
    return found if found["models"] else None


def run_survey(python: Path, name: str, skipped: Sequence[str]) -> tuple[list[str], str]:
    """Return the lines that the survey of a package printed in a process of its own, and how it ended."""
    environment = {**os.environ, **OFFLINE, "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(python), str(SURVEY), name, *(part for module in skipped for part in ("--skip", module))]
    with tempfile.TemporaryFile("w+") as lines, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=lines, stderr=errors, env=environment)
        try:
            end = f"exit code {process.wait(SECONDS_A_PACKAGE)}"
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            end = f"not done within {SECONDS_A_PACKAGE} s"
        lines.seek(0)
        errors.seek(0)
        last = errors.read().strip().splitlines()[-1:]
        return lines.read().splitlines(), ": ".join([end, *last])


def read_lines(lines: Iterable[str], end: str) -> dict[str, Any]:
    """Return what the lines of a survey say as one dict; the last of them may be cut short."""
    found: dict[str, Any] = {"package": "", "importing": "", "failed": {}, "models": [], "done": False, "end": end}
    for text in lines:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if "failed" in line:
            found["failed"][line["failed"]] = line["why"]
        elif "name" in line:
            found["models"].append(line)
        else:
            found |= line
    return found


def share(rows: Iterable[dict[str, Any]], direction: str, *paths: str) -> float:
    """Return the per cent of models that took one of ``paths``."""
    taken = [row[direction]["path"] in paths for row in rows]
    return 100 * sum(taken) / len(taken) if taken else 0.0


def print_packages(surveys: Sequence[dict[str, Any]]) -> None:
    """Print a line for each package."""
    print(f"{'':22}{'':12}{'':>7}{'encode %':^27}{'decode %':^27}")
    heads = "".join(f"{head:>9}" for head in ("native", "detours", "declined") * 2)
    print(f"{'package':22}{'version':12}{'models':>7}{heads}")
    for found in surveys:
        rows = found["models"]
        shares = "".join(f"{share(rows, way, path):9.1f}" for way in DIRECTIONS for path in PATHS)
        notes = [f"{found['incomplete']} incomplete"] if found["incomplete"] else []
        notes += [] if found["done"] else [f"{found['complete'] - len(rows)} not reached"]
        print(f"{found['package']:22}{found['version'][:11]:12}{len(rows):7}{shares}  {'; '.join(notes)}")


def print_missing(surveys: Sequence[dict[str, Any]], absent: dict[str, str]) -> None:
    """Print what could not be imported, and why."""
    print("\nnot imported")
    for name, why in absent.items():
        print(f"{name:22}all of it: {why}")
    for found in surveys:
        kinds = Counter(found["failed"].values()).most_common()
        kinds_shown = [f"{count} x {why}" for why, count in kinds[:KINDS]]
        kinds_shown += [f"and {len(kinds) - KINDS} other reasons"] if len(kinds) > KINDS else []
        if kinds:
            print(
                f"{found['package']:22}{len(found['failed'])} of {found['modules']} modules: {'; '.join(kinds_shown)}"
            )


def print_totals(surveys: Sequence[dict[str, Any]]) -> None:
    """Print the means, beside what is wanted of them."""
    everything = [row for found in surveys for row in found["models"]]
    print(f"\n{len(everything)} models of {len(surveys)} packages, Pydantic {surveys[0]['pydantic']}")
    print(f"{'':34}{'encode %':^27}{'decode %':^27}")
    for label, groups in (("mean over packages", [found["models"] for found in surveys]), ("all models", [everything])):
        means = [fmean(share(rows, way, path) for rows in groups) for way in DIRECTIONS for path in PATHS]
        print(f"{label:34}" + "".join(f"{mean:9.1f}" for mean in means))
    for way, (name, least, aim) in DIRECTIONS.items():
        mean = fmean(share(found["models"], way, "native") for found in surveys)
        some = fmean(share(found["models"], way, "native", "detours") for found in surveys)
        print(f"{name}: native {mean:.1f} % (at least {least}, the aim {aim}); with detours {some:.1f} %")
    slow = sorted(everything, key=lambda row: -float(row["seconds"]))[:3]
    total = sum(row["seconds"] for row in everything)
    slowest = ", ".join(f"{row['name']} {row['seconds'] * 1e3:.0f} ms" for row in slow)
    print(f"compiling takes {total / len(everything) * 1e3:.2f} ms for a model; longest: {slowest}")


def print_reasons(surveys: Sequence[dict[str, Any]], way: str, limit: int) -> None:
    """Print what keeps models from being native, by the share of models that it touches."""
    name = DIRECTIONS[way][0]
    models, packages, alone = Counter[str](), Counter[str](), Counter[str]()
    examples: dict[str, str] = {}
    points: dict[str, float] = {}
    for found in surveys:
        here = Counter[str]()
        for row in found["models"]:
            path, reasons = row[way]["path"], row[way]["reasons"]
            for reason in reasons:
                key = f"{'' if path == 'detours' else path + ': '}{reason}"
                here[key] += 1
                alone[key] += len(reasons) == 1
                examples.setdefault(key, row["name"])
        models += here
        for key, count in here.items():
            packages[key] += 1
            points[key] = points.get(key, 0.0) + 100 * count / len(found["models"]) / len(surveys)
    if not models:
        return
    print(f"\nwhat keeps {name} from being native (a model can have several reasons; 'alone': the only one)")
    print(f"{'points':>7}{'models':>8}{'alone':>7}{'pkgs':>6}  reason; first example")
    for key, value in sorted(points.items(), key=lambda item: -item[1])[:limit]:
        print(f"{value:7.1f}{models[key]:8}{alone[key]:7}{packages[key]:6}  {key}; {examples[key]}")


def main() -> None:
    """Install, survey, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", type=Path, default=ROOT / "build" / "coverage-venv", help="made if it is not there")
    parser.add_argument("--packages", help="names with commas between them (default: all)")
    parser.add_argument("--no-install", action="store_true", help="survey what is installed in the environment")
    parser.add_argument("--reasons", type=int, default=REASONS, help=f"lines of each ranking (default: {REASONS})")
    parser.add_argument("--json", type=Path, help="write everything that was found to a file")
    options = parser.parse_args()
    packages = options.packages.split(",") if options.packages else [*GENERATED.split(), *WRITTEN.split()]
    python = prepare(options.venv.absolute(), packages, install=not options.no_install)
    present = installed(python)
    surveys: list[dict[str, Any]] = []
    absent: dict[str, str] = {}
    for name in packages:
        if name not in present:
            absent[name] = "not installed"
            continue
        progress(f"reading {name}")
        found = survey(python, name)
        if found is None:
            absent[name] = "no model was found"
        else:
            surveys.append(found)
        if options.json:  # after each package, so that what is known is kept
            options.json.write_text(json.dumps(surveys, indent=1), encoding="utf-8")
    if not surveys:
        sys.exit("no package could be read")
    print_packages(surveys)
    print_missing(surveys, absent)
    print_totals(surveys)
    for way in DIRECTIONS:
        print_reasons(surveys, way, options.reasons)


if __name__ == "__main__":
    main()

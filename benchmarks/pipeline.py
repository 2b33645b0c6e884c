"""What the manager costs above Pydantic itself, on a model of five fields.

    python benchmarks/pipeline.py

Every row is measured in the same process, in turn with the others: ratios of minima and of medians hold on a noisy
machine, absolute times do not.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import timeit
from typing import TYPE_CHECKING

import pydantic
from pydantic import BaseModel

from pydantic_serialization import create_serialization_manager, decoder, encoder

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 300
CALLS = 1000
IMPORT_ROUNDS = 11


class User(BaseModel):
    """The model of the measurement."""

    id: int
    name: str
    email: str
    active: bool = True
    score: float = 1.5


def measure(cases: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Return nanoseconds per call of each case, one figure a round; the cases take turns within a round."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for call in cases.values():
        timeit.timeit(call, number=CALLS // 10)
    for _ in range(ROUNDS):
        for name, call in cases.items():
            times[name].append(timeit.timeit(call, number=CALLS) / CALLS * 1e9)
    return times


def table(title: str, times: dict[str, list[float]], reference: str, targets: dict[str, float]) -> None:
    """Print a row for each case with its ratios to ``reference``."""
    print(f"\n{title}\n{'':34}{'min ns':>9}{'median':>9}{'x min':>8}{'x median':>10}{'target':>9}")
    base = times[reference]
    for name, values in times.items():
        by_min = min(values) / min(base)
        by_median = statistics.median(values) / statistics.median(base)
        target = f"<= {targets[name]:.2f}" if name in targets else ""
        print(f"{name:34}{min(values):9.0f}{statistics.median(values):9.0f}{by_min:8.2f}{by_median:10.2f}{target:>9}")


def import_seconds() -> tuple[float, float]:
    """Return the least CPU seconds of importing pydantic with a first model, and then this package, in new processes."""
    program = (
        "import time; a = time.process_time(); import pydantic; "
        "pydantic.create_model('Model', name=(str, pydantic.Field(max_length=9))); b = time.process_time(); "
        "import pydantic_serialization; c = time.process_time(); print(b - a, c - b)"
    )
    with tempfile.TemporaryDirectory() as compiled:  # as installed, the first round aside: nothing is compiled anew
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        command = [sys.executable, "-c", program]
        rows = []
        for _ in range(IMPORT_ROUNDS):
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            rows.append([float(seconds) for seconds in done.stdout.split()])
    return min(row[0] for row in rows), min(row[1] for row in rows)


def main() -> None:
    """Measure and print."""
    print(f"python {platform.python_version()}, pydantic {pydantic.VERSION}, {ROUNDS} rounds of {CALLS} calls")
    user = User(id=1, name="Ada Lovelace", email="ada@example.com")
    text = user.model_dump_json().encode()
    manager = create_serialization_manager()
    to_json = User.__pydantic_serializer__.to_json
    write, read = encoder(User, "json"), decoder(User, "json")

    times = measure(
        {
            "model_dump_json()": lambda: user.model_dump_json(),  # noqa: PLW0108  (every row pays for one lambda)
            'manager.serialize_sync(.., "json")': lambda: manager.serialize_sync(user, "json"),
            "manager.serialize_sync(..)": lambda: manager.serialize_sync(user),
        }
    )
    table("writing", times, "model_dump_json()", {'manager.serialize_sync(.., "json")': 1.25})
    times = measure(
        {
            "model_validate_json()": lambda: User.model_validate_json(text),
            'manager.deserialize_sync(.., "json")': lambda: manager.deserialize_sync(text, User, "json"),
            "manager.deserialize_sync(..)": lambda: manager.deserialize_sync(text, User),
            'decoder(User, "json")': lambda: read(text),
        }
    )
    table("reading", times, "model_validate_json()", {'manager.deserialize_sync(.., "json")': 1.25})
    times = measure(
        {
            "__pydantic_serializer__.to_json": lambda: to_json(user),
            'encoder(User, "json")': lambda: write(user),
        }
    )
    table("the bare door", times, "__pydantic_serializer__.to_json", {'encoder(User, "json")': 1.10})
    base, added = import_seconds()
    print(f"\nimport: pydantic {base * 1e3:.0f} ms, then pydantic_serialization {added * 1e3:.0f} ms (target <= 60)")


if __name__ == "__main__":
    main()

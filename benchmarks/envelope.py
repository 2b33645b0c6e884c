"""What the sealed frame and the restricted pickle reader cost.

    python benchmarks/envelope.py [--rounds 15]

Frames are sealed and opened at three sizes, unsigned and signed, beside the bare digests and a copy of the body. The
last line times one lane of xxh64 written in Python, as the checksum would cost without a library for it.
Pickles are read and written beside Python's own. Rounds are interleaved; minima and medians are per call. Trust ratios.
"""

from __future__ import annotations

import argparse
import enum
import hashlib
import hmac
import pickle
import time
import zlib
from collections.abc import Callable
from statistics import median

from pydantic import BaseModel

from pydantic_serialization.envelope import Algorithm, FormatId, Sealer
from pydantic_serialization.formats._base import FormatOptions
from pydantic_serialization.formats.pickle import PickleFormat
from pydantic_serialization.plan import plan_for

SECRET = b"k" * 32
CACHE_KEY = b"namespace:user:1234567"
SIZES = (200, 2_000, 100_000)
ROUND_NS = 4_000_000
MASK = (1 << 64) - 1

Operation = Callable[[], object]


class Color(enum.Enum):
    """A field of the measured model."""

    RED = "red"


class Address(BaseModel):
    """A nested model."""

    street: str = "High Street 1"
    city: str = "Springfield"


class User(BaseModel):
    """A model of the usual size."""

    id: int
    name: str = "Ada Lovelace"
    email: str = "ada@example.org"
    age: int = 36
    active: bool = True
    tags: list[str] = ["a", "b"]
    color: Color = Color.RED
    address: Address = Address()


def xxh64_like(data: bytes) -> int:
    """Return one lane of xxh64: a multiplication, a rotation and a multiplication for every eight bytes."""
    lane = 0
    for start in range(0, len(data) - 7, 8):
        lane = (lane + int.from_bytes(data[start : start + 8], "little") * 0xC2B2AE3D27D4EB4F) & MASK
        lane = ((lane << 31 | lane >> 33) * 0x9E3779B185EBCA87) & MASK
    return lane


def frame_operations(size: int) -> dict[str, Operation]:
    """Return what is measured of frames around a body of ``size`` bytes."""
    body = bytes(index % 251 for index in range(size))
    operations: dict[str, Operation] = {}
    algorithms: dict[str, tuple[tuple[bytes, ...], Algorithm]] = {
        "unsigned": ((), "blake2b"),
        "blake2b": ((SECRET,), "blake2b"),
        "hmac-sha256": ((SECRET,), "hmac-sha256"),
    }
    for name, (keys, algorithm) in algorithms.items():
        sealer = Sealer(keys, algorithm=algorithm)
        data = sealer.seal(body, format=FormatId.JSON, raw_size=size, cache_key=CACHE_KEY)
        operations[f"seal {name}"] = lambda sealer=sealer: sealer.seal(  # type: ignore[misc]
            body, format=FormatId.JSON, raw_size=size, cache_key=CACHE_KEY
        )
        operations[f"open {name}"] = lambda sealer=sealer, data=data: sealer.open(  # type: ignore[misc]
            data, cache_key=CACHE_KEY, max_bytes=1 << 26
        )
    operations["bare blake2b-64"] = lambda: hashlib.blake2b(body, digest_size=8).digest()
    operations["bare hmac-sha256"] = lambda: hmac.digest(SECRET, body, "sha256")
    operations["bare crc32"] = lambda: zlib.crc32(body)
    operations["copy"] = lambda: bytes(bytearray(body))
    operations["xxh64 lane in Python"] = lambda: xxh64_like(body)
    return operations


def pickle_operations(count: int) -> dict[str, Operation]:
    """Return what is measured of pickles of ``count`` users."""
    users = [User(id=index) for index in range(count)]
    plan = plan_for(list[User])
    unsigned = PickleFormat().bind(plan, FormatOptions())
    signed = PickleFormat().bind(plan, FormatOptions(authenticated=True))
    data = unsigned.encode(users)
    return {
        "pickle.dumps": lambda: pickle.dumps(users, 5),
        "encode signed": lambda: signed.encode(users),
        "encode unsigned": lambda: unsigned.encode(users),
        "pickle.loads": lambda: pickle.loads(data),
        "decode signed": lambda: signed.decode(data),
        "decode unsigned": lambda: unsigned.decode(data),
    }


def measure(operations: dict[str, Operation], rounds: int) -> dict[str, list[float]]:
    """Return nanoseconds per call of every round, the operations taking turns."""
    counts = {}
    for name, operation in operations.items():
        started = time.perf_counter_ns()
        operation()
        counts[name] = max(1, ROUND_NS // max(1, time.perf_counter_ns() - started))
    results: dict[str, list[float]] = {name: [] for name in operations}
    for _ in range(rounds):
        for name, operation in operations.items():
            count = counts[name]
            started = time.perf_counter_ns()
            for _ in range(count):
                operation()
            results[name].append((time.perf_counter_ns() - started) / count)
    return results


def report(title: str, results: dict[str, list[float]]) -> None:
    """Print minima and medians in microseconds."""
    print(f"\n{title:<24}{'min us':>12}{'median us':>12}")
    for name, times in results.items():
        print(f"{name:<24}{min(times) / 1000:>12.2f}{median(times) / 1000:>12.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds: int = parser.parse_args().rounds
    for size in SIZES:
        report(f"frame, {size} bytes", measure(frame_operations(size), rounds))
    for count in (1, 100):
        report(f"pickle, {count} users", measure(pickle_operations(count), rounds))


if __name__ == "__main__":
    main()

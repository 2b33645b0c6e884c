"""Ratio and speed of every codec, level and gzip engine on order JSON: ``python benchmarks/codecs.py [bytes ...]``.

The cells of one size run in turn, round after round, so that a slow moment of the machine hits all of them alike.
Compare rows of one run only. Payloads are generated from a fixed seed.
"""

from __future__ import annotations

import json
import random
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from pydantic_serialization.codecs import Codec, bind_packing, get_codec
from pydantic_serialization.codecs.gzip import GzipCodec
from pydantic_serialization.config import CompressionLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZES = (1_000, 10_000, 100_000, 1_000_000)
LEVELS = (CompressionLevel.FAST, CompressionLevel.BALANCED, CompressionLevel.MAX)
ENGINES = {
    "isal+deflate": (),
    "isal": ("deflate",),
    "deflate": ("isal", "isal.isal_zlib"),
    "zlib": ("isal", "isal.isal_zlib", "deflate"),
}
ROUNDS = 9
SHORTEST = 0.002
"""Seconds that one timing takes at least, so that the clock's own cost does not count."""
SLOW = 0.1
"""Seconds from which an operation is timed in three rounds only."""


@dataclass
class Cell:
    """One codec at one level on one payload, and its timings in seconds per call."""

    label: str
    ratio: float
    operations: tuple[Callable[[], object], Callable[[], object]]
    timings: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    def measure(self) -> None:
        """Time compressing and decompressing once more."""
        for operation, timings in zip(self.operations, self.timings, strict=True):
            if len(timings) < 3 or timings[0] < SLOW:
                timings.append(seconds_per_call(operation))


def seconds_per_call(operation: Callable[[], object]) -> float:
    """Return the time of one call, from as many calls as take ``SHORTEST`` together."""
    calls = 1
    while True:
        start = time.perf_counter()
        for _ in range(calls):
            operation()
        passed = time.perf_counter() - start
        if passed >= SHORTEST:
            return passed / calls
        calls *= 4


def orders(size: int) -> bytes:
    """Return the first ``size`` bytes of a JSON array of orders, as a shop's interface would answer."""
    chance = random.Random(20)
    first = ("Anna", "Bob", "Carla", "Dmitri", "Eve", "Farid", "Grace", "Hiro")
    last = ("Smith", "Garcia", "Chen", "Okafor", "Novak", "Ivanova", "Kim")
    words = ("red", "blue", "steel", "cotton", "lamp", "chair", "cable", "mug", "large", "small", "desk", "shirt")

    def item() -> dict[str, object]:
        title = " ".join(chance.choices(words, k=3))
        price = f"{chance.randrange(100, 99_999) / 100:.2f}"
        return {"sku": f"SKU-{chance.randrange(10_000):04}", "title": title, "quantity": 1, "price": price}

    def order(number: int) -> dict[str, object]:
        stamp = f"2026-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}T{chance.randrange(24):02}:15:00Z"
        customer = {
            "id": chance.randrange(5000),
            "name": f"{chance.choice(first)} {chance.choice(last)}",
            "email": f"user{chance.randrange(5000)}@example.org",
            "address": {"street": f"{chance.randrange(200)} Main Street", "city": "Springfield", "country": "US"},
        }
        items = [item() for _ in range(chance.randrange(1, 6))]
        identity = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        status = chance.choice(("open", "paid", "shipped"))
        return {
            "id": identity,
            "number": number,
            "created": stamp,
            "status": status,
            "customer": customer,
            "items": items,
        }

    text = b""
    count = size // 500 + 2
    while len(text) < size:
        text = json.dumps([order(number) for number in range(count)], separators=(",", ":")).encode()
        count *= 2
    return text[:size]


@contextmanager
def hidden(modules: tuple[str, ...]) -> Iterator[None]:
    """Make ``modules`` look as if they were not installed."""
    found = {module: sys.modules.pop(module) for module in modules if module in sys.modules}
    sys.modules.update(dict.fromkeys(modules))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for module in modules:
            del sys.modules[module]
        sys.modules.update(found)


def codecs() -> Iterator[tuple[str, Codec]]:
    """Yield every codec with its label, gzip once per engine."""
    for engine, modules in ENGINES.items():
        with hidden(modules):
            codec = GzipCodec()
        yield f"gzip ({engine})", codec
    for name in ("zstd", "lz4", "brotli"):
        yield name, get_codec(name)


def cells(payload: bytes) -> list[Cell]:
    """Return one cell per codec and level."""

    def cell(label: str, codec: Codec, level: CompressionLevel) -> Cell:
        compress = codec.compressor(level)
        packed = compress(payload)
        if codec.decompress(packed, limit=len(payload)) != payload:
            raise AssertionError(label)
        operations = (lambda: compress(payload), lambda: codec.decompress(packed, limit=len(payload)))
        return Cell(f"{label:<20} {level.value:<9}", len(payload) / len(packed), operations)

    return [cell(label, codec, level) for label, codec in codecs() for level in LEVELS]


def report(payload: bytes) -> None:
    """Measure all cells on ``payload`` and print their table."""
    table = cells(payload)
    for _ in range(ROUNDS):
        for cell in table:
            cell.measure()
    size = f"{len(payload):,} bytes"
    print(f"\n{size:<30} {'ratio':>6} {'compress µs: median, min, MB/s':>35}   {'decompress':>35}")
    for cell in table:
        columns = [
            f"{median(timings) * 1e6:12,.1f} {min(timings) * 1e6:12,.1f} {len(payload) / min(timings) / 1e6:9,.1f}"
            for timings in cell.timings
        ]
        print(f"{cell.label} {cell.ratio:6.2f} {columns[0]}   {columns[1]}")


def report_packing() -> None:
    """Print what deciding costs: small payloads that stay raw, and large ones that do not compress."""
    packing = bind_packing(codec="gzip", level=CompressionLevel.BALANCED, threshold=1024, limit=1 << 26, enabled=True)
    small, large = orders(500), random.Random(5).randbytes(100_000)
    text = orders(100_000)
    zlib_6 = next(codec for label, codec in codecs() if label == "gzip (zlib)").compressor(CompressionLevel.BALANCED)

    def nothing(payload: bytes) -> bytes:
        return payload

    operations: dict[str, Callable[[], object]] = {
        "a function that returns its argument": lambda: nothing(small),
        "pack, 500 bytes, stays raw": lambda: packing.pack_with_codec(small),
        "unpack, 500 bytes, raw": lambda: packing.unpack(small),
        "pack, 100 KB random, stays raw (probe)": lambda: packing.pack_with_codec(large),
        "pack, 100 KB orders": lambda: packing.pack_with_codec(text),
        "zlib level 6 of the same": lambda: zlib_6(text),
    }
    timings: dict[str, list[float]] = {label: [] for label in operations}
    for _ in range(ROUNDS):
        for label, operation in operations.items():
            timings[label].append(seconds_per_call(operation))
    print("\nDeciding (ns: median, min)")
    for label, measured in timings.items():
        print(f"{label:<40} {median(measured) * 1e9:12,.0f} {min(measured) * 1e9:12,.0f}")


def main() -> None:
    """Print the tables for the sizes given on the command line, or the default ones."""
    for size in map(int, sys.argv[1:] or SIZES):
        report(orders(size))
    report_packing()


if __name__ == "__main__":
    main()

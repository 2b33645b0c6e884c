"""Random classes and MessagePack documents, read both ways: values, errors, warnings, and the calls of user code.

    python -m parity.msgpack_campaign [SECONDS] [SEED]

The classes are those of :mod:`parity.grammar`. What differs is printed, and is a failure.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
import sys
import time
import warnings
from collections import Counter
from random import Random
from typing import Any

from parity.campaign import Difference, known, observed, pair_of
from parity.grammar import Grammar, World, root_document
from parity.msgpack_documents import mutated, packed, variants
from parity.msgpack_sides import Sides, sides_of_plan

from pydantic_serialization.errors import SerializationError
from pydantic_serialization.plan.compiler import compile_plan

OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {},
    {"strict": True},
    {"strict": False},
    {"context": {"c": 1}},
    {"by_name": True},
)


def document(world: World, random: Random) -> bytes | None:
    """Return the MessagePack of a document of the world, with some of its texts as bytes."""
    try:
        tree = json.loads(root_document(world, random))
        return packed(_with_bytes(tree, random, random.choice((0.0, 0.0, 0.2))))
    except (ValueError, TypeError, UnicodeEncodeError):
        return None


def _with_bytes(tree: Any, random: Random, share: float) -> Any:
    if isinstance(tree, dict):
        return {key: _with_bytes(item, random, share) for key, item in tree.items()}
    if isinstance(tree, list):
        return [_with_bytes(item, random, share) for item in tree]
    return tree.encode() if isinstance(tree, str) and random.random() < share else tree


def run(seconds: float, seed: int, *, worlds: int | None = None) -> tuple[list[Difference], Counter[str]]:
    """Compare until the time is over, or so many worlds are done; return what differs, and what was counted."""
    found: list[Difference] = []
    counts: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end and (worlds is None or counts["worlds"] < worlds):
        random = Random(seed)
        counts["worlds"] += 1
        world = Grammar(random).world()
        pair = pair_of(world)
        if pair is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                sides = _sides(pair.module.ROOT)
            if sides is not None:
                counts["types"] += 1
                found += _differences(world, pair.module, sides, random, seed, counts)
        seed += 1
    return found, counts


def _sides(declared: Any) -> Sides | None:
    try:
        sides = sides_of_plan(compile_plan(declared))
    except (SerializationError, RecursionError):
        return None
    return sides if sides.program is not None else None


def _differences(
    world: World, module: Any, sides: Sides, random: Random, seed: int, counts: Counter[str]
) -> list[Difference]:
    found = []
    for _ in range(4):
        data = document(world, random)
        if data is None:
            continue
        some = list(variants(data)) if data and data[0] >> 4 in (8, 9) else [data]
        for variant in (data, *(mutated(data, random) for _ in range(10)), *random.sample(some, min(len(some), 10))):
            options = random.choice(OPTIONS)
            expected = _observed(module, sides.python, variant, options)
            if expected != _observed(module, sides.python, variant, options):
                continue
            counts["read"] += 1
            counts["valid"] += expected[0][0] == "value"
            result = _observed(module, sides.native, variant, options)
            difference = Difference(world, "read", variant, options, None, expected, result, seed)
            if result != expected and known(difference) is None:
                found.append(difference)
    return found


def _observed(module: Any, call: Any, data: bytes, options: dict[str, Any]) -> Any:
    class Pair:
        pass

    pair: Any = Pair()
    pair.module = module
    return observed(pair, call, data, **options)


if __name__ == "__main__":
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    differences, numbers = run(seconds, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    for difference in differences[:5]:
        print(difference.report())
    print(dict(numbers), len(differences))
    sys.exit(bool(differences))

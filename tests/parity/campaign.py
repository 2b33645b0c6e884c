"""Differential campaign: random classes, documents, instances and options, read and written by both.

Run it by ``make fuzz``, or ``python -m parity.campaign --seconds 600 --seed 7`` in ``tests/``. It compares values, types,
order, errors, warnings, and the calls of user code, which must be the same ones, once each and in the same order. On a
difference it prints the seed and the smallest classes and document that it can find which still differ, and fails.

``--self-check`` puts deliberate mistakes under one side, one after the other: each must be noticed.
"""

# ruff: noqa: E501, T201, SIM102, SIM105

from __future__ import annotations

import argparse
import copy
import datetime
import faulthandler
import json
import sys
import time
import uuid
import warnings
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from encoders import packer_of
from parity.documents import RAW
from parity.grammar import Grammar, World, root_document
from parity.outcomes import outcome
from pydantic import BaseModel

from pydantic_serialization.plan.compiler import compile_plan
from pydantic_serialization.plan.native import bind_decoder, bind_encoder, bind_msgpack_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic_serialization.plan import ModelPlan

READ_OPTIONS: tuple[dict[str, Any], ...] = (
    {}, {}, {}, {}, {"strict": True}, {"strict": False}, {"context": {"c": 1}}, {"by_alias": True, "by_name": True},
    {"by_name": True}, {"by_alias": False, "by_name": True}, {"extra": "allow"}, {"extra": "forbid"},
)  # fmt: skip
WRITE_FLAGS = ("exclude_none", "exclude_unset", "exclude_defaults", "round_trip", "exclude_computed_fields")
BYTES = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"0",
    b"-",
    b"e",
    b".",
    b"\\",
    b"\xc3",
    b"\xff",
    b"\x00",
    b"\\ud800",
    b" ",
)


class Text(str):
    """A string of a class of its own."""


class Number(int):
    """An integer of a class of its own."""


class Map(dict):  # type: ignore[type-arg]
    """A dictionary of a class of its own."""


WEIRD: tuple[Callable[[], Any], ...] = (
    lambda: None, lambda: 5, lambda: True, lambda: 2.5, lambda: float("nan"), lambda: float("-inf"), lambda: -0.0,
    lambda: 10**30, lambda: "text", lambda: "\ud800", lambda: "é\x00\"", lambda: b"\xff", lambda: b"ok", lambda: Text("sub"),
    lambda: Number(9), lambda: Map(a=1), lambda: [1, "a", None], lambda: (1, 2), lambda: {1, 2}, lambda: {"k": [1.5]},
    lambda: {1: 2, None: 3}, lambda: {"a": float("inf")}, lambda: bytearray(b"x"), lambda: object, lambda: range(3),
    lambda: Decimal("1.10"), lambda: Decimal("NaN"), lambda: datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
    lambda: datetime.date(2024, 1, 2), lambda: datetime.timedelta(seconds=-1.5), lambda: uuid.UUID(int=5),
    lambda: datetime.time(1, 2, tzinfo=datetime.timezone(datetime.timedelta(seconds=90))), lambda: ZoneInfo("Europe/Berlin"),
    lambda: datetime.datetime(1900, 1, 2, tzinfo=ZoneInfo("Europe/Berlin")), lambda: SimpleNamespace(a=1), lambda: iter([1]),
)  # fmt: skip


@dataclass
class Side:
    """One of the two ways to read and write a type: each call is by a function that was bound for it."""

    read: Callable[..., Any]
    write: Callable[..., Any]


@dataclass
class Pair:
    """Both sides for the type of one world."""

    module: Any
    plan: ModelPlan
    pydantic: Side
    native: Side
    reads_natively: bool
    writes_natively: bool


def pair_of(world: World, change: Callable[[Pair], None] | None = None) -> Pair | None:
    """Return both sides for a world; ``None`` if Pydantic refuses its classes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module = world.load()
            declared = module.ROOT
            plan = compile_plan(declared)
        except Exception:
            return None
    serializer, validator = plan.serializer.to_json, plan.validator.validate_json
    # Functions learn from what they decline: each call gets one that knows nothing yet.
    pair = Pair(
        module,
        plan,
        Side(validator, serializer),
        Side(
            lambda data, **options: bind_decoder(plan, validator)(data, **options),
            lambda value, **options: bind_encoder(plan, serializer)(value, **options),
        ),
        plan.decoding.program is not None,
        plan.encoding.program is not None,
    )
    if change is not None:
        change(pair)
    return pair


def in_msgpack(pair: Pair) -> None:
    """Let both sides of a pair write MessagePack: by the core, and without it."""
    plan, behind = pair.plan, packer_of(pair.plan)

    def write(value: Any, **options: Any) -> bytes:
        data: bytes = bind_msgpack_encoder(plan, behind)(value, **options)
        return data

    pair.pydantic.write, pair.native.write = behind, write
    pair.writes_natively = plan.packing.program is not None


def observed(pair: Pair, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Return what a call gave, and which user code it called."""
    pair.module.CALLS.clear()
    result = outcome(call, *arguments, **options)
    return (result, list(pair.module.CALLS))


# -- what is read and written ---------------------------------------------------------------------------------------------


def mutated(text: str, random: Random) -> bytes:
    """Return a document with something changed in its structure or its bytes."""
    roll = random.random()
    if roll < 0.7:
        try:
            tree = json.loads(text, object_pairs_hook=Members)
        except ValueError:
            return text.encode()
        for _ in range(random.choice((1, 1, 2))):
            tree = _changed(tree, random)
        return _dumped(tree, random).encode(errors="surrogatepass")
    data = bytearray(text.encode(errors="surrogatepass"))
    for _ in range(random.randint(1, 3)):
        at = random.randint(0, len(data))
        if roll < 0.8:
            data[at:at] = random.choice(BYTES)
        elif roll < 0.9:
            del data[at : at + random.randint(1, 4)]
        else:
            data[at : at + 1] = random.choice(BYTES)
    return bytes(data)


class Members(list):  # type: ignore[type-arg]
    """The members of an object: pairs, so that keys can stand twice."""


class Raw(str):
    """Text that stands as it is."""


def _changed(tree: Any, random: Random) -> Any:
    if not isinstance(tree, list) or not tree or random.random() < 0.2:
        if isinstance(tree, Members) and random.random() < 0.7:
            return _members_changed(tree, random)
        return Raw(random.choice(RAW))
    if isinstance(tree, Members) and random.random() < 0.35:
        return _members_changed(tree, random)
    at = random.randrange(len(tree))
    copied = type(tree)(tree)
    copied[at] = (
        (tree[at][0], _changed(tree[at][1], random)) if isinstance(tree, Members) else _changed(tree[at], random)
    )
    return copied


def _members_changed(members: Members, random: Random) -> Members:
    copied = Members(members)
    roll = random.random()
    if roll < 0.25 or not copied:
        copied.insert(
            random.randint(0, len(copied)), (random.choice(("zzz", "a", "b", "kind", "é", "")), Raw(random.choice(RAW)))
        )
    elif roll < 0.5:
        key, value = random.choice(copied)
        twin = value if random.random() < 0.3 else Raw(random.choice(RAW))
        copied.insert(random.randint(0, len(copied)), (key, twin))
    elif roll < 0.75:
        del copied[random.randrange(len(copied))]
    elif roll < 0.9:
        random.shuffle(copied)
    else:
        at = random.randrange(len(copied))
        copied[at] = (copied[at][0].title(), copied[at][1])
    return copied


def _dumped(tree: Any, random: Random) -> str:
    space = random.choice(("", "", "", " ", "\n\t"))
    if isinstance(tree, Raw):
        return str(tree)
    if isinstance(tree, Members):
        return "{" + ",".join(f"{space}{_key(key, random)}{space}:{_dumped(item, random)}" for key, item in tree) + "}"
    if isinstance(tree, list):
        return "[" + ",".join(f"{space}{_dumped(item, random)}{space}" for item in tree) + "]"
    return json.dumps(tree, ensure_ascii=random.random() < 0.5)


def _key(key: str, random: Random) -> str:
    if random.random() < 0.05:
        return '"' + "".join(f"\\u{ord(letter):04X}" for letter in key if ord(letter) < 0x10000) + '"'
    return json.dumps(key, ensure_ascii=False)


def bent(value: Any, random: Random) -> Any:
    """Return a copy of an instance with something odd in it."""
    try:
        value = copy.deepcopy(value)
    except Exception:
        return value
    target = value
    while True:  # go down some way
        if isinstance(target, BaseModel) and target.__dict__:
            inner = random.choice(list(target.__dict__.values()))
        elif isinstance(target, list) and target:
            inner = random.choice(target)
        elif isinstance(target, dict) and target:
            inner = random.choice(list(target.values()))
        else:
            break
        if random.random() < 0.5 or not isinstance(inner, (BaseModel, list, dict)):
            break
        target = inner
    odd = random.choice(WEIRD)()
    if isinstance(target, BaseModel):
        _bend_model(target, odd, random)
    elif isinstance(target, list):
        target.insert(0, odd)
    elif isinstance(target, dict):
        target[random.choice(("a", "b", 1, None, Text("t"), True, 1.5, ("x", 2)))] = odd
    return value


def _bend_model(model: BaseModel, odd: Any, random: Random) -> None:
    names = list(model.__dict__)
    roll = random.random()
    if roll < 0.6 and names:
        model.__dict__[random.choice(names)] = odd
    elif roll < 0.7 and names:
        del model.__dict__[random.choice(names)]
    elif roll < 0.8:
        model.__dict__[random.choice(("other", "a", "s é a"))] = odd
    elif roll < 0.85 and names:
        name = random.choice(names)
        model.__dict__[name] = model.__dict__.pop(name)
    elif roll < 0.9:
        model.__pydantic_fields_set__.clear()
    elif roll < 0.95 and names:
        model.__pydantic_fields_set__.add(random.choice(names))
    elif getattr(model, "__pydantic_extra__", None) is not None:
        model.__pydantic_extra__[random.choice(("x", "a", "é"))] = odd  # type: ignore[index]


def write_options(random: Random) -> dict[str, Any]:
    """Draw the options of a write."""
    options: dict[str, Any] = {}
    if random.random() < 0.6:
        return options
    options |= {flag: True for flag in WRITE_FLAGS if random.random() < 0.25}
    if random.random() < 0.4:
        options["by_alias"] = random.choice((True, False, None))
    rare = {
        "indent": 2, "ensure_ascii": True, "context": {"c": 2}, "warnings": random.choice((False, "none", "error", "warn")),
        "serialize_as_any": True, "include": {"a", "b"}, "exclude": {"a"}, "fallback": repr, "polymorphic_serialization": True,
    }  # fmt: skip
    options |= {name: value for name, value in rare.items() if random.random() < 0.05}
    return options


# -- what is known ---------------------------------------------------------------------------------------------------------


def known(found: Difference) -> str | None:
    """Return the name of a difference that is accepted, ``None`` if it is none of them.

    Each is about calls that go wrong in several places at once, where either user code or a warning comes once more.
    """
    (expected, calls), (result, other_calls) = found.expected, found.found
    if found.verb == "write" and expected[:-1] == result[:-1]:
        if "nul byte" in str(expected):
            return "a text that cannot be warned about"
        if expected[-1] == result[-1] and len(other_calls) > len(calls) and set(other_calls) == set(calls):
            return "serializers are called again where another part fails or is of a wrong type"
        if result[-1]:
            return "warnings of several parts come one by one"
    if found.verb == "write" and "nul byte" in str(expected) and "nul byte" in str(result):
        return "a text that cannot be warned about"
    if found.verb == "read" and expected[0] == result[0] == "invalid" and calls == other_calls:
        if "..." in expected[2] and expected[-2] == result[-2]:
            return "the label of a type in a recursive one, which Pydantic abbreviates"
    return None


# -- the campaign ---------------------------------------------------------------------------------------------------------


@dataclass
class Difference:
    """Something that the two sides do differently."""

    world: World
    verb: str
    data: Any
    options: dict[str, Any]
    bend: int | None
    expected: Any
    found: Any
    seed: int

    def report(self) -> str:
        """Return a reproduction."""
        return "\n".join(
            [
                f"seed {self.seed}: {self.verb} differs",
                self.world.source(),
                f"data = {self.data!r}   bent by Random({self.bend})   options = {self.options!r}",
                f"pydantic: {self.expected!r}",
                f"native:   {self.found!r}",
            ]
        )


def read_difference(world: World, pair: Pair, data: bytes, options: dict[str, Any], seed: int) -> Difference | None:
    """Compare one reading."""
    expected = observed(pair, pair.pydantic.read, data, **options)
    if expected != observed(pair, pair.pydantic.read, data, **options):
        return None  # addresses in a text: Pydantic disagrees with itself
    found = observed(pair, pair.native.read, data, **options)
    return None if found == expected else Difference(world, "read", data, options, None, expected, found, seed)


def write_difference(
    world: World, pair: Pair, data: bytes, bend: int | None, options: dict[str, Any], seed: int
) -> Difference | None:
    """Compare one writing, of what a document gives, maybe with something odd in it."""
    try:
        value = pair.pydantic.read(data)
    except Exception:
        return None
    if bend is not None:
        value = bent(value, Random(bend))
    expected = observed(pair, pair.pydantic.write, value, **options)
    if expected != observed(pair, pair.pydantic.write, value, **options):
        return None
    found = observed(pair, pair.native.write, value, **options)
    return None if found == expected else Difference(world, "write", data, options, bend, expected, found, seed)


def differences(world: World, pair: Pair, random: Random, seed: int, counts: Counter[str]) -> Iterator[Difference]:
    """Compare many documents and instances of one world."""
    for _ in range(6):
        text = root_document(world, random)
        data = text.encode(errors="surrogatepass")
        for variant in (data, *(mutated(text, random) for _ in range(12))):
            options = random.choice(READ_OPTIONS)
            counts["read"] += 1
            found = read_difference(world, pair, variant, options, seed)
            if found is not None:
                yield found
        for bend in (None, None, *(random.randrange(2**31) for _ in range(10))):
            options = write_options(random)
            counts["written"] += 1
            found = write_difference(world, pair, data, bend, options, seed)
            if found is not None:
                yield found


def again(found: Difference, world: World, data: bytes, change: Callable[[Pair], None] | None) -> Difference | None:
    """Compare the same in another world, or with another document."""
    pair = pair_of(world, change)
    if pair is None:
        return None
    if found.verb == "read":
        return read_difference(world, pair, data, found.options, found.seed)
    return write_difference(world, pair, data, found.bend, found.options, found.seed)


def smallest(found: Difference, change: Callable[[Pair], None] | None = None, rounds: int = 400) -> Difference:
    """Take away lines, classes and parts of the document while the difference stays."""
    budget, progress = rounds, True
    while progress and budget > 0:
        progress = False
        for world, data in _smaller(found):
            budget -= 1
            if budget <= 0:
                break
            less = again(found, world, data, change)
            if less is not None and known(less) is None:
                found, progress = less, True
                break
    return found


def _smaller(found: Difference) -> Iterator[tuple[World, bytes]]:
    world = found.world
    for index in range(len(world.models)):
        yield World(world.models[:index] + world.models[index + 1 :], world.root), found.data
    for index, model in enumerate(world.models):
        for line in range(len(model.lines)):
            less = copy.copy(model)
            less.lines = model.lines[:line] + model.lines[line + 1 :]
            yield World([*world.models[:index], less, *world.models[index + 1 :]], world.root), found.data
    data: bytes = found.data
    try:
        tree = json.loads(data, object_pairs_hook=Members)
    except (ValueError, RecursionError):
        for size in (16, 4, 1):
            for at in range(0, len(data), size):
                yield world, data[:at] + data[at + size :]
        return
    for less_tree in _smaller_trees(tree):
        yield world, _dumped(less_tree, _Quiet()).encode(errors="surrogatepass")


class _Quiet(Random):
    """Always the first choice."""

    def random(self) -> float:
        return 0.9

    def choice(self, items: Any) -> Any:
        return items[0]


def _smaller_trees(tree: Any) -> Iterator[Any]:
    if not isinstance(tree, list):
        return
    for at in range(len(tree)):
        yield type(tree)(tree[:at] + tree[at + 1 :])
    for at, item in enumerate(tree):
        for less in _smaller_trees(item[1] if isinstance(tree, Members) else item):
            copied = type(tree)(tree)
            copied[at] = (item[0], less) if isinstance(tree, Members) else less
            yield copied


def run(
    seconds: float,
    seed: int,
    *,
    worlds: int | None = None,
    change: Callable[[Pair], None] | None = None,
    most: int = 1,
) -> tuple[list[Difference], Counter[str]]:
    """Compare until the time is over, all worlds are done, or there are enough differences.

    Args:
        seconds: The time.
        seed: Of the first world.
        worlds: How many; as many as there is time for if it is not given.
        change: Called for each pair before: a mistake on purpose, or :func:`in_msgpack`.
        most: How many differences are enough.
    """
    counts: Counter[str] = Counter()
    found: list[Difference] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end and (worlds is None or counts["worlds"] < worlds) and len(found) < most:
        random = Random(seed)
        world = Grammar(random).world()
        pair = pair_of(world, change)
        counts["worlds"] += 1
        if pair is not None:
            counts["read natively"] += pair.reads_natively
            counts["written natively"] += pair.writes_natively
            counts["types"] += 1
            for item in differences(world, pair, random, seed, counts):
                name = known(item)
                if name is None:
                    found.append(item)
                    break
                counts[f"known: {name}"] += 1
        seed += 1
    return found, counts


# -- mistakes on purpose --------------------------------------------------------------------------------------------------


def _flip_alias(pair: Pair) -> None:
    write = pair.native.write
    pair.native.write = lambda value, **options: write(value, **{**options, "by_alias": not options.get("by_alias")})


def _forget_none(pair: Pair) -> None:
    write = pair.native.write
    pair.native.write = lambda value, **options: write(value, **{**options, "exclude_none": False})


def _call_twice(pair: Pair) -> None:
    read = pair.native.read

    def twice(data: Any, **options: Any) -> Any:
        try:
            return read(data, **options)
        except ValueError:
            return read(data, **options)

    pair.native.read = twice


def _long_utc(pair: Pair) -> None:
    write = pair.native.write
    pair.native.write = lambda value, **options: write(value, **options).replace(b':12Z"', b':12+00:00"')


def _other_order(pair: Pair) -> None:
    read = pair.native.read

    def turned(data: Any, **options: Any) -> Any:
        value = read(data, **options)
        if isinstance(value, BaseModel):
            items = list(value.__dict__.items())[::-1]
            value.__dict__.clear()
            value.__dict__.update(items)
        return value

    pair.native.read = turned


def _first_key(pair: Pair) -> None:
    read = pair.native.read

    def first(data: Any, **options: Any) -> Any:
        def kept(members: Any) -> dict[str, Any]:
            return dict(members[::-1])

        try:
            data = json.dumps(json.loads(data, object_pairs_hook=kept)).encode()
        except (ValueError, RecursionError):
            pass
        return read(data, **options)

    pair.native.read = first


def _all_given(pair: Pair) -> None:
    read = pair.native.read

    def given(data: Any, **options: Any) -> Any:
        value = read(data, **options)
        if isinstance(value, BaseModel):
            value.__pydantic_fields_set__.update(type(value).model_fields)
        return value

    pair.native.read = given


def _old_floats(pair: Pair) -> None:
    write = pair.native.write
    pair.native.write = lambda value, **options: write(value, **options).replace(b"e+16", b"e16")


def _quiet(pair: Pair) -> None:
    write = pair.native.write
    pair.native.write = lambda value, **options: write(value, **{**options, "warnings": False})


def _lax(pair: Pair) -> None:
    read = pair.native.read
    pair.native.read = lambda data, **options: read(data, **{**options, "strict": None})


MISTAKES: tuple[Callable[[Pair], None], ...] = (
    _flip_alias, _forget_none, _call_twice, _long_utc, _other_order, _first_key, _all_given, _old_floats, _quiet, _lax,
)  # fmt: skip


def self_check(seed: int, worlds: int) -> list[str]:
    """Return the names of mistakes that so many worlds do not bring to light."""
    return [mistake.__name__ for mistake in MISTAKES if not run(600, seed, worlds=worlds, change=mistake)[0]]


def main() -> int:
    """Run the campaign as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("--most", type=int, default=1, help="stop after so many differences")
    parser.add_argument("--msgpack", action="store_true", help="write MessagePack rather than JSON")
    parser.add_argument("--self-check", action="store_true")
    options = parser.parse_args()
    faulthandler.enable()
    print(f"seed {options.seed}", flush=True)
    if options.self_check:
        unnoticed = self_check(options.seed, 400)
        print("not noticed:", ", ".join(unnoticed) or "none")
        return bool(unnoticed)
    change = in_msgpack if options.msgpack else None
    found, counts = run(options.seconds, options.seed, change=change, most=options.most)
    for item in found:
        print(smallest(item, change).report(), end="\n\n")
    print(dict(counts))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())

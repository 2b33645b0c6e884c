"""Cost against number of fields, nesting depth and length of a string, so that a cliff shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from _curves import Curve, Plot
from _rows import Row, measure, progress
from pydantic import BaseModel, create_model

from pydantic_serialization import decoder, encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WAYS = ("pydantic", "native core", "msgspec")
FIELDS = (1, 2, 3, 5, 8, 12, 16, 20, 30, 50, 64, 100, 200)
DEPTHS = (1, 2, 4, 8, 16, 32, 64, 128, 180)
LENGTHS = (1, 8, 15, 16, 31, 32, 63, 64, 128, 512, 4096, 65_536, 1_048_576)


class Text(BaseModel):
    """A string alone."""

    text: str


class TextStruct(msgspec.Struct):
    """A string alone, as msgspec has it."""

    text: str


class Link(BaseModel):
    """A model in itself."""

    number: int
    next: Link | None = None


class LinkStruct(msgspec.Struct):
    """A Struct in itself."""

    number: int
    next: LinkStruct | None = None


def by_fields(size: int) -> tuple[type[BaseModel], Any, bytes]:
    """Return a model of that many fields of four kinds in turn, its Struct, and a document."""
    kinds: tuple[tuple[type, Any], ...] = ((int, 7), (str, "seven"), (float, 7.5), (bool, True))
    fields = {f"field_{number}": kinds[number % 4] for number in range(size)}
    model: type[BaseModel] = create_model("Wide", **{name: (kind, ...) for name, (kind, _) in fields.items()})  # type: ignore[call-overload]
    struct = msgspec.defstruct("WideStruct", [(name, kind) for name, (kind, _) in fields.items()])
    return model, struct, msgspec.json.encode({name: value for name, (_, value) in fields.items()})


def by_depth(size: int) -> tuple[type[BaseModel], Any, bytes]:
    """Return a model that holds itself, its Struct, and a document of that many levels."""
    return Link, LinkStruct, b'{"number":1,"next":' * (size - 1) + b'{"number":1,"next":null' + b"}" * size


def by_length(size: int) -> tuple[type[BaseModel], Any, bytes]:
    """Return a model with one string, its Struct, and a document with that many letters."""
    return Text, TextStruct, b'{"text":"' + b"x" * size + b'"}'


SWEEPS: tuple[tuple[str, str, Sequence[int], Callable[[int], tuple[type[BaseModel], Any, bytes]]], ...] = (
    ("number of fields", "fields", FIELDS, by_fields),
    ("nesting depth", "levels", DEPTHS, by_depth),
    ("length of a string", "letters", LENGTHS, by_length),
)


def sweeps(seconds: float) -> list[Plot]:
    """Measure every sweep, ``seconds`` for each size, print the figures and return the plots."""
    plots = []
    for title, axis, sizes, make in SWEEPS:
        points: dict[str, dict[str, list[tuple[float, float]]]] = {"encode": {}, "decode": {}}
        for size in sizes:
            progress(f"sweep: {size} {axis}")
            for direction, rows in _rows(make(size)).items():
                measure(rows, seconds)
                for row in rows:
                    points[direction].setdefault(row.label, []).append((float(size), row.best))
        for direction, by_way in points.items():
            _print(f"{direction}: {title}", axis, by_way)
            curves = tuple(Curve(way, tuple(found)) for way, found in by_way.items())
            plots.append(Plot(f"{direction}: {title}", axis, curves))
    return plots


def _rows(case: tuple[type[BaseModel], Any, bytes]) -> dict[str, list[Row]]:
    model, struct, document = case
    validate, to_json = model.__pydantic_validator__.validate_json, model.__pydantic_serializer__.to_json
    write, read = encoder(model, "orjson"), decoder(model, "orjson")
    value, other = validate(document), msgspec.json.decode(document, type=struct)
    if write(value) != to_json(value) or read(document) != value:
        raise AssertionError(model)
    writers = (to_json, value), (write, value), (msgspec.json.Encoder().encode, other)
    readers = (validate, document), (read, document), (msgspec.json.Decoder(struct).decode, document)
    return {
        direction: [Row(way, "f(x)", {"f": f, "x": x}) for way, (f, x) in zip(WAYS, pairs, strict=True)]
        for direction, pairs in (("encode", writers), ("decode", readers))
    }


def _print(title: str, axis: str, by_way: dict[str, list[tuple[float, float]]]) -> None:
    print(f"\n{title}: min ns")
    print(f"{axis:>10}" + "".join(f"{way:>14}" for way in by_way) + f"{'x pydantic':>14}{'x msgspec':>14}")
    for found in zip(*by_way.values(), strict=True):
        costs = [cost for _, cost in found]
        line = "".join(f"{cost:14,.0f}" for cost in costs)
        print(f"{found[0][0]:10,.0f}{line}{costs[0] / costs[1]:14.2f}{costs[2] / costs[1]:14.2f}")

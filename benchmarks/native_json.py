"""JSON from and into Pydantic models: the native core beside Pydantic, orjson and msgspec.

    python benchmarks/native_json.py [--quick] [--svg build/native_json.svg]

All rows of a table are measured in one process, in turn, round after round; every statement is timed as it stands.
Trust ratios of one table, not nanoseconds. What the rows give is compared before they are timed.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec
import orjson
import pydantic
from _curves import draw
from _declined import declined_targets
from _rows import Row, Target, measure, progress, show
from _shapes import COUNT, OrderStruct, UserStruct, models, order_data, user_data
from _sweeps import sweeps
from pydantic import BaseModel, TypeAdapter

from pydantic_serialization import BACKEND, accelerate, decoder, encoder, install, uninstall
from pydantic_serialization.plan import plan_for

if TYPE_CHECKING:
    from collections.abc import Callable

LIVE = 20_000
"""Objects that are alive at once in the decoding with the garbage collector on."""


def same(left: Any, right: Any) -> bool:
    """Say whether two models, or lists of models, are equal in all that pydantic keeps of them."""
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if not isinstance(left, BaseModel):
        return type(left) is type(right) and bool(left == right)
    return (
        type(left).__name__ == type(right).__name__
        and left.model_fields_set == right.model_fields_set
        and list(left.__dict__) == list(right.__dict__)
        and all(map(same, left.__dict__.values(), right.__dict__.values()))
    )


def encoding(name: str, seconds: float, cases: dict[str, Any]) -> list[Target]:
    """Compare all ways of writing, then time them."""
    expected = cases["to_json"](cases["value"])
    rows = [
        Row(cases["dump_label"], cases["dump"], cases),
        Row("serializer.to_json(..), raw", "to_json(value)", cases),
        Row("orjson.dumps(model_dump)", cases["orjson_dump"], cases),
        Row("msgspec, Struct of the same shape", "struct_encode(struct)", cases),
        Row('encoder(.., "orjson")', "write(value)", cases),
        Row(f"{cases['dump_label']}, accelerated", cases["fast_dump"], cases),
    ]
    for row in rows:
        got = eval(row.statement, dict(cases))
        got = got.encode() if isinstance(got, str) else got
        is_exact = row.statement in {"write(value)", cases["fast_dump"], cases["dump"]}
        if got != expected and (is_exact or json.loads(got) != json.loads(expected)):
            raise AssertionError(row.label, got[:200], expected[:200])
    measure(rows, seconds)
    method, raw, _, struct, ours, fast = rows
    show(f"encode {name}, {len(expected):,} bytes", rows, {"method": method, "raw": raw, "msgspec": struct})
    return [
        Target(f"encode {name}, against raw to_json", raw.best / ours.best, 5, 7),
        Target(f"encode {name}, against the method", method.best / ours.best, 6, 10),
        Target(f"encode {name}, accelerated against the method", method.best / fast.best, 3, None),
        Target(f"encode {name}, against msgspec", struct.best / ours.best, 1.3, 2),
    ]


def decoding(name: str, seconds: float, cases: dict[str, Any]) -> list[Target]:
    """Compare all ways of reading, then time them."""
    expected = cases["validate"](cases["text"])
    rows = [
        Row(cases["load_label"], cases["load"], cases),
        Row("validator.validate_json(..), raw", "validate(text)", cases),
        Row("model_validate(orjson.loads)", cases["orjson_load"], cases),
        Row("msgspec, Struct of the same shape", "struct_decode(text)", cases),
        Row('decoder(.., "orjson")', "read(text)", cases),
        Row(f"{cases['load_label']}, accelerated", cases["fast_load"], cases),
    ]
    for row in rows:
        if "struct" not in row.statement and not same(eval(row.statement, dict(cases)), expected):
            raise AssertionError(row.label)
    measure(rows, seconds)
    method, raw, _, struct, ours, fast = rows
    show(f"decode {name}, {len(cases['text']):,} bytes", rows, {"method": method, "raw": raw, "msgspec": struct})
    return [
        Target(f"decode {name}, against raw validate_json", raw.best / ours.best, 2.5, 3),
        Target(f"decode {name}, accelerated against the method", method.best / fast.best, 2, None),
        Target(f"decode {name}, against msgspec", struct.best / ours.best, 1 / 1.5, 1),
    ]


def model_cases(slow: type[BaseModel], fast: type[BaseModel], data: dict[str, Any], struct: Any) -> dict[str, Any]:
    """Return the names that the statements about one model refer to."""
    value = slow.model_validate(data)
    text = value.model_dump_json().encode()
    return {
        "value": value,
        "text": text,
        "Model": slow,
        "to_json": slow.__pydantic_serializer__.to_json,
        "validate": slow.__pydantic_validator__.validate_json,
        "orjson": orjson,
        "struct": msgspec.json.decode(text, type=struct),
        "struct_encode": msgspec.json.Encoder().encode,
        "struct_decode": msgspec.json.Decoder(struct).decode,
        "write": encoder(slow, "orjson"),
        "read": decoder(slow, "orjson"),
        "fast": fast.model_validate(data),
        "Fast": fast,
        "dump_label": "model_dump_json()",
        "dump": "value.model_dump_json()",
        "fast_dump": "fast.model_dump_json()",
        "orjson_dump": "orjson.dumps(value.model_dump(), option=orjson.OPT_UTC_Z)",
        "load_label": "model_validate_json(..)",
        "load": "Model.model_validate_json(text)",
        "fast_load": "Fast.model_validate_json(text)",
        "orjson_load": "Model.model_validate(orjson.loads(text))",
    }


def list_cases(slow: type[BaseModel], data: list[dict[str, Any]], struct: Any) -> dict[str, Any]:
    """Return the names that the statements about a list refer to; for use while ``install()`` is active."""
    adapter: TypeAdapter[Any] = TypeAdapter(list[slow])  # type: ignore[valid-type]
    value = adapter.validate_python(data)
    text = adapter.serializer.to_json(value)
    return {
        **model_cases(slow, slow, data[0], struct),
        "value": value,
        "text": text,
        "adapter": adapter,
        "dump_json": PYDANTICS[0],
        "validate_json": PYDANTICS[1],
        "to_json": adapter.serializer.to_json,
        "validate": adapter.validator.validate_json,
        "struct": msgspec.json.decode(text, type=list[struct]),
        "struct_decode": msgspec.json.Decoder(list[struct]).decode,
        "write": encoder(list[slow], "orjson"),  # type: ignore[valid-type]
        "read": decoder(list[slow], "orjson"),  # type: ignore[valid-type]
        "dump_label": "TypeAdapter.dump_json(..)",
        "dump": "dump_json(adapter, value)",
        "fast_dump": "adapter.dump_json(value)",
        "orjson_dump": "orjson.dumps(adapter.dump_python(value))",
        "load_label": "TypeAdapter.validate_json(..)",
        "load": "validate_json(adapter, text)",
        "fast_load": "adapter.validate_json(text)",
        "orjson_load": "adapter.validate_python(orjson.loads(text))",
    }


PYDANTICS = TypeAdapter.dump_json, TypeAdapter.validate_json
"""Pydantic's own methods, from before ``install()``."""


def live_objects(cases: dict[str, Any], rounds: int) -> list[Target]:
    """Time the decoding of many objects that all stay alive, with the garbage collector on."""
    documents = [json.dumps(user_data(number), separators=(",", ":")).encode() for number in range(LIVE)]
    ways: dict[str, Callable[[bytes], Any]] = {
        "validator.validate_json(..), raw": cases["validate"],
        "msgspec, Struct of the same shape": cases["struct_decode"],
        'decoder(.., "orjson")': cases["read"],
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, read in ways.items():
            gc.collect()
            started = perf_counter()
            alive = [read(document) for document in documents]
            times[name].append((perf_counter() - started) / LIVE * 1e9)
            del alive
    print(f"\ndecode {LIVE:,} users that all stay alive, garbage collector on, per object")
    print(f"{'':40}{'min ns':>11}{'median':>11}")
    for name, found in times.items():
        print(f"{name:40}{min(found):11,.0f}{median(found):11,.0f}")
    raw, _, ours = times.values()
    return [Target(f"decode {LIVE:,} live objects, against raw", min(raw) / min(ours), 3, 5)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time, and no sweeps")
    parser.add_argument("--svg", type=Path, default=Path("build/native_json.svg"), help="where the sweeps are drawn")
    options = parser.parse_args()
    seconds = 0.5 if options.quick else 5.0
    build = f"{platform.python_version()}, pydantic {pydantic.VERSION}, msgspec {msgspec.__version__}"
    print(f"python {build}, orjson {orjson.__version__}, backend {BACKEND}")
    slow, fast = models(), models()
    for model in fast:
        accelerate(model)
    for model in slow:
        plan = plan_for(model)
        for direction, compiled in (("encode", plan.encoding), ("decode", plan.decoding)):
            if compiled.declined is not None:
                print(f"{direction} {plan.name} is left to pydantic: {compiled.declined.reason}")
    user = model_cases(slow.user, fast.user, user_data(), UserStruct)
    order = model_cases(slow.order, fast.order, order_data(), OrderStruct)
    targets: list[Target] = []
    for name, cases in (("User", user), ("Order", order)):
        progress(name)
        targets += encoding(name, seconds, cases) + decoding(name, seconds, cases)
    progress("list")
    install()
    try:
        many = list_cases(slow.user, [user_data(number) for number in range(COUNT)], UserStruct)
        targets += encoding(f"{COUNT} Users", seconds, many) + decoding(f"{COUNT} Users", seconds, many)
    finally:
        uninstall()
    progress("live objects")
    targets += live_objects(user, 5 if options.quick else 25)
    progress("declined")
    targets += declined_targets(seconds)
    if not options.quick:
        plots = sweeps(0.15)
        options.svg.parent.mkdir(parents=True, exist_ok=True)
        options.svg.write_text(draw(plots, f"python {build}; one process, minima"), encoding="utf-8")
        progress(f"drawn: {options.svg}")
    print("\nratios of minima, beside what is wanted")
    print("\n".join(map(str, targets)))
    if BACKEND != "native":
        sys.exit("the native core is not installed: these are figures of pydantic alone")


if __name__ == "__main__":
    main()

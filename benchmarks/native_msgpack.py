"""MessagePack from and into Pydantic models: the native core beside ormsgpack and msgspec.

    python benchmarks/native_msgpack.py [--quick]

All rows of a table are measured in one process, in turn, round after round; every statement is timed as it stands.
Trust ratios of one table, not nanoseconds. What the rows give is compared before they are timed.
"""

from __future__ import annotations

import argparse
import platform
import sys
from typing import Any

import msgspec
import ormsgpack
import pydantic
from _rows import Row, Target, measure, progress, show
from _shapes import COUNT, OrderStruct, UserStruct, models, order_data, user_data
from pydantic import TypeAdapter

from pydantic_serialization import BACKEND, decoder, encoder
from pydantic_serialization._native import core
from pydantic_serialization.plan import plan_for


def encoding(name: str, seconds: float, cases: dict[str, Any]) -> list[Target]:
    """Compare all ways of writing, then time them."""
    expected = ormsgpack.packb(cases["dump"](cases["value"], mode="json"))
    rows = [
        Row('ormsgpack.packb(dump(mode="json"))', 'packb(dump(value, mode="json"))', cases),
        Row("ormsgpack, OPT_SERIALIZE_PYDANTIC", "packb(value, option=pydantic)", cases),
        Row("msgspec, Struct of the same shape", "struct_encode(struct)", cases),
        Row('encoder(.., "msgpack")', "write(value)", cases),
    ]
    for row in rows:
        got = eval(row.statement, dict(cases))
        # msgspec writes times as timestamps.
        tree = ormsgpack.unpackb(got, option=ormsgpack.OPT_DATETIME_AS_TIMESTAMP_EXT)
        if cases["validate"](tree) != cases["value"]:
            raise AssertionError(row.label, got[:200], expected[:200])
    if cases["write"](cases["value"]) != expected:
        raise AssertionError(name)
    measure(rows, seconds)
    dumped, direct, struct, ours = rows
    show(f"encode {name}, {len(expected):,} bytes", rows, {"dump": dumped, "ormsgpack": direct, "msgspec": struct})
    return [
        Target(f"encode {name}, against OPT_SERIALIZE_PYDANTIC", direct.best / ours.best, 3.5, 5.5),
        Target(f"encode {name}, against msgspec", struct.best / ours.best, 1.3, 1.7),
        Target(f"encode {name}, against a dump and ormsgpack", dumped.best / ours.best, 8, None),
    ]


def decoding(name: str, seconds: float, cases: dict[str, Any]) -> list[Target]:
    """Compare all ways of reading, then time them."""
    rows = [
        Row("validate_python(ormsgpack.unpackb(..))", "validate(unpackb(data))", cases),
        Row("msgspec, Struct of the same shape", "struct_decode(data)", cases),
        Row('decoder(.., "msgpack")', "read(data)", cases),
    ]
    for row in rows:
        if "struct" not in row.statement and eval(row.statement, dict(cases)) != cases["value"]:
            raise AssertionError(row.label)
    measure(rows, seconds)
    validated, struct, ours = rows
    show(f"decode {name}, {len(cases['data']):,} bytes", rows, {"ormsgpack": validated, "msgspec": struct})
    return [Target(f"decode {name}, against unpackb and validate_python", validated.best / ours.best, 3, 4)]


def cases_of(declared: Any, data: Any, struct: Any) -> dict[str, Any]:
    """Return the names that the statements about one type refer to."""
    adapter: TypeAdapter[Any] = TypeAdapter(declared)
    value = adapter.validate_python(data)
    packed = ormsgpack.packb(adapter.dump_python(value, mode="json"))
    return {
        "value": value,
        "data": packed,
        "dump": adapter.serializer.to_python,
        "validate": adapter.validator.validate_python,
        "packb": ormsgpack.packb,
        "unpackb": ormsgpack.unpackb,
        "pydantic": ormsgpack.OPT_SERIALIZE_PYDANTIC,
        "struct": msgspec.msgpack.decode(packed, type=struct),
        "struct_encode": msgspec.msgpack.Encoder().encode,
        "struct_decode": msgspec.msgpack.Decoder(struct).decode,
        "write": encoder(declared, "msgpack"),
        "read": decoder(declared, "msgpack"),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time")
    seconds = 0.5 if parser.parse_args().quick else 5.0
    build = f"{platform.python_version()}, pydantic {pydantic.VERSION}, msgspec {msgspec.__version__}"
    print(f"python {build}, ormsgpack {ormsgpack.__version__}, backend {BACKEND}")
    shapes = models()
    for model in shapes:
        declined = plan_for(model).packing.declined
        if declined is not None:
            print(f"encode {model.__name__} is left to ormsgpack: {declined.reason}")
    reads = hasattr(core, "msgpack_decoder")
    targets: list[Target] = []
    for name, declared, data, struct in (
        ("User", shapes.user, user_data(), UserStruct),
        ("Order", shapes.order, order_data(), OrderStruct),
        (f"{COUNT} Users", list[shapes.user], list(map(user_data, range(COUNT))), list[UserStruct]),  # type: ignore[name-defined]
    ):
        progress(name)
        cases = cases_of(declared, data, struct)
        targets += encoding(name, seconds, cases)
        if reads:
            targets += decoding(name, seconds, cases)
    print("\nratios of minima, beside what is wanted")
    print("\n".join(map(str, targets)))
    if BACKEND != "native":
        sys.exit("the native core is not installed: these are figures of pydantic and ormsgpack")


if __name__ == "__main__":
    main()

"""Any bytes are read as MessagePack as the way through Python reads them, without a crash and without being believed."""

# ruff: noqa: E501 (rows of values)

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal

import pytest
from parity.msgpack_documents import RAW, Members, Raw, mutated, packed
from parity.msgpack_sides import sides_of
from parity.outcomes import outcome
from pydantic import AfterValidator, Base64Bytes, BaseModel, BeforeValidator, Field, StringConstraints, model_validator
from typing_extensions import TypedDict

from pydantic_serialization import decoder
from pydantic_serialization._native import core
from pydantic_serialization.errors import DecodeError
from pydantic_serialization.plan.rebuild import CAN_REBUILD

SUITE = Path(__file__).parents[3] / "shared" / "data" / "msgpack-test-suite" / "msgpack-test-suite.json"


class Keyed(TypedDict, total=False):
    a: Any
    b: list[int]


class Model(BaseModel):
    a: Any = None
    b: int | None = None
    text: str = ""
    ratio: float = 0.5
    key: dict[str, str] = {}


class Allowing(BaseModel, extra="allow"):
    a: Any = None
    b: int = 0


class Counted(BaseModel, extra="allow"):
    """Extras have a declared type."""

    __pydantic_extra__: dict[str, int]
    a: int = 0


class Checked(BaseModel):
    a: Annotated[Any, AfterValidator(lambda value: value)] = None
    by_key: dict[str, Annotated[int, AfterValidator(lambda value: value)]] = {}
    pattern: Annotated[str, StringConstraints(pattern="^a")] | None = None


def not_seven(value: Any) -> Any:
    if value == 7 or value == b"seven":
        raise ValueError("seven")
    return value


class Bytes(BaseModel):
    raw: bytes
    more: list[bytes] | list[Any] | dict[str, bytes] = []


class Holding(BaseModel, extra="allow"):
    """Bytes in every kind of place."""

    raw: bytes = b""
    short: Annotated[bytes, Field(min_length=1, max_length=3)] | None = None
    either: bytes | str | int | None = None
    other: str | bytes = ""
    first: Annotated[str | bytes, Field(union_mode="left_to_right")] = ""
    many: list[bytes] | list[int] = []
    whatever: list[Any] | dict[str, Any] | set[int] = []
    by_key: dict[str, bytes] = {}
    some: frozenset[bytes] = frozenset()
    pair: tuple[bytes, Annotated[str, StringConstraints(pattern="^a")]] | None = None
    encoded: Base64Bytes = b""
    checked: Annotated[bytes, AfterValidator(not_seven)] = b""
    before: Annotated[Any, BeforeValidator(not_seven)] = None
    inner: Holding | None = None
    some_of: Bytes | Allowing | None = None


class Prepared(BaseModel):
    raw: bytes = b""
    number: int = 0

    @model_validator(mode="before")
    @classmethod
    def _prepare(cls, value: Any) -> Any:
        if isinstance(value, dict):
            not_seven(value.get("number"))
            return {**value, "raw": value.get("raw", b"none")}
        return value


class Nested(BaseModel):
    """Refers to itself in every way."""

    child: Nested | None = None
    many: list[Nested] = []
    by_key: dict[str, Nested] = {}
    either: Nested | list[Nested] | None = None
    anything: Any = None


class Live(BaseModel):
    """The same with code of the user's."""

    child: Live | None = None
    many: list[Live] = []
    anything: Annotated[Any, AfterValidator(lambda value: value)] = None


class Deep(BaseModel):
    """The same with bytes, which are a level of their own where Pydantic reads them."""

    child: Deep | None = None
    raw: bytes = b""
    anything: Any = None


MODELS: tuple[Any, ...] = (
    Any, list[Any], dict[str, Any], dict[int, int], Model, Allowing, Counted, Checked, Keyed, Model | Keyed, Holding, Prepared,
    Nested, Live, Deep, dict[str, int] | dict[str, str], Counted | Allowing, list[dict[str, int] | dict[str, Any]],
    Annotated[dict[str, int] | dict[str, str] | Any, Field(union_mode="left_to_right")],
)  # fmt: skip
SCALARS: tuple[Any, ...] = (
    Any, None, bool, int, float, str, bytes, date, datetime, timedelta, Literal["a", 1, None], int | float, float | int, int | str,
    str | float, bytes | str, str | bytes, bool | int, Annotated[int, Field(ge=0, lt=100)], Annotated[float, Field(le=1e9)],
    date | str, str | datetime, list[int] | int, Annotated[bytes, Field(max_length=2)] | int,
)  # fmt: skip


def same(declared: Any, document: Any, **options: Any) -> Any:
    """Check that both read a document alike."""
    sides = sides_of(declared)
    expected = outcome(sides.python, document, **options)
    assert outcome(sides.native, document, **options) == expected, (declared, bytes(document[:100]))
    return expected


@pytest.mark.skipif(not SUITE.is_file(), reason="the MessagePack test suite is not beside the project")
def test_the_msgpack_test_suite() -> None:
    """Every form of every value is read, and read alike."""
    forms = refused = 0
    for group, cases in json.loads(SUITE.read_text(encoding="utf-8")).items():
        for case in cases:
            seen = set()
            for form in case["msgpack"]:
                document = bytes.fromhex(form.replace("-", ""))
                forms += 1
                for declared in SCALARS:
                    same(declared, document)
                for declared in (Allowing, Holding):
                    same(declared, packed({"a": Raw(document), "zzz": Raw(document), "raw": Raw(document)}))
                found = outcome(decoder(bytes if group.startswith("12.") else Any, "msgpack"), document)
                refused += found[0] != "value"
                seen.add(repr(found))
            # 2**53 as a double is the same number, and another kind of value.
            assert len(seen) == 1 or group.startswith("2"), case
    assert (forms, refused) == (233, 0 if CAN_REBUILD else 11 + 1)  # extensions, and a moment before the year 1


@pytest.mark.parametrize("declared", SCALARS, ids=str)
def test_every_value_for_every_scalar(declared: Any) -> None:
    """Each kind of value, valid or not, is the same value or error for each declared type, also in strict mode."""
    for raw in RAW:
        for document in (raw, b"\x91" + raw, raw + b"\xc0"):
            for options in ({}, {"strict": True}):
                same(declared, document, **options)
                same(list[declared], document, **options)


@pytest.mark.parametrize("declared", MODELS, ids=str)
def test_every_value_for_every_field(declared: Any) -> None:
    """The same for each field of models, for keys that no field has, and for keys that stand twice."""
    names = list(getattr(declared, "model_fields", {"a": None}))
    for name in (*names, "zzz"):
        for raw in RAW:
            same(declared, packed({name: Raw(raw)}))
            same(declared, packed(Members([(name, Raw(raw)), (name, Raw(raw))])))
            same(declared, packed(Members([(name, Raw(raw)), (name, 1)])))
            same(declared, packed(Members([("k", Raw(raw)), (name, Raw(raw)), ("k", "x")])))
            same(declared, packed({"inner": {name: Raw(raw)}, "child": {name: Raw(raw)}, "either": {name: Raw(raw)}}))
            same(declared, packed({"some_of": {name: Raw(raw)}}))


def test_numbers_at_every_boundary() -> None:
    """Integers on each side of every power of two, and random doubles in both widths, are the same numbers."""
    random = Random(4)
    edges = {sign * (2**exponent + step) for exponent in range(65) for step in (-1, 0, 1) for sign in (1, -1)}
    documents = [packed(number) for number in sorted(edges) if -(2**63) <= number < 2**64]
    documents += [b"\xcb" + random.randbytes(8) for _ in range(2000)]
    documents += [b"\xca" + random.randbytes(4) for _ in range(2000)]
    documents += [b"\xcb" + struct.pack(">d", float(number)) for number in sorted(edges)]
    for document in documents:
        for declared in (int, float, Any, Annotated[int, Field(multiple_of=3)], Literal[1, 2] | int):
            same(declared, document)
        same(Model, b"\x81\xa3zzz" + document)
        same(Checked, b"\x81\xa7pattern" + document)


def test_every_byte_at_every_place() -> None:
    """Any byte put anywhere into a small document, or in the place of another, and any end of it, make no difference."""
    document = packed({"a": [1, -2.5e3, "é", None, True], "b": 7, "key": {"k": "v"}, "zzz": [{}, b"x"], "raw": b"\xff"})
    for declared in (Model, Holding):
        for at in range(len(document) + 1):
            same(declared, document[:at])
            same(declared, document[at:])
            same(declared, document[:at] + document[at + 1 :])
            for byte in range(0, 256, 1 if at % 9 == 0 else 23):
                same(declared, document[:at] + bytes([byte]) + document[at:])
                same(declared, document[:at] + bytes([byte]) + document[at + 1 :])


@pytest.mark.parametrize("declared", MODELS, ids=str)
def test_random_changes(declared: Any) -> None:
    """Documents with bytes flipped, cut off, spliced and put in are read alike."""
    random = Random(8)
    document = packed({
        "a": 1, "b": 2, "text": "t", "raw": b"\xff", "either": b"x", "many": [b"y"], "by_key": {"k": {}}, "whatever": [b"z", 1],
        "before": {"x": b"\x80"}, "inner": {"raw": b"i", "more": b"\xfe"}, "number": 7, "child": {"child": None}, "checked": b"seven",
    })  # fmt: skip
    for _ in range(600):
        same(declared, mutated(document, random))


def test_values_that_nobody_sees_do_not_choose_a_member() -> None:
    """Of a key that stands twice, the first value counts neither as a refusal nor for how well a member of a union fits."""
    twice = packed(Members([("a", "1"), ("a", 2)]))
    assert same(dict[str, int] | dict[str, str | float], twice)[1] == (dict, [((str, "'a'"), (int, "2"))])
    for values in (("1", 2), (2, "1"), ("x", 2), (2, "x"), (None, 2), (1.5, 2), (2, 1.5), (True, 1), (2, 2)):
        for declared in (
            dict[str, int] | dict[str, str], dict[str, str | float] | dict[str, int], dict[str, bool] | dict[str, int] | Any,
            Annotated[dict[str, int] | dict[str, str] | dict[str, Any], Field(union_mode="left_to_right")],
            list[dict[str, int]] | list[dict[str, float]], Counted | Allowing | Keyed, Model | Allowing,
        ):  # fmt: skip
            for key in ("a", "b", "zzz"):
                members = packed(Members([(key, item) for item in values]))
                same(declared, members)
                same(declared, b"\x91" + members)
                same(declared, packed({"a": Raw(members)}))


CLAIMS = (b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9")


@pytest.mark.parametrize("declared", MODELS, ids=str)
def test_claims_are_not_believed(declared: Any) -> None:
    """Lengths of four thousand millions, in heads inside one another too, cost no memory."""
    documents = [claim + b"\xff\xff\xff\xff" for claim in CLAIMS]
    documents += [b"\x81\xa1a" + document for document in documents]
    documents += [
        b"\xdd\xff\xff\xff\xff" * 5000,
        b"\xdf\0\0\x40\0\xa1a" * 5000,
        b"\xdd\0\0\x40\0" * 5000 + b"\0" * 20_000,
    ]
    sides = sides_of(declared)
    for document in documents:
        decode = sides.decoder(lambda *_, **__: "declined")
        tracemalloc.start()
        try:
            assert decode(document) == "declined"
            assert tracemalloc.get_traced_memory()[1] < 3_000_000
        finally:
            tracemalloc.stop()
        with pytest.raises(DecodeError):
            sides.native(document)


@pytest.mark.parametrize("depth", [1, 2, 5, 198, 199, 200])
@pytest.mark.parametrize("inner", [b"\xc0", b"\x90", b"\xc4\x01\xff", b"\xc4\x01a", b"\xa1a", b"\xd6\xff\0\0\0\1"])
def test_the_same_depth_is_too_deep(depth: int, inner: bytes) -> None:
    """Also where bytes are a level of their own, and under a lower limit."""
    documents = {
        "arrays": (b"\x91" * depth + inner, (Any, list[Any], Deep, Allowing, list[bytes])),
        "maps": (b"\x81\xa5child" * depth + b"\x81\xa3raw" + inner, (Deep, Allowing, Nested, Live)),
        "skipped": (b"\x81\xa3zzz" + b"\x91" * depth + inner, (Model, Deep, Checked, Holding)),
        "open": (b"\x81\xa8anything" + b"\x91" * depth + inner, (Deep, Live, Nested)),
    }
    for document, types in documents.values():
        for declared in types:
            for limit in {depth - 1, depth, depth + 1, 200}:
                if 1 <= limit <= 200:
                    sides = sides_of(declared, limit)
                    expected = outcome(sides.python, document)
                    assert outcome(sides.decoder(sides.python, limit), document) == expected, (declared, limit)


DEEP = """
import faulthandler, sys, threading
faulthandler.enable()
sys.setrecursionlimit(10_000)
from parity import test_msgpack_hostile as here
failures = []

def run():
    try:
        here.read_deep()
    except BaseException as error:
        failures.append(error)

threading.stack_size({stack})
thread = threading.Thread(target=run)
thread.start()
thread.join()
assert not failures, failures
print("done")
"""


def deep_documents(depth: int) -> dict[str, tuple[Any, bytes]]:
    """Return documents of so many levels, each with its type."""
    half = max((depth - 1) // 2, 1)
    return {
        "arrays": (Any, b"\x91" * depth + b"\x01"),
        "maps": (Any, b"\x81\xa1a" * depth + b"\x01"),
        "open arrays": (Any, b"\x91" * depth),
        "skipped": (Model, b"\x81\xa3zzz" + b"\x91" * (depth - 1) + b"\x01"),
        "extra": (Allowing, b"\x81\xa1x" * depth + b"\x01"),
        "models": (Nested, b"\x81\xa5child" * depth + b"\xc0"),
        "lists of models": (Nested, b"\x81\xa4many\x91" * half + b"\x80"),
        "mappings of models": (Nested, b"\x81\xa6by_key\x81\xa1k" * half + b"\x80"),
        "models with user code": (Live, b"\x81\xa5child" * depth + b"\xc0"),
        "lists of models with user code": (Live, b"\x81\xa4many\x91" * half + b"\x80"),
        "a part with user code": (Live, b"\x81\xa8anything" + b"\x91" * (depth - 1) + b"\x01"),
        "a piece": (Checked, b"\x81\xa7pattern" + b"\x91" * (depth - 1) + b"\x01"),
        "refused at the end": (Nested, b"\x81\xa5child" * depth + b"\x05"),
        "refused in a union": (Nested, b"\x81\xa6either" * min(depth, 6) + b"\x91" * depth + b"\x05"),
    }


def read_deep() -> None:
    """Read documents of every depth, with nothing behind the core."""
    assert core is not None
    for depth in (1, 2, 50, 150, 190, 198, 199, 200, 201, 256, 600, 1000, 100_000):
        for name, (declared, document) in deep_documents(depth).items():
            found = sides_of(declared).decoder(lambda _: "declined")(document)
            words = set(name.split())
            is_whole = not {"open", "refused", "piece"} & words
            if "user" in words and (core.stack_left() or 0) < 64 * 1024 + depth * 2048:
                continue  # calling code takes more of the stack, and what would not hold it all is not begun
            assert (found == "declined") == (depth > 200 or not is_whole), (name, depth)


@pytest.mark.parametrize("stack", [256 * 1024, 1024 * 1024])
def test_deep_documents_do_not_end_the_process(stack: int) -> None:
    """Arrays, maps and models of 1 to 100,000 levels are read or refused on a small stack."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", DEEP.format(stack=stack)]
    found = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert found.returncode == 0, found.stderr[-3000:]
    assert found.stdout == "done\n"


SEEN: list[Any] = []


def see(value: Any) -> Any:
    SEEN.append(value)
    return value


class Watched(BaseModel):
    by_key: dict[str, Annotated[int, AfterValidator(see)]] = {}
    one: Annotated[int, AfterValidator(see)] = 0
    text: str = ""


def test_user_code_runs_once() -> None:
    """Of a key that stands twice, validators see the value that counts, once; a late fault runs none."""
    sides = sides_of(Watched)
    SEEN.clear()
    twice = packed({"by_key": Members([("k", 1), ("k", 2)]), "one": 3})
    assert sides.native(twice).by_key == {"k": 2}
    assert SEEN == [2, 3]
    SEEN.clear()
    for fault in (b"\xc1", b"\xa1\xff", b"\xd4\x05\0", b"\x91", b""):
        with pytest.raises(DecodeError):
            sides.native(packed({"one": 1, "by_key": {"k": 2}, "text": Raw(fault)}))
    assert SEEN == []


def test_moments_and_text_as_bytes_are_read_behind_the_core() -> None:
    """What the core leaves to Python still gives what its documentation says."""
    at = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert sides_of(datetime).native(b"\xd6\xff" + struct.pack(">I", int(at.timestamp()))) == at
    assert sides_of(Model).native(packed({"text": b"t", "a": b"u"})) == Model(text="t", a="u")
    assert sides_of(Holding).native(packed({"before": [b"\xff"], "zzz": {"k": b"\xfe"}})).zzz == {"k": b"\xfe"}

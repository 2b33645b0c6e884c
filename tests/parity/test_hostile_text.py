"""Any bytes are read as Pydantic reads them: the same value or the same refusal, and never a crash.

``PARITY_FLOATS`` is the number of random doubles, 100,000 unless it is set; a million is a long run.
"""

# ruff: noqa: E501 (rows of texts)

from __future__ import annotations

import math
import os
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path
from random import Random
from typing import Annotated, Any, Literal

import pytest
from encoders import plan_of
from parity.outcomes import outcome
from pydantic import AfterValidator, BaseModel, Field, RootModel
from typing_extensions import TypedDict

from pydantic_serialization._native import core
from pydantic_serialization.plan.native import bind_decoder, bind_encoder

pytestmark = pytest.mark.skipif(core is None, reason="compares the native core with pydantic")

FLOATS = int(os.environ.get("PARITY_FLOATS", "100000"))
SUITE = Path(__file__).parents[3] / "shared" / "data" / "json-test-suite"


class Keyed(TypedDict, total=False):
    a: Any
    b: list[int]


class Model(BaseModel):
    a: Any = None
    b: int | None = None
    text: str = ""
    key: dict[str, str] = {}


class Allowing(BaseModel, extra="allow"):
    a: Any = None


class Checked(BaseModel):
    a: Annotated[Any, AfterValidator(lambda value: value)] = None


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


Anything = RootModel[Any]
Anys = (
    Any,
    list[Any],
    dict[str, Any],
    Anything,
    Model,
    Allowing,
    Checked,
    Keyed,
    Any | int,
    list[Any] | dict[str, Any],
)


@cache
def _plan(declared: Any) -> Any:
    return plan_of(declared)


def same(declared: Any, document: str | bytes) -> Any:
    """Check that both read a document alike, by a function that has not seen any before."""
    plan = _plan(declared)
    expected = outcome(plan.validator.validate_json, document)
    assert outcome(bind_decoder(plan, plan.validator.validate_json), document) == expected, (declared, document[:100])
    return expected


def around(value: bytes) -> list[bytes]:
    """Return documents that hold a text as a value, a key, an item, something skipped, and something behind the end."""
    return [
        value, b"[" + value + b"]", b'{"a":' + value + b"}", b'{"zzz":' + value + b',"a":1}', b'{"text":' + value + b"}",
        b'{"key":{"k":' + value + b"}}", b'{"a":[1,{"b":' + value + b"}]}", b"{" + value + b":1}", b'{"key":{' + value + b':"v"}}',
        b" \t" + value + b"\r\n", b"1" + value, value + b"1", b'{"a":1}' + value,
    ]  # fmt: skip


@pytest.mark.skipif(not SUITE.is_dir(), reason="the JSON test suite is not beside the project")
@pytest.mark.parametrize("part", ["test_parsing", "test_transform"])
def test_the_json_test_suite(part: str) -> None:
    """Every file of the JSON test suite is accepted, with the same value, or refused as Pydantic does it."""
    files = sorted((SUITE / part).glob("*.json"))
    assert len(files) > 10
    for file in files:
        document = file.read_bytes()
        for declared in Anys:
            if len(document) < 10_000 or declared in (Any, Model, Checked):
                same(declared, document)
                same(declared, b'{"zzz":' + document + b"}")
        if len(document) < 10_000:
            found = same(Any, document)[0]
            # The first letter of the names in test_parsing says what RFC 8259 says; Pydantic also takes these three.
            is_constant = document.strip(b" []\n") in {b"NaN", b"Infinity", b"-Infinity"}
            if part == "test_parsing" and file.name[0] in "yn" and not is_constant:
                assert (found == "value") == (file.name[0] == "y"), file.name


def _doubles() -> Any:
    random = Random(20)
    for _ in range(FLOATS):
        value = struct.unpack("<d", random.randbytes(8))[0]
        yield value if math.isfinite(value) else random.uniform(-1e9, 1e9)


def test_random_doubles_both_ways() -> None:
    """A double is written as Pydantic writes it, and its text, in several forms, is read as the same double."""
    plan = plan_of(list[float])
    encode, decode = bind_encoder(plan, plan.serializer.to_json), bind_decoder(plan, plan.validator.validate_json)
    doubles = list(_doubles())
    for start in range(0, len(doubles), 1000):
        values = doubles[start : start + 1000]
        text = encode(values)
        assert text == plan.serializer.to_json(values)
        assert [struct.pack("<d", value) for value in decode(text)] == [struct.pack("<d", value) for value in values]
        for form in ("%.17e", "%.3f", "%.20g", "%.1f", "%e"):
            other = "[" + ",".join(form % value if abs(value) < 1e30 else repr(value) for value in values) + "]"
            assert outcome(decode, other) == outcome(plan.validator.validate_json, other)


def test_numbers_that_are_hard_to_round() -> None:
    """Halfway cases, long digits, tiny and huge exponents, and numbers that are none are read as Pydantic reads them."""
    random = Random(3)
    texts = [
        "1e23", "8.5e22", "9007199254740993", "9007199254740993.0", "9007199254740992.5", "0.1e-400", "1e400", "-1e400",
        "2.2250738585072011e-308", "2.2250738585072014e-308", "4.9406564584124654e-324", "2.4703282292062327e-324",
        "1.7976931348623157e308", "1.7976931348623159e308", "0e999999", "0.0e-999999", "1e-999999", "1e+0", "1E+5", "-0", "-0.0",
        "0." + "0" * 400 + "1", "1" + "0" * 400, "1" + "0" * 400 + ".5", "1." + "3" * 5000, "1." + "3" * 5000 + "e-5000",
        "9" * 18, "9" * 19, "0.000000000000000001", "123456789012345678.9", "1234567890123456.78", "00", "-", "-a", "1.", ".1",
        "1e", "1e+", "+1", "0x10", "1_0", "\u0661", "1.5.5", "--1", "1e5.5", "Infinity", "-Infinity", "NaN", "-NaN", "nan", "inf",
    ]  # fmt: skip
    for _ in range(300):
        digits = str(random.randrange(10 ** random.randint(1, 25)))
        at = random.randint(0, len(digits))
        texts.append(
            f"{digits[:at] or 0}.{digits[at:] or 0}{random.choice(('', f'e{random.randint(-330, 310)}'))}".lstrip("0")
            or "0"
        )
    for text in texts:
        for declared in (
            float,
            Any,
            int,
            float | int,
            Annotated[float, Field(ge=0)],
            Annotated[float, Field(allow_inf_nan=False)],
        ):
            same(declared, text)
            same(list[declared], f"[{text},{text}]")
        same(Model, f'{{"zzz":{text}}}')


def test_integers_at_every_boundary() -> None:
    """Integers up to and beyond 4300 digits, on each side of every power of two and ten, are read and written alike."""
    edges = {power**exponent for power in (2, 10) for exponent in range(70)}
    numbers = {sign * (edge + step) for edge in edges for sign in (1, -1) for step in (-1, 0, 1)}
    texts = list(map(str, sorted(numbers)))
    for digits in (400, 4299, 4300, 4301, 4302, 5000, 100_000):
        texts += ["9" * digits, "-" + "9" * digits, "1" + "0" * (digits - 1), "0" + "9" * (digits - 1)]
    bounded = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
    for text in texts:
        for declared in (int, Any, float, bounded, Literal[1, 2] | int, Annotated[int, Field(multiple_of=3)]):
            same(declared, text)
        same(Model, f'{{"zzz":{text}}}')
        same(dict[int, int], f'{{"{text}":1}}')
        same(Any, f"{text}.5" if len(text) < 5000 else text)
    plan = plan_of(list[int])
    for number in sorted(numbers):
        assert bind_encoder(plan, plan.serializer.to_json)([number]) == plan.serializer.to_json([number])


def test_a_lower_limit_of_digits_holds() -> None:
    """Where Python itself is told to make no long integers, both go by it."""
    plan = _plan(list[int])
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        for digits in (639, 640, 641, 1000):
            document = "[" + "9" * digits + "]"
            decode = bind_decoder(plan, plan.validator.validate_json)
            assert [hex(item) for item in decode(document)] == [
                hex(item) for item in plan.validator.validate_json(document)
            ]
    finally:
        sys.set_int_max_str_digits(limit)


def test_every_escape() -> None:
    """Each escape, each code unit, whole and half surrogate pairs: in values, in keys, and where nobody reads them."""
    escapes = [f"\\{chr(code)}" for code in range(0x20, 0x7F)]
    escapes += [f"\\u{code:04{form}}" for code in range(0, 0x10000, 97) for form in "xX"]
    escapes += [f"\\u{code:04x}" for code in (0, 0x1F, 0x20, 0x22, 0x5C, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF)]
    for high in ("d7ff", "d800", "dbff", "dc00", "dfff", "e000"):
        escapes += [f"\\u{high}", f"\\u{high}x", f"\\u{high}\\n", f"\\u{high}\\"]
        escapes += [
            f"\\u{high}\\u{low}" for low in ("0041", "d7ff", "d800", "dbff", "dc00", "dfff", "e000", "12", "g000")
        ]
    escapes += [
        "\\u",
        "\\u1",
        "\\u12",
        "\\u123",
        "\\u+123",
        "\\u 123",
        "\\u12 4",
        "\\uD83D",
        "\\U0001F600",
        "\\",
        "\\é",
        "\\\x00",
    ]
    for escape in escapes:
        for document in around(f'"a{escape}b"'.encode())[:: 1 if len(escape) < 6 else 3]:
            same(Model, document)
        same(Any, f'"{escape}"')
        same(str, f'"{"x" * 7}{escape}"')
        same(Literal["ab"] | str, f'"{escape}"')


INVALID = (
    b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xc2", b"\xc3(", b"\xe0\x80\x80", b"\xe2\x82", b"\xed\xa0\x80", b"\xed\xbf\xbf",
    b"\xf0\x80\x80\x80", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xfe", b"\xff", b"\xef\xbf", b"\xc3\xa9\xff",
)  # fmt: skip


@pytest.mark.parametrize("wrong", INVALID, ids=bytes.hex)
def test_invalid_utf8_is_refused_wherever_it_stands(wrong: bytes) -> None:
    """In values, keys, skipped values and between them, at every place of a run of eight bytes."""
    for before in range(0, 18, 3):
        text = b'"' + b"a" * before + wrong + b"b" * (before % 7) + b'"'
        for document in around(text):
            assert same(Model, document)[0] != "value" or document[:1] != b'"'
        same(bytes, text)
        same(dict[str, int], b"{" + text + b":1}")
    for document in (
        wrong,
        b"{" + wrong + b"}",
        b'{"a"' + wrong + b":1}",
        b'{"a":1' + wrong + b"}",
        b'{"a":1}' + wrong,
    ):
        same(Model, document)


def test_every_byte_at_every_place() -> None:
    """Any single byte put anywhere into a small document, or taken away, makes the same difference to both."""
    document = b'{"a":[1,-2.5e3,"x\\n\xc3\xa9",null,true],"b":7,"key":{"k":"v"},"zzz":[{}]}'
    for at in range(len(document) + 1):
        same(Model, document[:at])
        same(Model, document[:at] + document[at + 1 :])
        for byte in range(0, 256, 1 if at % 9 == 0 else 31):
            same(Model, document[:at] + bytes([byte]) + document[at:])


@pytest.mark.parametrize(
    "declared", [Any, dict[str, int], dict[int, int], Model, Allowing, Checked, Keyed, Model | Keyed, Nested, Live]
)
def test_keys_that_stand_twice(declared: Any) -> None:
    """Of keys that stand twice, escaped or not, the same one counts, at the same place."""
    for members in (
        '"a":1,"a":2', '"a":1,"b":2,"a":3', '"a":1,"\\u0061":2', '"1":1,"1":2', '"zzz":1,"zzz":2', '"b":"no","b":1', '"b":1,"b":"no"',
        '"":1,"":2', '"text":1,"text":"x"', '"key":{"k":1},"key":{}', '"a":{"x":1,"x":2},"a":{"x":[1,{"y":1,"y":2}]}',
        '"child":5,"child":null', '"many":[],"many":[{"many":[],"many":[]}]', '"a":1,"a":1e400', '"a":01,"a":1',
    ):  # fmt: skip
        same(declared, f"{{{members}}}")
        same(list[declared], f"[{{{members}}}]")


DEEP = """
import faulthandler, sys, threading
faulthandler.enable()
sys.setrecursionlimit(10_000)
from parity import test_hostile_text as here
failures = []

def run():
    try:
        here.read_deep({only_native})
    except BaseException as error:
        failures.append(error)

threading.stack_size({stack})
thread = threading.Thread(target=run)
thread.start()
thread.join()
assert not failures, failures
print("done")
"""
DEPTHS = (1, 2, 50, 150, *range(190, 206), 254, 255, 256, 260, 1000, 100_000)


def deep_documents(depth: int) -> dict[str, tuple[Any, str]]:
    """Return documents of so many levels, each with its type."""
    return {
        "arrays": (Any, "[" * depth + "]" * depth),
        "arrays with something inside": (Any, "[" * depth + "1" + "]" * depth),
        "objects": (Any, '{"a":' * depth + "1" + "}" * depth),
        "open arrays": (Any, "[" * depth),
        "open objects": (Any, '{"a":' * depth),
        "skipped": (Model, '{"zzz":' + "[" * depth + "]" * depth + "}"),
        "skipped objects": (Model, '{"zzz":' * depth + "1" + "}" * depth),
        "extra": (Allowing, '{"x":' * depth + "1" + "}" * depth),
        "models": (Nested, '{"child":' * depth + "{}" + "}" * depth),
        "lists of models": (Nested, '{"many":[' * max(depth // 2, 1) + "]}" * max(depth // 2, 1)),
        "mappings of models": (Nested, '{"by_key":{"k":' * max(depth // 2, 1) + "{}" + "}}" * max(depth // 2, 1)),
        "unions, the second member": (Nested, '{"either":[' * min(depth // 2, 8) + "]}" * min(depth // 2, 8)),
        "models with user code": (Live, '{"child":' * depth + "{}" + "}" * depth),
        "lists of models with user code": (Live, '{"many":[' * max(depth // 2, 1) + "]}" * max(depth // 2, 1)),
        "a part with user code": (Live, '{"anything":' + "[" * depth + "]" * depth + "}"),
        "refused at the end": (Nested, '{"child":' * depth + "5" + "}" * depth),
    }


def read_deep(only_native: bool) -> None:
    """Read documents of every depth; with Pydantic behind, or with nothing behind."""
    assert core is not None
    for depth in DEPTHS:
        for name, (declared, document) in deep_documents(depth).items():
            plan = _plan(declared)
            if only_native:
                decode = core.decoder(plan.decoding.program, lambda _: "declined", max_depth=200, views=False)
                found = decode(document)
                words = set(name.replace(",", "").split())
                # Calling code of the user's takes more of the stack, and what would not hold it all is not begun.
                is_held = "user" not in words or (core.stack_left() or 0) > 64 * 1024 + depth * 2048
                if depth < 195 and is_held and not {"open", "refused", "unions"} & words:
                    assert found != "declined", (name, depth)
                if depth > 210 and "unions" not in words:
                    assert found == "declined", (name, depth)
            else:
                same(declared, document)


@pytest.mark.parametrize(("stack", "only_native"), [(256 * 1024, True), (1024 * 1024, True), (16 * 1024 * 1024, False)])
def test_deep_documents_do_not_end_the_process(stack: int, only_native: bool) -> None:
    """Arrays, objects and models of 1 to 100,000 levels are read or refused alike; on small stacks the core alone is."""
    code = DEEP.format(stack=stack, only_native=only_native)
    found = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=_environment()
    )
    assert found.returncode == 0, found.stderr[-3000:]
    assert found.stdout == "done\n"


def _environment() -> dict[str, str]:
    """Return this process's environment, with the paths that it found its modules by."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

"""Reading MessagePack keeps nothing, whatever the calls did; see :mod:`parity.test_leaks`."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Annotated, Any, Literal

import ormsgpack
import pytest
from encoders import Declined
from parity.msgpack_sides import sides_of, sides_of_plan
from parity.test_leaks import FULL, MARK, PLAIN, Outer, Plain, alternating, check, quietly
from pydantic import AfterValidator, BaseModel, StringConstraints, create_model
from pydantic_core import from_json

from pydantic_serialization.plan.compiler import compile_plan

if TYPE_CHECKING:
    from collections.abc import Callable


def refuse(value: bytes) -> bytes:
    if value == b"\xff":
        raise ValueError(MARK)
    return value


class Bytes(BaseModel, extra="allow"):
    raw: bytes
    many: list[bytes] = []
    either: bytes | int | str = 0
    anything: Any = None
    checked: Annotated[bytes, AfterValidator(refuse)] = b""
    part: Annotated[str, StringConstraints(pattern="^a")] = "a"


PACKED, PACKED_PLAIN = (
    ormsgpack.packb(from_json(text.replace(b"12345678901234567890", b"7"))) for text in (FULL, PLAIN)
)
PACKED_BYTES = ormsgpack.packb(
    {
        "raw": b"\xff",
        "many": [b"a", b""],
        "either": b"b",
        "anything": {"k": [b"\xfe", 1]},
        "checked": b"c",
        "part": "a",
        "more": b"d",
    }
)


def decline(*_: Any, **__: Any) -> Any:
    """Stand behind a function that is to do everything itself."""
    raise Declined


read_outer, read_plain, read_bytes = (sides_of(declared).decoder(decline) for declared in (Outer, Plain, Bytes))
READING: dict[str, Callable[[], Any]] = {
    "success, nothing runs": lambda: read_plain(PACKED_PLAIN),
    "success, user code": lambda: read_outer(PACKED, strict=None, context={"a": MARK}),
    "success, bytes": lambda: read_bytes(PACKED_BYTES),
    "bytearray": lambda: read_bytes(bytearray(PACKED_BYTES)),
    "memoryview": lambda: read_bytes(memoryview(PACKED_BYTES)),
    "writable memoryview": lambda: read_outer(memoryview(bytearray(PACKED))),
    "declined in the middle": alternating(read_plain, PACKED_PLAIN, PACKED_PLAIN.replace(b"\xa3cat", b"\xa3dog", 1)),
    "declined at the end": alternating(read_outer, PACKED, PACKED + b"\xc0"),
    "declined, text": alternating(read_plain, PACKED_PLAIN, "text"),
    "declined, a key twice": alternating(read_bytes, PACKED_BYTES, b"\x82\xa3raw\xc4\x01a\xa3raw\xc4\x01b"),
    "declined, bytes in a part": alternating(read_bytes, PACKED_BYTES, b"\x82\xa3raw\xc4\0\xa4part\xc4\x01\xff"),
    "a validator refuses": lambda: quietly(read_outer, b"\x82\xa1a\x01\xa5inner\x81\xa1x\x07"),
    "a validator refuses bytes": lambda: quietly(read_bytes, b"\x82\xa3raw\xc4\x01a\xa7checked\xc4\x01\xff"),
    "a validator fails": lambda: quietly(read_outer, b"\x82\xa1a\x01\xa5inner\x81\xa1x\x08"),
    "a part refuses": lambda: quietly(read_outer, b"\x82\xa1a\x01\xa6before\xa2no"),
}


@pytest.mark.parametrize("name", READING)
def test_reading_keeps_nothing(name: str) -> None:
    """After many documents nothing is left of them: success, declining, refusals, failures."""
    check(READING[name])


def test_classes_can_be_collected() -> None:
    """A function that is kept in the class itself does not keep it alive."""

    def made() -> weakref.ref[type]:
        short = create_model(
            "Short",
            part=(create_model("Part", n=(int, ...)) | None, None),
            kind=(Literal["a", 1, None], None),
            checked=(Annotated[int, AfterValidator(lambda value: value)], 5),
        )
        plan = compile_plan(short)
        decode = sides_of_plan.__wrapped__(plan).decoder(plan.validator.validate_json)
        assert decode(b"\x82\xa4part\x81\xa1n\x01\xa4kind\xa1a").kind == "a"
        short.function = decode  # type: ignore[attr-defined]
        return weakref.ref(short)

    references = [made() for _ in range(20)]
    gc.collect()
    gc.collect()
    assert [reference() for reference in references] == [None] * 20

"""Values of MessagePack's extension types are read as such, and written as such where they are declared."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import ormsgpack
import pytest
from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError

from pydantic_serialization.errors import DecodeError, EncodeError
from pydantic_serialization.formats import BoundFormat, FormatOptions
from pydantic_serialization.formats.msgpack import Extension, MsgpackFormat
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.marks import MARK
from pydantic_serialization.plan.rebuild import CAN_REBUILD

YEAR_0 = b"\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xf1\x86\x8b\x84\x00"
FORMS = [  # each header of the specification, section Extension types
    (b"\xd4\x01\x10", Extension(code=1, data=b"\x10")),
    (b"\xd5\x02\x20\x21", Extension(code=2, data=b"\x20\x21")),
    (b"\xd6\x03abcd", Extension(code=3, data=b"abcd")),
    (b"\xd7\x80" + bytes(8), Extension(code=-128, data=bytes(8))),
    (b"\xd8\x7f" + bytes(16), Extension(code=127, data=bytes(16))),
    (b"\xc7\x00\x06", Extension(code=6, data=b"")),
    (b"\xc8\x00\x03\x07abc", Extension(code=7, data=b"abc")),
    (b"\xc9\x00\x00\x00\x01\x00\xff", Extension(code=0, data=b"\xff")),
    (YEAR_0, Extension(code=-1, data=YEAR_0[3:])),
]

needs_marks = pytest.mark.skipif(not CAN_REBUILD, reason="needs a newer pydantic")


class Holder(BaseModel):
    one: Extension | None = None
    many: list[Extension | bytes | str] = []
    by_name: dict[str, Extension] = {}
    anything: Any = None


class Plain(BaseModel, extra="allow"):
    """Declares neither bytes nor extensions."""

    anything: Any = None
    text: str = ""
    when: datetime | None = None
    inner: dict[str, int] | Plain | None = None


def bound(declared: Any, **options: Any) -> BoundFormat:
    """Return MessagePack bound to a type."""
    return MsgpackFormat().bind(plan_for(declared), FormatOptions(**options))


@needs_marks
@pytest.mark.parametrize(("document", "expected"), FORMS)
@pytest.mark.parametrize("strict", [False, True])
def test_every_form_is_read(document: bytes, expected: Extension, strict: bool) -> None:
    """Where it is declared, and where nothing is; alone and inside of something."""
    for declared in (Extension, Any, Extension | bytes, bytes | Extension | str, dict[str, int] | Extension):
        assert bound(declared, strict=strict).decode(document) == expected
        assert bound(list[declared], strict=strict).decode(b"\x91" + document) == [expected]
    found: Any = bound(Holder, strict=strict).decode(b"\x82\xa3one" + document + b"\xa8anything\x91" + document)
    assert found == Holder(one=expected, anything=[expected])
    open_end: Any = bound(Plain, strict=strict).decode(b"\x82\xa5other" + document + b"\xa8anything" + document)
    assert (open_end.anything, open_end.model_extra) == (expected, {"other": expected})


@needs_marks
@pytest.mark.parametrize(
    "declared", [str, bytes, int, datetime, list[Any], dict[str, Any], Plain, str | bytes | int | None]
)
def test_who_declares_something_else_refuses_it(declared: Any) -> None:
    """With an error that shows what was read."""
    for document, expected in FORMS:
        with pytest.raises(ValidationError) as caught:
            bound(dict[str, declared]).decode(b"\x81\xa1k" + document)
        assert MARK not in str(caught.value)
        assert all(error["input"] == expected and error["loc"][0] == "k" for error in caught.value.errors())


@needs_marks
def test_moments_beside_extensions_stay_moments() -> None:
    """Bytes do not become another kind of value either because an extension is somewhere else."""
    tree = {"anything": [ormsgpack.Ext(5, b"x"), b"bytes as text"], "when": datetime(2020, 1, 1, tzinfo=UTC)}
    document = ormsgpack.packb(tree, option=ormsgpack.OPT_DATETIME_AS_TIMESTAMP_EXT)
    found: Any = bound(Plain).decode(document)
    assert found == Plain(
        anything=[Extension(code=5, data=b"x"), "bytes as text"], when=datetime(2020, 1, 1, tzinfo=UTC)
    )


@needs_marks
def test_declared_extensions_are_written_as_such() -> None:
    """Another library finds them; undeclared ones are written in their JSON form."""
    value = Holder(
        one=Extension(code=0, data=b""),
        many=[Extension(code=127, data=bytes(300)), b"raw", "text"],
        by_name={"a": Extension(code=5, data=b"\xff")},
        anything=Extension(code=5, data=b"\xff"),
    )
    data = bound(Holder).encode(value)
    assert msgspec.msgpack.decode(data) == {
        "one": msgspec.msgpack.Ext(0, b""),
        "many": [msgspec.msgpack.Ext(127, bytes(300)), b"raw", "text"],
        "by_name": {"a": msgspec.msgpack.Ext(5, b"\xff")},
        "anything": {"code": 5, "data": "_w=="},
    }
    assert bound(Holder).decode(data) == value.model_copy(update={"anything": {"code": 5, "data": "_w=="}})
    alone = Extension(code=1, data=b"\x10")
    assert bound(Extension).encode(alone) == b"\xd4\x01\x10"
    assert bound(list[Extension]).encode_with([alone], {"exclude_none": True}) == b"\x91\xd4\x01\x10"


@needs_marks
@pytest.mark.parametrize("code", [-1, -128])
def test_types_of_the_specification_are_not_written(code: int) -> None:
    """They are read, and shown in JSON."""
    with pytest.raises(EncodeError, match=f"extension type {code} is MessagePack's own"):
        bound(Extension).encode(Extension(code=code, data=b""))


def test_json_has_an_object() -> None:
    """With the data in base64, both ways; and code and data are checked."""
    value = Extension(code=5, data=b"\xff\xfe")
    text = value.model_dump_json()
    assert text == '{"code":5,"data":"__4="}'
    assert Extension.model_validate_json(text) == value
    for wrong in (
        {"code": 128, "data": b""},
        {"code": -129, "data": b""},
        {"code": 1},
        {"code": 1, "data": b"", "x": 1},
    ):
        with pytest.raises(ValidationError):
            TypeAdapter(Extension).validate_python(wrong)


@needs_marks
def test_a_validator_is_given_the_extension() -> None:
    """So that an application makes of it what it means."""

    def day(value: Any) -> Any:
        return int.from_bytes(value.data, "big") if isinstance(value, Extension) and value.code == 9 else value

    class Event(BaseModel):
        day: Annotated[int, BeforeValidator(day)]

    assert bound(Event).decode(b"\x81\xa3day\xd5\x09\x01\x00") == Event(day=256)
    with pytest.raises(ValidationError):
        bound(Event).decode(b"\x81\xa3day\xd5\x08\x01\x00")


def test_a_damaged_one_is_no_document() -> None:
    """Cut off in its head or content, as a key, and followed by something."""
    for document, _ in FORMS:
        damaged = [document[:end] for end in range(1, len(document))]
        for data in (*damaged, document + b"\xc0", b"\x81" + document + b"\xc0"):
            for declared in (Any, Holder, Extension, Plain, bytes):
                if CAN_REBUILD or declared in (Any, Plain):
                    with pytest.raises(DecodeError):
                        bound(declared).decode(data)


@pytest.mark.skipif(CAN_REBUILD, reason="an older pydantic cannot read them")
def test_older_versions_say_what_is_in_the_way() -> None:
    """The error names the type of the extension."""
    with pytest.raises(DecodeError, match="extension of type 1"):
        bound(Any).decode(b"\xd4\x01\x10")

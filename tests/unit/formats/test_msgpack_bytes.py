"""Bytes in MessagePack are given to who declares them and to nobody else, and nobody sees what stands for them."""

from __future__ import annotations

import enum
import json
import re
import uuid
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from re import Pattern
from typing import Annotated, Any, Literal, NamedTuple

import ormsgpack
import pytest
from pydantic import (
    AnyUrl,
    Base64Bytes,
    Base64Str,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Discriminator,
    Field,
    Json,
    PlainSerializer,
    PostgresDsn,
    RootModel,
    SecretBytes,
    SecretStr,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
    WrapSerializer,
    create_model,
    field_serializer,
    model_serializer,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import PydanticSerializationError
from typing_extensions import TypedDict

from pydantic_serialization.errors import EncodeError
from pydantic_serialization.formats import BoundFormat, FormatOptions
from pydantic_serialization.formats.msgpack import MsgpackFormat
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.marks import MARK
from pydantic_serialization.plan.rebuild import CAN_REBUILD

pytestmark = pytest.mark.skipif(not CAN_REBUILD, reason="types with bytes need a newer pydantic")


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Lenient(BaseModel):
    x: int = 1


class Open(BaseModel, extra="allow"):
    x: int = 1


class Closed(BaseModel, extra="forbid"):
    x: int = 1


class Text(RootModel[str]):
    pass


class Loose(TypedDict, total=False):
    x: int


class LooseOpen(TypedDict, total=False):
    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    x: int


class One(BaseModel):
    kind: Literal["one"] = "one"


class Two(BaseModel):
    kind: Literal["two"] = "two"


class Pair(NamedTuple):
    x: int = 1
    y: str = "y"


@dataclass
class Point:
    x: int = 1


@pydantic_dataclass(config=ConfigDict(extra="allow"))
class OpenPoint:
    x: int = 1


def bound(declared: Any, **options: Any) -> BoundFormat:
    """Return MessagePack bound to a type."""
    return MsgpackFormat().bind(plan_for(declared), FormatOptions(**options))


def as_hex(value: bytes) -> str:
    return value.hex()


TAKE_NO_BYTES: tuple[Any, ...] = (
    str, int, float, bool, complex, date, datetime, time, timedelta, Decimal, uuid.UUID, AnyUrl, PostgresDsn, Path,
    IPv4Address, Pattern[str], ByteSize, SecretStr, Json[Any], Json[str], Colour, Level, Literal["a", 1], None, Text,
    Lenient, Open, Closed, Loose, LooseOpen, Pair, Point, OpenPoint, list[str], list[int], list[Any], set[str],
    frozenset[str], tuple[str, ...], tuple[str], deque[str], dict[str, str], dict[str, Any], dict[int, int],
    Iterable[str], Iterable[int], Iterable[Any], Annotated[str, StringConstraints(to_upper=True)],
    Annotated[str, StringConstraints(to_lower=True, strip_whitespace=True)], Base64Str,
    Annotated[str, StringConstraints(pattern="<")], str | Lenient, Lenient | str, dict[str, str] | list[str] | str | int,
    Open | dict[str, Any] | None, Loose | Text, Annotated[str | int, "with something"], Annotated[AnyUrl | str | Path, 1],
    Annotated[str, PlainSerializer(str)], re.Pattern, IPv4Network,
)  # fmt: skip


@pytest.mark.parametrize("strict", [False, True], ids=["lax", "strict"])
@pytest.mark.parametrize("declared", TAKE_NO_BYTES, ids=lambda declared: str(declared).partition(" at 0x")[0])
def test_what_declares_no_bytes_refuses_them(declared: Any, strict: bool) -> None:
    """Also what takes any text, any object, or objects without members; the error shows the bytes that were read."""
    holder = create_model("Holder", raw=(bytes, b""), field=(declared, None), many=(list[declared], []))
    for raw in (b"", b"abc", b"\xff\x00"):
        for tree, place in (({"raw": b"", "field": raw}, ("field",)), ({"many": [raw]}, ("many", 0))):
            with pytest.raises(ValidationError) as caught:
                bound(holder, strict=strict).decode(ormsgpack.packb(tree))
            assert MARK not in str(caught.value)
            for error in caught.value.errors():
                assert error["loc"][: len(place)] == place
                assert error["input"] == raw
                assert "wire:" not in str(error["loc"])


@pytest.mark.parametrize(
    "declared", [bytes, bytes | str, str | bytes, Lenient | bytes, dict[str, Any] | bytes, Any, object]
)
def test_what_takes_bytes_is_given_them(declared: Any) -> None:
    """In every order of a union, and where everything is taken."""
    holder = create_model("Holder", raw=(bytes, b""), field=(declared, None), by_name=(dict[str, declared], {}))
    for raw in (b"", b"abc", b"\xff\x00"):
        found: Any = bound(holder).decode(ormsgpack.packb({"field": raw, "by_name": {"a": raw}}))
        assert (found.field, found.by_name) == (raw, {"a": raw})


@pytest.mark.parametrize("strict", [False, True], ids=["lax", "strict"])
def test_bytes_that_are_text_in_their_own_form_are_read_in_both(strict: bool) -> None:
    """As text, which their serializer writes and JSON has, and as bytes of another writer."""

    class Own(BaseModel):
        raw: bytes = b""
        secret: SecretBytes = SecretBytes(b"")
        encoded: Base64Bytes = b""
        shown: Annotated[bytes, PlainSerializer(as_hex)] = b""
        reversed: Annotated[bytes, PlainSerializer(lambda value: value[::-1], return_type=bytes)] = b""
        nested: Json[dict[str, bytes]] | None = None

    text = {"secret": "a", "encoded": "YWJj", "shown": "61", "reversed": "cba", "nested": '{"x":"y"}'}
    packed = {name: part.encode() for name, part in text.items()}
    read = bound(Own, strict=strict).decode
    assert read(ormsgpack.packb(packed)) == read(ormsgpack.packb(text)) == Own.model_validate_json(json.dumps(text))
    assert read(bound(Own).encode(Own(reversed=b"abc"))) == Own(reversed=b"cba")


def test_text_is_bytes_only_where_it_can_be_nothing_else() -> None:
    """And not in strict mode: the format has bytes."""
    text = ormsgpack.packb("text")
    assert bound(bytes).decode(text) == b"text"
    assert bound(bytes | None).decode(text) == b"text"
    assert bound(bytes | str).decode(text) == bound(str | bytes).decode(text) == "text"
    with pytest.raises(ValidationError):
        bound(bytes, strict=True).decode(text)


def test_json_in_a_document_holds_text() -> None:
    """With ``round_trip``, which writes it as the text that it was read from."""

    class Holder(BaseModel):
        raw: bytes = b""
        inner: Json[dict[str, bytes]] = {}  # type: ignore[assignment]
        many: list[Json[bytes]] = []
        text: Json[str] | None = None

    value = Holder.model_validate({"raw": b"\xff", "inner": '{"a":"b\\"\u00e9"}', "many": ['"x"', '""']})
    data = bound(Holder).encode_with(value, {"round_trip": True})
    assert ormsgpack.unpackb(data) == {
        "raw": b"\xff",
        "inner": '{"a":"b\\"\u00e9"}',
        "many": ['"x"', '""'],
        "text": None,
    }
    assert bound(Holder).decode(data) == value
    assert ormsgpack.unpackb(bound(Holder).encode(value))["many"] == [b"x", b""]
    value = Holder.model_validate({"text": '"no \\\\ JSON"'})
    assert ormsgpack.unpackb(bound(Holder).encode(value))["text"] == "no \\ JSON"


def test_items_that_are_read_later_are_bytes() -> None:
    """What is asked for one by one is read from the values themselves; errors show them."""

    class Lazy(BaseModel):
        raw: bytes = b""
        numbers: Iterable[int] = []
        texts: Iterable[str] = []
        parts: Iterable[bytes] = []
        things: Iterable[Any] = []

    found: Any = bound(Lazy).decode(
        ormsgpack.packb({"numbers": [1, b"x"], "texts": ["a"], "parts": [b"\xff", "b"], "things": [{"a": b"\xff"}, 1]})
    )
    assert (list(found.texts), list(found.parts), list(found.things)) == (["a"], [b"\xff", b"b"], [{"a": b"\xff"}, 1])
    assert next(found.numbers) == 1
    with pytest.raises(ValidationError) as caught:
        next(found.numbers)
    assert [error["input"] for error in caught.value.errors()] == [b"x"]


def test_errors_say_what_is_wrong_with_bytes() -> None:
    """Not with the text that stands for them."""

    class Holder(BaseModel):
        raw: bytes = b""
        identity: uuid.UUID | None = None
        day: date | None = None
        took: timedelta | None = None
        short: Annotated[str, StringConstraints(max_length=2)] = ""
        exact: Decimal = Decimal(0)
        kind: Annotated[One | Two, Field(discriminator="kind")] | None = None

    tree = dict.fromkeys(("identity", "day", "took", "short", "exact"), b"abc") | {"kind": {"kind": b"one"}}
    with pytest.raises(ValidationError) as caught:
        bound(Holder).decode(ormsgpack.packb(tree))
    assert {error["loc"]: error["type"] for error in caught.value.errors()} == {
        ("identity",): "uuid_type",
        ("day",): "date_type",
        ("took",): "time_delta_type",
        ("short",): "string_type",
        ("exact",): "decimal_type",
        ("kind",): "union_tag_invalid",
    }
    assert caught.value.errors()[-1]["ctx"]["tag"] == "b'one'"
    assert MARK[:2] not in str(caught.value)


def test_functions_keep_their_names_in_errors() -> None:
    """A discriminator's in what it found nothing for, a serializer's in what it raised."""

    def which(value: Any) -> Any:
        return "neither"

    def failing(value: Any, handler: Any) -> Any:
        raise ValueError("no")

    class Holder(BaseModel):
        raw: bytes = b""
        one: Annotated[Annotated[One, Tag("a")] | Annotated[Two, Tag("b")], Discriminator(which)] | None = None
        bad: Annotated[list[bytes], WrapSerializer(failing)] = []

    with pytest.raises(ValidationError, match=r"which\(\)"):
        bound(Holder).decode(ormsgpack.packb({"one": {}}))
    with pytest.raises(PydanticSerializationError, match=r"failing"):
        bound(Holder).encode(Holder())


def test_undeclared_values_are_kept_as_they_were() -> None:
    """In models, typed dicts and dataclasses that keep what they do not declare."""

    class Holder(BaseModel):
        raw: bytes = b""
        model: Open | None = None
        typed: LooseOpen | None = None
        point: OpenPoint | None = None

    extra = {"x": 2, "more": b"\xff", "list": [b"a", {"b": b"c"}, "text"]}
    found: Any = bound(Holder).decode(ormsgpack.packb({"model": extra, "typed": extra, "point": extra}))
    assert {"x": 2, **found.model.model_extra} == extra
    assert found.typed == extra
    assert vars(found.point) == extra


def test_code_of_the_users_is_given_bytes() -> None:
    """A discriminator, a validator before the type, and the value in an error that it raises."""
    seen: list[Any] = []

    def tag(value: Any) -> str:
        seen.append(value)
        return "bytes" if isinstance(value, bytes) else "lenient"

    def refuse(value: Any) -> Any:
        seen.append(value)
        raise ValueError("not this")

    class Holder(BaseModel):
        one: Annotated[Annotated[bytes, Tag("bytes")] | Annotated[Lenient, Tag("lenient")], Discriminator(tag)] = b""
        refused: Annotated[int, BeforeValidator(refuse)] = 0

    assert bound(Holder).decode(ormsgpack.packb({"one": b"\xff"})).one == b"\xff"
    with pytest.raises(ValidationError) as caught:
        bound(Holder).decode(ormsgpack.packb({"refused": {"a": [b"\xff"]}}))
    assert [error["input"] for error in caught.value.errors()] == [{"a": [b"\xff"]}]
    assert seen == [b"\xff", {"a": [b"\xff"]}]


def test_places_in_errors_are_those_of_pydantic() -> None:
    """The names of a union's choices say what was declared."""

    class Holder(BaseModel):
        raw: bytes = b""
        either: dict[str, str] | list[bytes | str] | Lenient | int = 0
        other: Annotated[bytes, PlainSerializer(as_hex)] | dict[str, Json[int]] | Iterable[bytes] | None = None

    tree = {"either": {"x": [1], "y": 2}, "other": 1}
    with pytest.raises(ValidationError) as caught:
        bound(Holder).decode(ormsgpack.packb(tree))
    with pytest.raises(ValidationError) as expected:
        Holder.model_validate(tree)
    assert [error["loc"] for error in caught.value.errors()] == [error["loc"] for error in expected.value.errors()]


def test_input_stays_hidden() -> None:
    """Errors of a model that hides what it is given hide bytes too."""

    class Hiding(BaseModel):
        model_config = ConfigDict(hide_input_in_errors=True)

        raw: bytes = b""
        number: int = 0

    with pytest.raises(ValidationError) as caught:
        bound(Hiding).decode(ormsgpack.packb({"number": b"secret"}))
    assert "secret" not in str(caught.value)
    assert "input_value" not in str(caught.value)


@pytest.mark.parametrize("mode", ["utf8", "base64", "hex"])
def test_serializers_with_handlers_see_what_json_has(mode: Any) -> None:
    """What they leave as it is is bytes on the wire; what they make of it is what it is in JSON."""

    class Inner(BaseModel):
        model_config = ConfigDict(ser_json_bytes="hex")

        raw: bytes = b"\xff"

    class Holder(BaseModel):
        model_config = ConfigDict(ser_json_bytes=mode)

        raw: bytes = b"a\xc3\xa9?"
        many: list[bytes] = [b"one", b"two", b""]
        by_name: dict[str, bytes] = {"a": b"", "b": b"x"}
        moved: bytes = b"moved"
        dropped: bytes = b"d"
        changed: bytes = b"changed"
        queue: deque[bytes] = deque([b"q", b""])
        inner: Inner = Inner()

        @model_serializer(mode="wrap")
        def _more(self, handler: Any) -> dict[str, Any]:
            seen.append(handler(self))
            tree = handler(self)
            tree["text"] = f"<{tree['raw']}>"
            tree["elsewhere"] = tree.pop("moved")
            del tree["dropped"]
            tree["changed"] = tree["changed"].upper()
            assert tree["inner"] == {"raw": "ff"}
            return {**tree}

        @field_serializer("many", mode="wrap")
        def _longer(self, value: Any, handler: Any) -> Any:
            return [*handler(value), "more"]

    seen: list[Any] = []
    expected = Holder().model_dump(mode="json")
    [in_json] = seen
    tree = ormsgpack.unpackb(bound(Holder).encode(Holder()))
    assert seen == [in_json] * 2
    assert tree == {
        **expected, "raw": b"a\xc3\xa9?", "many": [b"one", b"two", b"", "more"], "by_name": {"a": b"", "b": b"x"},
        "queue": [b"q", b""], "inner": {"raw": b"\xff"},
    }  # fmt: skip
    assert not isinstance(tree["text"], bytes)
    assert not isinstance(tree["elsewhere"], bytes)
    assert not isinstance(tree["changed"], bytes)


def test_bytes_that_are_no_text_pass_a_serializer_with_a_handler() -> None:
    """Where it leaves them alone. What it makes of them cannot be written, as in JSON."""

    class Tagged(BaseModel):
        raw: bytes = b"\xff\x00"

        @model_serializer(mode="wrap")
        def _tagged(self, handler: Any) -> dict[str, Any]:
            return {"kind": "tagged", **handler(self)}

    class Quoting(Tagged):
        @model_serializer(mode="wrap")
        def _tagged(self, handler: Any) -> dict[str, Any]:
            return {"quoted": f"<{handler(self)['raw']}>"}

    assert ormsgpack.unpackb(bound(Tagged).encode(Tagged())) == {"kind": "tagged", "raw": b"\xff\x00"}
    with pytest.raises((ValueError, EncodeError, TypeError), match=r"surrogate|utf-8|UTF-8"):
        bound(Quoting).encode(Quoting())


def test_a_serializer_of_bytes_themselves_decides() -> None:
    """As for every type; one with a handler is given the text."""

    class Own(BaseModel):
        shown: Annotated[bytes, WrapSerializer(lambda value, handler: f"<{handler(value)}>")] = b"a"
        raw: bytes = b"a"

    assert ormsgpack.unpackb(bound(Own).encode(Own())) == {"shown": "<a>", "raw": b"a"}


def test_a_text_that_looks_like_a_mark_is_a_text() -> None:
    """The beginning of the mark can be in a payload; the number in it cannot be known."""

    class Holder(BaseModel):
        raw: bytes = b""
        text: str = ""
        anything: Any = None

    value = Holder(text="\x00<1>:YQ==", anything=["\x00<1>:YQ==", {"\x00<": "\x00<"}])
    assert bound(Holder).decode(bound(Holder).encode(value)) == value
    assert TypeAdapter(Holder).dump_python(value)["text"] == "\x00<1>:YQ=="

"""MessagePack: Pydantic's JSON values, bytes as bin, one document, read as Pydantic reads JSON."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import ormsgpack
import pytest
import zoo
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter, ValidationError

from pydantic_serialization.errors import DecodeError, EncodeError
from pydantic_serialization.formats import BoundFormat, FormatOptions
from pydantic_serialization.formats._msgpack_faults import fault_of
from pydantic_serialization.formats.msgpack import MsgpackFormat
from pydantic_serialization.plan import plan_for


def bound(declared: Any, **options: Any) -> BoundFormat:
    """Return MessagePack bound to a type."""
    return MsgpackFormat().bind(plan_for(declared), FormatOptions(**options))


@pytest.mark.parametrize(
    "entry", [entry for entry in zoo.ENTRIES if entry.name != "big-ints"], ids=lambda entry: entry.name
)
def test_values_are_those_of_pydantics_json_mode(entry: zoo.Entry) -> None:
    """An independent reader finds ``dump_python(mode="json")``, with declared bytes as bin."""
    for value in entry.values:
        tree = ormsgpack.unpackb(bound(entry.type).encode_with(value, entry.dump))  # type: ignore[arg-type]
        if not plan_for(entry.type).traits.has_bytes:
            assert tree == TypeAdapter(entry.type).dump_python(value, mode="json", **entry.dump)
        elif isinstance(value, (zoo.Utf8Bytes, zoo.Base64Config, zoo.HexConfig)):
            assert tree == dict(value)


class Part(BaseModel):
    x: int = 1


class Secretive(Part):
    secret: str = "hidden"


class Choosing(BaseModel):
    model_config = ConfigDict(ser_json_timedelta="float")

    first: bytes | Part = b""
    many: bytes | list[Part] | None = None
    later: Part | bytes | None = None
    ordered: Annotated[bytes | Part | None, Field(union_mode="left_to_right")] = None
    span: bytes | timedelta | None = None
    negated: bytes | Annotated[int, PlainSerializer(lambda value: -value)] | None = None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Choosing(first=Secretive(x=1)), {"first": {"x": 1}}),
        (Choosing(many=[Secretive(x=1)]), {"many": [{"x": 1}]}),
        (Choosing(later=Secretive(x=1)), {"later": {"x": 1}}),
        (Choosing(ordered=Secretive(x=1)), {"ordered": {"x": 1}}),
        (Choosing(span=timedelta(seconds=1.5)), {"span": 1.5}),
        (Choosing(negated=5), {"negated": -5}),
        (Choosing(first=b"\xff", many=b"\xfe", later=b"\xfd"), {"first": b"\xff", "many": b"\xfe", "later": b"\xfd"}),
    ],
)
def test_other_choices_beside_bytes_are_written_as_they_are_declared(value: Choosing, expected: dict[str, Any]) -> None:
    """A subclass's further fields stay out, and a choice's own serializer is called."""
    assert ormsgpack.unpackb(bound(Choosing).encode_with(value, {"exclude_unset": True})) == expected


def test_what_is_no_choice_is_written_with_a_warning() -> None:
    """As Pydantic does it for every type."""
    with pytest.warns(UserWarning, match="Expected `bytes`"):
        assert ormsgpack.unpackb(bound(Choosing).encode(Choosing.model_construct(first=5)))["first"] == 5


def timestamp(seconds: int, nanoseconds: int, bits: int) -> bytes:
    """Return the extension of a moment in one of its three forms (spec.md, section Timestamp extension type)."""
    if bits == 32:
        return b"\xd6\xff" + seconds.to_bytes(4, "big")
    if bits == 64:
        return b"\xd7\xff" + (nanoseconds << 34 | seconds).to_bytes(8, "big")
    return b"\xc7\x0c\xff" + nanoseconds.to_bytes(4, "big") + seconds.to_bytes(8, "big", signed=True)


@pytest.mark.parametrize(
    ("document", "moment"),
    [
        (timestamp(0, 0, 32), datetime(1970, 1, 1, tzinfo=UTC)),
        (timestamp(2**32 - 1, 0, 32), datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC)),
        (timestamp(1, 5_000, 64), datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC)),
        (timestamp(2**34 - 1, 999_999_000, 64), datetime(2514, 5, 30, 1, 53, 3, 999_999, tzinfo=UTC)),
        (timestamp(-1, 0, 96), datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (timestamp(-62_135_596_800, 0, 96), datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_timestamps_are_moments(document: bytes, moment: datetime) -> None:
    """In 32, 64 and 96 bits; alone, and in a field."""
    assert bound(datetime).decode(document) == moment
    assert bound(dict[str, datetime]).decode(b"\x81\xa1k" + document) == {"k": moment}
    assert datetime.fromisoformat(bound(Any).decode(document)) == moment


@pytest.mark.parametrize("declared", [Any, bytes, datetime, str, list[Any]])
@pytest.mark.parametrize(
    "document",
    [
        timestamp(0, 1_000_000_000, 96),  # more nanoseconds than a second has
        timestamp(0, 1_000_000_000, 64),
        *(b"\xd4\xff\x00", b"\xc7\x00\xff", b"\xd8\xff" + bytes(16), b"\xc8\x01\x00\xff" + bytes(256)),
    ],
)
def test_what_only_looks_like_a_timestamp_is_refused(document: bytes, declared: Any) -> None:
    """Of a length that no timestamp has, or with too many nanoseconds."""
    for data in (document, b"\x91" + document, b"\x92\xd4\x01\x00" + document):
        with pytest.raises(DecodeError):
            bound(declared).decode(data)


@pytest.mark.parametrize("raw", [b"", b"\x00", bytes(range(256)), b"\x00bin:", "é".encode()])
@pytest.mark.parametrize("mode", ["utf8", "base64", "hex"])
def test_bytes_are_bin_whatever_json_does_with_them(mode: str, raw: bytes) -> None:
    """``ser_json_bytes`` is about JSON text; MessagePack has bytes."""

    class Holder(BaseModel):
        model_config = ConfigDict(ser_json_bytes=mode, val_json_bytes=mode)  # type: ignore[typeddict-item]

        raw: bytes
        many: list[bytes | None] = []
        by_name: dict[str, bytes] = {}
        pair: tuple[bytes, int] | None = None

    value = Holder(raw=raw, many=[raw, None], by_name={"a": raw}, pair=(raw, 1))
    data = bound(Holder).encode(value)
    assert ormsgpack.unpackb(data) == {"raw": raw, "many": [raw, None], "by_name": {"a": raw}, "pair": [raw, 1]}
    assert bound(Holder).decode(data) == value
    assert bound(Holder, strict=True).decode(data) == value
    assert bound(Holder).decode_with(data, {"strict": True}) == value


def test_bytes_do_not_change_how_the_rest_is_read() -> None:
    """A type with bytes reads unions, dates and sets as one without: in JSON mode."""

    class Without(BaseModel):
        when: date | str
        at: str | datetime
        tags: list[int] | set[int]

    class With(Without):
        raw: bytes = b""

    for when in ("2020-01-02", "soon"):
        tree = {"when": when, "at": "2020-01-02T03:04:05Z", "tags": [1]}
        data = ormsgpack.packb(tree)
        plain, bytes_too = bound(Without).decode(data), bound(With).decode(data)
        assert not zoo.faults(dict(bytes_too) | {"raw": b""}, dict(plain) | {"raw": b""})


def test_constraints_of_bytes_hold() -> None:
    """Lengths of bytes are checked, unless the data is trusted."""

    class Short(BaseModel):
        raw: bytes = zoo.Field(max_length=2)

    data = ormsgpack.packb({"raw": b"abc"})
    with pytest.raises(ValidationError):
        bound(Short).decode(data)
    assert bound(Short, validate=False).decode(data).raw == b"abc"


def test_documents_of_other_writers_are_read() -> None:
    """Timestamps, bin as text, numbers as keys and every width of a number are read as their JSON form."""
    at = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    packed = ormsgpack.packb({"at": at}, option=ormsgpack.OPT_DATETIME_AS_TIMESTAMP_EXT)
    assert bound(zoo.Times).decode(packed).at == at
    keys = ormsgpack.packb({1: "a"}, option=ormsgpack.OPT_NON_STR_KEYS)
    assert bound(zoo.Numbered).decode(keys) == zoo.Numbered({1: "a"})
    assert bound(zoo.Address).decode(ormsgpack.packb({"street": b"raw", "city": "x"})).street == "raw"
    for data in (b"\x81\xa6number\x05", b"\x81\xd9\x06number\xd3\0\0\0\0\0\0\0\x05", b"\xde\0\x01\xa6number\xcd\0\x05"):
        assert bound(zoo.BigInts).decode(data).number == 5


@pytest.mark.parametrize("data", [b"\xc1", b"\x91", b"\x81\xa1a", b"\xd4\x05", b"\xc7\xff\x01", b"\xd9\xff"])
def test_what_is_no_document_is_a_decode_error(data: bytes) -> None:
    """Unused codes, missing items, an end in the middle of a value: one error, with model and format."""
    for declared in (zoo.Anything, zoo.BytesBesideUnions):
        with pytest.raises(DecodeError) as caught:
            bound(declared).decode(data)
        assert (caught.value.model, caught.value.format) == (declared.__name__, "msgpack")
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("declared", "tree", "place"),
    [
        (zoo.Scalars, {"text": b"canary\xff"}, ("<key 0>",)),
        (zoo.Anything, {"value": 1, "values": ["a", {"x": b"canary\xff"}]}, ("<key 1>", 1, "<key 0>")),
        (dict[str, int], {b"canary\xff": 1}, ()),
        (zoo.Utf8Bytes, {b"canary\xff": 1}, ()),
    ],
    ids=str,
)
def test_binary_data_in_place_of_text_is_named(declared: Any, tree: Any, place: tuple[str | int, ...]) -> None:
    """It is a document, so the error says what is wrong in it and where; keys are payload, so they are counted."""
    with pytest.raises(DecodeError, match="binary data that is not UTF-8") as caught:
        bound(declared).decode(ormsgpack.packb(tree, option=ormsgpack.OPT_NON_STR_KEYS))
    assert caught.value.path == place
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("declared", [zoo.Scalars, zoo.Utf8Bytes])
def test_every_view_is_read(declared: Any) -> None:
    """Of a part, with gaps, backwards, of other items and dimensions: the bytes that it shows, as for JSON."""
    functions = bound(declared)
    value = zoo.Scalars() if declared is zoo.Scalars else zoo.Utf8Bytes(raw=b"raw")
    data = functions.encode(value)
    spread = bytearray(2 * len(data))
    spread[::2] = data
    whole = memoryview(data)
    for view in (
        memoryview(b"before" + data + b"behind")[6:-6],
        memoryview(spread)[::2],
        memoryview(data[::-1])[::-1],
        whole.cast("b"),
        whole.cast("B", [1, len(data)]),
    ):
        assert functions.decode(view) == value
        assert functions.decode_with(view, {"context": 1}) == value


_LONG = b"\x83\xa4text\xa1a\xa6number"
_AT = len(_LONG)


@pytest.mark.parametrize("declared", [zoo.Scalars, zoo.Utf8Bytes])
@pytest.mark.parametrize(
    ("document", "what", "position"),
    [
        (_LONG, "ends too early, 3 values are missing", _AT),
        (b"\xdf\xff\xff\xff\xff", "ends too early, 8589934590 values are missing", 5),
        (b"\x91", "ends too early, one value is missing", 1),
        (_LONG + b"\xd2\x00", "in a value of which at least 3 bytes are missing", _AT),
        (_LONG + b"\xd9", "in a value of which at least 1 bytes are missing", _AT),
        (_LONG + b"\xd9\x05cana", "in a value of which at least 1 bytes are missing", _AT),
        (_LONG + b"\xc4\x05cana", "in a value of which at least 1 bytes are missing", _AT),
        (_LONG + b"\xc1", "the byte 0xC1", _AT),
        (b"\x80" + b"canary", "bytes follow it", 1),
        (_LONG + b"\xa6cana\xff\xfe", "a string is not UTF-8", _AT),
        (_LONG + b"\xd9\x06cana\xff\xfe", "a string is not UTF-8", _AT),
    ],
    ids=repr,
)
def test_what_is_no_document_is_told_with_its_place(declared: Any, document: bytes, what: str, position: int) -> None:
    """What the fault is and where it begins, and nothing of what is there."""
    for buffer in (document, memoryview(b"x" + document)[1:]):
        with pytest.raises(DecodeError, match=what) as caught:
            bound(declared).decode(buffer)
        assert caught.value.position == position
        assert "cana" not in str(caught.value)


def test_the_place_of_a_fault_is_not_looked_for_without_end() -> None:
    """An error for hostile data costs no more than one for a document of some size."""
    document = b"\xdd\xff\xff\xff\xff" + bytes(5_000_000)
    with pytest.raises(DecodeError, match="ValueError"):
        bound(list[int]).decode(document)
    assert fault_of(document) is None


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=lambda entry: entry.name)
def test_no_truncation_goes_without_its_place(entry: zoo.Entry) -> None:
    """However a document is cut off, the error says that it ends too early."""
    for value in entry.values[:1]:
        try:
            data = bound(entry.type).encode_with(value, entry.dump)
        except (EncodeError, TypeError):
            continue
        for end in range(len(data)):
            found = fault_of(data[:end])
            assert found is not None
            assert "too early" in found.what
            assert found.position <= end
        assert fault_of(data) is None
        assert fault_of(data + b"\x00") == ("bytes follow it", len(data))


def test_the_class_of_a_root_with_hidden_input_is_kept() -> None:
    """Settings that Pydantic takes from the root hold for the second validator and serializer too."""

    class Hiding(BaseModel):
        model_config = ConfigDict(hide_input_in_errors=True, ser_json_timedelta="float")

        raw: bytes = b""
        number: int = 0
        anything: Any = None

    with pytest.raises(ValidationError) as caught:
        bound(Hiding).decode(ormsgpack.packb({"number": "canary"}))
    assert "canary" not in str(caught.value)
    value = Hiding(anything=zoo.timedelta(seconds=1.5))
    tree = ormsgpack.unpackb(bound(Hiding).encode(value))
    assert tree["anything"] == value.model_dump(mode="json")["anything"]

"""Reading and writing files of records."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from pydantic_serialization.bulk import RecordWriter, read_records, write_records
from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.errors import (
    ConfigurationError,
    DecodeError,
    DecompressionError,
    EncodeError,
    LimitExceededError,
    UnknownFormatError,
)


class Line(BaseModel):
    sku: str
    quantity: int = 1


class Order(BaseModel):
    id: int
    at: datetime
    lines: list[Line] = []
    note: str | None = None


ORDERS = [
    Order(id=number, at=datetime(2026, 1, 1, tzinfo=UTC), lines=[Line(sku=f'"{{[{number}]}}"\\')], note="ä\n\u2028€")
    for number in range(300)
]
SUFFIXES = ["", ".gz", ".zst", ".lz4", ".br"]
FORMATS = [".jsonl", ".ndjson", ".json", ".msgpack"]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", FORMATS)
def test_records_come_back_in_every_format_and_codec(tmp_path: Path, kind: str, suffix: str) -> None:
    """What was written is read back equal, whatever the name of the file asks for."""
    path = tmp_path / f"orders{kind}{suffix}"
    assert write_records(path, ORDERS) == len(ORDERS)
    with read_records(path, Order) as reader:
        assert list(reader) == ORDERS
    assert (reader.good, reader.bad) == (len(ORDERS), 0)


@pytest.mark.parametrize("kind", FORMATS)
def test_plain_data_needs_no_model(tmp_path: Path, kind: str) -> None:
    """Without a model, records are plain values in every format."""
    records: list[Any] = [{"a": [1, None, True, 1.5, "x"]}, {"b": {"c": -(2**40)}}, {}]
    path = tmp_path / f"data{kind}"
    write_records(path, records)
    assert list(read_records(path)) == records


@pytest.mark.parametrize(("count", "batch"), [(0, 3), (1, 3), (3, 3), (40, 15), (40, 16), (70_000, 66_000)])
def test_batches_are_arrays(tmp_path: Path, count: int, batch: int) -> None:
    """With ``batch``, a MessagePack file is a row of arrays of that many records, and reads like any other."""
    path = tmp_path / "data.msgpack"
    write_records(path, range(count), batch=batch)
    assert list(read_records(path)) == list(range(count))


def test_one_msgpack_array_of_another_writer_is_read(tmp_path: Path) -> None:
    """A file that is one MessagePack array, as other libraries write it, is an array of records."""
    import ormsgpack

    path = tmp_path / "data.msgpack"
    path.write_bytes(ormsgpack.packb([{"id": 1}, {"id": 2}]))
    assert list(read_records(path)) == [{"id": 1}, {"id": 2}]


def buffered(data: bytes) -> io.BufferedReader:
    raw: Any = io.BytesIO(data)
    return io.BufferedReader(raw)


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()
TREES = st.recursive(
    SCALARS | st.binary(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=40
)


@given(st.lists(TREES))
def test_msgpack_boundaries_are_found_from_headers(values: list[Any]) -> None:
    """For any documents, the splitter finds exactly the bytes that the packer wrote for each."""
    import ormsgpack

    from pydantic_serialization.bulk.framing_msgpack import msgpack_values

    packed = [ormsgpack.packb({"value": value}) for value in values]
    assert [record.data for record in msgpack_values(buffered(b"".join(packed)), 10**6)] == packed


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=40,
        )
    ),
    st.sampled_from([None, 2]),
)
def test_json_boundaries_are_found_whatever_is_in_the_strings(values: list[Any], indent: int | None) -> None:
    """For any array, compact or indented, the splitter yields its items and where they begin."""
    from pydantic_serialization.bulk.framing import json_values

    text = json.dumps(values, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")
    found = list(json_values(buffered(text), 10**6))
    assert [json.loads(record.data) for record in found] == values
    assert all(text[record.offset :].startswith(record.data) for record in found)
    assert [record.number for record in found] == list(range(1, len(values) + 1))


def test_records_longer_than_a_piece_are_found(tmp_path: Path) -> None:
    """A record larger than what is read at once is joined, in every format."""
    large = [{"text": '\\"[' * 300_000}, {"text": "x"}, {"text": "y" * 700_000}]
    for kind in FORMATS:
        write_records(tmp_path / f"large{kind}", large)
        assert list(read_records(tmp_path / f"large{kind}")) == large


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (b"", []),
        (b"[]", []),
        (b" [ ] \n", []),
        (b"\xef\xbb\xbf[1]", [1]),
        (b'{"a": 1}', [{"a": 1}]),
        (b'{"a":1}\n{"b":2}\n', [{"a": 1}, {"b": 2}]),
        (b'[1, "a,]", null, [2, [3]], {}]', [1, "a,]", None, [2, [3]], {}]),
    ],
)
def test_json_files_are_arrays_or_values_in_a_row(tmp_path: Path, text: bytes, values: list[Any]) -> None:
    """A .json file is an array of records, or values one after another."""
    path = tmp_path / "data.json"
    path.write_bytes(text)
    assert list(read_records(path)) == values


@pytest.mark.parametrize("text", [b"[1, 2", b"[1 2]", b"[1,]", b"[", b'["a', b"[1] 2", b'{"a": [1}', b"[{]"])
def test_damaged_boundaries_end_the_reading(tmp_path: Path, text: bytes) -> None:
    """Missing brackets, quotes and commas, and what follows an array, are errors whatever happens to bad records."""
    path = tmp_path / "data.json"
    path.write_bytes(text)
    # A bracket that closes another kind is inside a record: the record is bad, and its boundaries with it.
    with pytest.raises(DecodeError):
        list(read_records(path, on_error="raise"))


@pytest.mark.parametrize("data", [b"\x92\x01", b"\xdd\x00\x00", b"\x81\xa1a", b"\xc4\x05abc", b"\x91\x01\x02", b"\xc1"])
def test_damaged_msgpack_ends_the_reading(tmp_path: Path, data: bytes) -> None:
    """Documents that end too early, mixed arrays and the unused byte are errors with a position."""
    path = tmp_path / "data.msgpack"
    path.write_bytes(data)
    with pytest.raises(DecodeError) as caught:
        list(read_records(path, on_error="skip"))
    assert caught.value.position is not None


BAD_LINES = (
    b'{"id":1,"at":"2026-01-01T00:00:00Z"}\n\n{"id":"x","at":0}\nnot json\n{"id":4,"at":"2026-01-01T00:00:00Z"}\n'
)


def test_a_bad_record_is_named_by_number_and_place(tmp_path: Path) -> None:
    """With ``raise``, Pydantic's error passes and carries a note with number and offset."""
    path = tmp_path / "orders.jsonl"
    path.write_bytes(BAD_LINES)
    with pytest.raises(ValidationError) as caught:
        list(read_records(path, Order))
    assert caught.value.__notes__ == ["in record 2, which begins at byte 38"]


def test_a_bad_document_is_named_by_number_and_place(tmp_path: Path) -> None:
    """With ``raise``, a ``DecodeError`` carries number and offset."""
    path = tmp_path / "orders.jsonl"
    path.write_bytes(b'{"id":1,"at":"2026-01-01T00:00:00Z"}\nsecret{\n')
    with pytest.raises(DecodeError) as caught:
        list(read_records(path, Order))
    assert (caught.value.path, caught.value.position) == (("record 2",), 37)
    assert "secret" not in str(caught.value)


def test_skipping_counts_and_remembers(tmp_path: Path) -> None:
    """With ``skip``, good records are read, and the bad ones are counted and described without their values."""
    path = tmp_path / "orders.jsonl"
    path.write_bytes(BAD_LINES)
    with read_records(path, Order, on_error="skip") as reader:
        assert [order.id for order in reader] == [1, 4]
    assert (reader.good, reader.bad) == (2, 2)
    assert [(problem.number, problem.offset) for problem in reader.problems] == [(2, 38), (3, 56)]
    assert BAD_LINES[38:].startswith(b'{"id":"x"')
    assert BAD_LINES[56:].startswith(b"not json")
    assert str(reader.problems[0]).startswith("record 2 at byte 38: not a valid Order (id: ")


@pytest.mark.parametrize("kind", ["jsonl", "json", "msgpack"])
def test_bad_records_are_set_aside_as_they_are(tmp_path: Path, kind: str) -> None:
    """With ``collect``, the quarantine holds exactly the bad records, and can be read again in the same format."""
    records = [{"id": 1, "at": "2026-01-01T00:00:00Z"}, {"id": "x"}, {"id": 3, "at": "no"}]
    write_records(tmp_path / f"in.{kind}", records)
    aside = tmp_path / f"aside.{kind}"
    with read_records(tmp_path / f"in.{kind}", Order, on_error="collect", quarantine=aside) as reader:
        assert [order.id for order in reader] == [1]
    assert list(read_records(aside)) == records[1:]


@pytest.mark.parametrize("kind", ["jsonl", "msgpack"])
@pytest.mark.parametrize(
    "records", [[[{"id": 1}, 2], {"id": "x"}], [[]], [{"id": "x"}, [1, 2]], [[[5]], [], "text"]], ids=str
)
def test_arrays_set_aside_stay_one_record_each(tmp_path: Path, records: list[Any], kind: str) -> None:
    """A record that is an array by mistake is read again as that record, not as the records in it."""
    path, aside = tmp_path / f"in.{kind}", tmp_path / f"aside.{kind}"
    write_records(path, records, batch=10 if kind == "msgpack" else None)
    with read_records(path, Order, on_error="collect", quarantine=aside) as reader:
        assert list(reader) == []
    assert list(read_records(aside)) == records


def test_indented_records_are_set_aside_in_one_line_each(tmp_path: Path) -> None:
    """A record of several lines takes one line in the quarantine."""
    (tmp_path / "in.json").write_text('[{\n "id": "x",\r\n "at": 0\n}, {"id": 1}]')
    list(read_records(tmp_path / "in.json", Order, on_error="collect", quarantine=tmp_path / "aside.jsonl"))
    assert [json.loads(line) for line in (tmp_path / "aside.jsonl").read_text().splitlines()] == [
        {"id": "x", "at": 0},
        {"id": 1},
    ]


def test_no_quarantine_appears_without_bad_records(tmp_path: Path) -> None:
    """The file of bad records only appears if there are any."""
    write_records(tmp_path / "in.jsonl", ORDERS)
    list(read_records(tmp_path / "in.jsonl", Order, on_error="collect", quarantine=tmp_path / "aside"))
    assert not (tmp_path / "aside").exists()


def test_an_interrupted_reading_leaves_no_quarantine(tmp_path: Path) -> None:
    """If the block fails, the half-written quarantine is removed."""
    (tmp_path / "in.jsonl").write_bytes(BAD_LINES)

    def fail_after_two() -> None:
        with read_records(tmp_path / "in.jsonl", Order, on_error="collect", quarantine=tmp_path / "aside") as reader:
            next(reader)
            next(reader)
            raise KeyError

    with pytest.raises(KeyError):
        fail_after_two()
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize(("policy", "quarantine"), [("collect", None), ("skip", "aside"), ("ignore", None)])
def test_policy_and_quarantine_belong_together(tmp_path: Path, policy: Any, quarantine: str | None) -> None:
    """A policy that cannot work is refused before anything is read."""
    with pytest.raises(ConfigurationError):
        read_records(tmp_path / "absent.jsonl", on_error=policy, quarantine=quarantine)


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
def test_truncated_compression_is_an_error_after_the_good_records(tmp_path: Path, suffix: str) -> None:
    """A compressed file that ends too early is never taken for complete, even when bad records are skipped."""
    path = tmp_path / f"orders.jsonl{suffix}"
    write_records(path, ORDERS)
    path.write_bytes(path.read_bytes()[:-3])
    with read_records(path, Order, on_error="skip") as reader, pytest.raises(DecompressionError):
        for _ in reader:
            pass


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
def test_what_follows_the_compressed_data_is_an_error(tmp_path: Path, suffix: str) -> None:
    """Bytes behind the compressed data are not passed over."""
    path = tmp_path / f"orders.jsonl{suffix}"
    write_records(path, ORDERS)
    path.write_bytes(path.read_bytes() + b"something else")
    with pytest.raises(DecompressionError):
        list(read_records(path, Order))


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".lz4"])
def test_appended_members_are_joined(tmp_path: Path, suffix: str) -> None:
    """Files that were appended to, member by member, are read to their end."""
    path = tmp_path / f"orders.jsonl{suffix}"
    write_records(path, ORDERS)
    path.write_bytes(path.read_bytes() * 3)
    assert list(read_records(path, Order)) == ORDERS * 3


def test_compression_is_recognised_whatever_the_name(tmp_path: Path) -> None:
    """Gzip is read under any name."""
    path = tmp_path / "orders.jsonl"
    path.write_bytes(gzip.compress(ORDERS[0].model_dump_json().encode()))
    assert list(read_records(path, Order)) == ORDERS[:1]


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".lz4"])
def test_a_name_that_promises_compression_is_held_to_it(tmp_path: Path, suffix: str) -> None:
    """A file called .gz that is empty or plain is an error, not no records."""
    path = tmp_path / f"orders.jsonl{suffix}"
    path.write_bytes(b"")
    with pytest.raises(DecodeError, match="rename"):
        read_records(path, Order)


def test_gzip_files_are_reproducible(tmp_path: Path) -> None:
    """The same records give the same gzip file: no time and no name are in it."""
    write_records(tmp_path / "a.jsonl.gz", ORDERS)
    write_records(tmp_path / "b.jsonl.gz", ORDERS)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()).count(b"\n") == len(ORDERS)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_record_over_the_limit_is_an_error(tmp_path: Path, kind: str) -> None:
    """No record larger than ``max_payload_bytes`` is read, so a bomb cannot fill the memory."""
    path = tmp_path / f"bomb{kind}.gz"
    write_records(path, [{"text": "0" * 5_000_000}])
    config = SerializationConfig(max_payload_bytes=100_000)
    with pytest.raises(LimitExceededError) as caught:
        list(read_records(path, config=config, on_error="skip"))
    assert caught.value.limit == "max_payload_bytes"


@pytest.mark.parametrize("kind", [".jsonl", ".json", ".msgpack"])
@pytest.mark.parametrize("model", [None, dict[str, Any]])
def test_a_record_over_another_limit_is_a_bad_record(tmp_path: Path, kind: str, model: Any) -> None:
    """Levels and items are those of one record, with a model and without; the other records are read."""
    good, deep, many = {"a": [1, 2]}, {"a": [[[]]]}, {"a": [0] * 51}
    path = tmp_path / f"some{kind}"
    write_records(path, [good, deep, good, many, good])
    config = SerializationConfig(max_depth=3, max_items=50)
    with read_records(path, model, config=config, on_error="skip") as found:
        assert list(found) == [good] * 3
    assert [problem.number for problem in found.problems] == [2, 4]
    assert "max_depth=3" in found.problems[0].reason
    assert "max_items=50" in found.problems[1].reason


@pytest.mark.parametrize("name", ["orders.pickle", "orders.pkl.gz"])
def test_pickle_is_refused_by_name(tmp_path: Path, name: str) -> None:
    """A file that says it is a pickle is neither read nor written."""
    (tmp_path / name).write_bytes(gzip.compress(b"x") if name.endswith("gz") else b"x")
    with pytest.raises(ConfigurationError, match="any code"):
        read_records(tmp_path / name)
    with pytest.raises(ConfigurationError, match="any code"), RecordWriter(tmp_path / name):
        pass


def test_pickle_is_refused_by_content(tmp_path: Path) -> None:
    """A pickle under a name that says nothing is refused by its first bytes."""
    import pickle

    (tmp_path / "data").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ConfigurationError, match="any code"):
        read_records(tmp_path / "data")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"a":1}\n{"a":2}\n', "jsonl"),
        (b'{"a":1}\n', "json"),
        (b'{\n"a":1}', "json"),
        (b"[1]", "json"),
        (b"\x81\xa1a\x01", "msgpack"),
    ],
)
def test_the_format_is_told_from_the_first_bytes(tmp_path: Path, content: bytes, kind: str) -> None:
    """Where the name says nothing, the content does."""
    (tmp_path / "data").write_bytes(content)
    with read_records(tmp_path / "data") as reader:
        assert reader.format == kind


def test_a_format_in_doubt_is_asked_for(tmp_path: Path) -> None:
    """Where neither name nor content says the format, nothing is guessed."""
    (tmp_path / "data").write_bytes(b"1234")
    with pytest.raises(DecodeError, match="name it"):
        read_records(tmp_path / "data")
    with pytest.raises(ConfigurationError, match="name it"):
        RecordWriter(tmp_path / "other")
    with pytest.raises(UnknownFormatError, match="did you mean 'jsonl'"):
        read_records(tmp_path / "data", format="jsnl")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"x", {1, 2}])
def test_json_never_loses_a_value_it_has_no_form_for(tmp_path: Path, value: Any) -> None:
    """Plain data without a JSON form is an error that names the record, not ``null``."""
    with pytest.raises(EncodeError, match="record 2"):
        write_records(tmp_path / "out.jsonl", [{"a": 1}, {"a": value}])
    assert list(tmp_path.iterdir()) == []


def test_records_that_are_arrays_need_batches(tmp_path: Path) -> None:
    """A document that readers would take for an array of records is not written as a record."""
    with pytest.raises(EncodeError, match="batch"):
        write_records(tmp_path / "out.msgpack", [[1, 2], [3]])
    write_records(tmp_path / "out.msgpack", [[1, 2], [3]], batch=10)
    assert list(read_records(tmp_path / "out.msgpack")) == [[1, 2], [3]]


def test_a_model_that_writes_line_feeds_stays_in_its_line(tmp_path: Path) -> None:
    """A user's own indented ``model_dump_json`` does not break JSON lines."""

    class Indented(BaseModel):
        text: str
        kind: Literal["a"] = "a"

        def model_dump_json(self, **options: Any) -> str:
            return super().model_dump_json(**{**options, "indent": 2})

    records = [Indented(text="x\ny"), Indented(text="z")]
    write_records(tmp_path / "out.jsonl", records)
    assert (tmp_path / "out.jsonl").read_bytes().count(b"\n") == 2
    assert list(read_records(tmp_path / "out.jsonl", Indented)) == records


@pytest.mark.parametrize("compress", ["gzip", "gzip:fast", "zstd:19", "lz4:max", "brotli:0"])
def test_codec_and_level_can_be_named(tmp_path: Path, compress: str) -> None:
    """``compress`` decides whatever the name of the file says."""
    write_records(tmp_path / "out.jsonl", ORDERS, compress=compress)
    source = tmp_path / "out.jsonl"
    if compress.startswith("brotli"):
        source = source.rename(tmp_path / "out.jsonl.br")
    assert source.stat().st_size < 20_000
    assert list(read_records(source, Order)) == ORDERS


@pytest.mark.parametrize("compress", ["gzip:99", "zstd:lots", "zsdt"])
def test_unknown_codecs_and_levels_are_refused(tmp_path: Path, compress: str) -> None:
    """A codec or level that does not exist is named, before a file appears."""
    with pytest.raises(ConfigurationError):
        RecordWriter(tmp_path / "out.jsonl", compress=compress)
    with pytest.raises(ConfigurationError, match="MessagePack array"):
        RecordWriter(tmp_path / "out.jsonl", batch=3)

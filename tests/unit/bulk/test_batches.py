"""Many records at once are the same bytes as one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, RootModel, TypeAdapter, field_serializer

from pydantic_serialization.bulk import RecordWriter, read_records, write_records
from pydantic_serialization.config import SerializationConfig
from pydantic_serialization.errors import EncodeError

Kind: TypeAlias = tuple[str, int | None]


class Item(BaseModel):
    number: int
    text: str = "text"
    raw: bytes = b"raw"


class Other(BaseModel):
    name: str


class Loud(BaseModel):
    number: int

    def model_dump_json(self, **options: Any) -> str:
        return super().model_dump_json(indent=1)


KINDS: list[Kind] = [
    ("jsonl", None),
    ("json", None),
    ("msgpack", None),
    ("msgpack", 1),
    ("msgpack", 7),
    ("msgpack", 1000),
]


def by_one(path: Path, records: Any, model: Any, kind: Kind) -> bytes:
    """Return the file that is written record by record."""
    with RecordWriter(path, model, format=kind[0], batch=kind[1]) as writer:
        for record in records:
            writer.write(record)
    return path.read_bytes()


def at_once(path: Path, records: Any, model: Any, kind: Kind) -> bytes:
    """Return the file that is written from a list."""
    assert write_records(path, records, model, format=kind[0], batch=kind[1]) == len(records)
    return path.read_bytes()


@given(
    kind=st.sampled_from(KINDS),
    model=st.sampled_from([None, Item]),
    records=st.lists(
        st.one_of(
            st.builds(Item, number=st.integers(-(2**63), 2**64 - 1), text=st.text(max_size=300)),
            st.builds(Other, name=st.text()),
        ),
        max_size=40,
    ),
    doubled=st.integers(0, 6),
)
def test_the_file_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, kind: Kind, model: Any, records: list[Any], doubled: int
) -> None:
    """Whatever the records, their number, their classes and the size of the arrays."""
    path = tmp_path_factory.getbasetemp() / "records"
    records = records * 2**doubled
    if model is Item:
        records = [record for record in records if type(record) is Item]
    assert at_once(path, records, model, kind) == by_one(path, records, model, kind)
    assert at_once(path, tuple(records), model, kind) == by_one(path, records, model, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [1, "a", {"a": [1.5, None]}, Loud(number=1)])
def test_what_is_no_model_or_writes_itself_is_written_as_ever(tmp_path: Path, kind: Kind, value: Any) -> None:
    """One by one, so that a record with line feeds stays in its line."""
    path = tmp_path / "records"
    assert at_once(path, [value] * 50, None, kind) == by_one(path, [value] * 50, None, kind)
    adapter: Any = list[int]
    assert TypeAdapter(adapter).validate_python([1])
    assert at_once(path, [[1]] * 3, adapter, ("jsonl", None)) == by_one(path, [[1]] * 3, adapter, ("jsonl", None))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bad", [0, 15, 16, 3000])
def test_a_bad_record_is_named(tmp_path: Path, kind: Kind, bad: int) -> None:
    """By its number, and nothing appears."""
    records = [Item(number=number) for number in range(4000)]
    records[bad] = Item.model_construct(number=1, text="\ud800")
    path = tmp_path / "records"
    with pytest.raises(EncodeError, match=f"record {bad + 1}"):
        write_records(path, records, Item, format=kind[0], batch=kind[1])
    assert not path.exists()


def test_a_record_over_the_limit_is_named(tmp_path: Path) -> None:
    """The limit is one record's, not that of many."""
    config = SerializationConfig(max_payload_bytes=1000)
    records = [Item(number=1, text="x" * 300)] * 100
    for kind in ("jsonl", "json", "msgpack"):
        assert write_records(tmp_path / "records", records, Item, format=kind, config=config) == 100
        with pytest.raises(EncodeError, match="record 101"):
            write_records(tmp_path / "r", [*records, Item(number=1, text="x" * 1000)], Item, format=kind, config=config)


def test_code_of_the_model_runs_once_for_each_record_in_order(tmp_path: Path) -> None:
    """Also where many are written at once."""
    seen: list[int] = []

    class Noted(BaseModel):
        number: int

        @field_serializer("number")
        def note(self, value: int) -> int:
            seen.append(value)
            return value

    for kind in KINDS:
        seen.clear()
        at_once(tmp_path / "records", [Noted(number=number) for number in range(500)], Noted, kind)
        assert seen == list(range(500))


def test_records_of_a_generator_are_written_when_they_come(tmp_path: Path) -> None:
    """One object that is changed between two of them is not written twice as it was last."""
    item = Item(number=0)

    def changing() -> Any:
        for number in range(100):
            item.number = number
            yield item

    write_records(tmp_path / "records.jsonl", changing())
    with read_records(tmp_path / "records.jsonl", Item) as reader:
        assert [found.number for found in reader] == list(range(100))


def test_one_and_many_can_be_mixed(tmp_path: Path) -> None:
    """The arrays stay full."""
    records = [Item(number=number) for number in range(100)]
    with RecordWriter(tmp_path / "mixed", Item, format="msgpack", batch=30) as writer:
        for record in records[:7]:
            writer.write(record)
        writer.write_many(records[7:])
        writer.write_many([])
    assert writer.count == 100
    assert (tmp_path / "mixed").read_bytes() == by_one(tmp_path / "one", records, Item, ("msgpack", 30))


class Telling(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="constants", ser_json_timedelta="float", ser_json_bytes="hex")

    number: int = 1
    thing: Any = None


@pytest.mark.parametrize("model", [Telling, None], ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_configuration_of_a_model_holds_in_batches(tmp_path: Path, kind: Kind, model: Any) -> None:
    """For values without a declared type too, which Pydantic writes otherwise where the model stands in a list."""
    records = [Telling(thing=thing) for thing in (1.5, float("inf"), timedelta(seconds=5), [b"raw", {"a": b"raw"}])]
    assert at_once(tmp_path / "many", records, model, kind) == by_one(tmp_path / "one", records, model, kind)
    with read_records(tmp_path / "many", Telling, format=kind[0]) as reader:
        assert [record.thing for record in reader] == [1.5, float("inf"), 5.0, ["726177", {"a": "726177"}]]


class Streamed(BaseModel):
    numbers: Iterable[int] | None = None
    thing: Any = None


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_can_be_read_once_survives_a_bad_record_behind_it(tmp_path: Path, kind: Kind) -> None:
    """The records before a bad one are written as they were, iterators included."""

    def records() -> list[Streamed]:
        return [Streamed(numbers=[1, 2]), Streamed(numbers=[3]), Streamed(thing=object())]

    with RecordWriter(tmp_path / "one", Streamed, format=kind[0], batch=kind[1]) as writer:
        for record in records()[:2]:
            writer.write(record)
    many = RecordWriter(tmp_path / "many", Streamed, format=kind[0], batch=kind[1])
    with many as writer, pytest.raises(EncodeError, match="record 3"):
        writer.write_many(records())
    assert (tmp_path / "many").read_bytes() == (tmp_path / "one").read_bytes()
    with read_records(tmp_path / "many", dict[str, Any], format=kind[0]) as reader:
        assert [record["numbers"] for record in reader] == [[1, 2], [3]]


def test_records_that_are_arrays_need_batches(tmp_path: Path) -> None:
    """A reader would take the first one for an array of records."""

    class Row(RootModel[list[int]]):
        pass

    with pytest.raises(EncodeError, match="batch=N"):
        write_records(tmp_path / "rows", [Row([1])] * 3, Row, format="msgpack")
    assert at_once(tmp_path / "rows", [Row([1])] * 3, Row, ("msgpack", 2))

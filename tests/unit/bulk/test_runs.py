"""Records that are read many at once are the same records, with the same errors, as those that are read one by one."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import ormsgpack
import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from pydantic_serialization import SerializationConfig
from pydantic_serialization.bulk import content, read_records
from pydantic_serialization.errors import SerializationError

if TYPE_CHECKING:
    from pathlib import Path


class Item(BaseModel):
    number: int
    text: str = Field("", max_length=20)
    parts: list[dict[str, int]] = []
    raw: bytes = b""


GOOD: list[Any] = [
    {"number": 1, "text": '"}],[{"', "parts": [{"a": 1}, {}]},
    {"number": 2},
    {"number": 3, "raw": "abc"},
]
BAD: list[Any] = [
    {},
    {"number": "x"},
    {"number": 1, "text": "x" * 21},
    [1],
    {"number": 1, "parts": [{"a": "b"}]},
    [],
    [[]],
]


def written(path: Path, records: list[Any], kind: str) -> Path:
    """Write a file of any records by other libraries."""
    if kind == "msgpack":
        path.write_bytes(ormsgpack.packb(records))
    elif kind == "json":
        path.write_text(json.dumps(records, indent=1), encoding="utf-8")
    else:
        path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return path


def outcome(path: Path, kind: str, policy: Any, config: SerializationConfig | None = None) -> Any:
    """Return everything that reading a file gives."""
    aside = path.with_suffix(".aside") if policy == "collect" else None
    values: list[Any] = []
    with read_records(path, Item, format=kind, on_error=policy, quarantine=aside, config=config) as reader:
        try:
            for value in reader:
                values.append(value)
                assert reader.good == len(values)
            error = ""
        except (SerializationError, ValidationError) as caught:
            error = f"{type(caught)} {caught} {getattr(caught, '__notes__', None)}"
    read_aside = aside.read_bytes() if aside is not None and aside.exists() else None
    return values, error, reader.bad, reader.problems, read_aside


@pytest.mark.parametrize("policy", ["raise", "skip", "collect"])
@pytest.mark.parametrize("kind", ["jsonl", "json", "msgpack"])
def test_values_and_errors_are_those_of_single_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, policy: str
) -> None:
    """Wherever the bad ones stand, with each policy; numbers, places and what is set aside agree."""
    random = Random(kind)
    configs = [
        None,
        SerializationConfig(max_depth=3),
        SerializationConfig(max_items=5),
        SerializationConfig(strict_validation=True),
    ]
    for number in range(40):
        bad = random.choice([0, 0.01, 0.3])
        records = [random.choice(BAD if random.random() < bad else GOOD) for _ in range(random.randrange(60))]
        path, config = written(tmp_path / f"{number}", records, kind), random.choice(configs)
        many = outcome(path, kind, policy, config)
        with monkeypatch.context() as patch:
            patch.setattr(content, "bind_many_reader", lambda *_: None)
            assert outcome(path, kind, policy, config) == many
        if not bad and config is None:
            assert many[:2] == ([Item.model_validate(record) for record in records], "")


@pytest.mark.parametrize("kind", ["jsonl", "json", "msgpack"])
def test_code_of_the_users_does_not_run_ahead(tmp_path: Path, kind: str) -> None:
    """A validator is called for a record when that record is asked for, and once."""
    seen: list[int] = []

    class Noting(Item):
        @field_validator("number")
        @classmethod
        def _note(cls, value: int) -> int:
            seen.append(value)
            return value

    path = written(tmp_path / "file", [{"number": number} for number in (1, 2, "x", 4)], kind)
    with read_records(path, Noting, format=kind, on_error="skip") as reader:
        assert [(item.number, list(seen)) for item in reader] == [(1, [1]), (2, [1, 2]), (4, [1, 2, 4])]


@pytest.mark.parametrize(
    "text", ['{"number":1},{"number":2}', '{"number":1\n"text":"a"}', "[1]\n,[2]", '{"number":1}]\n[{"number":2}']
)
def test_lines_are_not_put_together(tmp_path: Path, text: str) -> None:
    """What only is JSON together with other lines, or is two values, is no record."""
    path = tmp_path / "file.jsonl"
    path.write_text(f'{{"number":0}}\n{text}\n{{"number":9}}\n', encoding="utf-8")
    with read_records(path, Item, on_error="skip") as reader:
        assert [item.number for item in reader] == [0, 9]
    assert reader.bad == text.count("\n") + 1

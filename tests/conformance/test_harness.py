"""The comparison with Pydantic tells what differs, and blames nothing that does not."""

from __future__ import annotations

from datetime import UTC, datetime, timezone
from typing import Any

import pytest
from conformance import documents, instances, wrong
from conformance.comparison import Comparison
from conformance.outcomes import mark, outcome
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter, computed_field


class Held(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int = 1
    b: list[int] = []
    _c: int = PrivateAttr(1)


class Sample(BaseModel):
    number: int = Field(1, alias="n")
    ratio: float = 2.0
    when: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    tags: list[str] = []
    nothing: int | None = None

    @computed_field
    def twice(self) -> int:
        return self.number * 2


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ("a", b"a"),
        ([1], (1,)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1)),
        (Held(), Held(a=1)),
        (Held(), Held(b=[])),
        (Held(), Held(z=1)),
        (Held(a=1, b=[]), instances.clone(Held(a=1, b=[]), {"b": [], "a": 1})),
        (Held(b=[]), Held.model_construct({"b"}, b=Held.model_fields["b"].default)),
    ],
)
def test_what_can_be_told_apart_is(left: Any, right: Any) -> None:
    """Values that differ in class, order, sign, what was set, extras or identity with a default have different marks."""
    assert mark(left) != mark(right)
    assert mark(left) == mark(left)


def test_a_time_zones_class_counts() -> None:
    """Two zones of one offset are two classes."""
    read = TypeAdapter(datetime).validate_json('"2026-01-01T00:00:00Z"')
    assert read == datetime(2026, 1, 1, tzinfo=timezone.utc)  # noqa: UP017
    assert mark(read) != mark(datetime(2026, 1, 1, tzinfo=UTC))


def test_outcomes_hold_errors_and_warnings() -> None:
    """An error, its text and what was warned of are part of an outcome; addresses are not."""
    bad = Sample.model_construct(number="x")
    assert outcome(lambda: bad.model_dump_json()) != outcome(lambda: bad.model_dump_json(warnings=False))
    assert outcome(lambda: Sample.model_validate_json("{")) != outcome(lambda: Sample.model_validate_json("["))
    assert outcome(lambda: str(object())) == outcome(lambda: str(object()))


def test_documents_are_written_as_they_were_read() -> None:
    """Taking a document apart and writing it again gives the same members."""
    text = b'{"a":1,"b":{"c":[null,"x"]},"a":2}'
    pairs = documents.members(text)
    assert pairs is not None
    assert [key for key, _ in pairs] == ["a", "b", "a"]
    assert documents.members(documents.written(pairs)) == pairs
    assert documents.members(b"[1]") is None
    assert len(set(documents.around(pairs))) > 100


@pytest.mark.parametrize(
    "variant",
    [
        "members in the order of their names",
        "+00:00 for Z",
        "1 for 1.0",
        "exclude_unset forgotten",
        "no computed fields",
    ],
)
def test_wrong_writers_are_noticed(variant: str) -> None:
    """A few of the wrong implementations, on one model."""
    comparison = Comparison(wrong.WRITERS[variant], wrong.nothing)
    comparison.run("here", [Sample(ratio=3.0)], [])
    assert comparison.mismatches


@pytest.mark.parametrize(
    "variant",
    ["every field counts as set", "another class of time zone", "a shared mutable default", "strict forgotten"],
)
def test_wrong_readers_are_noticed(variant: str) -> None:
    """A few of the wrong implementations, on one model."""
    comparison = Comparison(wrong.nothing, wrong.READERS[variant])
    comparison.run("here", [Sample(ratio=3.0, n=2)], [])
    assert comparison.mismatches


def test_what_is_right_is_not_blamed() -> None:
    """Pydantic compared with itself differs nowhere, for models and for adapters."""
    comparison = Comparison(wrong.right, wrong.right)
    comparison.run("here", [Sample(), Held(z=1)], [(TypeAdapter(list[Sample]), [Sample()])])
    assert not comparison.mismatches
    assert sum(count for name, count in comparison.counts.items() if "compared" in name) > 1000

"""Lists written as lines of JSON."""

from __future__ import annotations

from typing import Any

import pytest
import zoo
from encoders import outcome
from pydantic import BaseModel, TypeAdapter, field_serializer

from pydantic_serialization import encoder
from pydantic_serialization._native import core
from pydantic_serialization.formats import FormatOptions
from pydantic_serialization.formats.jsonl import JsonlFormat
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.overrides import has_own

pytestmark = pytest.mark.skipif(core is None, reason="compares the native core with pydantic")

OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"by_alias": True, "exclude_none": True},
    {"exclude_unset": True, "exclude_defaults": True},
    {"warnings": "error"},
)


class Item(BaseModel):
    number: int
    text: str = "text"


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=lambda entry: entry.name)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "plain")
def test_lines_are_what_pydantic_writes(entry: zoo.Entry, options: dict[str, Any]) -> None:
    """Each line is the text of its item, with user code, parts and warnings as Pydantic has them."""
    if has_own(plan_for(entry.type).model, "model_dump_json"):
        pytest.skip("the class's own method writes the lines")
    adapter, bound = TypeAdapter(entry.type), JsonlFormat().bind(plan_for(list[entry.type]), FormatOptions())  # type: ignore[name-defined]
    values = [*entry.values, *entry.values[:1]] * 2

    def by_pydantic(values: Any) -> bytes:
        return b"".join([adapter.dump_json(value, **options) + b"\n" for value in values])

    found = outcome(bound.encode_with, values, options)
    expected = outcome(by_pydantic, values)
    assert found[0] == expected[0]
    assert bool(found[1]) == bool(expected[1])


def test_a_wrong_item_is_written_as_pydantic_writes_it() -> None:
    """A value of another type in the middle is written with Pydantic's warning, a value without a form is its error."""
    values: list[Any] = [Item(number=1), Item.model_construct(number="x"), Item(number=3)]
    with pytest.warns(UserWarning, match="serializer warnings"):
        assert encoder(list[Item], "jsonl")(values).splitlines()[1] == b'{"number":"x","text":"text"}'
    with pytest.raises(Exception, match="surrogate"):
        encoder(list[Item], "jsonl")([Item(number=1), Item.model_construct(number=2, text="\ud800")])
    assert encoder(list[Item], "jsonl")(iter([Item(number=1)])) == b'{"number":1,"text":"text"}\n'  # type: ignore[arg-type]


def test_code_of_the_model_runs_in_the_order_of_the_lines() -> None:
    """A serializer is called once for each item, in order."""
    seen: list[int] = []

    class Noted(BaseModel):
        number: int

        @field_serializer("number")
        def note(self, value: int) -> int:
            seen.append(value)
            return -value

    assert encoder(list[Noted], "jsonl")([Noted(number=1), Noted(number=2)]) == b'{"number":-1}\n{"number":-2}\n'
    assert seen == [1, 2]

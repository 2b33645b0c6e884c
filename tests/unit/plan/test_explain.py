"""``explain`` says of every field how it is written and read, why Pydantic does it where it does, and what to change."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from fractions import Fraction
from typing import Any, Generic, TypeVar

import pytest
import zoo
from pydantic import BaseModel, Field, RootModel

from pydantic_serialization import BACKEND, UnsupportedTypeError, explain
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.explanation import FieldExplanation, Way
from pydantic_serialization.plan.native.program import Detour

T = TypeVar("T")

NATIVE = Way()
needs_core = pytest.mark.skipif(BACKEND != "native", reason="without the core, nothing is native")


class Price(BaseModel):
    amount: int
    currency: str = "EUR"


class Shop(BaseModel):
    prices: list[Price]
    label: str
    code: int


class Odd(BaseModel):
    plain: int
    share: Fraction  # of no use to anybody's JSON, so that the core is not likely to learn it


class Watched(BaseModel):
    a: int

    def __del__(self) -> None:
        pass


class Page(BaseModel, Generic[T]):
    items: list[T]
    more: Page[T] | None = None


class Prices(RootModel[dict[str, Price]]):
    pass


def by_name(fields: tuple[FieldExplanation, ...]) -> dict[str, FieldExplanation]:
    return {field.name: field for field in fields}


def lines_of(text: str) -> list[str]:
    """Return the lines of the tree: behind verdict, empty line and titles, before the notes."""
    return text.split("\n\n")[1].splitlines()[1:]


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=lambda entry: entry.name)
def test_every_type_is_explained(entry: zoo.Entry) -> None:
    """Any type has an explanation that prints, turns into JSON, and gives a reason wherever something is not native."""
    found = explain(entry.type)
    assert found.backend == BACKEND
    assert str(found).startswith(f"{found.model}: written ")
    values = json.loads(json.dumps(found.as_dict()))
    assert values["model"] == found.model
    pending = [values]
    while pending:
        item = pending.pop()
        pending += item["fields"]
        for way in (item["writes"], item["reads"]):
            assert way is None or (way["path"] == "native") == (way["reason"] == "")


@needs_core
@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=lambda entry: entry.name)
def test_it_says_what_the_compilers_found(entry: zoo.Entry) -> None:
    """What a compiler declines is told in its words, and every detour of the type's own fields."""
    found, plan = explain(entry.type), plan_for(entry.type)
    fields = by_name(found.fields)
    for way, compiled, name in ((found.writes, plan.encoding, "writes"), (found.reads, plan.decoding, "reads")):
        if way.reason.endswith("of its own"):
            continue
        if compiled.declined is not None:
            assert way == Way("pydantic", compiled.declined.reason, compiled.declined.advice)
        for field, detour in compiled.detours.get(plan.type if isinstance(plan.type, type) else object, {}).items():
            assert getattr(fields[field], name) == Way("pydantic", detour.reason, detour.advice)


@needs_core
def test_a_native_model_is_native_throughout() -> None:
    """Where the core does everything, the verdict says so, no note follows, and each way is native."""
    found = explain(zoo.Person)
    assert (found.path, found.reason, found.writes, found.reads) == ("native", "", NATIVE, NATIVE)
    assert str(found).splitlines()[0] == "Person: written and read natively"
    assert "(1)" not in str(found)
    assert all(field.path == "native" for field in found.fields)


@pytest.fixture
def shop_with_detours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one field of the shop written by Pydantic, and another one read by it, whatever the core can do."""
    plan = plan_for(Shop)
    writing = replace(plan.encoding, detours={Shop: {"label": Detour("why it is written so", "change this")}})
    reading = replace(plan.decoding, detours={Shop: {"code": Detour("why it is read so", "change that")}})
    monkeypatch.setitem(plan.__dict__, "encoding", writing)
    monkeypatch.setitem(plan.__dict__, "decoding", reading)


@needs_core
def test_one_field_goes_through_pydantic_in_each_direction(shop_with_detours: None) -> None:
    """A detour is told for its own direction only, with its advice; the rest is native."""
    found = explain(Shop)
    fields = by_name(found.fields)
    assert (found.writes, found.reads, found.path, found.reason) == (NATIVE, NATIVE, "pydantic", "")
    assert fields["prices"].path == "native"
    assert (fields["label"].reads, fields["code"].writes) == (NATIVE, NATIVE)
    assert fields["label"].writes == Way("pydantic", "why it is written so", "change this")
    assert fields["code"].reads == Way("pydantic", "why it is read so", "change that")
    assert fields["label"].reason == "why it is written so"
    text = str(found)
    assert text.splitlines()[0] == "Shop: written and read natively but for 1 of 5 fields"
    assert [line.split()[-4:] for line in lines_of(text)[-2:]] == [
        ["str", "pydantic", "(1)", "native"],
        ["int", "native", "pydantic", "(2)"],
    ]
    assert text.endswith("(1) why it is written so\n    → change this\n(2) why it is read so\n    → change that")


@needs_core
def test_a_type_that_the_core_does_not_know() -> None:
    """A field of such a type goes through Pydantic both ways, each with the compiler's own reason."""
    fields = by_name(explain(Odd).fields)
    writing, reading = (found.detours[Odd]["share"] for found in (plan_for(Odd).encoding, plan_for(Odd).decoding))
    assert fields["plain"].path == "native"
    assert fields["share"].writes == Way("pydantic", writing.reason, writing.advice)
    assert fields["share"].reads == Way("pydantic", reading.reason, reading.advice)
    assert fields["share"].reason == f"writing: {writing.reason}; reading: {reading.reason}"


@needs_core
def test_columns_are_aligned() -> None:
    """Both columns begin at the same place in every line, and a long declaration does not push them out."""

    class Long(BaseModel):
        field: dict[str, dict[str, dict[str, dict[str, dict[str, dict[str, list[Price]]]]]]]
        share: Fraction

    for model in (Odd, Long, zoo.Everything):
        title, *rows = str(explain(model)).split("\n\n")[1].splitlines()
        for start in (title.index("writing"), title.index("reading")):
            assert {row[start - 2 : start] for row in rows} == {"  "}
            assert {row[start] for row in rows} <= set("np-")
        assert max(map(len, rows)) < 110


@needs_core
def test_a_model_that_is_read_whole_by_pydantic() -> None:
    """The reason stands at the model; its fields share it, and are not pointed to the note once more."""
    found = explain(Watched)
    assert (found.writes.path, found.reads.path) == ("native", "pydantic")
    assert "__del__" in found.reason
    assert found.fields[0].reads == found.reads
    assert str(found).splitlines()[0] == "Watched: written natively, read by Pydantic"
    assert str(found).count("(1)") == 2


@needs_core
def test_what_is_below_a_field_that_pydantic_reads() -> None:
    """A nested model that pydantic reads is told at the field, and holds for all that is in it."""

    class Outer(BaseModel):
        good: Price
        bad: list[Watched]

    fields = by_name(explain(Outer).fields)
    assert fields["good"].path == "native"
    assert fields["bad"].reads is not None
    assert "__del__" in fields["bad"].reads.reason
    assert fields["bad"].fields[0].reads == fields["bad"].reads
    assert fields["bad"].fields[0].writes == NATIVE


@needs_core
def test_reasons_of_a_nested_model_stand_at_its_own_fields() -> None:
    """A detour deep inside is told where it is; the fields above it are native."""

    class Outer(BaseModel):
        shares: dict[str, Odd]

    found = explain(Outer)
    assert found.fields[0].path == "native"
    assert by_name(found.fields[0].fields)["share"].path == "pydantic"
    assert found.writes_path == "pydantic"


@needs_core
def test_types_that_are_no_models() -> None:
    """The fields of what a container holds stand below it; what pydantic does to the items is told at the container."""
    found = explain(dict[str, Price])
    assert (found.model, found.path) == ("dict[str, Price]", "native")
    assert [field.name for field in found.fields] == ["amount", "currency"]
    found = explain(list[Watched])
    assert "__del__" in found.reads.reason
    assert found.writes == NATIVE
    assert explain(int).fields == ()


@needs_core
def test_members_of_a_union_have_entries_of_their_own() -> None:
    """Where a value may be of several classes, each is named, with its fields; none of them counts as a field."""

    class Basket(BaseModel):
        either: Price | Watched

    (field,) = explain(Basket).fields
    assert [(item.name, item.annotation, item.is_member) for item in field.fields] == [
        ("Price", "model", True),
        ("Watched", "model", True),
    ]
    assert [item.name for item in field.fields[0].fields] == ["amount", "currency"]
    assert "of 4 fields" in str(explain(Basket))


@needs_core
def test_a_model_in_itself_is_explained_once() -> None:
    """A recursive, mutual or generic model ends, is native, and the repetition points upwards."""
    for model in (zoo.Node, zoo.Husband, Page[Price]):
        assert explain(model).path == "native", model
    lines = lines_of(str(explain(zoo.Node)))
    assert len(lines) == 4
    assert "see above" in lines[2]
    assert "Page | None, see above" in str(explain(Page[Price]))


def test_many_models_that_share_others_stay_a_short_list() -> None:
    """A model is explained once, however many fields hold it: layers of shared models do not multiply."""
    model: Any = Price
    for number in range(12):
        model = type(f"Layer{number}", (BaseModel,), {"__annotations__": dict.fromkeys(("a", "b", "c"), model)})
    assert len(lines_of(str(explain(model)))) == 1 + 12 * 3 + 2


@needs_core
def test_fields_that_go_one_way_only() -> None:
    """A computed field is never read, an excluded one never written: there is nothing to say about that."""

    class Oneway(zoo.Computed):
        hidden: int = Field(default=0, exclude=True)

    fields = by_name(explain(Oneway).fields)
    assert fields["area"].reads is None
    assert fields["area"].writes is not None
    assert (fields["hidden"].writes, fields["hidden"].path) == (None, "native")
    assert [line.split()[-1] for line in lines_of(str(explain(Oneway))) if "area" in line] == ["-"]


@needs_core
def test_root_models_and_typed_dicts() -> None:
    """A root model has one field, ``root``; a typed dict has those it declares."""
    (root,) = explain(Prices).fields
    assert (root.name, root.path) == ("root", "native")
    assert [field.name for field in root.fields] == ["amount", "currency"]
    assert [field.name for field in explain(zoo.Movie).fields] == ["title", "year"]
    assert explain(zoo.Movie).path == "native"


@needs_core
def test_a_method_of_the_users_own_is_the_reason() -> None:
    """A class that overrides ``model_dump_json`` is written by that method, not by the core."""

    class Own(BaseModel):
        a: int

        def model_dump_json(self, **options: Any) -> str:
            return super().model_dump_json(**options)

    found = explain(Own)
    assert found.writes.reason == "Own has a model_dump_json of its own"
    assert found.reads == NATIVE


@needs_core
def test_a_constructor_of_the_users_own_is_the_reason() -> None:
    """A class with an ``__init__`` is read by calling it, and that validates by Pydantic; writing is not concerned."""
    found = explain(zoo.CustomInit)
    assert "__init__" in found.reads.reason
    assert found.writes == NATIVE


@pytest.mark.parametrize("reason", ["the native core is not installed", "no such version"])
def test_without_the_core_that_is_the_reason(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    """A missing core, or a Pydantic that is not known, is the reason for everything, with what to do about it."""
    module = sys.modules[explain.__module__]  # the function has the name of its module
    monkeypatch.setattr(module, "why_not", lambda: reason)
    monkeypatch.setattr(module, "what_to_do", lambda: "do this")
    found = explain(Shop)
    assert found.writes == found.reads == Way("pydantic", reason, "do this")
    assert found.fields[0].fields[0].writes == found.writes
    assert str(found).splitlines()[0] == "Shop: written and read by Pydantic"
    assert str(found).endswith(f"(1) {reason}\n    → do this")


def test_what_is_no_type_is_an_error() -> None:
    """An instance in place of a class is told so."""
    bad: Any = zoo.Cat()
    with pytest.raises(UnsupportedTypeError):
        explain(bad)

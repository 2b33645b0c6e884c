"""What the compiler reads off a core schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ForwardRef, Generic, Literal, NewType, TypeVar

import pytest
import zoo
from pydantic import BaseModel, SecretStr, TypeAdapter, create_model

from pydantic_serialization._native import core
from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.compiler import compile_plan, type_name

T = TypeVar("T")
UserId = NewType("UserId", int)


class Unfinished(BaseModel):
    later: Missing  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        (zoo.Cat, "Cat"),
        (list[zoo.Cat], "list[Cat]"),
        (dict[str, list[int]], "dict[str, list[int]]"),
        (int | None, "int | None"),
        (Annotated[int, "secret"], "int"),
        (Literal["a", 1], "Literal['a', 1]"),
        (None, "None"),
        (Any, "Any"),
        (UserId, "UserId"),
        (zoo.Page[int], "Page[int]"),
        (b"canary", "a value of type bytes"),
        ("canary", "a value of type str"),
        (["canary"], "a value of type list"),
        (list[b"canary"], "list[a value of type bytes]"),  # type: ignore[misc]
        (Literal[b"a", zoo.Color.RED, None], "Literal[b'a', <Color.RED: 'red'>, None]"),
        (tuple[int, ...], "tuple[int, ...]"),
    ],
)
def test_names_are_short_and_show_no_value(declared: Any, name: str) -> None:
    """A type's name is as one writes it; what is no type is named by its class only."""
    assert type_name(declared) == name


@pytest.mark.parametrize(
    "declared",
    ["Cat", list["Cat"], dict[str, "list[Cat]"], ForwardRef("Node"), list["Node"] | None],  # noqa: F821
)
def test_names_in_text_are_refused(declared: Any) -> None:
    """A name would be looked up in a module of this package, where it may mean something else."""
    with pytest.raises(UnsupportedTypeError, match=r"by text|got text"):
        plan_for(declared)


def test_text_in_a_literal_is_no_name() -> None:
    """``Literal["int"]`` holds a value."""
    assert plan_for(list[Literal["int"]]).validator.validate_json(b'["int"]') == ["int"]


def test_a_model_that_refers_to_nothing_says_what_is_missing() -> None:
    """An unresolved reference is an UnsupportedTypeError that names it; once defined, the model is compiled."""
    for declared in (Unfinished, list[Unfinished]):
        with pytest.raises(UnsupportedTypeError, match="Missing"):
            plan_for(declared)
    Unfinished.model_rebuild(_types_namespace={"Missing": int})
    assert plan_for(Unfinished).validator.validate_json(b'{"later":1}') == Unfinished(later=1)


@pytest.mark.parametrize("declared", [5, [], {}, object(), (int,), ..., NotImplemented, b"x", ""])
def test_what_is_no_type_is_one_error(declared: Any) -> None:
    """Whatever is given in place of a type, the error is ours, and a TypeError."""
    with pytest.raises(UnsupportedTypeError):
        plan_for(declared)


@pytest.mark.parametrize(
    ("declared", "depth"),
    [
        (int, 0),
        (zoo.Cat, 1),
        (list[int], 1),
        (zoo.Address, 1),
        (zoo.Person, 3),
        (dict[str, list[tuple[int, ...]]], 3),
        (zoo.Node, None),
        (zoo.Husband, None),
        (zoo.Anything, None),
        (zoo.ExtraAllowed, None),
        (zoo.ModelSerializers, None),
        (zoo.HoldsAny, None),
        (Any, None),
        (list, None),
    ],
)
def test_the_depth_of_the_deepest_document(declared: Any, depth: int | None) -> None:
    """The bound is never below what can be written; recursion, Any and free serializers have none."""
    assert plan_for(declared).traits.depth == depth


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=lambda entry: entry.name)
def test_the_depth_is_a_bound(entry: zoo.Entry) -> None:
    """No value of the zoo is written deeper than its plan says."""
    bound = plan_for(entry.type).traits.depth
    for value in entry.values:
        if bound is not None and entry.name != "raw-bytes":
            assert levels(TypeAdapter(entry.type).dump_python(value, mode="json")) <= bound


def levels(value: Any) -> int:
    """Return how deep lists and dicts are nested."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max(map(levels, items), default=0)


@pytest.mark.parametrize(
    ("declared", "has_bytes"),
    [
        (zoo.Utf8Bytes, True),
        (zoo.HexConfig, True),
        (list[zoo.Utf8Bytes], True),
        (zoo.Scalars, False),
        (zoo.Everything, False),
        (Any, False),
    ],
)
def test_bytes_are_found_at_every_depth(declared: Any, has_bytes: bool) -> None:
    """``has_bytes`` is true where some value is declared as bytes."""
    assert plan_for(declared).traits.has_bytes is has_bytes


def test_classes_are_those_that_instances_are_made_of() -> None:
    """Models, dataclasses, enums and literals' enums, at every depth."""
    assert {zoo.Cat, zoo.Dog} <= plan_for(zoo.Unions).classes
    assert {zoo.Color, zoo.Level, zoo.Shape} <= plan_for(zoo.Enums).classes
    assert zoo.Color in plan_for(zoo.Literals).classes
    assert {zoo.Plain, zoo.Validated, zoo.Point} <= plan_for(zoo.Containers).classes
    assert {zoo.Husband, zoo.Wife} <= plan_for(zoo.Husband).classes


@pytest.mark.parametrize(("declared", "closed"), [(zoo.Person, True), (zoo.Anything, False), (zoo.HoldsAny, False)])
def test_closed_types_declare_every_value(declared: Any, closed: bool) -> None:
    """A type with ``Any`` somewhere is open."""
    assert plan_for(declared).traits.is_closed is closed


def test_default_values_are_not_mistaken_for_schemas() -> None:
    """A default that looks like a schema is a value."""

    class Tricky(BaseModel):
        a: dict[str, Any] = {"type": "bytes"}
        type: str = "bytes"

    assert not plan_for(Tricky).traits.has_bytes


def test_generic_models_and_local_classes() -> None:
    """Each parametrisation has a plan of its own."""

    class Box(BaseModel, Generic[T]):
        item: T

    assert compile_plan(Box[int]).name == "Box[int]"
    assert plan_for(Box[int]) is not plan_for(Box[str])
    assert plan_for(Box[int]).import_path == ""
    assert plan_for(zoo.Page[int]).import_path == ""
    assert plan_for(zoo.Cat).import_path == "zoo:Cat"


def test_dataclasses_and_secrets() -> None:
    """Types that are no models have plans too."""

    @dataclass
    class Local:
        password: SecretStr

    assert plan_for(Local).model is None
    assert plan_for(Local).validator.validate_json(b'{"password":"x"}').password.get_secret_value() == "x"


def test_a_schema_that_stands_at_many_places_is_read_once() -> None:
    """Models that hold several others share their schemas: reading one of forty ends, with the depth of the longest way."""
    models: list[Any] = []
    for number in range(40):
        fields: dict[str, Any] = {f"field{place}": (model | None, None) for place, model in enumerate(models[-3:])}
        models.append(create_model(f"Node{number}", value=(int, 1), **fields))
    traits = compile_plan(models[-1]).traits
    assert traits.classes == frozenset(models)
    assert traits.depth == 40


def test_models_that_share_their_parts_are_compiled_once() -> None:
    """Forty models that each hold the three before them are compiled, and told apart from others, in no time."""
    models: list[type[BaseModel]] = [create_model("M0", x=(int, ...))]
    for number in range(1, 40):
        parts: dict[str, Any] = {f"f{back}": (models[-back] | None, None) for back in range(1, min(number, 3) + 1)}
        models.append(create_model(f"M{number}", x=(int, ...), **parts))
    plan = compile_plan(models[-1])
    assert len(plan.fingerprint) == 8
    assert core is None or (plan.encoding.program is not None and plan.decoding.program is not None)

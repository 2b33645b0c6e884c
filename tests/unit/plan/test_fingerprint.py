"""Eight bytes that change with the schema and nothing else."""

from __future__ import annotations

import subprocess
import sys
from functools import cached_property
from types import GenericAlias
from typing import Annotated, Any, Literal

import pytest
import zoo
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PlainSerializer,
    computed_field,
    create_model,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass

from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.compiler import compile_plan

NAMES: dict[str, Any] = {
    "__name__": "app",
    "Any": Any,
    "BaseModel": BaseModel,
    "Field": Field,
    "cached_property": cached_property,
    "computed_field": computed_field,
    "dataclass": dataclass,
    "field_serializer": field_serializer,
    "field_validator": field_validator,
    "model_serializer": model_serializer,
    "model_validator": model_validator,
}
"""What the source of a model is run with."""


def of(**fields: Any) -> bytes:
    """Return the fingerprint of a model with these fields."""
    return compile_plan(create_model("Same", **fields)).fingerprint


def offset(by: int) -> Any:
    """Return a function whose code is the same for every ``by``."""
    return lambda value: value + by


BASE = of(a=(int, 1))
CHANGED: dict[str, bytes] = {
    "name": of(b=(int, 1)),
    "type": of(a=(str, 1)),
    "default": of(a=(int, 2)),
    "default of another type": of(a=(int, True)),
    "required": of(a=(int, ...)),
    "optional": of(a=(int | None, 1)),
    "constraint": of(a=(Annotated[int, Field(gt=0)], 1)),
    "another constraint": of(a=(Annotated[int, Field(gt=1)], 1)),
    "alias": of(a=(int, Field(default=1, alias="A"))),
    "one more": of(a=(int, 1), b=(int, 1)),
    "validator": of(a=(Annotated[int, AfterValidator(lambda value: value)], 1)),
    "validator's code": of(a=(Annotated[int, AfterValidator(lambda value: value + 1)], 1)),
    "validator's closure": of(a=(Annotated[int, AfterValidator(offset(1))], 1)),
    "validator's other closure": of(a=(Annotated[int, AfterValidator(offset(2))], 1)),
    "serializer": of(a=(Annotated[int, PlainSerializer(str)], 1)),
    "serializer's code": of(a=(Annotated[int, PlainSerializer(lambda value: str(value))], 1)),
    "serializer's other code": of(a=(Annotated[int, PlainSerializer(lambda value: str(value + 1))], 1)),
    "literal": of(a=(Literal[1, 2], 1)),
    "order of a literal": of(a=(Literal[2, 1], 1)),
    "union": of(a=(int | str, 1)),
    "order of a union": of(a=(str | int, 1)),
    "enum": of(a=(zoo.Level, 1)),
    "list": of(a=(list[int], 1)),
    "set": of(a=(set[int], 1)),
}


def test_every_change_changes_it() -> None:
    """Names, types, defaults, constraints, aliases and the code of functions are all part of it."""
    every = [BASE, *CHANGED.values()]
    assert all(len(value) == 8 for value in every)
    assert len(set(every)) == len(every)


METHODS = {
    "field_serializer": """
    @field_serializer("a")
    def show(self, value: int) -> int:
        return value + {}""",
    "model_serializer": """
    @model_serializer
    def show(self) -> int:
        return {}""",
    "computed_field": """
    @computed_field
    @property
    def show(self) -> int:
        return {}""",
    "computed_field, cached": """
    @computed_field
    @cached_property
    def show(self) -> int:
        return {}""",
    "field_validator": """
    @field_validator("a")
    @classmethod
    def check(cls, value: int) -> int:
        return value + {}""",
    "model_validator": """
    @model_validator(mode="before")
    @classmethod
    def check(cls, value: Any) -> Any:
        return {{"a": {}}}""",
    "model_post_init": """
    def model_post_init(self, context: Any) -> None:
        self.a = {}""",
    "model_post_init with private attributes": """
    _b: int = 0
    def model_post_init(self, context: Any) -> None:
        self.a = {}""",
    "default_factory": """
    b: int = Field(default_factory=lambda: {})""",
}
DATACLASSES = {name: METHODS[name] for name in ("field_serializer", "computed_field", "field_validator")} | {
    "__post_init__": """
    def __post_init__(self) -> None:
        self.a = {}"""
}


@pytest.mark.parametrize(
    ("first_line", "method"),
    [("class Same(BaseModel):", method) for method in METHODS.values()]
    + [("@dataclass\nclass Same:", method) for method in DATACLASSES.values()],
    ids=[*METHODS, *(f"{name} of a dataclass" for name in DATACLASSES)],
)
def test_the_body_of_a_method_is_part_of_it(first_line: str, method: str) -> None:
    """Two deploys that differ in a number there do not read each other's entries, also where a list holds the model."""

    def version(number: int) -> tuple[bytes, ...]:
        names = dict(NAMES)
        source = f"{first_line}\n    a: int{method.format(number)}"
        exec(compile(source, "app.py", "exec", dont_inherit=True), names)
        same = names["Same"]
        return tuple(compile_plan(declared).fingerprint for declared in (same, GenericAlias(list, (same,))))

    assert version(1) == version(1)
    assert not {*version(1)} & {*version(2)}


def test_the_same_schema_has_the_same() -> None:
    """Another class of the same name and fields has the same fingerprint: addresses are not part of it."""
    assert of(a=(int, 1)) == BASE
    assert of(a=(Annotated[int, AfterValidator(offset(1))], 1)) == CHANGED["validator's closure"]


def test_recursive_models_and_closures_end() -> None:
    """A model of itself, and a function that holds itself, are hashed."""

    def walk(value: Any) -> Any:
        return walk(value) if value is None else value

    assert len(of(a=(Annotated[int, AfterValidator(walk)], 1))) == 8
    assert plan_for(zoo.Node).fingerprint != plan_for(zoo.Husband).fingerprint


@pytest.mark.parametrize("seed", ["0", "1"])
def test_other_processes_agree(seed: str) -> None:
    """The fingerprint does not depend on hash seeds or addresses."""
    names = [entry.name for entry in zoo.MODELS]
    code = (
        "import zoo; from pydantic_serialization.plan import plan_for;"
        "print(*[plan_for(entry.type).fingerprint.hex() for entry in zoo.MODELS])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
    )
    here = [plan_for(entry.type).fingerprint.hex() for entry in zoo.MODELS]
    differing = [name for name, one, other in zip(names, here, done.stdout.split(), strict=True) if one != other]
    assert differing == []


def test_the_doc_of_a_model_is_not_part_of_it() -> None:
    """Titles and descriptions change no data."""

    def documented(text: str) -> type[BaseModel]:
        return create_model("Documented", __doc__=text, a=(int, Field(default=1, description=text, title=text)))

    assert compile_plan(documented("one")).fingerprint == compile_plan(documented("other")).fingerprint

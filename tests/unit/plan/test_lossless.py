"""What a type would lose on its way through bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pydantic
import pytest
from pydantic import AliasPath, BaseModel, Field, Json, PlainSerializer, Secret, SecretBytes, SecretStr, computed_field
from typing_extensions import TypedDict

from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.lossless import fidelity


class Plain(BaseModel):
    id: int
    tags: list[str] = []


class Hidden(BaseModel):
    gone: int = Field(exclude=True)
    key: SecretStr | None = None


class Node(BaseModel):
    children: list[Node] = []
    hidden: dict[str, Hidden] = {}


class Shown(BaseModel):
    key: Annotated[SecretStr, PlainSerializer(lambda value: value.get_secret_value())]


class Typed(TypedDict):
    key: SecretBytes


@dataclass
class Data:
    number: Secret[int]


class Aliased(BaseModel):
    name: str = Field(validation_alias=AliasPath("names", 0))


class Computed(BaseModel):
    @computed_field
    @property
    def two(self) -> int:
        return 2


class WithJson(BaseModel):
    inner: list[Json[list[int]]]


LOST: list[tuple[Any, list[str]]] = [
    (Plain, []),
    (Shown, []),
    (Hidden, ["Hidden.gone is excluded", "Hidden.key is a secret"]),
    (list[Node], ["Hidden.gone is excluded", "Hidden.key is a secret"]),
    (Typed, ["Typed.key is a secret"]),
    (Data, ["Data.number is a secret"]),
    (SecretStr, ["the value is a secret"]),
]


@pytest.mark.parametrize(("declared", "expected"), LOST)
def test_what_is_lost_is_named(declared: Any, expected: list[str]) -> None:
    """At any depth; what a serializer of the user's writes is not lost."""
    found = fidelity(plan_for(declared).schema).lost
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True))


@pytest.mark.skipif(not hasattr(pydantic.fields.FieldInfo, "exclude_if"), reason="this pydantic has no exclude_if")
def test_what_is_left_out_sometimes_needs_a_default() -> None:
    """A required field that may be missing cannot be read back; with a default it can."""

    class Sometimes(BaseModel):
        one: int = Field(exclude_if=lambda value: value == 1)
        two: int = Field(default=2, exclude_if=lambda value: value == 2)

    assert fidelity(plan_for(Sometimes).schema).lost == ("Sometimes.one is excluded from serialization",)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [(Plain, False), (Node, False), (Aliased, True), (Computed, True), (WithJson, True), (list[Aliased], True)],
)
def test_what_has_to_be_written_by_name(declared: Any, expected: bool) -> None:
    """Aliases, computed fields and ``Json`` values; everything else goes the fastest way."""
    assert fidelity(plan_for(declared).schema).by_name is expected

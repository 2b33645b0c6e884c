"""What makes reading and writing depend on more than the bytes and the value."""

from __future__ import annotations

import functools
import json
import random
import re
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from enum import Enum
from inspect import signature
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

import pytest
import zoo
from pydantic import (
    AfterValidator,
    AnyUrl,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    DirectoryPath,
    Field,
    FilePath,
    FutureDate,
    HttpUrl,
    ImportString,
    Json,
    NewPath,
    PastDate,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    SerializeAsAny,
    WrapValidator,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass

from pydantic_serialization import ConfigurationError, pure
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.purity import why_reading_is_impure, why_writing_is_impure


def reading(declared: Any) -> str | None:
    """Return why reading a type is impure."""
    return why_reading_is_impure(plan_for(declared))


def writing(declared: Any) -> str | None:
    """Return why writing a type is impure."""
    return why_writing_is_impure(plan_for(declared))


@pytest.mark.parametrize(
    "declared",
    [
        *(zoo.Scalars, zoo.Optionals, zoo.Enums, zoo.Flags, zoo.Literals, zoo.Times, zoo.Numbers, zoo.Person, zoo.Node),
        *(zoo.Animals, zoo.Aliased, zoo.Private, zoo.Secrets, zoo.Anything, zoo.Page[int], zoo.ExtraAllowed),
        *(Path, re.Pattern, HttpUrl, AnyUrl, Json[int], Base64Bytes, ByteSize, SecretStr, IPv4Network, Sequence[int]),
        *(zoo.Plain, zoo.Validated, zoo.Movie, zoo.Point),
        *(deque[int], OrderedDict[str, int], defaultdict[str, int], Literal["a", 1], date | None),
        Annotated[str, AfterValidator(str.strip)],
        Annotated[Any, BeforeValidator(json.loads)],
        Annotated[int, BeforeValidator(functools.partial(round, ndigits=2))],
        Annotated[list[int], Field(min_length=1)],
        Annotated[Any, BeforeValidator(re.compile("a").fullmatch)],
    ],
)
def test_pydantics_own_types_and_python_s_own_functions_are_pure(declared: Any) -> None:
    """The types that most models are made of need no declaration."""
    assert reading(declared) is None
    assert writing(declared) is None


def own(value: Any) -> Any:
    """Return the value."""
    return value


class Asks(Enum):
    A = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return cls.A


class OwnInit(BaseModel):
    def __init__(self, **data: Any) -> None:
        super().__init__(**data)


class OwnNew(BaseModel):
    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__new__(cls)


class Before(BaseModel):
    @model_validator(mode="before")
    @classmethod
    def before(cls, value: Any) -> Any:
        return value


class Holds(BaseModel):
    part: Annotated[list[Before] | None, Field(description="with a part")] = None


@dataclass
class WithPostInit:
    x: int = 0

    def __post_init__(self) -> None:
        self.x += 1


class OwnReader(BaseModel):
    @classmethod
    def model_validate_json(cls, *args: Any, **kwargs: Any) -> Any:
        return cls()


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (PastDate, "PastDate is compared with the clock"),
        (list[FutureDate], "list[FutureDate] is compared with the clock"),
        (FilePath, "Path has the validator PathType.validate_file, which is not declared pure"),
        (DirectoryPath, "Path has the validator PathType.validate_directory, which is not declared pure"),
        (NewPath, "Path has the validator PathType.validate_new, which is not declared pure"),
        (ImportString, "ImportString has the validator import_string, which is not declared pure"),
        (Iterable[int], "Iterable[int] is read as 'generator'"),
        (Annotated[Any, AfterValidator(own)], "Any has the validator own, which is not declared pure"),
        (Annotated[int, AfterValidator(lambda _: time.time())], None),
        (Annotated[int, WrapValidator(lambda v, h: h(v))], None),
        (Annotated[Any, AfterValidator(datetime.fromtimestamp)], None),
        (Annotated[Any, AfterValidator(random.Random(1).choice)], None),
        (Annotated[Any, AfterValidator(functools.partial(own))], None),
        (Asks, "Asks is an enumeration with code of its own for unknown values"),
        (OwnInit, "OwnInit has an __init__ of its own"),
        (OwnNew, "OwnNew has a __new__ of its own"),
        (Before, "Before has the validator Before.before, which is not declared pure"),
        (Holds, "Before has the validator Before.before, which is not declared pure"),
        (WithPostInit, "WithPostInit has a __post_init__"),
        (OwnReader, "OwnReader has a model_validate_json of its own"),
        (zoo.Unions, "Unions.pet has an object for a default"),
    ],
)
def test_what_is_not_known_is_impure(declared: Any, reason: str | None) -> None:
    """The reason names the class, the field and the function."""
    found = reading(declared)
    assert found is not None
    assert found == (reason or found)


@pytest.mark.parametrize("factory", [uuid4, time.time, datetime.now, lambda: [1], random.random])
def test_a_factory_is_impure_unless_it_is_an_empty_container(factory: Callable[[], Any]) -> None:
    """Only Python's own types are known to give the same each time."""

    class Fresh(BaseModel):
        x: Any = Field(default_factory=list)
        y: set[int] = Field(default_factory=set)

    class Made(BaseModel):
        x: Any = Field(default_factory=factory)

    assert reading(Fresh) is None
    assert "default factory" in (reading(Made) or "")


class Declared(BaseModel):
    """Declares each of its functions."""

    a: int = Field(default_factory=pure(lambda: 1))
    b: Annotated[int, AfterValidator(pure(lambda value: value))] = 1
    c: int = 1
    _d: int = PrivateAttr(default_factory=pure(lambda: 1))

    @pure
    @field_validator("c")
    @classmethod
    def check(cls, value: int) -> int:
        return value

    @model_validator(mode="after")
    @pure
    def check_all(self) -> Declared:
        return self

    @pure
    def model_post_init(self, context: Any) -> None:
        """Nothing."""

    @field_serializer("c")
    @pure
    def write(self, value: int) -> int:
        return value

    @computed_field  # type: ignore[prop-decorator]
    @property
    @pure
    def total(self) -> int:
        return 1


class Undeclared(BaseModel):
    """The same functions without a declaration."""

    c: int = 1

    @field_validator("c")
    @classmethod
    def check(cls, value: int) -> int:
        return value

    @model_validator(mode="after")
    def check_all(self) -> Any:
        return self

    def model_post_init(self, context: Any) -> None:
        """Nothing."""

    @field_serializer("c")
    def write(self, value: int) -> int:
        return value


def test_functions_can_be_declared_one_by_one() -> None:
    """In whatever order the decorators stand."""
    assert reading(Declared) is None
    assert writing(Declared) is None
    assert reading(Undeclared) is not None
    assert writing(Undeclared) is not None


def test_a_class_speaks_for_itself_only() -> None:
    """Not for its subclasses, nor for the models in its fields."""

    @pure
    class Whole(Undeclared):
        d: int = Field(default_factory=lambda: 1)

        @model_validator(mode="wrap")
        @classmethod
        def around(cls, value: Any, handler: Any) -> Any:
            return handler(value)

    class Sub(Whole):
        pass

    class Outer(BaseModel):
        whole: Whole
        other: Undeclared

    @pure
    class Around(BaseModel):
        other: Undeclared

    assert reading(Whole) is None
    assert writing(Whole) is None
    for declared in (Sub, Outer, Around):
        assert reading(declared) is not None
        assert writing(declared) is not None


@pytest.mark.parametrize("target", [1, "text", None])
def test_only_what_can_be_called_is_declared(target: Any) -> None:
    """A mistake is told when it is made."""
    with pytest.raises(ConfigurationError, match="declares a function or a class"):
        pure(target)


def test_a_built_in_method_cannot_be_declared() -> None:
    """A bound method of a built-in object cannot be remembered; the message says what to do."""
    with pytest.raises(ConfigurationError, match="write a function that calls it"):
        pure(random.Random(1).random)
    assert pure(own) is own


class Area(BaseModel):
    x: int = 1

    @computed_field  # type: ignore[prop-decorator]
    @property
    def area(self) -> int:
        return self.x


class Enveloped(BaseModel):
    @model_serializer(mode="wrap")
    def envelope(self, handler: Any) -> Any:
        return handler(self)


class OwnWriter(BaseModel):
    def model_dump_json(self, *args: Any, **kwargs: Any) -> str:
        return "{}"


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (Area, "Area has the computed field area, which is not declared pure"),
        (list[Enveloped], "the serializer Enveloped.envelope is not declared pure"),
        (Annotated[int, PlainSerializer(lambda _: time.time())], None),
        (OwnWriter, "OwnWriter has a model_dump_json of its own"),
        (SerializeAsAny[zoo.Cat], None),
    ],
)
def test_code_of_the_users_makes_writing_impure(declared: Any, reason: str | None) -> None:
    """Serializers, computed fields, conditions, and classes that are known at run time only."""
    found = writing(declared)
    assert found is not None
    assert found == (reason or found)


@pytest.mark.skipif("exclude_if" not in signature(Field).parameters, reason="this pydantic has no exclude_if")
def test_a_condition_makes_writing_impure() -> None:
    """It is asked each time."""

    class Left(BaseModel):
        x: Annotated[int, Field(exclude_if=lambda value: value == 1)] = 1

    assert writing(Left) == "a field is left out by a function"


@pytest.mark.skipif(
    "polymorphic_serialization" not in ConfigDict.__annotations__, reason="this pydantic always writes as declared"
)
def test_the_class_that_a_value_happens_to_have_makes_writing_impure() -> None:
    """It may have serializers that nobody has looked at."""

    class Polymorphic(BaseModel):
        model_config = ConfigDict(polymorphic_serialization=True)

    assert writing(Polymorphic) == "Polymorphic is written by the class that it happens to have"

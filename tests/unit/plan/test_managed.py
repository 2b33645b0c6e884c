"""Classes whose fields another library keeps behind descriptors."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from pydantic_serialization import EncodeError, create_serialization_manager
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.managed import managed_fields

MANAGER = create_serialization_manager()


class Loaded:
    """A data descriptor that loads its value on first access, as an object-relational mapper does."""

    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.value = value

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        if self.value is None:
            message = "detached"
            raise LookupError(message)
        return instance.__dict__.setdefault(self.name, self.value)

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.name] = value


class Row(BaseModel):
    """A model; its field is managed from the outside."""

    name: str
    size: int = 1


class Page(BaseModel):
    """A model that contains managed ones."""

    rows: list[Row]


@pytest.fixture(autouse=True)
def managed() -> Any:
    """Put a descriptor in the place of the field ``name`` for the time of one test."""
    Row.name = Loaded("name", "loaded")  # type: ignore[assignment]
    yield
    del Row.name


def expired() -> Row:
    row = Row.model_construct(name="stored", size=2)
    del row.__dict__["name"]
    return row


def test_only_data_descriptors_manage() -> None:
    """A field is managed where the class has a data descriptor of its name."""
    assert managed_fields(Row) == ("name",)
    assert managed_fields(Page) == ()
    assert managed_fields(int) == ()


@pytest.mark.parametrize("member", ["json", "orjson", "msgpack"])
@pytest.mark.parametrize("declared", [list[Row], tuple[Row, ...]])
def test_fields_are_loaded_before_writing(member: str, declared: Any) -> None:
    """What is not in ``__dict__`` is read through the descriptor, at every depth."""
    data = MANAGER.serialize_sync([expired()] if declared == list[Row] else (expired(),), member, model_class=declared)
    assert b"loaded" in data


def test_a_descriptor_that_cannot_load_is_an_error() -> None:
    """What cannot be loaded is refused with the loader's error, not left out."""
    Row.name = Loaded("name", None)  # type: ignore[assignment]
    with pytest.raises(EncodeError, match="LookupError"):
        MANAGER.serialize_sync([expired(), expired()], "json", model_class=list[Row | None])


def test_reading_still_validates() -> None:
    """A managed class without a validation of its own is read by Pydantic."""
    with pytest.raises(ValidationError):
        MANAGER.deserialize_sync(b'[{"name":1}]', list[Row], "json")


def test_other_types_keep_pydantics_own() -> None:
    """A type without a managed class uses the very serializer and schema of Pydantic."""

    class Plain(BaseModel):
        name: str

    plan = plan_for(Plain)
    assert plan.serializer is Plain.__pydantic_serializer__
    assert plan.wire_schema is plan.schema

"""The doors without a manager."""

from __future__ import annotations

from types import BuiltinFunctionType
from typing import Any

import pytest
import zoo

from pydantic_serialization import BACKEND, EncodeError, UnsupportedTypeError, copy_model, decoder, encoder
from pydantic_serialization.formats._pickle_secrets import field_held_back
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.native import bind


@pytest.mark.parametrize("format_name", [*zoo.FORMATS, "MessagePack"])
@pytest.mark.parametrize("entry", [entry for entry in zoo.ENTRIES if not entry.dump], ids=lambda entry: entry.name)
def test_they_read_what_they_write(entry: zoo.Entry, format_name: str) -> None:
    """Each format keeps what the zoo says it keeps, without any manager."""
    if not entry.keeps("msgpack" if format_name == "MessagePack" else format_name):
        return
    write, read = encoder(entry.type, format_name), decoder(entry.type, format_name)
    for value in entry.values:
        if format_name == "pickle" and field_held_back(plan_for(entry.type)) is not None:
            with pytest.raises(EncodeError, match="pickle_secrets"):
                write(value)
            continue
        assert read(write(value)) == value


@pytest.mark.parametrize("format_name", ["json", "orjson"])
def test_nothing_stands_between(format_name: str) -> None:
    """For JSON, what is called is a built-in function: the core's own, or Pydantic's where the core is not used."""
    write = encoder(zoo.Cat, format_name)
    assert isinstance(write, BuiltinFunctionType)
    if format_name == "json" or BACKEND == "python":
        assert write == plan_for(zoo.Cat).serializer.to_json
    else:
        assert type(write.__self__).__module__ == "pydantic_serialization._native._core"
        assert isinstance(decoder(zoo.Cat, format_name), BuiltinFunctionType)


def test_where_the_core_does_nothing_pydantics_own_function_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A type that the core declines is written by the serializer's own function; so is every type without the core."""
    assert plan_for(zoo.Point).encoding.program is None
    assert encoder(zoo.Point) == plan_for(zoo.Point).serializer.to_json
    monkeypatch.setattr(bind, "core_for_json", lambda: None)
    assert encoder(zoo.Cat) == plan_for(zoo.Cat).serializer.to_json


def test_nothing_is_compressed_or_framed() -> None:
    """The bytes are the format's own, however long."""
    long = zoo.Address(street="x" * 100_000)
    assert encoder(zoo.Address)(long) == long.model_dump_json().encode()
    assert not encoder(zoo.Address, "pickle")(long).startswith(b"\xc1")


def test_the_declared_type_decides() -> None:
    """A subclass's fields are not written by its base's encoder."""
    for format_name in zoo.TREE_FORMATS:
        assert b"hunter2" not in encoder(zoo.Base, format_name)(zoo.Derived())


@pytest.mark.parametrize("bad", [zoo.Cat(), b"{}", 5, "Cat"])
def test_a_value_in_place_of_a_type_is_refused(bad: Any) -> None:
    """When bound, not when called."""
    for make in (encoder, decoder):
        with pytest.raises(UnsupportedTypeError):
            make(bad)


@pytest.mark.parametrize("entry", zoo.MODELS, ids=lambda entry: entry.name)
def test_copies_are_equal_and_private(entry: zoo.Entry) -> None:
    """A copy has equal fields, extras and private attributes, and shares no container."""
    for value in entry.values:
        copied = copy_model(value)
        assert copied == value
        assert copied is not value
        assert not zoo.faults(copied, value)
        assert copied.model_fields_set == value.model_fields_set
        assert copied.__pydantic_private__ == value.__pydantic_private__
    nested = zoo.Node(value=1, children=[zoo.Node(value=2)])
    copied = copy_model(nested)
    copied.children[0].value = 5
    assert nested.children[0].value == 2

"""The doors without a manager."""

from __future__ import annotations

from typing import Any

import pytest
import zoo

from pydantic_serialization import UnsupportedTypeError, copy_model, decoder, encoder
from pydantic_serialization.plan import plan_for


@pytest.mark.parametrize("format_name", [*zoo.FORMATS, "MessagePack"])
@pytest.mark.parametrize("entry", [entry for entry in zoo.ENTRIES if not entry.dump], ids=lambda entry: entry.name)
def test_they_read_what_they_write(entry: zoo.Entry, format_name: str) -> None:
    """Each format keeps what the zoo says it keeps, without any manager."""
    if not entry.keeps("msgpack" if format_name == "MessagePack" else format_name):
        return
    write, read = encoder(entry.type, format_name), decoder(entry.type, format_name)
    for value in entry.values:
        assert read(write(value)) == value


def test_nothing_stands_between() -> None:
    """For JSON the encoder is Pydantic's own function; nothing is compressed or framed."""
    assert encoder(zoo.Cat) == plan_for(zoo.Cat).serializer.to_json
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

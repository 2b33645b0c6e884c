"""Errors of writing: the path, the reason, and no value."""

from __future__ import annotations

from typing import Any

import pytest
import zoo
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from pydantic_serialization.errors import DecodeError, LimitExceededError, SerializationError
from pydantic_serialization.formats._errors import (
    decoding_errors,
    encode_error,
    failing_path,
    is_misspelt_option,
    json_error,
    repeats_payload,
)


class Odd:
    """Nothing has a form for it."""


class Holder(BaseModel):
    model_config = zoo.ConfigDict(extra="allow")

    a: Any = None
    many: list[Any] = []


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Holder(a=Odd()), ("a",)),
        (Holder(many=[1, {"canary": [Odd()]}]), ("many", 1, "<key 0>", 0)),
        (Holder(a=Holder(a=Odd())), ("a", "a")),
        (Holder.model_validate({"more": Odd()}), ("more",)),
        ([1, (2, Odd())], (1, 1)),
        ({"canary": 1, "other": Odd()}, ("<key 1>",)),
        (Odd(), ()),
        (Holder(), ()),
    ],
)
def test_the_path_leads_to_the_fault(value: Any, path: tuple[str | int, ...]) -> None:
    """Fields by name, items by index, entries of a dict by their place: a key is part of the payload."""
    assert failing_path(value) == path


def test_the_path_is_bounded() -> None:
    """A fault very deep down has a path that ends early."""
    value: Any = Odd()
    for _ in range(100):
        value = [value]
    assert failing_path(value) == (0,) * 32


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            PydanticSerializationError("Unable to serialize unknown type: <class 'zoo.Odd'>"),
            "no serializer for zoo.Odd",
        ),
        (UnicodeEncodeError("utf-8", "canary\ud800", 6, 7, "surrogates not allowed"), "lone surrogate"),
        (TypeError("string contains surrogates"), "lone surrogate"),
        (ValueError("Circular reference detected (id repeated)"), "contains itself"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deep"),
        (PydanticSerializationError("invalid utf-8 sequence of 1 bytes from index 0"), "not UTF-8"),
        (TypeError("Integer exceeds 64-bit range"), "64 bits"),
        (OverflowError("canary"), "64 bits"),
        (PydanticSerializationError("Error calling function `f`: ValueError: canary"), "raised"),
        (PydanticSerializationError("x [input_value='canary', input_type=str]"), "declared type"),
        (KeyError("canary"), "KeyError"),
    ],
)
def test_the_reason_names_the_kind_and_no_value(error: Exception, reason: str) -> None:
    """Each kind of foreign error has a sentence; texts that may repeat a value are not taken over."""
    found = encode_error(error, None, "Model", "json")
    assert reason in str(found)
    assert "canary" not in str(found)
    assert (found.model, found.format) == ("Model", "json")


def test_pydantics_complaint_about_types_is_known_to_repeat_values() -> None:
    """What quotes its input is not chained."""
    with pytest.raises(PydanticSerializationError) as caught:
        zoo.BigInts.model_construct(number="canary").model_dump_json(warnings="error")
    assert repeats_payload(caught.value)
    assert not repeats_payload(PydanticSerializationError("Unable to serialize unknown type: <class 'x'>"))
    assert not repeats_payload(ValueError("input_value=1"))


def test_a_misspelt_option_is_told_from_a_fault_of_the_value() -> None:
    """Only Python's own complaint about a keyword counts."""
    with pytest.raises(TypeError) as caught:
        zoo.BigInts(number=1).model_dump_json(exclude_nones=True)  # type: ignore[call-arg]
    assert is_misspelt_option(caught.value)
    assert not is_misspelt_option(TypeError("no"))


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (ValueError("canary"), DecodeError),
        (UnicodeDecodeError("utf-8", b"canary", 0, 1, "canary"), DecodeError),
        (RecursionError(), LimitExceededError),
        (ValueError("recursion limit exceeded"), LimitExceededError),
        (DecodeError("ours"), DecodeError),
        (MemoryError(), MemoryError),
    ],
)
def test_errors_of_libraries_become_ours(raised: Exception, expected: type[Exception]) -> None:
    """A library's error becomes one of ours without its text; ours and a shortage of memory pass."""
    with pytest.raises(expected) as caught, decoding_errors("msgpack", "Model"):
        raise raised
    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value is raised
    if isinstance(caught.value, SerializationError):
        assert caught.value.model == "Model"


def test_only_the_document_itself_is_no_json() -> None:
    """An error inside a document stays Pydantic's, whole."""
    adapter = TypeAdapter(list[zoo.JsonField])
    for data, ours in ((b"[", True), (b'[{"data":"["}]', False), (b'[{"data":1}]', False)):
        with pytest.raises(ValidationError) as caught:
            adapter.validate_json(data)
        assert isinstance(json_error(caught.value, data, "M", "json"), DecodeError) is ours

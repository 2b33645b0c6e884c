"""JSON: Pydantic's own bytes, the class's own methods, and the limits around them."""

from __future__ import annotations

import contextlib
import gc
from typing import Any

import ormsgpack
import pytest
import zoo
from pydantic import BaseModel, Json, RootModel, TypeAdapter, ValidationError, model_validator
from pydantic_core import to_json

from pydantic_serialization.errors import DecodeError, LimitExceededError
from pydantic_serialization.formats import BoundFormat, FormatOptions, get_format
from pydantic_serialization.formats.json import JsonFormat
from pydantic_serialization.plan import plan_for


def bound(declared: Any, **options: Any) -> BoundFormat:
    """Return JSON bound to a type."""
    return JsonFormat().bind(plan_for(declared), FormatOptions(**options))


def test_a_closed_type_is_written_by_pydantics_own_function() -> None:
    """Where the schema bounds the depth nothing stands between the caller and Pydantic."""
    assert bound(zoo.Scalars).encode == plan_for(zoo.Scalars).serializer.to_json


def test_the_classes_own_methods_are_used() -> None:
    """A class that overrides ``model_dump_json`` and ``model_validate_json`` is written and read by them."""
    functions = bound(zoo.OwnDump)
    assert functions.encode(zoo.OwnDump(a=5)) == b'{"A":5}'
    assert functions.encode_with(zoo.OwnDump(a=5), {"indent": 1}) == b'{\n "A": 5\n}'
    for data in (b'{"A":5}', bytearray(b'{"A":5}'), memoryview(b'{"A":5}')):
        assert functions.decode(data) == zoo.OwnDump(a=5)
        assert functions.decode_with(data, {"strict": True}) == zoo.OwnDump(a=5)
    assert bound(zoo.OwnDump, validate=False).decode(b'{"A":5}') == zoo.OwnDump(a=5)


def test_a_subclass_is_not_written_by_its_own_method() -> None:
    """The declared class decides: a subclass's method would write fields that are not declared."""

    class Grown(zoo.OwnDump):
        password: str = "hunter2"

    assert bound(zoo.OwnDump).encode(Grown(a=5)) == b'{"a":5}'


def test_views_are_read_without_a_copy_of_the_whole() -> None:
    """Whole and partial, contiguous and strided views are read as what they show."""
    data = b'{"a":5}'
    spread = bytes(byte for value in data for byte in (value, 0))
    for view in (memoryview(data), memoryview(b"xx" + data)[2:], memoryview(spread)[::2], memoryview(bytearray(data))):
        assert bound(zoo.ExtraForbidden).decode(view) == zoo.ExtraForbidden(a=5)


def test_a_wrong_shape_is_pydantics_error_and_no_document_is_ours() -> None:
    """Shapes are ValidationErrors word for word; what is no JSON is a DecodeError without the input."""
    with pytest.raises(ValidationError) as caught:
        bound(zoo.Scalars).decode(b'{"number":"x"}')
    with pytest.raises(ValidationError) as expected:
        zoo.Scalars.model_validate_json(b'{"number":"x"}')
    assert str(caught.value) == str(expected.value)
    with pytest.raises(DecodeError, match="expected value at line 1 column 11") as refused:
        bound(zoo.Scalars).decode(b'{"number":secret}')
    assert "secret" not in str(refused.value)
    assert (refused.value.model, refused.value.format) == ("Scalars", "json")


@pytest.mark.parametrize("data", [b'{"number":"x"}', b"no document"])
@pytest.mark.usefixtures("frozen_heap")
def test_an_error_does_not_keep_the_document(data: bytes) -> None:
    """Once the caller has dealt with an error nothing is left for the garbage collector: no frame refers to itself."""
    decode = bound(zoo.Scalars).decode
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(ValidationError, DecodeError):
            decode(data)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_bad_json_in_a_json_field_stays_a_validation_error() -> None:
    """Only the document itself can be no JSON document; a ``Json`` field holds text that is or is not."""
    with pytest.raises(ValidationError):
        bound(zoo.JsonField).decode(b'{"data":"["}')


class Wrapped(BaseModel):
    a: int

    @model_validator(mode="before")
    @classmethod
    def _unwrapped(cls, value: Any) -> Any:
        return TypeAdapter(dict[str, int]).validate_json(value["text"]) if "text" in value else value


@pytest.mark.parametrize("format_name", zoo.TREE_FORMATS)
@pytest.mark.parametrize(
    ("declared", "tree"),
    [(Json[int], "x"), (RootModel[Json[int]], "["), (Wrapped, {"text": "{"}), (list[Wrapped], [{"text": "nonsense"}])],
    ids=str,
)
def test_bad_json_in_a_document_is_not_a_bad_document(declared: Any, tree: Any, format_name: str) -> None:
    """Nor is what a validator of the model reads as JSON, although Pydantic reports it without a place."""
    data = ormsgpack.packb(tree) if format_name == "msgpack" else to_json(tree)
    with pytest.raises(ValidationError) as expected:
        TypeAdapter(declared).validate_json(to_json(tree))
    for buffer in (data, bytearray(data), memoryview(data)):
        with pytest.raises(ValidationError) as caught:
            get_format(format_name).bind(plan_for(declared), FormatOptions()).decode(buffer)
        assert str(caught.value) == str(expected.value)


@pytest.mark.parametrize("strict", [None, True, False])
@pytest.mark.parametrize("always", [True, False])
def test_strict_per_call_wins_unless_it_is_none(strict: bool | None, always: bool) -> None:
    """``strict=None`` leaves the choice to the options that the format was bound with."""
    functions = bound(zoo.BigInts, strict=always)
    effective = always if strict is None else strict
    if effective:
        with pytest.raises(ValidationError):
            functions.decode_with(b'{"number":"1"}', {"strict": strict})
    else:
        assert functions.decode_with(b'{"number":"1"}', {"strict": strict}).number == 1


def test_the_context_reaches_validators() -> None:
    """``context`` is passed on."""

    class Asking(BaseModel):
        a: int

        @zoo.field_validator("a")
        @classmethod
        def _add(cls, value: int, info: Any) -> int:
            return value + (info.context or {}).get("plus", 0)

    assert bound(Asking).decode_with(b'{"a":1}', {"context": {"plus": 2}}).a == 3
    assert bound(Asking, validate=False).decode_with(b'{"a":1}', {"context": {"plus": 2}}).a == 3


def test_a_smaller_depth_is_checked_before_reading() -> None:
    """``max_depth`` below Pydantic's own limit holds for skipped fields too, and not for brackets in strings."""
    functions = bound(zoo.Anything, max_depth=3)
    assert functions.decode(b'{"value":[[1]],"x":"[[[[[[[\\"{{{{"}').value == [[1]]
    for data in (b'{"value":[[[1]]]}', b'{"skipped":[[[1]]]}'):
        for call in (functions.decode, lambda data: functions.decode_with(data, {})):
            with pytest.raises(LimitExceededError) as caught:
                call(data)
            assert caught.value.limit == "max_depth"


def test_hidden_input_stays_hidden_without_validation() -> None:
    """``hide_input_in_errors`` of the model holds for the reader that trusts its data as well."""

    class Hiding(BaseModel):
        model_config = zoo.ConfigDict(hide_input_in_errors=True)

        number: int

    with pytest.raises(ValidationError) as caught:
        bound(Hiding, validate=False).decode(b'{"number":"canary"}')
    assert "canary" not in str(caught.value)


def test_reading_without_validation_skips_what_refuses_and_runs_what_shapes() -> None:
    """Constraints and refusing validators are passed over; conversions, defaults and post-init are not."""
    functions = bound(zoo.Constrained, validate=False)
    found = functions.decode(b'{"age":999,"name":"","tags":[],"price":"123456.789","born":"2999-01-01"}')
    assert (found.age, found.name, found.tags) == (999, "", [])
    assert found.born == zoo.date(2999, 1, 1)
    odd = bound(zoo.Validators, validate=False).decode(b'{"after":5,"before":"7"}')
    assert (odd.after, odd.before, odd.checked) == (5, 7, True)
    with pytest.raises(ValidationError):
        functions.decode(b'{"age":"no number"}')
    assert bound(zoo.PostInit, validate=False).decode(b'{"a":4}')._seen == 5


@pytest.mark.parametrize("declared", [list[int], dict[str, int], int | None, zoo.Point, zoo.Movie, zoo.Plain])
def test_types_that_are_no_models(declared: Any) -> None:
    """What Pydantic makes a TypeAdapter of is written and read as the adapter does."""
    values = {list[int]: [1], dict[str, int]: {"a": 1}, zoo.Point: zoo.Point(1), zoo.Plain: zoo.Plain(1)}
    value = values.get(declared, {"title": "a"} if declared is zoo.Movie else None)
    data = bound(declared).encode(value)
    assert data == TypeAdapter(declared).dump_json(value)
    assert bound(declared).decode(data) == value

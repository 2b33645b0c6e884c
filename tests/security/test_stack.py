"""However small the stack of a thread is, and however deep what is read or written: a value or an error, never a crash."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Optional, Union

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    RootModel,
    TypeAdapter,
    WrapSerializer,
    WrapValidator,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from typing_extensions import TypeAliasType, TypedDict

from pydantic_serialization import EncodeError, LimitExceededError, create_serialization_manager, decoder
from pydantic_serialization._native import core
from pydantic_serialization._native.stack import RESERVE, stack_left
from pydantic_serialization.formats._depth import value_depth_exceeds
from pydantic_serialization.plan import plan_for

PROGRAM = Path(__file__).with_name("stack_matrix.py")
STACKS = (128, 256, 512, 1024, 2048, 8192)
SHAPES = "lists,dicts,chain,branch,undeclared,union,called,dataclass,root,skipped"


def _run(stack: int, depths: str, shapes: str) -> str:
    """Run the matrix in a thread of ``stack`` KiB of another process, and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    found = subprocess.run(
        [sys.executable, str(PROGRAM), str(stack), depths, shapes],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    last = found.stdout.splitlines()[-1:]
    assert found.returncode == 0, (stack, last, found.returncode, found.stderr[-1500:])
    return found.stdout


@pytest.mark.parametrize("stack", STACKS, ids="{} KiB".format)
def test_no_depth_ends_the_process(stack: int) -> None:
    """Every door, format and shape, 3 to 1,000 levels: a right value or a promised error; what is shallow comes out."""
    out = _run(stack, "3,10,50,190,250,1000", SHAPES)
    assert int(out.rpartition("values: ")[2]) > 500


@pytest.mark.parametrize("stack", [128, 8192], ids="{} KiB".format)
def test_very_deep_input_ends_in_errors(stack: int) -> None:
    """A hundred thousand levels are refused on the smallest stack as on the largest."""
    assert "values: 0" in _run(stack, "100000", "lists,chain")


def in_thread(stack: int, call: Callable[[], Any]) -> Any:
    """Return what ``call`` returns or raises in a thread with a stack of so many KiB."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:
            results.append(error)

    before = threading.stack_size(stack * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    return results[0]


class Chain(BaseModel):
    """A model in a model."""

    below: Optional["Chain"] = None
    value: Any = None


def chain(depth: int) -> Chain:
    """Return a chain of so many models."""
    made = Chain()
    for _ in range(depth - 1):
        made = Chain(below=made)
    return made


def test_a_document_too_deep_for_the_stack_names_the_way_out() -> None:
    """The error says which setting moves the limit, and how many levels fit; a larger stack reads the same document."""
    manager = create_serialization_manager()
    data = manager.serialize_sync(chain(150), "json")
    found = in_thread(256, lambda: manager.deserialize_sync(data, Chain, "json"))
    assert isinstance(found, LimitExceededError)
    assert found.limit == "threading.stack_size"
    assert "threading.stack_size()" in str(found)
    assert found.model == "Chain"
    assert isinstance(in_thread(4096, lambda: manager.deserialize_sync(data, Chain, "json")), Chain)


def test_a_value_too_deep_for_the_stack_names_the_way_out() -> None:
    """What Pydantic could not write in this thread is an EncodeError; a larger stack writes it."""
    manager = create_serialization_manager()
    deep = chain(150)
    found = in_thread(256, lambda: manager.serialize_sync(deep, "json"))
    assert isinstance(found, EncodeError)
    assert "threading.stack_size()" in str(found)
    assert in_thread(4096, lambda: manager.serialize_sync(deep, "json")) == manager.serialize_sync(deep, "json")


@pytest.mark.skipif(core is None, reason="Pydantic takes more of the stack")
def test_the_native_core_goes_deeper_than_pydantic() -> None:
    """On a stack of 512 KiB, which holds 60 levels of Pydantic's, the core reads and writes 190."""
    manager = create_serialization_manager()
    deep = chain(190)
    for name in ("orjson", "msgpack"):
        data = manager.serialize_sync(deep, name)
        read = in_thread(512, lambda name=name, data=data: manager.deserialize_sync(data, Chain, name))
        assert isinstance(read, Chain)
        assert in_thread(512, lambda name=name: manager.serialize_sync(deep, name)) == data


def test_190_levels_fit_into_2_mib() -> None:
    """Half of what a thread usually has is enough for the deepest documents, in every format."""
    manager = create_serialization_manager()
    deep = chain(190)
    for name in ("json", "orjson", "msgpack", "pickle"):
        data = in_thread(2048, lambda name=name: manager.serialize_sync(deep, name))
        read = in_thread(2048, lambda name=name, data=data: manager.deserialize_sync(data, Chain, name))
        assert isinstance(read, Chain), (name, read)


# -- what is taken for the cost of Pydantic's walks ------------------------------------------------------------------


class _Seen:
    """What was left of the stack where a value was innermost."""

    left: ClassVar[list[int]] = []


def _note(value: Any) -> Any:
    left = stack_left()
    assert left is not None
    _Seen.left.append(left)
    return value


Leaf = Annotated[int, AfterValidator(_note), PlainSerializer(_note, return_type=int)]


def same(value: Any) -> Any:
    """Return the value."""
    return value


def handled(value: Any, handler: Any) -> Any:
    """Return what the handler makes of the value."""
    return handler(value)


class InModel(BaseModel):
    below: Optional["InModel"] = None
    leaf: Leaf | None = None


class InUnion(BaseModel):
    below: Union["InUnion", list["InUnion"], None] = None
    leaf: Leaf | None = None


class InList(BaseModel):
    below: list["InList"] = []
    leaf: Leaf | None = None


class InDict(BaseModel):
    below: dict[str, "InDict"] = {}
    leaf: Leaf | None = None


class InTuple(BaseModel):
    below: tuple[int, "InTuple"] | None = None
    leaf: Leaf | None = None


class Wrapped(BaseModel):
    below: Optional["Wrapped"] = None
    leaf: Leaf | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, value: Any, handler: Any) -> Any:
        return handler(value)

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> dict[str, Any]:
        found: dict[str, Any] = handler(self)
        return found


class Before(BaseModel):
    below: Optional["Before"] = None
    leaf: Leaf | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        return value


class WrappedField(BaseModel):
    below: Optional["WrappedField"] = None
    leaf: Leaf | None = None

    @field_validator("below", mode="wrap")
    @classmethod
    def _read(cls, value: Any, handler: Any) -> Any:
        return handler(value)

    @field_serializer("below", mode="wrap")
    def _write(self, value: Any, handler: Any) -> Any:
        return handler(value)


class Checked(BaseModel):
    below: Annotated[
        Optional["Checked"], BeforeValidator(same), AfterValidator(same), BeforeValidator(same), AfterValidator(same)
    ] = None
    leaf: Leaf | None = None


class Computed(BaseModel):
    below: Optional["Computed"] = Field(default=None, exclude=True)
    leaf: Leaf | None = None

    @computed_field
    def again(self) -> Optional["Computed"]:
        return self.below


class Everything(BaseModel):
    below: Annotated[
        Annotated[Union["Everything", str, None], WrapValidator(handled), WrapSerializer(handled)] | int,
        WrapValidator(handled),
        WrapSerializer(handled),
    ] = None
    leaf: Leaf | None = None


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    below: Optional["Animal"] = None
    leaf: Leaf | None = None


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    below: Optional["Animal"] = None


Animal = Annotated[Cat | Dog, Field(discriminator="kind")]
Cat.model_rebuild()
Dog.model_rebuild()


@dataclass
class Point:
    below: list["Point"] = field(default_factory=list)
    leaf: Leaf | None = None


class Typed(TypedDict, total=False):
    below: "Typed"
    leaf: Leaf


class Pair(NamedTuple):
    leaf: Leaf | None = None
    below: Optional["Pair"] = None


class Root(RootModel[Union[Leaf, list["Root"], dict[str, "Root"]]]):  # noqa: UP007  (a type and a string have no |)
    pass


Lists = TypeAliasType("Lists", list["Lists"] | Leaf)  # type: ignore[misc]
Dicts = TypeAliasType("Dicts", dict[str, "Dicts"] | Leaf)  # type: ignore[misc]


def below(inner: Any) -> Any:
    """Return an object with one more inside."""
    return {"below": inner}


FIELD = {"leaf": 1}
TYPES: dict[str, tuple[Any, Callable[[Any], Any], Any, int]] = {
    "model": (InModel, below, FIELD, 1),
    "union": (InUnion, below, FIELD, 1),
    "union of lists": (InUnion, lambda inner: {"below": [inner]}, FIELD, 2),
    "list": (InList, lambda inner: {"below": [inner]}, FIELD, 2),
    "dict": (InDict, lambda inner: {"below": {"a": inner}}, FIELD, 2),
    "tuple": (InTuple, lambda inner: {"below": [1, inner]}, FIELD, 2),
    "wrapped": (Wrapped, below, FIELD, 1),
    "before": (Before, below, FIELD, 1),
    "wrapped field": (WrappedField, below, FIELD, 1),
    "checked": (Checked, below, FIELD, 1),
    "computed": (Computed, below, FIELD, 1),
    "everything": (Everything, below, FIELD, 1),
    "tagged": (Cat, lambda inner: {"kind": "cat", "below": inner}, {"kind": "cat", "leaf": 1}, 1),
    "dataclass": (Point, lambda inner: {"below": [inner]}, FIELD, 2),
    "typed dict": (Typed, below, FIELD, 1),
    "named tuple": (Pair, lambda inner: [None, inner], [1], 1),
    "root of lists": (Root, lambda inner: [inner], 1, 1),
    "root of dicts": (Root, lambda inner: {"a": inner}, 1, 1),
    "lists": (Lists, lambda inner: [inner], 1, 1),
    "dicts": (Dicts, lambda inner: {"a": inner}, 1, 1),
}


def _walks(declared: Any, text: str) -> Iterator[tuple[str, int]]:
    """Yield what Pydantic's walks over a document and its value have left of the stack at the innermost place."""
    plan = plan_for(declared)
    plain = json.loads(text)
    value = plan.validator.validate_json(text)
    for name, walk in (
        ("read", lambda: plan.validator.validate_json(text)),
        ("read", lambda: plan.validator.validate_python(plain)),
        ("write", lambda: plan.serializer.to_json(value)),
        ("write", lambda: plan.serializer.to_python(value, mode="json")),
    ):
        _Seen.left.clear()
        walk()
        yield name, min(_Seen.left)


@pytest.mark.skipif(core is None, reason="only the core knows where in the stack a call is")
@pytest.mark.parametrize("name", TYPES)
def test_no_walk_of_pydantics_takes_more_than_is_said(name: str) -> None:
    """What a level really takes of the stack is less than what the checks count on, and they do not ask for much more."""
    declared, wrap, innermost, levels = TYPES[name]

    def text(depth: int) -> str:
        document = innermost
        for _ in range(depth):
            document = wrap(document)
        return json.dumps(document)

    shallow, deep = _walks(declared, text(10)), _walks(declared, text(30))
    plan = plan_for(declared)
    for (way, before), (_, after) in zip(shallow, deep, strict=True):
        need = plan.stack_to_read if way == "read" else plan.stack_to_write
        taken = (before - after) / 20 / levels
        assert taken * 1.05 < need.level, (way, taken, need)
        assert need.level < max(taken * 5, 10_000), (way, taken, need)


def test_types_without_depth_need_next_to_nothing() -> None:
    """A flat type asks for no more than what is kept in any case, and its depth does not matter when it is written."""

    class Flat(BaseModel):
        name: str = ""
        numbers: list[int] = []

    plan = plan_for(Flat)
    assert plan.stack_to_write.level == 1
    assert plan.stack_to_write.most < 2 * RESERVE
    assert plan.stack_to_read.level < 1024


# -- how deep a value is ---------------------------------------------------------------------------------------------


def test_values_are_measured_without_recursion() -> None:
    """Containers, models, extras, dataclasses and objects count one level each; cycles are deeper than anything."""

    class Loose(BaseModel, extra="allow"):
        value: Any = None

    cycle: list[Any] = []
    cycle.append(cycle)
    shared: Any = ()
    for _ in range(60):
        shared = (shared, shared)  # 2**60 ways to the innermost
    for value, depth in (
        (1, 0),
        ([1], 1),
        ([[]], 2),
        ({"a": ({1},)}, 3),
        (Loose(value=[Loose()]), 3),
        (Loose.model_validate({"more": {"a": []}}), 3),
        (Point([Point()]), 4),
        (shared, 61),
    ):
        assert not value_depth_exceeds(value, depth), value
        assert depth == 0 or value_depth_exceeds(value, depth - 1), value
    assert value_depth_exceeds(cycle, 1000)


def test_bare_decoders_are_guarded_too() -> None:
    """decoder() refuses what the thread has no stack for, without a manager around it."""
    text = b'{"below":' * 150 + b"{}" + b"}" * 150
    found = in_thread(256, lambda: decoder(Chain, "json")(text))
    assert isinstance(found, LimitExceededError)
    assert TypeAdapter(Chain).validate_json(text) == decoder(Chain, "json")(text)

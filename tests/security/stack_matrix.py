"""Read and write nested values at every door in threads of many sizes of stack. Run as a program by ``test_stack.py``.

A line is printed before each attempt: where the process ends, the last one says at what. Anything but a right value and a
promised error is a failure.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import ormsgpack
from pydantic import BaseModel, ConfigDict, RootModel, TypeAdapter, ValidationError, field_validator, model_serializer
from pydantic_core import PydanticSerializationError

from pydantic_serialization import (
    DecodeError,
    EncodeError,
    SerializationConfig,
    copy_model,
    create_serialization_manager,
    decoder,
    encoder,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ("json", "orjson", "msgpack", "pickle")
DEPTHS = (3, 10, 50, 190, 250, 1_000, 100_000)
SHALLOW = 3
"""Levels that every stack has room for."""
PROMISED = (DecodeError, EncodeError, ValidationError)
OF_LIBRARIES = (PydanticSerializationError, TypeError, ValueError)
"""What the functions of ``encoder()`` may raise too, as its documentation says."""


class Chain(BaseModel):
    """A model in a model."""

    below: Chain | None = None


class Branch(BaseModel):
    """Models in a list, and whatever else somebody puts there."""

    model_config = ConfigDict(extra="allow")

    below: list[Branch] = []
    other: Any = None


class Either(BaseModel):
    """A union that leads back to itself in three ways."""

    below: Either | list[Either] | dict[str, Either] | int = 0


class Called(BaseModel):
    """Code of the user's at every level, reading and writing."""

    below: Called | None = None

    @field_validator("below", mode="wrap")
    @classmethod
    def _read(cls, value: Any, handler: Any) -> Any:
        return handler(value)

    @model_serializer(mode="wrap")
    def _write(self, handler: Any) -> Any:
        return handler(self)


@dataclass
class Point:
    """A dataclass in a list in a dataclass."""

    below: list[Point] = field(default_factory=list)


class Rows(RootModel[list["Rows"]]):
    """A model that is its list."""


class Shape(NamedTuple):
    """A type, and what one level of a document of it is.

    Attributes:
        declared: The type.
        wrap: A level around a document.
        innermost: The document without any level.
        build: A level around a value, if values may be made without Pydantic.
    """

    declared: Any
    wrap: Callable[[Any], Any]
    innermost: Any
    build: Callable[[Any], Any]


SHAPES = {
    "lists": Shape(list[Any], lambda inner: [inner], [], lambda inner: [inner]),
    "dicts": Shape(dict[str, Any], lambda inner: {"a": inner}, {}, lambda inner: {"a": inner}),
    "chain": Shape(Chain, lambda inner: {"below": inner}, {}, lambda inner: Chain.model_construct(below=inner)),
    "branch": Shape(Branch, lambda inner: {"below": [inner]}, {}, lambda inner: Branch.model_construct(below=[inner])),
    "undeclared": Shape(Branch, lambda inner: {"other": inner}, {}, lambda inner: Branch.model_construct(other=inner)),
    "union": Shape(
        Either,
        lambda inner: {"below": {"a": inner}},
        {},
        lambda inner: Either.model_construct(below={"a": inner}),
    ),
    "called": Shape(Called, lambda inner: {"below": inner}, {}, lambda inner: Called.model_construct(below=inner)),
    "dataclass": Shape(Point, lambda inner: {"below": [inner]}, {}, lambda inner: Point([inner])),
    "root": Shape(Rows, lambda inner: [inner], [], lambda inner: Rows.model_construct([inner])),
    "skipped": Shape(Chain, lambda inner: {"zzz": inner}, {}, lambda inner: Chain.model_construct(below=inner)),
}


def nested(innermost: Any, wrap: Callable[[Any], Any], depth: int) -> Any:
    """Return so many levels around a value."""
    for _ in range(depth):
        innermost = wrap(innermost)
    return innermost


def document(shape: Shape, depth: int, format_name: str) -> bytes:
    """Return a document of so many levels, whether or not a writer would write it."""
    if format_name == "pickle":  # opcodes of nested lists, in the place of any type
        return b"\x80\x05" + b"]" * depth + b"a" * (depth - 1) + b"."
    mark = "\x00"
    pattern, inner = shape.wrap(mark), shape.innermost
    if format_name == "msgpack":
        before, _, after = ormsgpack.packb(pattern).partition(ormsgpack.packb(mark))
        return before * depth + ormsgpack.packb(inner) + after * depth
    adapter = TypeAdapter(Any)
    before, _, after = adapter.dump_json(pattern).partition(adapter.dump_json(mark))
    return before * depth + adapter.dump_json(inner) + after * depth


MANAGERS = {
    "manager": create_serialization_manager(),
    "careful manager": create_serialization_manager(SerializationConfig(max_depth=150, enable_caching=False)),
    "signing manager": create_serialization_manager(SerializationConfig(signing_keys=("k" * 32,))),
}


def attempts(shape: Shape, depth: int) -> dict[str, Callable[[], Any]]:
    """Return what is tried with one shape and depth, by name."""
    found: dict[str, Callable[[], Any]] = {}
    value = nested(TypeAdapter(shape.declared).validate_python(shape.innermost), shape.build, depth)
    for name in FORMATS:
        data = document(shape, depth, name)
        write, read = encoder(shape.declared, name), decoder(shape.declared, name)
        found[f"encoder {name}"] = lambda write=write: write(value)
        found[f"decoder {name}"] = lambda read=read, data=data: read(data)
        found[f"round trip {name}"] = lambda write=write, read=read: read(write(value))
        for label, manager in MANAGERS.items():
            found[f"{label} writes {name}"] = lambda manager=manager, name=name: manager.serialize_sync(value, name)
            found[f"{label} reads {name}"] = lambda manager=manager, name=name, data=data: manager.deserialize_sync(
                data, shape.declared, name
            )
    if isinstance(value, BaseModel) and depth < 300:  # deeper ones are for copy.deepcopy, which knows no stack
        found["copy"] = lambda: copy_model(value)
    return found


def allowed(name: str) -> tuple[type[Exception], ...]:
    """Return the errors in which an attempt may end."""
    if name == "copy":  # deeper than the core goes it is copy.deepcopy
        return (RecursionError,)
    return OF_LIBRARIES if name.startswith(("encoder", "round trip")) else PROMISED


def run(depths: list[int], shapes: list[str], tell: Callable[[str], None]) -> int:
    """Try everything, and return how many values came out."""
    values = 0
    for depth in depths:
        for shape_name in shapes:
            for name, attempt in attempts(SHAPES[shape_name], depth).items():
                tell(f"{shape_name} {depth} {name}")
                try:
                    attempt()
                except allowed(name) as error:
                    is_due = depth > SHALLOW or "pickle" in name
                    assert is_due, (shape_name, depth, name, error)
                else:
                    values += 1
    return values


def main(stack: int, depths: list[int], shapes: list[str]) -> None:
    """Run in a thread of ``stack`` KiB and report."""
    failures: list[BaseException] = []

    def tell(case: str) -> None:
        sys.stdout.write(case + "\n")
        sys.stdout.flush()

    def in_thread() -> None:
        try:
            tell(f"values: {run(depths, shapes, tell)}")
        except BaseException as error:
            failures.append(error)

    threading.stack_size(stack * 1024)
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(depth) for depth in sys.argv[2].split(",")], sys.argv[3].split(","))

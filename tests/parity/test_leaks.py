"""Nothing is kept: references, objects and memory after many calls are what they were, whatever the calls did.

``PARITY_ROUNDS`` is the number of calls of each situation, 20,000 unless it is set; a million is a long run.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import tracemalloc
import uuid
import weakref
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
import zoo
from encoders import UNDECLARED_MODELS, Declined
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    HttpUrl,
    PlainSerializer,
    PrivateAttr,
    WrapSerializer,
    computed_field,
    create_model,
    model_validator,
)

from pydantic_serialization import copy_model
from pydantic_serialization._native import core
from pydantic_serialization.formats import compact
from pydantic_serialization.plan import plan_for, store
from pydantic_serialization.plan.compiler import compile_plan

if TYPE_CHECKING:
    from collections.abc import Callable

if core is None:
    pytest.skip("needs the native core", allow_module_level=True)

ROUNDS = int(os.environ.get("PARITY_ROUNDS", "20000"))
MARK = "a text that only this file has"
DEFAULT = ["a list", {"of": "things"}]


def refuse(value: Any) -> Any:
    if value == 7:
        raise ValueError(MARK)
    if value == 8:
        raise KeyError(MARK)
    return value


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    name: str = MARK


class Dog(BaseModel, extra="allow"):
    kind: Literal["dog"]
    age: int | None = None


class Inner(BaseModel):
    x: Annotated[int, AfterValidator(refuse)] = 1
    tags: list[str] = Field(default_factory=list)
    _private: list[int] = PrivateAttr(default_factory=list)


class Outer(BaseModel):
    a: int
    inner: Inner = Inner()
    many: list[Inner] = []
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    either: Cat | dict[str, int] | str | float = 0.5
    when: datetime | None = None
    names: frozenset[str] = frozenset()
    by_key: dict[str, tuple[int, ...]] = {}
    url: HttpUrl | None = None
    before: Annotated[int, BeforeValidator(refuse)] = 2
    default: list[Any] = DEFAULT
    anything: Any = None

    @model_validator(mode="after")
    def _check(self) -> Outer:
        refuse(self.a)
        return self


class Plain(BaseModel, extra="allow"):
    a: int
    text: str = MARK
    yes: bool = True
    nothing: None = None
    cats: list[Cat] = []
    pet: Cat | Dog | None = None
    moments: list[datetime] = []


class Wide(BaseModel):
    """More fields than fit the smallest set."""

    a: int = 1
    b: int = 1
    c: int = 1
    d: int = 1
    e: int = 1
    f: int = 1
    g: int = 1
    h: int = 1
    i: int = 1
    j: int = 1
    k: int = 1


class Written(BaseModel):
    a: Annotated[int, PlainSerializer(refuse)] = 1
    b: Annotated[int, WrapSerializer(lambda value, handler: handler(refuse(value)))] = 2
    cats: list[Cat] = [Cat()]
    anything: Any = None

    @computed_field
    @property
    def total(self) -> int:
        refuse(self.b + 1)
        return self.b


FULL = (
    b'{"a":1,"inner":{"x":2,"tags":["t"]},"many":[{"x":3},{}],"pet":{"kind":"dog","age":1,"more":[1]},'
    b'"either":{"k":1},"when":"2024-02-29T10:11:12+01:00","names":["a","b","a"],"by_key":{"k":[1,2]},'
    b'"url":"https://example.com/","before":3,"anything":{"n":[null,true,1.5,12345678901234567890]}}'
)
PLAIN = (
    b'{"a":1,"text":"t","yes":false,"nothing":null,"cats":[{"kind":"cat"},{"name":"n"}],"pet":{"kind":"dog"},'
    b'"extra":[1,{"k":2}],"moments":["2024-02-29T10:11:12Z","2024-02-29T10:11:12+03:00"]}'
)


def decoder(declared: Any) -> Callable[..., Any]:
    """Return the core's decoder of a type; it raises :class:`Declined` where it would ask Pydantic.

    It has not yet learned that documents are declined, and does not learn it: each call is tried.
    """
    assert core is not None
    program = plan_for(declared).decoding.program

    def decline(*_: Any, **__: Any) -> Any:
        raise Declined

    decode: Callable[..., Any] = core.decoder(program, decline, max_depth=200, views=True)
    return decode


def encoder(declared: Any) -> Callable[..., Any]:
    """Return the core's encoder of a type, in the same way."""
    assert core is not None
    program = plan_for(declared).encoding.program

    def decline(*_: Any, **__: Any) -> Any:
        raise Declined

    encode: Callable[..., Any] = core.encoder(program, decline, max_depth=200, text=False, eager=True)
    return encode


def packer(declared: Any) -> Callable[..., Any]:
    """Return the core's MessagePack encoder of a type, in the same way."""
    assert core is not None
    program = plan_for(declared).packing.program

    def decline(*_: Any, **__: Any) -> Any:
        raise Declined

    encode: Callable[..., Any] = core.msgpack_encoder(program, decline, max_depth=200, eager=True)
    return encode


def quietly(function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    with contextlib.suppress(ValueError, KeyError, TypeError, Declined):
        function(*arguments, **options)


def alternating(function: Callable[..., Any], good: Any, bad: Any, **options: Any) -> Callable[[], None]:
    """Return a call of a bad value, and of a good one now and then so that the function goes on trying."""
    count = iter(range(10**12))

    def work() -> None:
        quietly(function, bad, **options)
        if next(count) % 4 == 0:
            function(good)

    return work


read_outer, read_plain, read_wide = decoder(Outer), decoder(Plain), decoder(Wide)
read_zoo = decoder(zoo.Everything)
write_written, write_plain, write_zoo = encoder(Written), encoder(Plain), encoder(zoo.Everything)
pack_written, pack_plain, pack_zoo = packer(Written), packer(Plain), packer(zoo.Everything)
plain, written, everything = Plain.model_validate_json(PLAIN), Written(), zoo.Everything(extra=[1, {"a": None}])
odd_plain, odd_written = plain.model_copy(), written.model_copy()
odd_plain.__dict__["cats"] = [Cat(), "no cat"]
odd_written.__dict__["cats"] = [Cat(), 5]
LATE = b'{"a":1,"cats":[{"kind":"cat"},{"kind":"cat"},{"kind":"dog"}]}'


broken = uuid.UUID(int=1)
object.__setattr__(broken, "int", 2**130)


def with_value(**values: Any) -> Written:
    model = Written()
    model.__dict__.update(values)
    return model


READING: dict[str, Callable[[], Any]] = {
    "success, nothing runs": lambda: read_plain(PLAIN),
    "success, user code": lambda: read_outer(FULL),
    "options": lambda: read_outer(FULL, strict=None, context={"a": MARK}),
    "text": lambda: read_plain(PLAIN.decode()),
    "bytearray": lambda: read_plain(bytearray(PLAIN)),
    "memoryview": lambda: read_plain(memoryview(PLAIN)),
    "writable memoryview": lambda: read_plain(memoryview(bytearray(PLAIN))),
    "many fields, others each time": lambda: (
        read_wide(b'{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}'),
        read_wide(b'{"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1}'),
        read_wide(b'{"k":1}'),
    ),
    "declined in the middle": alternating(read_plain, PLAIN, LATE),
    "declined at the end": alternating(read_plain, PLAIN, PLAIN + b"x"),
    "declined, not text": alternating(read_plain, PLAIN, 5),
    "declined, an option": alternating(read_plain, PLAIN, PLAIN, by_name=True),
    "declined, user code ahead": alternating(read_outer, FULL, FULL[:-1] + b',"many":[1]}'),
    "a validator refuses": lambda: quietly(read_outer, b'{"a":1,"inner":{"x":7}}'),
    "several validators refuse": lambda: quietly(
        read_outer, b'{"a":7,"inner":{"x":7},"many":[{"x":7},{},{"x":7}],"before":7}'
    ),
    "a validator fails": lambda: quietly(read_outer, b'{"a":1,"many":[{},{"x":8}]}'),
    "a model refuses": lambda: quietly(read_outer, b'{"a":7}'),
    "a part refuses": lambda: quietly(read_outer, b'{"a":1,"before":"no"}'),
    "a wrong keyword": lambda: quietly(read_outer, FULL, nothing_like_this=1),
    "a part of the zoo": lambda: quietly(read_zoo, b'{"id":1}'),
}


def writing(
    write_written: Callable[..., Any], write_plain: Callable[..., Any], write_zoo: Callable[..., Any]
) -> dict[str, Callable[[], Any]]:
    """Return the situations of writing, by the encoders of three types."""
    return {
        "success, nothing runs": lambda: write_plain(plain),
        "success, user code": lambda: write_written(written),
        "options": lambda: write_zoo(everything, by_alias=True, exclude_unset=True, exclude_none=True, warnings="none"),
        "context": lambda: write_written(written, context={"a": MARK}),
        "declined in the middle": alternating(write_plain, plain, odd_plain),
        "declined behind holes": alternating(write_written, written, odd_written),
        "declined, an option": alternating(write_plain, plain, plain, include={"a"}),
        "a serializer refuses": lambda: quietly(write_written, with_value(a=7)),
        "a serializer fails": lambda: quietly(write_written, with_value(b=8)),
        "a computed field fails": lambda: quietly(write_written, with_value(b=6)),
        "models without a declaration": (
            (lambda: write_written(with_value(anything=[plain, {"k": written}])))
            if UNDECLARED_MODELS
            else alternating(write_written, written, with_value(anything=[plain, {"k": written}]))
        ),
        "large text": lambda: write_plain(Plain.model_construct(a=1, text="é" * 5000)),
        "a wrong identifier": alternating(write_written, written, with_value(anything=broken)),
        "a wrong keyword": lambda: quietly(write_plain, plain, nothing_like_this=1),
    }


WRITING = {
    **writing(write_written, write_plain, write_zoo),
    **{f"packed: {name}": work for name, work in writing(pack_written, pack_plain, pack_zoo).items()},
    "packed: what has no bytes in a part": lambda: quietly(pack_written, with_value(a=2**70)),
    "packed: what has no bytes": alternating(pack_plain, plain, Plain.model_construct(a=2**64)),
    "packed: equal keys": alternating(pack_zoo, everything, everything.model_copy(update={"extra": {1: 1, "1": 1}})),
}

# Objects that calls use all the time: a count that is wrong by one per call shows on them.
HELD: tuple[Any, ...] = (
    None, True, False, MARK, DEFAULT, (), "a", "kind", "cat", Cat, Dog, Inner, Outer, Plain, Written, frozenset(), UTC,
    plain, plain.__dict__, plain.cats, plain.cats[0], plain.moments[0], plain.moments[0].tzinfo, written, written.__dict__,
    everything, everything.__dict__, refuse, PLAIN, FULL, *Outer.model_fields, *Plain.model_fields, *Wide.model_fields,
    *plain.__dict__,
)  # fmt: skip


def counts() -> list[int]:
    """Return the counts of references of all held objects."""
    return [sys.getrefcount(item) for item in HELD]


def resident() -> int:
    """Return the memory of this process in bytes; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def check(work: Callable[[], Any], rounds: int = ROUNDS) -> None:
    """Fail if many calls leave anything behind."""
    for _ in range(300):
        work()
    gc.freeze()  # what is there already is not looked through with each collection
    try:
        _check(work, rounds)
    finally:
        gc.unfreeze()


def _check(work: Callable[[], Any], rounds: int) -> None:
    before, objects = counts(), len(gc.get_objects())
    for _ in range(rounds // 2):
        work()
    gc.collect()
    # Other parts of the process keep a few references at times; a leak keeps one per call.
    grown = {
        repr(item)[:60]: now - then
        for item, now, then in zip(HELD, counts(), before, strict=True)
        if abs(now - then) > 200
    }
    assert not grown, grown
    assert len(gc.get_objects()) - objects < 200
    memory = resident()
    for _ in range(rounds // 2):
        work()
    gc.collect()
    assert resident() - memory < max(2_000_000, rounds * 16)
    # What another thread keeps meanwhile is not kept every time; a leak is.
    assert min(traced(work) for _ in range(3)) < 8_000


def traced(work: Callable[[], Any]) -> int:
    """Return the bytes that 300 calls keep, of the memory that Python knows of."""
    tracemalloc.start()
    try:
        work()
        first = tracemalloc.get_traced_memory()[0]
        for _ in range(300):
            work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - first
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", READING)
def test_reading_keeps_nothing(name: str) -> None:
    """After many documents nothing is left of them: success, declining, refusals, failures, options."""
    check(READING[name])


@pytest.mark.parametrize("name", WRITING)
def test_writing_keeps_nothing(name: str) -> None:
    """After many values nothing is left of the calls."""
    check(WRITING[name])


class Knot:
    """A value that only Python can copy."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Knot:
        return self

    def __reduce__(self) -> Any:
        raise TypeError(MARK)


class Uncopyable(Knot):
    __deepcopy__ = None  # type: ignore[assignment]


shared: list[Any] = [MARK, [MARK]]
COPYING: dict[str, Any] = {
    "a plain model": plain,
    "the zoo": everything,
    "shared and in cycles": Plain.model_construct(a=1, cats=[shared, shared, (shared,)], pet=Wide()),
    "other keys, sets, tuples": Plain.model_construct(
        a=1, cats=({1: [MARK], (1, "a"): {MARK}}, frozenset({MARK}), (MARK, [1]), set(range(50)))
    ),
    "privates": Inner(tags=[MARK]),
    "with Python's help": Plain.model_construct(a=1, cats=[shared, Knot(), shared, {Cat: [1]}]),
    "what cannot be copied": Plain.model_construct(a=1, cats=[shared, Uncopyable(), shared]),
}
COPYING["shared and in cycles"].cats.append(COPYING["shared and in cycles"])


@pytest.mark.parametrize("name", COPYING)
def test_copying_keeps_nothing(name: str) -> None:
    """After many copies nothing is left of them."""
    check(lambda: quietly(copy_model, COPYING[name]))


PICKLING: dict[str, Any] = {
    "a plain model": plain,
    "the zoo": everything,
    "shared and in cycles": Plain.model_construct(a=1, cats=[shared, shared, (shared,)], pet=Wide()),
    "keys, sets, members, numbers": Plain.model_construct(
        a=2**70, cats=[{1: [MARK], (1, "a"): {MARK}}, frozenset({MARK}), zoo.Color.RED, Decimal(1), uuid.UUID(int=1)]
    ),
    "privates": Inner(tags=[MARK]),
    "declined": [plain, 1j],
    "many shapes": [Wide.model_construct({"a", "x"}, a=MARK), Wide(), Wide(a=1), Wide.model_construct({"b"})],
}
PICKLING["shared and in cycles"].cats.append(PICKLING["shared and in cycles"])


@pytest.mark.parametrize("name", PICKLING)
def test_packing_keeps_nothing(name: str) -> None:
    """After many blocks, written, read and read halfway, nothing is left of them."""
    data = compact.pack(PICKLING[name])
    if data is not None:
        compact.restore(*unwrapped(data))
        block, *classes = unwrapped(data)
        check(lambda: quietly(compact.restore, block[: len(block) // 2], *classes))
        check(lambda: compact.restore(block, *classes))
    check(lambda: compact.pack(PICKLING[name]))


def unwrapped(data: bytes) -> tuple[Any, ...]:
    """Return the arguments of ``restore`` in a compact pickle."""
    wrapped = compact.unwrap(data)
    assert wrapped is not None
    return (wrapped.block, *(getattr(sys.modules[module], name) for module, name in wrapped.names))


def test_a_leak_is_noticed() -> None:
    """The check can fail: one reference, one object or one text kept per call is found."""
    kept: list[Any] = []
    for leak in (lambda: kept.append(MARK), lambda: kept.append([]), lambda: kept.append(bytearray(100))):
        with pytest.raises(AssertionError):
            check(leak)
        kept.clear()


def test_classes_of_both_directions_can_be_collected() -> None:
    """Functions that are kept in the class itself, with validators, extras and literals, do not keep it alive."""

    def made() -> weakref.ref[type]:
        part = create_model("Part", n=(int, ...))
        short = create_model(
            "Short",
            __config__={"extra": "allow"},
            __validators__={},
            x=(int, 1),
            part=(part | None, None),
            kind=(Literal["a", 1, None], None),
            checked=(Annotated[int, AfterValidator(lambda value: value)], 5),
            mixed=(dict[str, part | int], {}),  # type: ignore[valid-type]
        )
        plan = compile_plan(short)
        assert core is not None
        decode = core.decoder(plan.decoding.program, plan.validator.validate_json, max_depth=200, views=False)
        encode = core.encoder(plan.encoding.program, plan.serializer.to_json, max_depth=200, text=False, eager=True)
        encode(decode(b'{"part":{"n":1},"kind":"a","more":{"n":2},"mixed":{"k":{"n":3}}}'))
        short.functions = (decode, encode)  # type: ignore[attr-defined]
        return weakref.ref(short)

    references = [made() for _ in range(20)]
    store._plans.clear()
    gc.collect()
    gc.collect()
    assert [reference() for reference in references] == [None] * 20


def test_making_functions_keeps_nothing() -> None:
    """Programs, with everything that they borrow, go with their functions."""
    plan = plan_for(Outer)
    assert core is not None
    before = counts()
    for _ in range(300):
        core.decoder(plan.decoding.program, plan.validator.validate_json, max_depth=200, views=False)(FULL)
        core.encoder(plan.encoding.program, plan.serializer.to_json, max_depth=200, text=True)(Outer(a=1))
        with pytest.raises(ValueError, match="does not know"):
            core.decoder((("model-of-the-future",), (), None, False), None, max_depth=200, views=False)
    gc.collect()
    assert all(abs(now - then) < 200 for now, then in zip(counts(), before, strict=True))

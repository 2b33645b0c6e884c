"""The user's code inside a native type: run once, in order, with Pydantic's errors and warnings; safe whatever it does."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import sys
import threading
import tracemalloc
import weakref
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

import ormsgpack
import pytest
import zoo
from encoders import (
    FORMS,
    UNDECLARED_MODELS,
    Declined,
    Form,
    assert_same,
    complete,
    each_form,
    native,
    outcome,
    plan_of,
)
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WrapSerializer,
    computed_field,
    field_serializer,
    model_serializer,
)

from pydantic_serialization._native import core
from pydantic_serialization.plan.rebuild import CAN_REBUILD

pytestmark = pytest.mark.skipif(core is None, reason="needs the native core")

T = TypeVar("T")
calls: list[str] = []


class Inner(BaseModel):
    x: int = 1

    @field_serializer("x")
    def _x(self, value: int) -> int:
        calls.append(f"x={value}")
        return value * 2


class Outer(BaseModel):
    """Detours at every place of an object: first, last, alone, beside one another."""

    a: int = 1
    first: Inner = Inner(x=2)
    b: str | None = None
    plain: int = 3
    wrapped: int = 4
    c: list[Inner] = [Inner(x=5), Inner(x=6)]
    anything: Any = None

    @field_serializer("plain")
    def _plain(self, value: int) -> str:
        calls.append(f"plain={value}")
        return f"<{value}>"

    @field_serializer("wrapped", mode="wrap")
    def _wrapped(self, value: Any, handler: Any, info: Any) -> Any:
        calls.append(f"wrapped={value} {info.field_name} {info.include} {info.exclude} {info.context} {info.mode}")
        return [handler(value), info.by_alias, info.exclude_none, info.round_trip]

    @computed_field(alias="SUM")
    @property
    def total(self) -> int:
        calls.append("total")
        return self.a + self.plain

    @computed_field
    @property
    def nothing(self) -> None:
        calls.append("nothing")


def traced(function: Any, *arguments: Any, **options: Any) -> tuple[Any, list[str]]:
    """Return what a call does and which code of the user's it ran."""
    calls.clear()
    found = outcome(function, *arguments, **options)
    return found, list(calls)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"by_alias": True},
    {"by_alias": False},
    {"exclude_none": True},
    {"exclude_unset": True},
    {"exclude_defaults": True},
    {"round_trip": True},
    {"exclude_computed_fields": True},
    {"context": {"a": 1}},
    {"warnings": False},
    {"warnings": "error"},
    {"warnings": "none"},
]


@each_form
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_code_runs_once_and_in_order(form: Form, options: dict[str, Any]) -> None:
    """The calls, their order and what they are told are the same as in one call of Pydantic's."""
    for value in (
        Outer(),
        Outer(first=Inner(), c=[]),
        Outer(anything=[Inner(), {"k": Outer()}]),
        Outer(a=5, b="x", plain=6),
    ):
        expected = traced(form.reference(Outer), value, **options)
        assert traced(form.complete(Outer), value, **options) == expected
        assert traced(form.complete(list[Outer]), [value, value], **options) == traced(
            form.reference(list[Outer]), [value, value], **options
        )
        if "exclude_defaults" not in options and value.anything is None and not isinstance(expected[0][0], tuple):
            assert traced(form.native(Outer), value, **options) == expected


@each_form
def test_declining_runs_no_code(form: Form) -> None:
    """A value that Pydantic has to write is found before any code of the user's has run."""
    odd = Outer()
    odd.__dict__["a"] = "not a number"
    late = Outer()
    late.__dict__["c"] = [Inner(), "not a model"]
    for value in (odd, late):
        calls.clear()
        with pytest.raises(Declined):
            form.native(Outer)(value)
        assert calls == []
        assert traced(form.complete(Outer), value) == traced(form.reference(Outer), value)


class Raising(BaseModel):
    a: int = 1
    x: Annotated[int, PlainSerializer(lambda value: 1 / value)] = 0
    z: Annotated[int, WrapSerializer(lambda value, handler: handler(value) / value)] = 1

    @computed_field
    @property
    def broken(self) -> int:
        if self.a == 2:
            raise KeyError("broken")
        return 1


class Holder(BaseModel):
    inner: Raising = Raising()
    many: list[Raising] = []


def test_errors_are_pydantics_own() -> None:
    """An exception in the user's code comes out with the type and the words that Pydantic gives it, at every depth."""
    for inner in (Raising(), Raising(x=1, z=0), Raising(x=1, a=2), Raising(x=1)):
        assert_same(Raising, inner)
        assert_same(Holder, Holder(inner=inner))
        assert_same(Holder, Holder(inner=Raising(x=1), many=[Raising(x=1), inner]))
        assert_same(list[Raising], [inner])
        assert_same(Any, [inner])
        assert_same(Holder, Holder(inner=inner), warnings="error")


class Warning_(BaseModel):
    name: str = "x"
    count: Annotated[int, PlainSerializer(lambda value: value, return_type=int)] = 1
    total: Annotated[int, WrapSerializer(lambda value, handler: handler(value))] = 1


class Catching(BaseModel):
    """Code that would notice a warning that has become an error."""

    total: int = 1

    @field_serializer("total", mode="wrap")
    def _total(self, value: Any, handler: Any) -> Any:
        try:
            return handler(value)
        except Exception:
            return "caught"


@pytest.mark.parametrize("mode", [True, False, "warn", "none", "error"])
def test_warnings_of_parts_are_the_warnings_of_the_whole(mode: Any) -> None:
    """One warning lists everything that is wrong, wherever it is; an error does when errors are wanted."""
    one, two = Warning_(), Warning_()
    one.__dict__["count"] = "many"
    two.__dict__["total"] = "all"
    for value in ([one], [one, two], [Warning_(), two]):
        assert_same(list[Warning_], value, warnings=mode)
    assert_same(Warning_, one, warnings=mode)
    catching = Catching()
    catching.__dict__["total"] = "all"
    assert_same(Catching, catching, warnings=mode)
    assert_same(list[Catching | int], [catching], warnings=mode)


class Enveloped(BaseModel):
    x: int = 1

    @model_serializer(mode="wrap")
    def _enveloped(self, handler: Any) -> dict[str, Any]:
        calls.append("enveloped")
        return {"data": handler(self)}


@each_form
def test_a_model_with_a_serializer_of_its_own_is_a_part(form: Form) -> None:
    """Around a model that only Pydantic can write, everything stays native."""
    value = {"a": [Enveloped(), Enveloped(x=2)], "b": []}
    declared = dict[str, list[Enveloped]]
    expected = traced(form.reference(declared), value)
    assert traced(form.native(declared), value, warnings=False) == expected
    assert traced(form.complete(declared), value) == expected
    long = {"a": [Enveloped()], "x" * 3000: [Enveloped()]}
    assert traced(form.native(declared), long) == traced(form.reference(declared), long)
    assert (plan_of(Enveloped).encoding.program is not None) == CAN_REBUILD


class Changing(BaseModel):
    """Its code changes the very thing that is being written."""

    numbers: list[int] = [1, 2, 3]
    names: dict[str, int] = {"a": 1}
    child: Any = None

    @computed_field
    @property
    def cleared(self) -> int:
        self.__dict__.get("numbers", []).clear()
        self.__dict__.get("names", {}).clear()
        self.__dict__.clear()
        return 1


@each_form
def test_code_that_changes_the_object_is_safe(form: Form) -> None:
    """What was written before the change stands; nothing is read that is gone."""
    encode = form.native(list[Changing])
    for _ in range(200):
        value = [Changing(child=[object.__new__(zoo.Cat) and 1] * 50) for _ in range(3)]
        expected = form.reference(list[Changing])([one.model_copy(deep=True) for one in value])
        assert encode(value) == expected


@each_form
def test_threads_that_change_the_object_are_safe(form: Form) -> None:
    """While one thread writes a model, others may add, replace and remove what it holds."""
    value = zoo.Everything(extra={str(i): [i] * 5 for i in range(50)}, created=datetime(2024, 1, 1, tzinfo=UTC))
    stop = threading.Event()

    def change() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            value.extra[str(step % 97)] = [step] * (step % 7)
            value.extra.pop(str((step * 7) % 97), None)
            value.tags.add(str(step % 50))
            value.pets[:] = [zoo.Cat(lives=step)] * (step % 5)

    threads = [threading.Thread(target=change) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    encode = form.complete(zoo.Everything)
    read = json.loads if form is FORMS["json"] else ormsgpack.unpackb
    names = list(read(encode(value)))
    try:
        for thread in threads:
            thread.start()
        for _ in range(3000):
            try:
                assert list(read(encode(value))) == names
            except RuntimeError as error:  # Pydantic's own, of a set that changes
                assert "changed size" in str(error)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)


class Recursive(BaseModel):
    child: Recursive | None = None
    items: list[Recursive] = []
    anything: Any = None


def _chain(depth: int) -> Recursive:
    value = Recursive()
    for _ in range(depth):
        value = Recursive.model_construct(child=value)
    return value


def _holding(value: Any) -> Recursive:
    return Recursive.model_construct(anything=value)


def test_depth_is_bounded() -> None:
    """Deep and cyclic values end where Pydantic ends them, on small stacks too."""
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    cyclic = Recursive()
    cyclic.__dict__["child"] = cyclic
    circle: dict[str, Any] = {}
    circle["a"] = {"b": circle}
    deep = [_chain(depth) for depth in (100, 199, 200, 201, 253, 254, 255, 256, 300)]
    for value in (*deep, cyclic, Recursive.model_construct(anything=circle)):
        assert_same(Recursive, value)
    declined: list[Any] = []

    def run() -> None:
        encode = native(Recursive)
        for depth in (150, 198):
            encode(_chain(depth))
        chains = (deep[-1], cyclic, *map(_holding, (nested, circle)))
        declined.extend(outcome(encode, value)[0][0] for value in chains)

    threading.stack_size(256 * 1024)  # too small for Pydantic
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(0)
    assert declined == [Declined] * 4
    while nested:
        nested = nested.pop()


@each_form
@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_the_limit_counts_levels(form: Form, limit: int) -> None:
    """A value of as many levels as the limit is written; one more goes to what stands behind, holes included."""

    def levels(count: int) -> Any:
        value: Any = 1
        for _ in range(count):
            value = [value]
        return value

    assert form.native(Any, max_depth=limit)(levels(limit))
    with pytest.raises(Declined):
        form.native(Any, max_depth=limit)(levels(limit + 1))
    assert form.native(list[Inner], max_depth=2)([Inner()])
    with pytest.raises(Declined):
        form.native(list[Inner], max_depth=1)([Inner()])
    with pytest.raises(Declined):
        form.native(list[Any], max_depth=2)([Enveloped()])
    assert not UNDECLARED_MODELS or form.native(list[Any], max_depth=3)([Enveloped()])


def _memory(work: Any, rounds: int) -> int:
    for _ in range(200):
        work()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(rounds):
            work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def _quietly(function: Any, *arguments: Any, **options: Any) -> None:
    with contextlib.suppress(ValueError, Declined):
        function(*arguments, **options)


@each_form
@pytest.mark.usefixtures("frozen_heap")
def test_nothing_leaks(form: Form) -> None:
    """Success, declining, holes and errors leave no reference behind."""
    odd = zoo.Everything()
    odd.__dict__["node"] = "not a node"
    native_everything, native_outer = form.native(zoo.Everything), form.native(Outer)
    situations = {
        "success": lambda: native_everything(everything),
        "options": lambda: native_everything(everything, by_alias=True, exclude_unset=True, warnings="none"),
        "declined": lambda: _quietly(form.native(zoo.Everything), odd),
        "holes": lambda: (native_outer(outer), calls.clear()),
        "raised": lambda: _quietly(form.native(Holder), holder),
        "union": lambda: form.native(zoo.Unions)(unions),
    }
    everything, outer, holder, unions = zoo.Everything(extra=[1, {"a": None}]), Outer(), Holder(), zoo.Unions()
    held = (
        everything,
        everything.__dict__,
        everything.extra,
        everything.created,
        outer,
        outer.first,
        holder,
        unions.pet,
    )
    for name, work in situations.items():
        work()
        counts, nothings = [sys.getrefcount(item) for item in held], sys.getrefcount(None)
        grown = _memory(work, 2000)
        assert grown < 20_000, (name, grown)
        assert [sys.getrefcount(item) for item in held] == counts, name
        assert abs(sys.getrefcount(None) - nothings) < 1000, name  # the tools above keep some


@pytest.mark.usefixtures("frozen_heap")
def test_classes_can_be_collected() -> None:
    """An encoder keeps no class alive that nobody else holds."""

    def made() -> weakref.ref[type]:
        class Short(BaseModel):
            x: int = 1
            inner: list[zoo.Cat] = Field(default_factory=list)

        encode = complete(Short)
        encode(Short())
        Short.encode = encode  # type: ignore[attr-defined]
        return weakref.ref(Short)

    from pydantic_serialization.plan import store

    reference = made()
    store._plans.clear()
    gc.collect()
    gc.collect()
    assert reference() is None


@each_form
def test_an_encoder_that_always_declines_stops_trying(form: Form) -> None:
    """After some declined calls in a row most go straight to Pydantic, and a value that fits is still written right."""
    odd = zoo.Scalars()
    odd.__dict__["number"] = "seven"
    encode, pydantics = form.complete(zoo.Scalars), form.reference(zoo.Scalars)
    for _ in range(500):
        assert encode(odd, warnings=False) == pydantics(odd, warnings=False)
    for _ in range(500):
        assert encode(zoo.Scalars()) == pydantics(zoo.Scalars())


@each_form
def test_arguments_are_checked_by_pydantic(form: Form) -> None:
    """Wrong calls fail as they do on Pydantic's own function."""
    for arguments, options in (((), {}), ((1, 2), {}), ((1,), {"nobody": 1}), ((), {"value": 1}), ((1,), {"value": 1})):
        expected = outcome(form.reference(int), *arguments, **options)
        assert outcome(form.complete(int), *arguments, **options) == expected


class Meddling(BaseModel):
    """Its serializer changes what stands beside its field."""

    first: int = 1
    replaced: int = 2
    items: list[int] = [3]

    @field_serializer("first")
    def _first(self, value: int) -> int:
        self.replaced = 20
        return value


@each_form
def test_a_serializer_may_replace_what_stands_beside_its_field(form: Form) -> None:
    """Pydantic writes the values the model had at the start."""
    expected = form.reference(Meddling)(Meddling())
    assert form.complete(Meddling)(Meddling()) == expected


class Point(BaseModel):
    x: int = 1
    tags: list[str] = ["a"]


class Doubling(BaseModel):
    """A part with code of its own."""

    first: int = 1
    items: list[int] = [5]

    @field_serializer("first")
    def _first(self, value: int) -> int:
        self.items.append(value)
        return value


class Changes(BaseModel):
    """Its serializer changes everything that can be changed in place, before and behind its own field."""

    model_config = ConfigDict(extra="allow")

    before: list[int] = [1]
    first: int = 1
    text: str = "text"
    items: list[int] = [3]
    by_name: dict[str, list[int]] = {"a": [1]}
    unique: set[int] = {1}
    pair: tuple[int, list[int]] = (1, [2])
    point: Point = Point()
    points: list[Point] = [Point()]
    either: int | list[int] = [1]
    maybe: dict[int, Point] | None = {1: Point()}
    anything: Any = {"k": [1]}
    part: Doubling = Doubling()
    parts: dict[str, Doubling] = {"k": Doubling()}
    last: int = 1

    def change(self) -> None:
        self.before.append(30)
        self.items.append(30)
        self.by_name["a"].append(30)
        self.by_name["new"] = []
        self.unique.add(2)
        self.pair[1].append(30)
        self.point.x += 1
        self.point.tags.append("b")
        self.points.append(Point(x=5))
        if isinstance(self.either, list):
            self.either.append(30)
        self.anything["k"].append(None)
        self.part.items.clear()
        self.parts["other"] = Doubling(first=9)
        if self.maybe:
            self.maybe[2] = Point()
        for value in (self.__pydantic_extra__ or {}).values():
            value.append(30)


class PlainChanges(Changes):
    @field_serializer("first")
    def _first(self, value: int) -> int:
        self.change()
        return value

    @computed_field
    @property
    def total(self) -> list[int]:
        self.items.append(40)
        return self.items

    @computed_field
    @property
    def again(self) -> list[int]:
        return self.items


class DetouredChanges(Changes):
    @field_serializer("first", mode="wrap")
    def _first(self, value: int, handler: Any, info: Any) -> int:
        self.change()
        return int(handler(value))


class TwiceChanging(Changes):
    @field_serializer("first")
    def _first(self, value: int) -> int:
        self.change()
        return value

    @field_serializer("text", "last")
    def _others(self, value: Any) -> Any:
        self.change()
        return value


@dataclasses.dataclass
class ChangingClass:
    first: int = 1
    items: list[int] = dataclasses.field(default_factory=lambda: [3])

    @field_serializer("first")
    def _first(self, value: int) -> int:
        self.items.append(30)
        return value


class OnlyComputing(Changes):
    @computed_field
    @property
    def total(self) -> int:
        self.change()
        return 1


class Holding(BaseModel, Generic[T]):
    one: T


@each_form
@pytest.mark.parametrize("kind", [OnlyComputing, PlainChanges, DetouredChanges, TwiceChanging, ChangingClass])
def test_a_serializer_may_change_a_later_value_in_place(form: Form, kind: Any) -> None:
    """Pydantic writes a value as it is when its turn comes: lists, dicts, sets, models, parts with code, extras."""
    options: tuple[dict[str, Any], ...] = ({}, {"exclude_none": True}, {"exclude_unset": True}, {"warnings": False})
    for chosen in options:
        made = (kind, lambda: kind(**({"extra": [1]} if kind is not ChangingClass else {"items": [5]})))
        for make in made:
            for declared, value in (
                (kind, make),
                (list[kind], lambda make=make: [make(), make()]),
                (list[kind], lambda make=make: [make()] * 2),
                (list[list[kind]], lambda make=make: [[make()]] * 2),
                (list[Holding[kind]], lambda make=make: [Holding[kind](one=make())] * 2),
                (dict[str, kind | None], lambda make=make: {"a": make(), "b": None}),
                (Any, lambda make=make: [make(), {"k": make()}]),
            ):
                expected = outcome(form.reference(declared), value(), **chosen)
                assert outcome(form.complete(declared), value(), **chosen) == expected
                assert outcome(form.complete(declared, eager=False), value(), **chosen) == expected


@each_form
def test_what_may_be_changed_is_written_natively(form: Form) -> None:
    """It is the core that does so, once at each place, and a value that it would not write is found before code runs."""
    encode = form.native(PlainChanges)
    assert encode(PlainChanges()) == form.reference(PlainChanges)(PlainChanges())
    odd = PlainChanges()
    odd.points.append("no point")  # type: ignore[arg-type]
    with pytest.raises(Declined):
        encode(odd)
    assert len(odd.items) == 1
    deep: Any = []
    for _ in range(3):
        deep = [deep]
    with pytest.raises(Declined):
        form.native(PlainChanges, max_depth=5)(PlainChanges(anything={"k": deep}))
    assert form.native(PlainChanges, max_depth=6)(PlainChanges(anything={"k": deep}))

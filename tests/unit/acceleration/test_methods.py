"""Accelerated methods do what Pydantic's do, for the class that they are called on."""

from __future__ import annotations

import gc
import sys
import threading
import traceback
import warnings
import weakref
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pytest
import zoo
from pydantic import BaseModel, ConfigDict, PydanticUserError, TypeAdapter, ValidationError, create_model

from pydantic_serialization import accelerate, install, uninstall
from pydantic_serialization.acceleration import _binding

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
OPTIONS: list[dict[str, Any]] = [
    {},
    {"indent": 2},
    {"by_alias": True},
    {"by_alias": False},
    {"exclude_none": True},
    {"exclude_unset": True, "exclude_defaults": True},
    {"include": {"a"}, "round_trip": True},
    {"warnings": "error", "serialize_as_any": True},
]
pytestmark = pytest.mark.usefixtures("core")


class Base(BaseModel):
    a: int = 1


class Below(Base):
    b: str = "b"


class Page(BaseModel, Generic[T]):
    items: list[T]


def outcome(call: Callable[[], Any]) -> Any:
    """Return what a call gives, raises and warns of, with the places of the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result: Any = call()
        except ValidationError as error:
            result = (type(error), error.title, str(error), error.errors(), error.__cause__, error.__context__)
        except Exception as error:
            result = (type(error), str(error), error.__cause__, error.__context__)
    return repr(result), [(str(item.message), item.category, item.filename, item.lineno) for item in caught]


def both(call: Callable[[], Any]) -> list[Any]:
    """Return the outcomes of a call without and with ``install()``, which is called twice: adapters are bound then."""
    before = outcome(call)
    install()
    try:
        return [before, outcome(call), outcome(call)]
    finally:
        uninstall()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=lambda entry: entry.name)
def test_nothing_changes(entry: zoo.Entry, options: dict[str, Any]) -> None:
    """Both directions of every type of the zoo, with any options, give what they gave, at the same places."""
    adapter: Any = TypeAdapter(entry.type)
    for value in entry.values:
        calls = [lambda value=value: adapter.dump_json(value, **options)]
        if isinstance(value, BaseModel):
            calls.append(lambda value=value: value.model_dump_json(**options))
            text = outcome(lambda value=value: value.model_dump_json(**options))
            if text[0].startswith("'"):
                document = value.model_dump_json(**options)
                cls = type(value)
                calls.append(lambda document=document, cls=cls: cls.model_validate_json(document))
                calls.append(lambda document=document: adapter.validate_json(document, strict=True))
        for call in calls:
            before, *after = both(call)
            assert all(item == before for item in after)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Base.model_construct(a="bad").model_dump_json(),
        lambda: Base.model_construct(a="bad").model_dump_json(warnings="error"),
        lambda: Base.model_construct(a=object()).model_dump_json(),
        lambda: Base().model_dump_json(nonsense=1),
        lambda: Base().model_dump_json(2),
        lambda: Base().model_dump_json(indent="x"),
        lambda: Base().model_dump_json(warnings=5),
        lambda: Base.model_dump_json(5),
        lambda: Base.model_dump_json(Below()),
        lambda: Base.model_dump_json(Base),
        lambda: BaseModel.model_dump_json(),
        lambda: Base.model_validate_json(),
        lambda: Base.model_validate_json("{"),
        lambda: Base.model_validate_json('{"a":"x"}'),
        lambda: Base.model_validate_json(json_data='{"a":7}'),
        lambda: Base.model_validate_json('{"a":7}', by_alias=False),
        lambda: Base.model_validate_json('{"a":7}', by_alias=False, by_name=True),
        lambda: Base.model_validate_json('{"a":7}', "strict"),
        lambda: Base.model_validate_json('{"a":7}', nonsense=1),
        lambda: Base.model_validate_json(5),
        lambda: Base.model_validate_json(memoryview(b"{}")),
        lambda: BaseModel.model_validate_json("{}"),
    ],
)
def test_errors_and_warnings_are_pydantics(call: Callable[[], Any]) -> None:
    """Wrong values, wrong arguments and misuse give Pydantic's own errors and warnings, from Pydantic's own lines."""
    before, *after = both(call)
    assert all(item == before for item in after)


def test_an_adapters_errors_are_pydantics() -> None:
    """The same holds for ``TypeAdapter``."""
    adapter: Any = TypeAdapter(list[Base])
    calls: list[Callable[[], Any]] = [
        lambda: adapter.dump_json([Base.model_construct(a="bad")]),
        lambda: adapter.dump_json([object()]),
        lambda: adapter.dump_json([], nonsense=1),
        lambda: adapter.dump_json(),
        lambda: adapter.validate_json("["),
        lambda: adapter.validate_json('[{"a":"x"}]'),
        lambda: adapter.validate_json("[]", by_alias=False),
        lambda: adapter.validate_json('[{"a":1', experimental_allow_partial=True),
    ]
    for call in calls:
        before, *after = both(call)
        assert after == [before, before]


@pytest.mark.usefixtures("installed")
def test_a_traceback_has_one_line_of_ours() -> None:
    """Between the caller and Pydantic stands one frame, and the exception is chained to nothing."""
    for attempt in (lambda: Base.model_validate_json('{"a":"x"}'), Base.model_construct(a=object()).model_dump_json):
        for _ in range(2):
            with pytest.raises((ValidationError, ValueError)) as caught:
                attempt()
            frames = traceback.extract_tb(caught.value.__traceback__)
            ours = [frame for frame in frames if "pydantic_serialization" in frame.filename]
        assert len(ours) == 1
        assert frames[-1].filename.endswith("main.py")
        assert "pydantic_" in (frames[-1].line or "")


@pytest.mark.usefixtures("installed")
def test_the_type_of_the_instance_decides(told: list[str]) -> None:
    """A subclass is served by its own plan, whichever class was used first, and so is each form of a generic class."""
    for value in (Base(), Below(), Base(), Below(), Page[int](items=[1]), Page[str](items=["1"])):
        told.clear()
        text = value.model_dump_json()
        assert type(value).model_validate_json(text) == value
        assert told == [type(value).__name__] * 2


def test_a_subclass_of_an_accelerated_class_is_served_by_its_own_fields(told: list[str]) -> None:
    """Methods are inherited, what is bound is not."""

    @accelerate
    class Fast(BaseModel):
        a: int = 1

    assert Fast().model_dump_json() == '{"a":1}'

    class Faster(Fast):
        b: int = 2

    assert Faster().model_dump_json() == '{"a":1,"b":2}'
    assert Faster.model_validate_json('{"b":3}') == Faster(b=3)
    assert told == ["Fast", "Faster", "Faster"]


@pytest.mark.usefixtures("installed")
def test_an_override_that_calls_super_works(told: list[str]) -> None:
    """What a user's method adds stays, and what it leaves to Pydantic is fast."""

    class Own(Base):
        def model_dump_json(self, **options: Any) -> str:
            return "//" + super().model_dump_json(**options)

        @classmethod
        def model_validate_json(cls, json_data: Any, **options: Any) -> Any:
            return super().model_validate_json(json_data[2:], **options)

    assert Own(a=5).model_dump_json() == '//{"a":5}'
    assert Own.model_validate_json('//{"a":5}') == Own(a=5)
    assert told == ["Own", "Own"]


@pytest.mark.usefixtures("installed")
def test_a_rebuilt_class_is_bound_anew(told: list[str]) -> None:
    """After ``model_rebuild`` the new schema is what counts."""
    model = create_model("Grows", a=(int, 1))
    assert model().model_dump_json() == '{"a":1}'
    assert model.model_validate_json('{"a":2}').a == 2
    model.model_fields["a"].annotation = str
    model.model_rebuild(force=True)
    assert model(a="x").model_dump_json() == '{"a":"x"}'
    assert model.model_validate_json('{"a":"y"}').a == "y"
    assert told == ["Grows"] * 4


@pytest.mark.usefixtures("installed")
def test_incomplete_classes_are_completed_by_pydantic(told: list[str]) -> None:
    """A class whose build is deferred, or whose fields name a later class, works as it did."""

    class Deferred(BaseModel):
        model_config = ConfigDict(defer_build=True)
        a: int = 1

    assert Deferred.model_validate_json('{"a":2}') == Deferred(a=2)
    assert Deferred().model_dump_json() == '{"a":1}'
    assert told[-1:] == ["Deferred"]
    adapter = TypeAdapter(list[Deferred], config=None)
    assert [adapter.dump_json([Deferred()]) for _ in range(3)] == [b'[{"a":1}]'] * 3

    class Waits(BaseModel):
        later: Later | None = None  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(PydanticUserError, match="not fully defined"):
        Waits.model_validate_json("{}")


@pytest.mark.usefixtures("installed")
def test_plugins_see_every_call(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    """Where a plug-in has wrapped the validator of a class, Pydantic reads."""

    class Wrapped:
        def __init__(self, validator: Any) -> None:
            self.validator, self.calls = validator, 0

        def validate_json(self, *args: Any, **options: Any) -> Any:
            self.calls += 1
            return self.validator.validate_json(*args, **options)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.validator, name)

    class Watched(BaseModel):
        a: int = 1

    assert Watched.model_validate_json("{}") == Watched()
    plugin = Wrapped(Watched.__pydantic_validator__)
    monkeypatch.setattr(Watched, "__pydantic_validator__", plugin)
    told.clear()
    for _ in range(2):
        assert Watched.model_validate_json("{}") == Watched()
    assert plugin.calls == 2
    assert not told


@pytest.mark.usefixtures("installed")
def test_adapters_are_bound_by_their_own_schema(told: list[str]) -> None:
    """From its second use an adapter is bound; one whose configuration is not in its schema is left to Pydantic."""
    adapter = TypeAdapter(list[Base])
    assert [adapter.dump_json([Base()]) for _ in range(3)] == [b'[{"a":1}]'] * 3
    assert [adapter.validate_json("[{}]") for _ in range(3)] == [[Base()]] * 3
    assert told == ["list[Base]"] * 4
    told.clear()

    configured = TypeAdapter(dict[str, bytes], config=ConfigDict(ser_json_bytes="hex"))
    assert [configured.dump_json({"b": b"\xff"}) for _ in range(3)] == [b'{"b":"ff"}'] * 3
    assert not told


@pytest.mark.usefixtures("installed")
def test_a_failing_compiler_breaks_no_call(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A fault of ours is logged, once for a class, and Pydantic does the work."""

    def broken(*_arguments: Any, **_options: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(_binding, "bind_encoder", broken)
    model = create_model("Unlucky", a=(int, 1))
    assert [model().model_dump_json() for _ in range(3)] == ['{"a":1}'] * 3
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.usefixtures("installed")
@pytest.mark.usefixtures("frozen_heap")
def test_nothing_keeps_classes_and_adapters_alive() -> None:
    """A class and an adapter that nobody else holds are collected, though they were used."""

    def used() -> list[weakref.ref[Any]]:
        inner = create_model("Inner", a=(int, 1))
        model = accelerate(create_model("Outer", inner=(inner, ...), more=(list[inner], [])))
        adapter = TypeAdapter(list[model])
        for _ in range(3):
            value = model.model_validate_json('{"inner":{}}')
            value.model_dump_json()
            adapter.validate_json(adapter.dump_json([value]))
        return [weakref.ref(item) for item in (inner, model, adapter)]

    references = used()
    for _ in range(3):
        gc.collect()
    assert [reference() for reference in references] == [None] * 3


@pytest.mark.usefixtures("installed")
def test_threads_bind_one_class_at_once() -> None:
    """First calls from many threads give the same results."""
    failures: list[Any] = []
    for _ in range(50):
        model = create_model("Shared", a=(int, 1), b=(list[int], []))
        start = threading.Barrier(4)

        def call(model: Any = model, start: threading.Barrier = start) -> None:
            start.wait()
            value = model.model_validate_json('{"b":[1]}')
            if value.model_dump_json() != '{"a":1,"b":[1]}':
                failures.append(value)

        threads = [threading.Thread(target=call) for _ in range(4)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert not failures

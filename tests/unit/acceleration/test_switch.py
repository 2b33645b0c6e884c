"""Switching on and off: what is replaced, and what is put back."""

from __future__ import annotations

import copy
import inspect
import pickle
import threading
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from pydantic_serialization import UnsupportedTypeError, accelerate, encoder, install, uninstall

PLACES = [
    (BaseModel, "model_dump_json"),
    (BaseModel, "model_validate_json"),
    (TypeAdapter, "dump_json"),
    (TypeAdapter, "validate_json"),
]
ORIGINALS = [owner.__dict__[name] for owner, name in PLACES]


def now() -> list[Any]:
    return [owner.__dict__[name] for owner, name in PLACES]


class Plain(BaseModel):
    a: int = 1


class Picklable(Plain):
    b: str = "b"


@pytest.mark.usefixtures("core")
def test_the_very_same_methods_are_put_back() -> None:
    """Installing replaces all four methods, once; uninstalling restores the same objects, and both can be repeated."""
    install()
    try:
        ours = now()
        install()
        assert now() == ours
        assert all(mine is not theirs for mine, theirs in zip(ours, ORIGINALS, strict=True))
    finally:
        uninstall()
    uninstall()
    assert all(mine is theirs for mine, theirs in zip(now(), ORIGINALS, strict=True))


@pytest.mark.parametrize(("owner", "name"), PLACES)
def test_signatures_and_documentation_stay(owner: type, name: str, request: pytest.FixtureRequest) -> None:
    """Signature, docstring, name and kind of a method are Pydantic's, on the class and on an instance."""
    holder: Any = Plain() if owner is BaseModel else TypeAdapter(int)

    def shown() -> list[Any]:
        functions = (getattr(owner, name), getattr(holder, name))
        return [
            (inspect.signature(f), f.__doc__, f.__name__, f.__qualname__, inspect.ismethod(f), inspect.isfunction(f))
            for f in functions
        ]

    before = shown()
    request.getfixturevalue("installed")
    assert shown() == before


def test_a_decorated_class_is_the_class(told: list[str]) -> None:
    """``accelerate`` returns the class itself, replaces the methods of this class only, and can be undone."""

    @accelerate
    class Fast(BaseModel):
        a: int = 1

    assert isinstance(Fast(), Fast)
    assert all(mine is theirs for mine, theirs in zip(now(), ORIGINALS, strict=True))
    for _ in range(2):
        accelerate(Fast)
        assert Fast.model_validate_json(Fast().model_dump_json()) == Fast()
    assert Plain.model_validate_json(Plain().model_dump_json()) == Plain()
    assert set(told) <= {"Fast"}
    told.clear()
    for _ in range(2):
        uninstall(Fast)
        assert "model_dump_json" not in Fast.__dict__
        assert Fast.model_validate_json(Fast().model_dump_json()) == Fast()
    assert not told


@pytest.mark.usefixtures("core")
def test_a_class_and_the_process_do_not_disturb_each_other(told: list[str]) -> None:
    """Uninstalling the process leaves an accelerated class as it is, and the other way round."""

    class Fast(BaseModel):
        a: int = 1

    accelerate(Fast)
    install()
    try:
        assert Fast().model_dump_json() == Plain().model_dump_json() == '{"a":1}'
        assert told == ["Fast", "Plain"]
    finally:
        uninstall()
    assert Fast().model_dump_json() == Plain().model_dump_json()
    assert told == ["Fast", "Plain", "Fast"]
    install()
    try:
        uninstall(Fast)
        assert Fast().model_dump_json() == '{"a":1}'
        assert told == ["Fast", "Plain", "Fast", "Fast"]
    finally:
        uninstall()


@pytest.mark.parametrize("bad", [BaseModel, int, Plain(), "Plain"])
def test_only_model_classes_are_accelerated(bad: Any) -> None:
    """Anything else is refused, and ``BaseModel`` itself with the way to do it."""
    with pytest.raises(UnsupportedTypeError, match=r"install\(\)"):
        accelerate(bad)
    if bad is not None:
        with pytest.raises(UnsupportedTypeError):
            uninstall(bad)


def test_a_users_own_methods_are_left_alone() -> None:
    """A method that a class defines itself is not replaced, in a subclass neither."""

    class Own(BaseModel):
        a: int = 1

        def model_dump_json(self, **_options: Any) -> str:
            return "own"

    class Below(Own):
        pass

    for model in (Own, Below):
        accelerate(model)
        assert model().model_dump_json() == "own"
        assert model.model_validate_json("{}") == model()
        assert encoder(model)(model()) == b"own"


def test_an_accelerated_method_is_no_own_method() -> None:
    """Formats do not take an accelerated class for one whose author wrote its methods."""

    @accelerate
    class Fast(BaseModel):
        a: int = 1

    assert encoder(Fast, "json")(Fast()) == b'{"a":1}'
    assert encoder(Fast, "json") == Fast.__pydantic_serializer__.to_json


@pytest.mark.usefixtures("core")
def test_what_others_have_replaced_is_left_alone(monkeypatch: pytest.MonkeyPatch, caplog: Any, told: list[str]) -> None:
    """A method of another library stays in place, with a warning in the log, and so does one put over ours."""

    def theirs(self: Any, **options: Any) -> str:
        return "theirs"

    with monkeypatch.context() as patch:
        patch.setattr(BaseModel, "model_dump_json", theirs)
        install()
        assert Plain().model_dump_json() == "theirs"
        assert "model_dump_json is not pydantic's own" in caplog.text
        uninstall()
        assert BaseModel.__dict__["model_dump_json"] is theirs
    install()
    ours = BaseModel.__dict__["model_dump_json"]
    with monkeypatch.context() as patch:
        patch.setattr(BaseModel, "model_dump_json", lambda self, **options: "over " + ours(self, **options))
        assert Plain().model_dump_json() == 'over {"a":1}'
        told.clear()
        uninstall()
        assert Plain().model_dump_json() == 'over {"a":1}'
        assert not told
    BaseModel.model_dump_json = ORIGINALS[0]  # type: ignore[method-assign]


def test_threads_switch_and_call_at_once() -> None:
    """Calls that run while others switch give the same result, and nothing is left replaced."""
    failures: list[Any] = []
    stop = threading.Event()

    def call() -> None:
        while not stop.is_set():
            text = Picklable(a=5).model_dump_json()
            if text != '{"a":5,"b":"b"}' or Picklable.model_validate_json(text) != Picklable(a=5):
                failures.append(text)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        install()
        uninstall()
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert all(mine is theirs for mine, theirs in zip(now(), ORIGINALS, strict=True))


@pytest.mark.usefixtures("installed")
def test_everything_can_be_pickled_as_before() -> None:
    """Classes, instances, methods and adapters that were used are pickled and copied as without us."""
    value = Picklable()
    text = value.model_dump_json()
    adapter: Any = TypeAdapter(list[Picklable])
    for _ in range(2):
        adapter.validate_json(adapter.dump_json([value]))
    assert pickle.loads(pickle.dumps(Picklable)) is Picklable
    assert pickle.loads(pickle.dumps(value)) == value
    assert pickle.loads(pickle.dumps(value.model_dump_json))() == text
    assert copy.copy(adapter).dump_json([value]) == b"[" + text.encode() + b"]"
    assert copy.deepcopy(value) == value

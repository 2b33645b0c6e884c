"""Private copies are what ``model_copy(deep=True)`` gives, in values, types, identity and in what runs meanwhile."""

from __future__ import annotations

import collections
import copyreg
import enum
import gc
import threading
import weakref
from functools import cached_property
from typing import Any, Generic, TypeVar

import pytest
import zoo
from disturbances import hurried, traps
from graphs import LEAF, VALUES, Custom, Leaf, Plain, Tree, mutable_ids, places, values
from hypothesis import given
from parity.outcomes import described, outcome
from pydantic import BaseModel, Field, PrivateAttr, RootModel, create_model

from pydantic_serialization import copy_model
from pydantic_serialization._native import core
from pydantic_serialization.plan import store
from pydantic_serialization.plan.native.copying import _KEEPS_IDENTITY, kind_of

T = TypeVar("T")


def check(model: BaseModel, *, is_described: bool = True) -> Any:
    """Compare both copies of a model, and return the native one."""
    before = described(model) if is_described else None
    ours, theirs = copy_model(model), model.model_copy(deep=True)
    assert places(ours) == places(theirs)
    assert not mutable_ids(ours) & mutable_ids(model)
    if is_described:
        assert described(ours) == described(theirs)
        assert described(model) == before
    return ours


@pytest.mark.parametrize("entry", zoo.MODELS, ids=lambda entry: entry.name)
def test_copies_of_the_zoo(entry: zoo.Entry) -> None:
    """Every model of the zoo has the same copies."""
    for value in entry.values:
        check(value)
        check(Tree(value=[value, {"again": value}]))


def test_most_of_the_zoo_is_copied_without_python() -> None:
    """The classes of the zoo that are plain models are proved to be; their copies would be equal anyway."""
    unknown = {entry.type.__name__ for entry in zoo.MODELS if kind_of(entry.type)[0] == "unknown"}
    assert unknown == {"ExtraTyped"}  # its extras are not where those of other models are


@pytest.mark.parametrize("name", VALUES)
def test_values_of_all_kinds(name: str) -> None:
    """In a field, in extras, in a private attribute, in lists and dicts, several times."""
    value = VALUES[name]
    is_described = "zone" not in name
    tree = Tree(value=value, more=value, by_name={"a": LEAF}, leaves=[LEAF])
    tree._private = {"value": value, "leaf": LEAF}
    check(tree, is_described=is_described)
    check(Tree(left=tree, value=[tree, {"deep": [tree]}]), is_described=is_described)
    check(RootModel[Any](value), is_described=is_described)


@given(values())
def test_invented_values(value: Any) -> None:
    """Whatever is shared in the original is shared in the copy, cycles too, and nothing else is."""
    check(Tree.model_construct(value=value, other=[value]), is_described=False)


@pytest.mark.skipif(not _KEEPS_IDENTITY, reason="this version of Pydantic copies cycles without end")
def test_cycles() -> None:
    """A model that holds itself is copied to one that holds itself: directly, in lists, dicts, tuples and privates."""
    tree = Tree()
    tree.value = [tree, {"me": tree}, (tree, [tree])]
    tree._private = tree
    copied = check(tree, is_described=False)
    assert copied.value[0] is copied
    assert copied.value[1]["me"] is copied
    assert copied.value[2][0] is copied
    assert copied._private is copied


def test_cycles_through_tuples() -> None:
    """A tuple that is reached again by what it holds is copied once."""
    items: list[Any] = []
    pair = (items, 1)
    items.append(pair)
    copied = check(Tree(value=pair), is_described=False)
    assert copied.value[0][0] is copied.value


def test_code_of_the_users_runs_once() -> None:
    """However much was copied before it is met."""
    for value in ([Custom()], [[1], Leaf(), Custom([1])], {"a": {"b": (Custom(),)}}):
        Custom.calls = 0
        copy_model(Tree(value=[value, Leaf()]))
        assert Custom.calls == 1


def test_privates_without_a_value_stay_without() -> None:
    """``_unset`` has none."""
    copied = check(Tree())
    assert "_unset" not in copied.__pydantic_private__
    with pytest.raises(AttributeError):
        _ = copied._unset


def test_cached_properties_are_copied() -> None:
    """``__dict__`` is copied with all that is there."""

    class Squared(BaseModel):
        a: int

        @cached_property
        def powers(self) -> list[int]:
            return [self.a**2]

    model = Squared(a=3)
    assert model.powers == [9]
    copied = check(model)
    assert copied.__dict__["powers"] == [9]
    assert copied.__dict__["powers"] is not model.powers


# -- classes with ideas of their own ------------------------------------------------------------------------------------


class Meta(type(BaseModel)):  # type: ignore[misc]
    pass


def own_classes() -> dict[str, type[BaseModel]]:
    """Return classes that have a say in how they are copied."""

    class OwnDeepcopy(Leaf):
        def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Any:
            return type(self).model_construct(name="from deepcopy")

    class OwnModelCopy(Leaf):
        def model_copy(self, *, update: Any = None, deep: bool = False) -> Any:
            return type(self).model_construct(name=f"from model_copy {deep}")

    class OwnCopy(Leaf):
        def __copy__(self) -> Any:
            raise AssertionError

    class OwnReduce(Leaf):
        def __reduce_ex__(self, _protocol: Any) -> Any:
            raise AssertionError

        def __getstate__(self) -> Any:
            raise AssertionError

    class OwnNew(Leaf):
        def __new__(cls, *_: Any, **__: Any) -> Any:
            made = super().__new__(cls)
            object.__setattr__(made, "marked", True)
            return made

    class OwnGetattribute(Leaf):
        def __getattribute__(self, name: str) -> Any:
            if name == "__dict__":
                return {"name": "from getattribute", "values": []}
            return super().__getattribute__(name)

    class OwnSetattr(Leaf):
        def __setattr__(self, name: str, value: Any) -> None:
            raise AssertionError

    class OwnSlots(Leaf):
        __slots__ = ("more",)

    class OwnMeta(Leaf, metaclass=Meta):
        pass

    class OwnPostInit(Leaf):
        _made: list[int] = PrivateAttr(default_factory=list)

        def model_post_init(self, _: Any, /) -> None:
            self._made.append(1)

    class OwnFinalizer(Leaf):
        def __del__(self) -> None:
            pass

    class OwnEquality(Leaf):
        def __eq__(self, other: object) -> bool:
            raise AssertionError

        def __hash__(self) -> int:
            raise AssertionError

    class Hook(Generic[T]):
        pass

    class Mixed(Leaf, Hook[int]):
        pass

    return {name: item for name, item in locals().items() if isinstance(item, type) and issubclass(item, BaseModel)}


@pytest.mark.parametrize("name", own_classes())
def test_classes_that_have_a_say(name: str) -> None:
    """Alone, and inside of another model."""
    model = own_classes()[name](name="a", values=[[1], {"b": [2]}])
    if name == "OwnSlots":
        object.__setattr__(model, "more", [1])
    for value in (model, Tree(value=[model, model], left=None)):
        ours, theirs = outcome(copy_model, value), outcome(lambda value=value: value.model_copy(deep=True))
        assert ours == theirs
        if name == "OwnSlots":
            assert not hasattr(copy_model(model), "more")


@pytest.mark.parametrize("method", ["__deepcopy__", "model_copy", "__new__"])
def test_a_class_may_be_changed_after_a_copy(method: str) -> None:
    """What was proved is asked again when a class, or its base, is changed."""

    class Base(BaseModel):
        a: Any = 1

    class Derived(Base):
        pass

    first = copy_model(Derived())
    assert first.a == 1
    marked = Derived(a="marked")

    def changed(*_: Any, **__: Any) -> Any:
        return marked

    setattr(Base, method, staticmethod(changed) if method == "__new__" else changed)
    if method == "__new__":
        assert copy_model(Derived.model_construct(a=2)) is marked
    else:
        assert copy_model(first) is marked
    delattr(Base, method)
    assert copy_model(first).a in {1, "marked"}


def test_reducers_may_be_registered_after_a_copy() -> None:
    """``copyreg`` is asked for every instance of a class without a method of its own."""

    class Thing:
        def __init__(self) -> None:
            self.a = 1

    model = RootModel[Any]([Thing()])
    assert copy_model(model).root[0].a == 1
    copyreg.pickle(Thing, lambda _: (str, ("reduced",)))
    try:
        assert copy_model(model).root == ["reduced"]
    finally:
        del copyreg.dispatch_table[Thing]


def test_enums_with_a_say() -> None:
    """An enum that copies its members itself does so."""

    class Strange(enum.Enum):
        A = 1
        B = 2

        def __deepcopy__(self, memo: Any) -> Strange:
            return Strange.B

    assert copy_model(RootModel[Any]([Strange.A])).root == [Strange.B]


def test_unusual_state() -> None:
    """What only tampering brings about is Pydantic's: the same results, the same errors."""
    cases: list[BaseModel] = []
    for name, value in (
        ("__pydantic_fields_set__", frozenset({"a"})),
        ("__pydantic_fields_set__", ["name"]),
        ("__pydantic_extra__", collections.OrderedDict(a=1)),
        ("__pydantic_private__", collections.OrderedDict(a=1)),
        ("__dict__", collections.OrderedDict(name="a", values=[])),
    ):
        model = Leaf(values=[[1]])
        object.__setattr__(model, name, value)
        cases.append(model)
    for name in ("__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__"):
        model = Leaf()
        object.__delattr__(model, name)
        cases.append(model)
    cases.append(Leaf.__new__(Leaf))
    for case in cases:

        def state(copied: Any) -> Any:
            return [
                getattr(copied, name, "nothing")
                for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
            ]

        for value in (case, RootModel[Any].model_construct([case])):
            ours, theirs = outcome(copy_model, value), outcome(lambda value=value: value.model_copy(deep=True))
            if ours[0] == "error" and theirs[0] == "error":
                assert ours == theirs
                continue
            ours, theirs = copy_model(value), value.model_copy(deep=True)
            if value is not case:
                ours, theirs = ours.root[0], theirs.root[0]
            assert state(ours) == state(theirs)
            assert list(map(type, state(ours))) == list(map(type, state(theirs)))


def test_what_cannot_be_copied_raises_what_deepcopy_raises() -> None:
    """With the text of ``copy.deepcopy``; what is no model is told to take that."""
    model = Tree(value=[Leaf(), threading.Lock()])
    with pytest.raises(TypeError, match="cannot pickle"):
        copy_model(model)
    with pytest.raises(TypeError, match=r"an instance of a model, not int; copy\.deepcopy"):
        copy_model(5)  # type: ignore[type-var]


# -- depth, threads, memory ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrap", [lambda value: [value], lambda value: Tree.model_construct(value=value), lambda v: (v,)]
)
def test_depth(wrap: Any) -> None:
    """Deep values are copied, deeper ones end as Pydantic's copy ends, in the stack of a thread too."""
    outcomes: list[Any] = []

    def run() -> None:
        value: Any = [1]
        for level in range(20_000):
            value = wrap(value)
            if level in {50, 150}:
                outcomes.append(
                    places(copy_model(Tree(value=value))) == places(Tree(value=value).model_copy(deep=True))
                )
        model = Tree.model_construct(value=value)
        try:
            copy_model(model)
        except RecursionError:
            outcomes.append("too deep")
        while isinstance(value, (list, tuple, Tree)) and value:  # deallocated step by step
            value = value.value if isinstance(value, Tree) else value[0]

    size = threading.stack_size(1024 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
    assert outcomes == [True, True, "too deep"]


def test_other_threads_may_change_what_is_copied() -> None:
    """A copy made meanwhile is of one state or another; nothing is read that is not there any more."""
    tree = Tree(value={str(number): [number] for number in range(50)}, leaves=[Leaf() for _ in range(50)])
    stop = threading.Event()

    def change() -> None:
        count = 0
        while not stop.is_set():
            count += 1
            tree.value = {str(number): [number] for number in range(count % 50)}
            tree.value["more"] = (count, [count])
            tree.leaves.append(Leaf())
            del tree.leaves[: count % 3]
            tree.__dict__.pop("other", None)
            tree.__dict__["other"] = [count]

    threads = [threading.Thread(target=change) for _ in range(2)]
    with hurried():
        try:
            for thread in threads:
                thread.start()
            for _ in range(3000):
                copied = copy_model(tree)
                assert all(type(leaf) is Leaf for leaf in copied.leaves)
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_finalizers_may_change_what_is_copied() -> None:
    """The collector may run in the middle of a copy, and finalizers may empty what is being copied."""
    tree = Tree()

    def fill() -> None:
        tree.value = [[number, [number]] for number in range(20)]
        tree.by_name = {str(number): Leaf(values=[[number]]) for number in range(20)}
        tree.left = Tree(value=[[1]])

    def empty() -> None:
        tree.value.clear()
        tree.by_name.clear()
        tree.__dict__["left"] = None
        tree.__dict__["new"] = [1]

    for _ in traps(fill, empty, 40):
        copied = copy_model(tree)
        assert isinstance(copied, Tree)
        assert all(type(item) is list for item in copied.value)


@pytest.mark.usefixtures("frozen_heap")
def test_classes_can_be_collected() -> None:
    """Having been copied does not keep a class alive, and its address may be another's then."""
    references = []
    for number in range(50):
        made = create_model("Made", a=(Any, number), __base__=Tree)
        assert copy_model(made()).a == number
        references.append(weakref.ref(made))
    del made
    store._plans.clear()
    gc.collect()
    assert [reference() for reference in references] == [None] * 50


@pytest.mark.usefixtures("frozen_heap")
def test_copies_are_known_to_the_collector() -> None:
    """A cycle made in a copy is collected."""

    class Marked(BaseModel):
        held: list[Any] = Field(default_factory=list)

    copied = copy_model(Marked(held=[1]))
    copied.held.append(copied)
    reference = weakref.ref(copied) if hasattr(copied, "__weakref__") else None
    marker = Plain(None)
    copied.held.append(marker)
    gone = weakref.ref(marker)
    del copied, marker
    gc.collect()
    assert gone() is None
    assert reference is None or reference() is None
    assert core is not None

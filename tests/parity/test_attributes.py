"""Instances made by the core keep their attributes as the interpreter would; whatever is done to them, they stay equal."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import weakref
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel, TypeAdapter, computed_field

from pydantic_serialization import copy_model, decoder, encoder
from pydantic_serialization.formats.compact import pack as pack_compactly
from pydantic_serialization.plan.frozen import freeze_checker

if TYPE_CHECKING:
    from collections.abc import Callable


class Inner(BaseModel):
    number: int
    text: str = "inner"


class Outer(BaseModel):
    kind: Literal["outer"] = "outer"
    first: int
    second: str = "two"
    third: list[int] = []
    inner: Inner | None = None
    last: float = 0.5


class Open(BaseModel):
    model_config = ConfigDict(extra="allow", validate_assignment=True)
    first: int
    second: str = "two"
    _private: int = PrivateAttr(default=7)

    @computed_field
    @cached_property
    def doubled(self) -> int:
        return 2 * self.first


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    first: int
    second: tuple[int, ...] = ()


class Loose(BaseModel):
    model_config = ConfigDict(frozen=True)
    first: list[int]


class Roots(RootModel[list[int]]):
    pass


class Tagged(RootModel[Annotated[Outer | Open, Field(union_mode="left_to_right")]]):
    pass


DOCUMENT = b'{"last":2.5,"first":1,"inner":{"number":3},"third":[1,2]}'


def nothing(model: Any) -> None:
    del model


def set_field(model: Any) -> None:
    model.second = "another"


def set_dict_entry(model: Any) -> None:
    model.__dict__["second"] = "another"


def delete_field(model: Any) -> None:
    del model.second


def delete_and_set_again(model: Any) -> None:
    del model.first
    object.__setattr__(model, "first", 11)


def add_attributes(model: Any) -> None:
    for number in range(40):
        object.__setattr__(model, f"more_{number}", number)
    for number in range(40):
        object.__delattr__(model, f"more_{number}")


def replace_dict(model: Any) -> None:
    object.__setattr__(model, "__dict__", dict(reversed(model.__dict__.items())))


def look_at_dict(model: Any) -> None:
    assert model.__dict__ is model.__dict__
    assert vars(model)["first"] == 1


OPTIONS: list[dict[str, Any]] = [{}, {"exclude_none": True}, {"exclude_unset": True}, {"exclude_defaults": True}]


def dumped(model: Any) -> list[Any]:
    """Return everything that Pydantic keeps of an instance."""
    return [
        list(model.__dict__.items()),
        model.model_fields_set,
        model.__pydantic_private__,
        [model.model_dump_json(**options) for options in OPTIONS],
    ]


def assert_same(model: type[BaseModel], document: bytes, change: Callable[[Any], None] = nothing) -> None:
    """Do the same to instances that the core made and to one of Pydantic's, and compare all that can be seen of them.

    Looking at an instance may move its attributes into a dict, so each way of looking has an instance of its own.
    """
    read, write, pack = decoder(model, "orjson"), encoder(model, "orjson"), encoder(model, "msgpack")
    theirs = model.model_validate_json(document)
    change(theirs)
    expected = dumped(theirs)

    def ours() -> Any:
        made = read(document)
        change(made)
        return made

    assert dumped(ours()) == expected
    assert ours() == theirs
    for options in OPTIONS:
        text = theirs.model_dump_json(**options).encode()
        made = ours()
        assert write(made, **options) == text  # from wherever the attributes are now
        vars(made)
        assert write(made, **options) == text  # and once somebody has asked for the dict
    assert pack(ours()) == pack(theirs)
    for copied in (copy_model, copy.copy, copy.deepcopy):
        made = ours()
        assert dumped(copied(made)) == expected
        assert dumped(made) == expected
    assert freeze_checker()(ours()) == freeze_checker()(theirs)
    if "<locals>" not in model.__qualname__:
        assert dumped(pickle.loads(pickle.dumps(ours()))) == expected
        packed = pack_compactly([ours(), ours()])
        assert packed is not None
        assert dumped(pickle.loads(packed)[1]) == expected


CHANGES = [
    nothing,
    set_field,
    set_dict_entry,
    delete_field,
    delete_and_set_again,
    add_attributes,
    replace_dict,
    look_at_dict,
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_changed_instances_are_as_pydantics(change: Callable[[Any], None]) -> None:
    assert_same(Outer, DOCUMENT, change)


def use_property(model: Any) -> None:
    assert model.doubled == 2  # which the property keeps among the attributes
    model._private = 8


@pytest.mark.parametrize("change", [nothing, set_field, set_dict_entry, delete_and_set_again, use_property])
def test_changed_open_instances_are_as_pydantics(change: Callable[[Any], None]) -> None:
    assert_same(Open, b'{"first":1,"more":[1],"second":"b"}', change)


def test_root_models_are_as_pydantics() -> None:
    assert_same(Roots, b"[1,2]")
    assert_same(Tagged, DOCUMENT)


class Cat(BaseModel):
    name: str
    kind: Literal["cat"]


class Dog(BaseModel):
    name: str
    kind: Literal["dog"]


@dataclass
class Home:
    street: str
    number: int = 7


class Owner(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


class Housed(BaseModel):
    home: Home


def test_one_attribute_of_several_is_found() -> None:
    """The tag of a union, which need not be the first field, and those of dataclasses, one by one."""
    assert_same(Owner, b'{"pet":{"name":"x","kind":"dog"}}')
    housed = Housed(home=Home("a", 8))
    assert encoder(Housed, "orjson")(housed) == housed.model_dump_json().encode()


def test_frozen_instances_are_as_pydantics() -> None:
    assert_same(Frozen, b'{"first":1,"second":[1,2]}')
    assert freeze_checker()(decoder(Frozen, "orjson")(b'{"first":1,"second":[1,2]}'))
    assert not freeze_checker()(decoder(Loose, "orjson")(b'{"first":[1]}'))


def test_a_copy_is_private_and_leaves_the_original_alone() -> None:
    ours = decoder(Outer, "orjson")(DOCUMENT)
    made = copy_model(ours)
    made.third.append(3)
    made.inner.number = 4
    made.second = "another"
    assert made.third == [1, 2, 3]
    assert made.inner is not ours.inner
    assert dumped(ours) == dumped(Outer.model_validate_json(DOCUMENT))


@pytest.mark.usefixtures("frozen_heap")
def test_cycles_are_collected() -> None:
    ours = decoder(Outer, "orjson")(DOCUMENT)
    watched = weakref.finalize(ours.inner, lambda: None)
    ours.third.append(ours)
    del ours
    gc.collect()
    assert not watched.alive


@pytest.mark.parametrize("before", [0, 1, 20, 27, 30, 500])
def test_instances_that_pydantic_made_before_change_nothing(before: int) -> None:
    """With every instance that has no attributes of its own, a class has room for one name less."""

    class Late(Outer):
        sixth: int = 6
        seventh: int = 7

    kept = [Late(first=number) for number in range(before)]
    assert_same(Late, DOCUMENT)
    assert [model.first for model in kept] == list(range(before))
    assert Late(first=1) == decoder(Late, "orjson")(b'{"first":1}')


def test_unfinished_instances_may_be_around_while_a_reader_is_made() -> None:
    """Such an instance has its place for attributes, but none of them."""

    class Early(BaseModel):
        first: int
        second: str = "two"

    unfinished = [Early.__new__(Early) for _ in range(40)]
    assert_same(Early, b'{"first":1}')
    for model in unfinished:
        assert not hasattr(model, "first")
        object.__setattr__(model, "first", 5)
        assert model.__dict__ == {"first": 5}


def test_names_that_the_class_has_itself_are_read() -> None:
    class Mixin:
        second = "of the class"

        @property
        def third(self) -> int:
            return 3

    class Mixed(BaseModel, Mixin):
        first: int
        more: int = 1

    assert_same(Mixed, b'{"first":1}')


def test_descriptors_in_the_place_of_fields_are_not_called() -> None:
    """Neither for the instances that are made to learn how they are made, nor for those that are read."""
    calls: list[str] = []

    class Covered(BaseModel):
        first: int
        second: int = 2

    noting = property(lambda model: calls.append("read"), lambda model, value: calls.append("written"))
    type.__setattr__(Covered, "second", noting)
    ours, theirs = decoder(Covered, "orjson")(b'{"first":1}'), Covered.model_validate_json(b'{"first":1}')
    assert list(vars(ours).items()) == list(vars(theirs).items()) == [("first", 1), ("second", 2)]
    assert calls == []


@pytest.mark.usefixtures("frozen_heap")
def test_finalizers_only_see_whole_instances() -> None:
    seen: list[Any] = []

    class Final(BaseModel):
        first: int

        def __del__(self) -> None:
            seen.append(self.first)

    ours = decoder(Final, "orjson")(b'{"first":1}')
    del ours
    gc.collect()
    assert seen == [1]


def test_lists_of_instances_are_written_from_wherever_their_attributes_are() -> None:
    document = b"[" + b",".join([DOCUMENT] * 50) + b"]"
    ours = decoder(list[Outer], "orjson")(document)
    theirs = TypeAdapter(list[Outer]).validate_json(document)
    for model in ours[::3]:
        vars(model)
    ours[1].second = theirs[1].second = "another"
    assert encoder(list[Outer], "orjson")(ours) == TypeAdapter(list[Outer]).dump_json(theirs)
    assert encoder(list[Outer], "msgpack")(ours) == encoder(list[Outer], "msgpack")(theirs)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="models have no place for attributes beside them")
def test_no_dict_is_made_before_somebody_asks_for_it() -> None:
    class Fresh(BaseModel):
        first: int
        second: str = "two"

    ours = decoder(Fresh, "orjson")(b'{"first":1}')
    encoder(Fresh, "orjson")(ours)
    made = copy_model(ours)
    for model in (ours, made):
        assert not [held for held in gc.get_referents(model) if type(held) is dict]
    assert ours.first == 1
    assert ours.__dict__ in gc.get_referents(ours)

"""Decorated functions: bytes out, models in, cached by key, and still the functions they were."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import typing
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import zoo
from pydantic import ValidationError
from typing_extensions import TypedDict

from pydantic_serialization import (
    CachedSerializationManager,
    ConfigurationError,
    DecodeError,
    OptimizedSerializationManager,
    SerializationConfig,
    create_serialization_manager,
    deserialized,
    serialized,
)

if TYPE_CHECKING:
    from somewhere import Request  # type: ignore[import-not-found]

T = TypeVar("T")
MANAGER = create_serialization_manager()


@pytest.fixture
def manager() -> OptimizedSerializationManager:
    """A manager that compresses nothing, so that results can be looked at."""
    return create_serialization_manager(SerializationConfig(enable_compression=False))


class Repository:
    """Methods of every kind."""

    def __init__(self, city: str) -> None:
        self.city = city

    @serialized()
    def plain(self, street: str) -> zoo.Address:
        """Return an address."""
        return zoo.Address(street=street, city=self.city)

    @serialized("msgpack")
    async def packed(self, street: str) -> zoo.Address:
        return zoo.Address(street=street, city=self.city)

    @classmethod
    @serialized()
    def of_class(cls) -> zoo.Address:
        return zoo.Address(street=cls.__name__)

    @staticmethod
    @serialized()
    def static(street: str) -> zoo.Address:
        return zoo.Address(street=street)

    @serialized()
    @classmethod
    def of_class_outside(cls) -> zoo.Address:
        return zoo.Address(street=cls.__name__)

    @serialized()
    @staticmethod
    def static_outside(street: str) -> zoo.Address:
        return zoo.Address(street=street)

    @deserialized(zoo.Address)
    def street_of(self, address: zoo.Address, *, suffix: str = "") -> str:
        return address.street + suffix

    @deserialized(zoo.Address)
    async def later(self, address: zoo.Address) -> str:
        return address.street

    @classmethod
    @deserialized(zoo.Address)
    def read_of_class(cls, address: zoo.Address) -> str:
        return cls.__name__ + address.street

    @deserialized(zoo.Address)
    @staticmethod
    def read_static(address: zoo.Address) -> str:
        return address.street


def test_functions_and_methods_of_every_kind_give_bytes() -> None:
    """Plain and async, bound, of the class and static, with the decorator inside or outside."""
    repository = Repository("Oslo")
    assert repository.plain("s") == b'{"street":"s","city":"Oslo"}'
    assert asyncio.run(repository.packed("s")) == b"\x82\xa6street\xa1s\xa4city\xa4Oslo"
    for call in (Repository.of_class, repository.of_class, Repository.of_class_outside):
        assert call() == b'{"street":"Repository","city":"Paris"}'
    for static in (Repository.static, repository.static, Repository.static_outside):
        assert static("s") == b'{"street":"s","city":"Paris"}'


@pytest.mark.parametrize(
    "data", [b'{"street":"s"}', bytearray(b'{"street":"s"}'), memoryview(b'{"street":"s"}'), '{"street":"s"}']
)
def test_functions_and_methods_of_every_kind_take_bytes(data: Any) -> None:
    """Any buffer, text, and the model itself."""
    repository = Repository("Oslo")
    for given in (data, zoo.Address(street="s")):
        assert repository.street_of(given) == "s"
        assert repository.street_of(address=given, suffix="!") == "s!"
        assert asyncio.run(repository.later(given)) == "s"
        assert Repository.read_of_class(given) == "Repositorys"
        assert Repository.read_static(given) == "s"


def test_a_function_is_still_itself() -> None:
    """Name, documentation, parameters, kind and type information are kept; what is returned is bytes."""
    assert Repository.plain.__name__ == "plain"
    assert Repository.plain.__doc__ == "Return an address."
    assert Repository.plain.__qualname__ == "Repository.plain"
    assert list(inspect.signature(Repository.plain).parameters) == ["self", "street"]
    assert inspect.signature(Repository.plain).return_annotation is bytes
    assert typing.get_type_hints(Repository.plain) == {"street": str, "return": bytes}
    assert inspect.iscoroutinefunction(Repository.packed)
    assert not inspect.iscoroutinefunction(Repository.plain)
    assert inspect.iscoroutinefunction(Repository.later)
    assert typing.get_type_hints(Repository.street_of)["return"] is str


def test_it_works_without_parentheses() -> None:
    """``@serialized`` alone is ``@serialized()``."""

    @serialized
    def cat() -> zoo.Cat:
        return zoo.Cat()

    assert cat() == b'{"kind":"cat","lives":9}'


# -- types --------------------------------------------------------------------------------------------------------------


def declared_as_base() -> zoo.Base:
    return zoo.Derived()


def declared_as_bases() -> list[zoo.Base]:
    return [zoo.Derived()]


def declared_as_maybe(one: bool) -> zoo.Base | None:
    return zoo.Derived() if one else None


def beside_a_hidden_type(request: Request) -> zoo.Base:
    return zoo.Derived()


@pytest.mark.parametrize("format_name", ["json", "orjson", "msgpack"])
def test_the_return_annotation_narrows_a_subclass(format_name: str) -> None:
    """Only fields of the declared class are written, in lists and optionals too, and beside other annotations."""
    functions: list[tuple[Any, tuple[Any, ...]]] = [
        (declared_as_base, ()),
        (declared_as_bases, ()),
        (declared_as_maybe, (True,)),
        (beside_a_hidden_type, (None,)),
    ]
    for function, arguments in functions:
        data = serialized(format_name)(function)(*arguments)
        assert b"base" in data
        assert b"hunter2" not in data
    assert serialized()(declared_as_maybe)(False) == b"null"


def test_a_local_class_narrows_by_its_name() -> None:
    """A name that cannot be resolved still narrows to the class of that name among the value's bases."""

    class Outer(zoo.BaseModel):
        a: int = 1

    class Inner(Outer):
        password: str = "hunter2"

    @serialized()
    def outer() -> Outer:
        return Inner()

    assert outer() == b'{"a":1}'


def test_an_annotation_that_means_nothing_is_an_error() -> None:
    """Falling back to the value's class could write what is not for the caller."""

    @serialized()
    def hidden() -> Request:
        return zoo.Derived()

    with pytest.raises(ConfigurationError, match="Request"):
        hidden()


def test_without_a_declared_type_the_value_decides() -> None:
    """No annotation, ``Any``, ``BaseModel``, a type variable and ``Self`` declare nothing."""

    class Model(zoo.BaseModel):
        a: int = 1

        @serialized()
        def renewed(self) -> typing.Self:
            return self

    def unannotated():  # type: ignore[no-untyped-def]
        return zoo.Derived()

    def anything() -> Any:
        return zoo.Derived()

    def model() -> zoo.BaseModel:
        return zoo.Derived()

    def generic(value: T) -> T:
        return value

    for function, arguments in ((unannotated, ()), (anything, ()), (model, ()), (generic, (zoo.Derived(),))):
        assert b"hunter2" in serialized()(function)(*arguments)  # type: ignore[operator]
    assert Model(a=5).renewed() == b'{"a":5}'


def test_the_model_parameter_is_found_by_its_annotation() -> None:
    """Wherever it stands, and if other annotations cannot be resolved; else it is the first."""

    @deserialized(zoo.Cat)
    def second(request: Request, cat: zoo.Cat) -> int:
        return cat.lives

    @deserialized(zoo.Cat)
    def unannotated(cat, other=5):  # type: ignore[no-untyped-def]
        return cat.lives

    @deserialized(zoo.Cat)
    def by_name_only(*rest: Any, cat: zoo.Cat) -> int:
        return cat.lives

    @deserialized(list[zoo.Cat])
    def many(cats: list[zoo.Cat]) -> int:
        return sum(cat.lives for cat in cats)

    assert second(None, b'{"lives":3}') == 3
    assert second(None, cat=b'{"lives":3}') == 3
    assert unannotated(b'{"lives":3}') == 3
    assert by_name_only(1, cat=b'{"lives":3}') == 3
    assert many(b'[{"lives":3},{"lives":4}]') == 7
    with pytest.raises(DecodeError):
        second(None, b"{")
    with pytest.raises(TypeError, match="cat"):
        second(None)  # type: ignore[call-arg]


def test_a_function_without_a_parameter_is_refused() -> None:
    """When decorated, not when called."""
    with pytest.raises(ConfigurationError, match="no argument"):

        @deserialized(zoo.Cat)  # type: ignore[arg-type]
        def nothing() -> None: ...

    with pytest.raises(ConfigurationError, match="no argument"):

        @deserialized(zoo.Cat)  # type: ignore[arg-type]
        def rest(*cats: zoo.Cat) -> None: ...


# -- keys ---------------------------------------------------------------------------------------------------------------


class Counter:
    """Makes a new model on each call."""

    def __init__(self) -> None:
        self.calls = 0

    def next(self) -> zoo.Cat:
        self.calls += 1
        return zoo.Cat(lives=self.calls)


def test_results_are_kept_by_key(manager: OptimizedSerializationManager) -> None:
    """A key's result is made once, sync and async; another key's is another."""
    counter = Counter()

    @serialized(key="cat:{number}", manager=manager)
    def cat(number: int, extra: int = 0) -> zoo.Cat:
        return counter.next()

    @serialized(key=lambda number: f"cat-{number}", manager=manager)
    async def later(number: int) -> zoo.Cat:
        return counter.next()

    assert cat(1) == cat(1) == cat(number=1) == cat(1, extra=5)
    assert cat(2) != cat(1)
    assert counter.calls == 2

    async def check() -> None:
        assert await later(1) == await later(1)
        assert await later(2) != await later(1)

    asyncio.run(check())
    assert counter.calls == 4


HOSTILE: list[Any] = [
    "1",
    1,
    1.0,
    True,
    None,
    b"1",
    "a:b",
    "a",
    "",
    ":",
    "1}{x",
    "s1:1",
    "\x00",
    (1,),
    [1],
    {"a": 1},
    {1},
]


def test_hostile_values_have_keys_of_their_own(manager: OptimizedSerializationManager) -> None:
    """No two pairs of arguments share a result, however they are spelt."""
    counter = Counter()

    @serialized(key="{one}:{other}", manager=manager)
    def cat(one: Any, other: Any) -> zoo.Cat:
        return counter.next()

    results = [cat(one, other) for one in HOSTILE for other in HOSTILE]
    assert len(set(results)) == len(HOSTILE) ** 2
    assert [cat(one, other) for one in HOSTILE for other in HOSTILE] == results


def test_functions_do_not_share_keys(manager: OptimizedSerializationManager) -> None:
    """Neither two functions, nor two of one factory, nor two formats of one, nor subclasses' versions."""
    counter = Counter()

    def make(format_name: str | None = None) -> Any:
        @serialized(format_name, key="cat", manager=manager)
        def cat() -> zoo.Cat:
            return counter.next()

        return cat

    results = {make()(), make()(), make("json")(), make("msgpack")()}
    assert len(results) == 4


def test_invalidation_takes_the_key_as_it_is_written(manager: OptimizedSerializationManager) -> None:
    """``invalidate("cat:5")`` drops what the template ``"cat:{number}"`` made for 5; tags drop everything of theirs."""
    counter = Counter()

    @serialized(key="cat:{number}", tags=("cats",), manager=manager)
    def cat(number: int = 5) -> zoo.Cat:
        return counter.next()

    @serialized(key="owner:{owner.name}", manager=manager)
    async def of(owner: zoo.Dog) -> zoo.Cat:
        return counter.next()

    @serialized(key=lambda: "plain", manager=manager)
    def plain() -> zoo.Cat:
        return counter.next()

    async def check() -> None:
        for call, key in ((cat, "cat:5"), (plain, "plain")):
            first = call()
            await manager.invalidate("cat:6", "cat")
            assert call() == first
            await manager.invalidate(key)
            assert call() != first
        first = await of(zoo.Dog(name="rex"))
        assert await of(zoo.Dog(name="rex")) == first
        await manager.invalidate("owner:rex")
        assert await of(zoo.Dog(name="rex")) != first
        first = cat()
        await manager.invalidate(tags=("cats",))
        assert cat() != first

    asyncio.run(check())


def test_a_long_key_is_kept_and_dropped(manager: OptimizedSerializationManager) -> None:
    """Arguments of any length are part of a key."""
    counter = Counter()

    @serialized(key="cat:{text}", manager=manager)
    def cat(text: str) -> zoo.Cat:
        return counter.next()

    for size in (10, 900, 1100, 100_000):
        assert cat("x" * size) == cat("x" * size)
        assert cat("x" * size) != cat("x" * size + "y")
    asyncio.run(manager.invalidate("cat:" + "x" * 900))
    assert counter.calls == 8
    cat("x" * 900)
    assert counter.calls == 9


def test_a_change_of_the_format_is_not_answered_from_the_cache(manager: OptimizedSerializationManager) -> None:
    """Entries of one default format, or of one codec, are not served under another."""

    @serialized(key="cat", manager=manager)
    def cat() -> zoo.Cat:
        return zoo.Cat()

    assert cat()[:1] == b"{"
    manager.config.default_format = "msgpack"
    assert cat()[:1] == b"\x82"
    manager.config.default_format = "orjson"
    assert cat()[:1] == b"{"


def test_caching_can_be_off(manager: OptimizedSerializationManager) -> None:
    """With ``enable_caching=False`` every call makes its result."""
    counter = Counter()

    @serialized(key="cat", manager=manager)
    def cat() -> zoo.Cat:
        return counter.next()

    manager.config.enable_caching = False
    assert cat() != cat()


def test_an_exception_is_not_kept(manager: OptimizedSerializationManager) -> None:
    """The next call tries again; the exception is the function's own."""
    counter = Counter()

    @serialized(key="cat", manager=manager)
    async def cat() -> zoo.Cat:
        if counter.next().lives < 3:
            raise LookupError("none yet")
        return zoo.Cat()

    async def check() -> None:
        for _ in range(2):
            with pytest.raises(LookupError):
                await cat()
        assert await cat() == b'{"kind":"cat","lives":9}'

    asyncio.run(check())


@pytest.mark.parametrize("template", ["{nobody}", "cat:{number", "{0}", "{number!r}", "{number:>5}", ""])
def test_a_template_that_cannot_work_is_refused_when_decorating(template: str) -> None:
    """Unknown parameters and format specifications are found at once."""
    with pytest.raises(ConfigurationError):

        @serialized(key=template)
        def cat(number: int) -> zoo.Cat:
            return zoo.Cat()


def test_an_argument_that_is_no_part_of_a_key_is_a_type_error(manager: OptimizedSerializationManager) -> None:
    """A value without a stable text is refused, and the function not called."""

    @serialized(key="cat:{owner}", manager=manager)
    def cat(owner: Any) -> zoo.Cat:
        raise AssertionError("not called")

    with pytest.raises(TypeError, match="cache key"):
        cat(object())


def test_decorators_without_a_manager_share_one() -> None:
    """No manager is built per call."""
    from pydantic_serialization.decorators import default_manager

    before = default_manager()
    Repository("x").plain("s")
    assert default_manager() is before
    assert before.get_stats()["cached_manager"]["model_serializer"]["serializations"] >= 1


class Shade(str, Enum):
    RED = "red"


class Tenants:
    """Two of them serve two tenants."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant

    @serialized("json", key="item:{number}", manager=MANAGER)
    def item(self, number: int) -> zoo.Cat:
        return zoo.Cat(kind="cat", lives=number + len(self.tenant))

    @serialized("json", key="shared:{self.tenant}:{number}", manager=MANAGER)
    def shared(self, number: int) -> zoo.Cat:
        return zoo.Cat(kind="cat", lives=number + len(self.tenant))


class Slotted:
    __slots__ = ()

    @serialized("json", key="item:{number}", manager=MANAGER)
    def item(self, number: int) -> zoo.Cat:
        return zoo.Cat(kind="cat", lives=number)


def test_instances_have_entries_of_their_own() -> None:
    """One object never gets what another one has loaded; one invalidation drops both."""
    short, long = Tenants("a"), Tenants("abcdef")
    before = short.item(1), long.item(1)
    assert before[0] != before[1]
    assert (short.item(1), long.item(1)) == before
    short.tenant = "abc"
    assert short.item(1) == before[0]
    MANAGER.invalidate_sync("item:1")
    assert short.item(1) != before[0]


def test_a_template_may_name_self() -> None:
    """A template that names ``self`` decides itself whose result it is."""
    assert Tenants("ab").shared(1) == Tenants("ab").shared(1)
    assert Tenants("ab").shared(2) != Tenants("abc").shared(2)


def test_an_instance_that_cannot_be_told_apart_is_refused() -> None:
    """Where an address could be used again by another object, the key has to name an attribute."""
    with pytest.raises(TypeError, match="name an attribute in the key"):
        Slotted().item(1)


def test_enums_in_keys_are_invalidated_by_value() -> None:
    """``invalidate`` takes the key as one writes it: an enum member is its value."""
    calls = []

    @serialized("json", key="shade:{shade}", manager=MANAGER)
    def load(shade: Shade) -> zoo.Cat:
        calls.append(shade)
        return zoo.Cat(kind="cat", lives=1)

    load(Shade.RED), load(Shade.RED)
    MANAGER.invalidate_sync("shade:red")
    load(Shade.RED)
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"tags": "users", "key": "k"}, "tags"),
        ({"tags": "users"}, "tags"),
        ({"manager": 5}, "int"),
        ({"manager": OptimizedSerializationManager}, "class"),
        ({"format": "jsno"}, "did you mean 'json'"),
        ({"format": int}, "class int"),
        ({"format": 5}, "unknown format"),
    ],
)
def test_mistakes_are_found_when_decorating(settings: Any, told: str) -> None:
    """Tags in one text, a manager that is none and a misspelt format are errors before the first call."""
    with pytest.raises((ConfigurationError, TypeError), match=told):
        serialized(**settings)
    if "tags" not in settings and settings.get("format") is not int:
        with pytest.raises(ConfigurationError, match=told):
            deserialized(zoo.Cat, **settings)


@pytest.mark.parametrize("function", [zoo.Cat, 5, property(lambda self: zoo.Cat())])
def test_only_functions_are_decorated(function: Any) -> None:
    """A class, and what cannot be called, is refused when decorating."""
    with pytest.raises(ConfigurationError, match="function"):
        serialized()(function)
    with pytest.raises(ConfigurationError, match="function"):
        deserialized(zoo.Cat)(function)


def test_what_is_neither_data_nor_the_model_is_validated() -> None:
    """A dict becomes the model, and a number is refused, as Pydantic does it."""

    @deserialized(zoo.Cat, manager=MANAGER)
    def handle(cat: zoo.Cat) -> zoo.Cat:
        return cat

    given: Any = {"kind": "cat", "lives": 3}
    assert handle(given) == zoo.Cat(kind="cat", lives=3)
    wrong: Any = 5
    with pytest.raises(ValidationError):
        handle(wrong)


class Text(str, Enum):
    A = "a"


def test_every_buffer_and_text_is_data() -> None:
    """Also where the model is text or bytes itself; a member of a text enumeration is the model."""
    assert deserialized(str)(lambda value: value)('"a"') == "a"
    assert deserialized(bytes)(lambda value: value)(b'"a"') == b"a"
    assert deserialized(Text)(lambda value: value)(Text.A) is Text.A
    assert deserialized(Text)(lambda value: value)('"a"') is Text.A


def test_what_is_no_class_is_validated_by_its_plan() -> None:
    """A list type and a typed dict have no instances to ask for: Pydantic decides."""

    class Row(TypedDict):
        lives: int

    cats: Any = [{"lives": 3}]
    assert deserialized(list[zoo.Cat])(lambda value: value)(cats) == [zoo.Cat(lives=3)]
    row: Any = {"lives": "3"}
    assert deserialized(Row)(lambda value: value)(row) == {"lives": 3}
    with pytest.raises(ValidationError):
        deserialized(list[zoo.Cat])(lambda value: value)(5)  # type: ignore[arg-type]


def test_a_coroutine_function_reads_off_the_loop(
    manager: OptimizedSerializationManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It awaits the manager, which decompresses large data in a thread."""
    monkeypatch.setattr(manager, "deserialize_sync", None)

    @deserialized(zoo.Cat, manager=manager)
    async def lives(cat: zoo.Cat) -> int:
        return cat.lives

    cat: Any = {"lives": 4}
    assert asyncio.run(lives(b'{"lives":3}')) == 3
    assert asyncio.run(lives(cat=b'{"lives":3}')) == 3
    assert asyncio.run(lives(cat)) == 4


class Callables:
    """Objects that are called like functions."""

    def __call__(self, number: int = 1) -> zoo.Base:
        return zoo.Derived()


class AsyncCallables:
    async def __call__(self, number: int = 1) -> zoo.Base:
        return zoo.Derived()


def load_base(source: Any, number: int = 1) -> zoo.Base:
    return zoo.Derived()


@pytest.mark.parametrize("function", [functools.partial(load_base, None), Callables(), Callables().__call__])
def test_partials_and_callable_objects_are_functions(function: Callable[[int], zoo.Base]) -> None:
    """With or without a key and parentheses; what they declare narrows the result."""
    for decorated in (serialized(function), serialized(key="base:{number}")(function)):
        assert b"base" in decorated(1)
        assert b"hunter2" not in decorated(1)
        assert list(inspect.signature(decorated).parameters) == ["number"]


def test_coroutine_callables_stay_awaitable() -> None:
    """A partial of a coroutine function, and an object with an async ``__call__``."""
    functions: list[Any] = [AsyncCallables(), functools.partial(AsyncCallables().__call__, 1)]
    for function in functions:
        decorated = serialized(function)
        assert inspect.iscoroutinefunction(decorated)
        assert b"hunter2" not in asyncio.run(decorated())

    async def lives(cat: zoo.Cat, extra: int) -> int:
        return cat.lives + extra

    assert asyncio.run(deserialized(zoo.Cat)(functools.partial(lives, extra=1))(b'{"lives":3}')) == 4


def test_a_key_function_is_called_once_a_call(manager: OptimizedSerializationManager) -> None:
    """On a miss too: it may be expensive, or count."""
    calls = []

    def key(number: int) -> str:
        calls.append(number)
        return f"cat:{number}"

    @serialized(key=key, manager=manager)
    def cat(number: int) -> zoo.Cat:
        return zoo.Cat(lives=number)

    cat(1)
    cat(1)
    assert calls == [1, 1]


def test_a_cached_manager_will_do() -> None:
    """It has the same operations and the same cache."""
    manager = CachedSerializationManager()
    counter = Counter()

    @serialized(key="cat", manager=manager)
    def cat() -> zoo.Cat:
        return counter.next()

    @deserialized(zoo.Cat, manager=lambda: manager)
    def lives(cat: zoo.Cat) -> int:
        return cat.lives

    assert lives(cat()) == lives(cat()) == 1


def test_tags_of_a_generator_serve_every_function(manager: OptimizedSerializationManager) -> None:
    """One decorator may be used for several functions: each has all tags."""
    counter = Counter()
    cached = serialized(key="cat", tags=(tag for tag in ("cats",)), manager=manager)
    functions = [cached(lambda: counter.next()) for _ in range(2)]
    before = [function() for function in functions]
    manager.invalidate_sync(tags=("cats",))
    assert not set(before) & {function() for function in functions}


# -- owners -------------------------------------------------------------------------------------------------------------


class Base:
    """Its methods mean something else in every subclass."""

    tenant = "same"

    @classmethod
    @serialized(key="made", manager=MANAGER)
    def made(cls) -> Any:
        return {"by": cls.__name__}

    @classmethod
    @serialized(key=lambda cls: "chosen", manager=MANAGER)
    def chosen(cls) -> Any:
        return {"by": cls.__name__}

    @serialized(key="shared:{self.tenant}", manager=MANAGER)
    def shared(self) -> Any:
        return {"by": type(self).__name__}

    def find(self, number: int) -> Any:
        return {"by": id(self), "number": number}


class First(Base):
    pass


class Second(Base):
    pass


def test_classes_have_entries_of_their_own() -> None:
    """Of class methods, and of instances whose template names ``self``: a subclass may do something else."""
    for _ in range(2):
        assert (First.made(), Second.made()) == (b'{"by":"First"}', b'{"by":"Second"}')
        assert (First.chosen(), Second.chosen()) == (b'{"by":"First"}', b'{"by":"Second"}')
        assert (First().shared(), Second().shared()) == (b'{"by":"First"}', b'{"by":"Second"}')


def test_classes_of_one_name_are_different_owners() -> None:
    """Classes that are made at run time may share their name, and share nothing else."""
    calls = []

    class Local:
        @classmethod
        @serialized(key="local", manager=MANAGER)
        def local(cls) -> Any:
            calls.append(cls)
            return {}

    subclasses: list[Any] = [type("First", (Local,), {"__module__": __name__}) for _ in range(3)]
    for cls in subclasses:
        cls.local()
        cls.local()
    assert calls == subclasses


def test_self_by_keyword_is_an_owner_too() -> None:
    """However it is given."""
    short, long = Tenants("a"), Tenants("abcdef")
    assert Tenants.item(self=short, number=70) != Tenants.item(self=long, number=70)
    assert Tenants.item(self=short, number=70) == short.item(70)


def test_bound_methods_of_two_objects_share_nothing(manager: OptimizedSerializationManager) -> None:
    """The object is not among the arguments of a method that is decorated on an instance; invalidation drops both."""
    keys: list[Any] = ["item:{number}", lambda number: f"item-{number}"]
    for key in keys:
        one, other = (serialized(key=key, manager=manager)(Base().find) for _ in range(2))
        assert one(1) == one(1) != other(1) == other(1)


def test_partials_and_wrappers_share_nothing(manager: OptimizedSerializationManager) -> None:
    """What makes two functions of one name different may be an object: it is in no fingerprint."""

    def load(source: Any) -> Any:
        return {"id": id(source)}

    def named(function: Any) -> Any:
        function.__qualname__ = function.__name__ = "load"
        return function

    def closure(source: Any) -> Any:
        return named(lambda: load(source))

    def default(source: Any) -> Any:
        return named(lambda source=source: load(source))

    def default_by_name(source: Any) -> Any:
        return named(lambda *, source=source: load(source))

    makers: list[Any] = [lambda source: functools.partial(load, source), closure, default, default_by_name]
    for make in makers:
        sources = [object(), object()]
        one, other = (serialized(key="k", manager=manager)(make(source)) for source in sources)
        assert one() == one() != other() == other()


def test_equal_instances_are_different_owners() -> None:
    """Equality may leave out what a result depends on."""

    class Equal(Tenants):
        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 1

    class Unhashable(Tenants):
        __hash__ = None  # type: ignore[assignment]

    for cls in (Equal, Unhashable):
        short, long = cls("a"), cls("abcdef")
        assert short.item(71) == short.item(71) != long.item(71)


@pytest.mark.usefixtures("frozen_heap")
def test_owners_are_not_kept_alive() -> None:
    """Nor does a later object at the same address get the entries of one that is gone."""
    seen = set()
    for number in range(20):
        owner = Tenants("a" * number)
        seen.add(owner.item(72))
        del owner
        gc.collect()
    assert len(seen) == 20


def test_a_function_with_a_parameter_called_self_is_no_method(manager: OptimizedSerializationManager) -> None:
    """Any value may be given for it."""
    counter = Counter()

    @serialized(key="cat:{number}", manager=manager)
    def cat(self: str, number: int) -> zoo.Cat:
        return counter.next()

    assert cat("a", 1) == cat("b", 1)


@pytest.mark.parametrize("is_async", [True, False])
def test_each_call_is_counted_once(is_async: bool) -> None:
    """A miss and 49 hits are 50 lookups of the first tier, whatever way a hit is found."""
    manager = create_serialization_manager()

    @serialized(key="cat:{lives}", manager=manager)
    def load(lives: int) -> zoo.Cat:
        return zoo.Cat(lives=lives)

    @serialized(key="cat:{lives}", manager=manager)
    async def load_async(lives: int) -> zoo.Cat:
        return zoo.Cat(lives=lives)

    async def main() -> set[bytes]:
        return {await load_async(3) for _ in range(50)}

    assert len(asyncio.run(main()) if is_async else {load(3) for _ in range(50)}) == 1
    stats = manager.get_stats()["cached_manager"]["cache"]["l1_cache"]
    assert (stats["hits"], stats["misses"], stats["hit_rate"]) == (49, 1, 0.98)

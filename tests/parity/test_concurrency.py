"""Nothing crashes and nothing is mixed up, whatever else happens during a call: other threads, user code, the collector."""

# ruff: noqa: E501

import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from disturbances import hurried
from encoders import assert_same, complete
from parity.outcomes import outcome
from pydantic import (
    VERSION,
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    computed_field,
    field_serializer,
)

from pydantic_serialization._native import core
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.compiler import compile_plan
from pydantic_serialization.plan.native import bind_decoder, bind_encoder

if core is None:
    pytest.skip("needs the native core", allow_module_level=True)


def reader(declared: Any) -> Callable[..., Any]:
    plan = compile_plan(declared)
    assert plan.decoding.program is not None, plan.decoding.declined
    return bind_decoder(plan, plan.validator.validate_json)


@contextmanager
def collecting() -> Iterator[None]:
    """Let the garbage collector run at each allocation."""
    threshold = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)


class Part(BaseModel):
    kind: Literal["part"] = "part"
    n: int = 0
    names: set[str] = set()


class Other(BaseModel, extra="allow"):
    kind: Literal["other"]
    parts: list[Part] = []


class Whole(BaseModel):
    number: int = 1
    text: str = "t"
    parts: list[Part] = []
    by_key: dict[str, Part] = {}
    mixed: Part | Other | dict[str, Any] | None = None
    tagged: Annotated[Part | Other, Field(discriminator="kind")] | None = None
    names: frozenset[str] = frozenset()
    many: set[int] = set()
    when: datetime | None = None
    price: Decimal | None = None
    anything: Any = None
    checked: Annotated[int, AfterValidator(lambda value: value)] = 1
    shown: Annotated[int, PlainSerializer(lambda value: value)] = 1

    @computed_field
    @property
    def total(self) -> int:
        return self.number


DOCUMENT = (
    b'{"number":5,"text":"\xc3\xa9","parts":[{"n":1,"names":["a","b"]},{}],"by_key":{"k":{"n":2}},'
    b'"mixed":{"kind":"other","more":[1,{}]},"tagged":{"kind":"part"},"names":["x"],"many":[1,2,3],'
    b'"when":"2024-02-29T10:11:12+01:00","price":"1.50","anything":[1,{"a":null}],"checked":2}'
)


def whole() -> Whole:
    return Whole.model_validate_json(DOCUMENT)


def test_many_threads_on_one_function() -> None:
    """Threads that use one reader and one writer at once, with other fields given each time, get what they asked for."""
    read, write = reader(Whole), complete(Whole)
    failures: list[Any] = []

    def work(number: int) -> None:
        try:
            for step in range(400):
                value = number * 1000 + step
                keys = ",".join(f'"{key}":{value}' for key in ("number", "checked", "shown")[: 1 + step % 3])
                found = read(f'{{{keys},"parts":[{{"n":{value}}}],"when":"2024-01-01T00:00:00+{number:02}:00"}}')
                assert found.number == value
                assert found.parts[0].n == value
                assert found.model_fields_set == {"number", "checked", "shown", "parts", "when"} - set(
                    ("checked", "shown")[step % 3 :]
                )
                assert found.when.utcoffset().total_seconds() == number * 3600
                assert write(found) == found.model_dump_json().encode()
                if step % 5 == 0:
                    with pytest.raises(ValidationError):
                        read(b'{"number":"no"}')
        except BaseException as error:
            failures.append(error)

    with hurried():
        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_threads_that_change_what_is_written() -> None:
    """While an object is written, others empty, fill and replace every container in it; the text is one that may be."""
    value, write = whole(), complete(Whole)
    stop = threading.Event()

    def change() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            with suppress(AttributeError):  # while another one has emptied it
                change_once(step)

    def change_once(step: int) -> None:
        value.parts[:] = [Part(n=step)] * (step % 4)
        value.by_key = {str(key): Part() for key in range(step % 5)}
        value.many = set(range(step % 9))
        value.__dict__["anything"] = [None] * (step % 3)
        if step % 50 == 0:
            items = dict(value.__dict__)
            value.__dict__.clear()
            value.__dict__.update(items)
        if step % 70 == 0:
            object.__setattr__(value, "__dict__", dict(value.__dict__))
        value.__pydantic_fields_set__.symmetric_difference_update({"text", "many"})

    threads = [threading.Thread(target=change) for _ in range(2)]
    with hurried():
        for thread in threads:
            thread.start()
        try:
            for step in range(1500):
                with suppress(RuntimeError, AttributeError, KeyError):
                    text = write(value, exclude_unset=step % 2 == 0)
                    assert text.startswith(b"{")
                    assert text.endswith(b"}")
        finally:
            stop.set()
            for thread in threads:
                thread.join()


class Changing(BaseModel):
    """Its serializers change the object in every way, in the middle of being written."""

    model_config = ConfigDict(extra="allow")

    how: str
    first: int = 1
    numbers: list[int] = [1, 2, 3]
    parts: list[Part] = [Part(), Part()]
    names: dict[str, int] = {"a": 1}
    last: int = 9

    @field_serializer("first")
    def _first(self, value: int) -> int:
        match self.how:
            case "clear":
                self.__dict__.clear()
            case "replace":
                object.__setattr__(self, "__dict__", {})
            case "empty":
                self.numbers.clear()
                self.parts.clear()
                self.names.clear()
            case "grow":
                self.numbers.extend(range(1000))
                self.names.update({str(key): key for key in range(1000)})
                self.__dict__.update({f"x{key}": key for key in range(1000)})
            case "delete":
                del self.__dict__["last"]
            case "slots":
                object.__setattr__(self, "__pydantic_extra__", None)
                object.__setattr__(self, "__pydantic_fields_set__", set())
            case "class":
                object.__setattr__(self, "__class__", Stranger)
        return value


class Stranger(Changing):
    more: int = 5


@pytest.mark.parametrize("how", ["clear", "replace", "empty", "grow", "delete", "slots", "class"])
def test_serializers_that_change_what_is_written(how: str) -> None:
    """The call ends: with a text of valid JSON, or with an exception of Python's."""
    for options in ({}, {"exclude_unset": True}, {"exclude_none": True, "by_alias": True}):
        for declared in (Changing, list[Changing], dict[str, Changing], Any):
            value = Changing(how=how, extra=1, numbers=[1, 2, 3], parts=[Part()], names={"a": 1})
            wrapped = {list[Changing]: [value, value], dict[str, Changing]: {"k": value}, Any: [value]}.get(
                declared, value
            )
            with suppress(Exception):
                text = complete(declared)(wrapped, **options)
                TypeAdapter(Any).validate_json(text)


COLLECTED = """
import gc
from tests_of_this_file import *

class Bomb:
    def __init__(self, action):
        self.me, self.action = self, action

    def __del__(self):
        self.action()

def explode():
    for name in ("many", "names", "parts", "by_key", "anything", "mixed"):
        value.__dict__[name] = None
    objects.clear()

write, read = complete(Whole), reader(Whole)
expected = whole().model_dump_json()
gc.set_threshold(1, 1, 1)
for number in range(600):
    objects = [whole()]
    value = objects[0]
    value.__dict__["many"] = set(range(number % 30))
    Bomb(explode)
    try:
        write(value)
        read(DOCUMENT)
    except Exception:
        pass
print("done")
"""


def test_the_collector_may_take_away_what_is_written() -> None:
    """An object whose finalizer empties the model that is being written, whenever the collector runs, takes nothing along."""
    code = COLLECTED.replace("tests_of_this_file", "parity.test_concurrency")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONMALLOC": "debug",
    }
    found = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment)
    assert (found.returncode, found.stdout) == (0, "done\n"), found.stderr[-2000:]


def test_the_collector_runs_all_the_time() -> None:
    """With a collection at each allocation, both directions give what they give without."""
    read, write = reader(Whole), complete(Whole)
    expected = outcome(read, DOCUMENT)
    text = write(whole())
    with collecting():
        for _ in range(150):
            assert outcome(read, DOCUMENT) == expected
            assert write(read(DOCUMENT)) == text
            with suppress(ValidationError):
                read(DOCUMENT[:-1] + b',"checked":"no"}')


def test_documents_may_change_while_they_are_read() -> None:
    """A validator may resize, empty or overwrite the byte array that is being read: the values are those of the call."""
    for change in (
        bytearray.clear,
        lambda data: data.extend(b"x" * 10_000),
        lambda data: data.__setitem__(slice(None), b"!" * len(data)),
    ):
        data = bytearray(b'{"a":1,"b":[2,3],"c":{"x":"later"},"d":"\\u0064"}')

        def look(value: Any, data: bytearray = data, change: Any = change) -> Any:
            change(data)
            return value

        class Looking(BaseModel):
            a: Annotated[int, AfterValidator(look)]
            b: list[Annotated[int, AfterValidator(look)]]
            c: Annotated[dict[str, str], PlainValidator(look)]
            d: Annotated[str, AfterValidator(look)]

        for views in (False, True):
            plan = compile_plan(Looking)
            data[:] = b'{"a":1,"b":[2,3],"c":{"x":"later"},"d":"\\u0064"}'
            decode = bind_decoder(plan, plan.validator.validate_json, views=views)
            found = decode(bytearray(data) if False else data)
            assert (found.a, found.b, found.c, found.d) == (1, [2, 3], {"x": "later"}, "d")
        data[:] = b'{"a":1,"b":[2,3],"c":{"x":"later"},"d":"\\u0064"}'
        decode = bind_decoder(plan, plan.validator.validate_json, views=True)
        if change is not bytearray.clear:  # a view keeps the array from being resized, ours or not
            with suppress(BufferError):
                assert decode(memoryview(data)).c == {"x": "later"}


class Again(BaseModel):
    depth: int
    made: Any = None

    @field_serializer("made")
    def _write(self, value: Any) -> str:
        return write_again(value).decode() if isinstance(value, Again) else "end"


def read_inside(value: int) -> int:
    if value > 0:
        inner = read_again(f'{{"depth":{value - 1}}}')
        assert inner.depth == value - 1
        assert inner.model_fields_set == {"depth"}
        with suppress(ValidationError):
            read_again(f'{{"depth":"{value}x"}}')
    return value


class Reread(BaseModel):
    depth: Annotated[int, AfterValidator(read_inside)]
    text: str = "default"


read_again, write_again = reader(Reread), complete(Again)


def test_functions_may_call_themselves() -> None:
    """User code inside a call may make the same call: its result and the outer one do not touch each other."""
    assert read_again('{"depth":20,"text":"outer"}').model_dump() == {"depth": 20, "text": "outer"}
    value = Again(depth=0)
    for depth in range(1, 6):
        value = Again(depth=depth, made=value)
    assert write_again(value) == value.model_dump_json().encode()


@pytest.mark.usefixtures("frozen_heap")
def test_rebuilding_between_calls() -> None:
    """A function that was bound before ``model_rebuild`` still works; a new one goes by the new schema."""

    class Later(BaseModel):
        a: int = 1

    class Outer(BaseModel):
        later: Later = Later()

    read, write = reader(Outer), complete(Outer)
    assert read(b'{"later":{"a":2}}').later.a == 2
    Later.model_fields["a"].annotation = str
    Later.model_rebuild(force=True)
    Outer.model_rebuild(force=True)
    gc.collect()
    with suppress(ValidationError):
        read(b'{"later":{"a":2}}')
    with suppress(Exception):
        write(Outer())
    assert reader(Outer)(b'{"later":{"a":"x"}}').later.a == "x"
    assert plan_for(Outer).is_current()


is_armed = False


class Meta(type(BaseModel)):
    """A metaclass that gets in the way wherever it can."""

    def __eq__(cls, other: object) -> bool:
        if is_armed:
            raise RuntimeError("never compare classes")
        return cls is other

    def __hash__(cls) -> int:
        return id(cls)

    def __instancecheck__(cls, instance: Any) -> bool:
        return type(instance) is cls


class Hostile(BaseModel, metaclass=Meta):
    a: int = 1
    anything: Any = None

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("never compare instances")

    def __hash__(self) -> int:
        raise RuntimeError("never hash instances")

    def __bool__(self) -> bool:
        raise RuntimeError("never ask whether")

    def __len__(self) -> int:
        raise RuntimeError("never ask how long")


class Text(str):
    def __str__(self) -> str:
        raise RuntimeError("never make text of text")

    def __hash__(self) -> int:
        return 5

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("never compare text")


class Number(int):
    def __int__(self) -> int:
        raise RuntimeError("never")

    __index__ = __int__


class Data(bytes):
    pass


class Map(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        return [("other", "items")]

    def __iter__(self) -> Any:
        raise RuntimeError("never")


class Rows(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        return iter(["other", "items"])


class Liar:
    def __init__(self, cls: type) -> None:
        self.cls = cls

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        return self.cls


class Odd(Enum):
    A = "a"

    def __hash__(self) -> int:
        raise RuntimeError("never hash members")


class Fields(BaseModel):
    text: str = ""
    number: int = 0
    real: float = 0.0
    data: bytes = b""
    rows: list[int] = []
    map: dict[str, int] = {}
    names: set[str] = set()
    hostile: Hostile = Hostile()
    union: int | str | Hostile | list[int] | None = None
    anything: Any = None
    odd: Odd | None = None


# Pydantic itself compares a class while it is made, and before 2.12 later too.
is_armed = tuple(map(int, VERSION.split(".")[:2])) >= (2, 12)


ODD: tuple[Callable[[], Any], ...] = (
    lambda: Text("sub"), lambda: Number(5), lambda: Data(b"d"), lambda: Map(a=1), lambda: Rows([1, 2]), lambda: Hostile(),
    lambda: Hostile, lambda: Liar(str), lambda: Liar(int), lambda: Liar(dict), lambda: Liar(Hostile), lambda: Liar(Part),
    lambda: Liar(Odd), lambda: {Text("k"): 1}, lambda: {"k": Text("v")}, lambda: [Text("a")], lambda: Odd.A, lambda: weakref.proxy(Part),
    lambda: type("Int", (int,), {"__slots__": ()})(5), lambda: object.__new__(Part), lambda: object.__new__(Fields),
)  # fmt: skip


@pytest.mark.parametrize("name", Fields.model_fields)
def test_odd_objects_are_written_as_pydantic_writes_them(name: str) -> None:
    """Subclasses of built-in types, classes that lie about themselves, methods that raise, instances that were never made."""
    for make in ODD:
        value = Fields()
        value.__dict__[name] = make()
        for options in ({}, {"exclude_none": True}, {"exclude_unset": True}):
            assert_same(Fields, value, **options)
        assert_same(list[Fields], [value])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # from Pydantic, which shows the keys
def test_odd_members_of_dicts_and_sets() -> None:
    """Keys of ``__dict__`` and names of given fields that are no plain text, or whose comparison raises."""
    for key in (Text("text"), Text("number"), 5, None, ("a",), Number(1), "\ud800", "", "é", Odd):
        value = Fields()
        with suppress(RuntimeError):
            value.__dict__[key] = 1  # type: ignore[index]
        assert_same(Fields, value)
        value = Fields()
        with suppress(RuntimeError):
            value.__pydantic_fields_set__.add(key)  # type: ignore[arg-type]
        assert_same(Fields, value, exclude_unset=True)


def test_hostile_classes_are_read_as_pydantic_reads_them() -> None:
    """A metaclass, comparisons and hashes that raise do not matter to reading."""
    for declared in (Hostile, list[Hostile], Fields, dict[str, Hostile], Hostile | Part, set[Odd], dict[Odd, int]):
        plan = compile_plan(declared)
        for document in (
            '{"a":2}', '[{"a":2},{}]', '{"hostile":{"a":5},"union":{"a":6}}', '{"k":{"a":1}}', '{"odd":"a"}', '["a"]', '{"a":"a"}',
        ):  # fmt: skip
            expected = outcome(plan.validator.validate_json, document)
            assert outcome(bind_decoder(plan, plan.validator.validate_json), document) == expected


@pytest.mark.usefixtures("frozen_heap")
def test_functions_go_while_they_run() -> None:
    """The last references to a function, its class and its document may be dropped by user code inside the call."""
    holder: dict[str, Any] = {}

    def drop(value: Any) -> Any:
        holder.clear()
        gc.collect()
        return value

    def made() -> None:
        class Short(BaseModel):
            a: Annotated[int, AfterValidator(drop), PlainSerializer(drop)]
            b: list[Part] = []

        holder["read"], holder["write"] = (
            reader(Short),
            bind_encoder(plan_for(Short), plan_for(Short).serializer.to_json),
        )
        holder["text"] = '{"a":1,"b":[{"n":5}]}'

    for _ in range(20):
        made()
        write = holder["write"]
        value = holder.pop("read")(holder.pop("text"))
        assert value.b[0].n == 5
        made()
        holder["write"] = write
        del write
        assert holder.pop("write")(value).startswith(b'{"a":1')


@pytest.mark.usefixtures("frozen_heap")
def test_the_collector_is_told_of_instances() -> None:
    """Instances that refer to each other are collected once nobody else holds them."""
    read = reader(Whole)
    value = read(DOCUMENT)
    value.parts[0].__dict__["me"] = value
    value.__dict__["me"] = value.parts
    reference = weakref.ref(value)
    del value
    gc.collect()
    assert reference() is None
    assert gc.is_tracked(read(DOCUMENT).__dict__)
    assert datetime(2024, 1, 1, tzinfo=UTC)

"""The validation cache: never wrong, never shared with anybody who could change it, and open about what it does."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PastDatetime,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from pydantic_serialization import (
    PydanticModelSerializer,
    SerializationConfig,
    create_serialization_manager,
    pure,
)
from pydantic_serialization.reuse.payoff import BLOCK

pytestmark = pytest.mark.usefixtures("patient")


class Item(BaseModel):
    """A part that can be changed."""

    name: str
    tags: list[str] = []


class Order(BaseModel):
    """A model that can be changed at every depth."""

    id: int
    items: list[Item]
    prices: dict[str, float] = Field(default_factory=dict)
    note: str | None = None


class Point(BaseModel):
    """A model that is frozen all the way down."""

    model_config = ConfigDict(frozen=True)

    x: int
    y: int = 0


class Line(BaseModel):
    """Another, of parts."""

    model_config = ConfigDict(frozen=True)

    points: tuple[Point, ...]


ORDER = b'{"id":1,"items":[{"name":"a","tags":["x"]},{"name":"b"}],"prices":{"a":1.5}}'
LINE = b'{"points":[{"x":1},{"x":2,"y":3}]}'


def make(**settings: Any) -> PydanticModelSerializer:
    """Return a serializer with these settings."""
    return PydanticModelSerializer(SerializationConfig(**settings))


def stats(serializer: PydanticModelSerializer, label: str) -> Any:
    """Return the numbers of one model."""
    return serializer.get_stats()["validation_cache"]["models"][label]


def read_often(serializer: PydanticModelSerializer, data: bytes, model: Any, times: int = 5) -> list[Any]:
    """Return what reading the same bytes gave each time."""
    return [serializer.deserialize_model(data, model) for _ in range(times)]


# -- what readers get -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("enable_profiling", [True, False])
def test_the_second_sighting_is_kept_and_the_third_is_a_hit(enable_profiling: bool) -> None:
    """What is read once is not kept; counts say what happened."""
    serializer = make(enable_profiling=enable_profiling)
    for data in (ORDER, ORDER.replace(b"1", b"2")):
        assert serializer.deserialize_model(data, Order) == Order.model_validate_json(data)
    assert serializer.get_stats()["instances"]["items"] == 0
    read_often(serializer, ORDER, Order, 8)
    found = stats(serializer, "Order")
    assert (found["hits"], found["misses"], found["mode"]) == (7, 3, "clone")
    assert found["hit_rate"] == serializer.get_stats()["validation_cache_hit_rate"] == 0.7
    assert serializer.get_stats()["instances"]["items"] == 1


def spoil(order: Order) -> None:
    """Change everything that can be changed."""
    order.id = 99
    order.items[0].tags.append("spoilt")
    order.items[0].name = "spoilt"
    order.items.append(Item(name="spoilt"))
    order.prices["spoilt"] = 0.0
    order.model_fields_set.clear()
    order.items[1].model_fields_set.add("tags")


@pytest.mark.parametrize("options", [{}, {"strict": True}, {"strict": False}])
def test_a_changed_result_never_changes_what_the_next_reader_gets(options: dict[str, Any]) -> None:
    """Neither values, nor containers, nor the sets of fields, at any depth, also in the result that was kept."""
    serializer = make()
    right = Order.model_validate_json(ORDER)
    seen: set[int] = set()
    results = []
    for _ in range(3 * BLOCK):
        found = serializer.deserialize_model(ORDER, Order, **options)
        results.append(found)
        assert found == right
        assert found.model_fields_set == right.model_fields_set
        assert found.items[1].model_fields_set == {"name"}
        assert not seen & {id(found), id(found.items), *map(id, found.items), id(found.prices)}
        seen |= {id(found), id(found.items), *map(id, found.items), id(found.prices)}
        spoil(found)
    assert stats(serializer, "Order")["hits"] > 2 * BLOCK


def test_frozen_models_are_shared() -> None:
    """What is frozen all the way down is the same instance for every reader."""
    serializer = make()
    found = read_often(serializer, LINE, Line, 6)
    assert found == [Line.model_validate_json(LINE)] * 6
    assert len(set(map(id, found[1:]))) == 1
    assert stats(serializer, "Line")["mode"] == "share"
    assert stats(serializer, "Line")["reason"] == ""


@pytest.mark.parametrize("spoiled", [lambda line: line, lambda line: line.points[1]])
def test_a_changed_set_of_fields_is_noticed(spoiled: Any) -> None:
    """Pydantic hands out the set of fields of frozen models too, as it is: an instance with another set is given up."""
    serializer = make()
    for _ in range(3):
        kept = read_often(serializer, LINE, Line, 3)[-1]
        spoiled(kept).model_fields_set.clear()
        found = serializer.deserialize_model(LINE, Line)
        assert found.model_dump(exclude_unset=True) == {"points": ({"x": 1}, {"x": 2, "y": 3})}
        assert found is not kept


class Loose(BaseModel):
    model_config = ConfigDict(frozen=True)
    tags: list[str]


class Extra(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")
    tags: tuple[str, ...]


class WithAny(BaseModel):
    model_config = ConfigDict(frozen=True)
    tags: Any


class WithPrivate(BaseModel):
    model_config = ConfigDict(frozen=True)
    tags: tuple[str, ...]
    _seen: list[int] = PrivateAttr(default=[])


class Outer(BaseModel):
    model_config = ConfigDict(frozen=True)
    tags: tuple[Any, ...] = ()
    item: Item = Item(name="a")


@pure
def as_list(value: Any) -> list[str]:
    """Return a container that can change where the schema shows none."""
    return list(value)


class Hidden(BaseModel):
    model_config = ConfigDict(frozen=True)
    tags: Annotated[tuple[str, ...], AfterValidator(as_list)]


@pytest.mark.parametrize("model", [Loose, Extra, WithAny, WithPrivate, Hidden])
def test_a_model_that_is_frozen_only_at_the_top_is_never_shared(model: type[BaseModel]) -> None:
    """Lists, extras, values of any type, private attributes, and what validators hide: each reader gets a copy."""
    serializer = make()
    found = read_often(serializer, b'{"tags":["a"],"more":{"b":[1]}}', model, 6)
    assert len(set(map(id, found))) == 6
    assert found == [model.model_validate_json(b'{"tags":["a"],"more":{"b":[1]}}')] * 6
    assert stats(serializer, model.__name__)["mode"] == "clone"
    assert stats(serializer, model.__name__)["hits"] == 4


def test_other_types_are_kept_too() -> None:
    """Lists of models and plain containers are copied as models are."""
    serializer = make()
    for declared, data in ((list[Item], b'[{"name":"a"}]'), (dict[str, list[int]], b'{"a":[1]}')):
        found = read_often(serializer, data, declared)
        assert len(set(map(id, found))) == 5
        found[-1].clear()
        assert serializer.deserialize_model(data, declared) == found[0]


# -- exactness ------------------------------------------------------------------------------------------------------


def test_only_the_very_bytes_are_found() -> None:
    """Equal documents in other words are validated, and so is the same document as another type or format."""
    serializer = make()
    read_often(serializer, ORDER, Order)
    hits = stats(serializer, "Order")["hits"]
    assert serializer.deserialize_model(ORDER + b" ", Order).id == 1
    assert serializer.deserialize_model(ORDER.replace(b"1.5", b"2.5"), Order).prices == {"a": 2.5}
    assert serializer.deserialize_model(ORDER, dict[str, Any])["id"] == 1
    assert serializer.deserialize_model(ORDER, Order, "json").id == 1
    assert stats(serializer, "Order")["hits"] == hits
    assert stats(serializer, "Order:json")["hits"] == 0


def test_strict_reads_do_not_find_lax_ones() -> None:
    """The same bytes may be wrong in strict mode."""
    serializer = make()
    data = b'{"x":"1"}'
    read_often(serializer, data, Point)
    for _ in range(3):
        with pytest.raises(ValidationError):
            serializer.deserialize_model(data, Point, strict=True)
        assert serializer.deserialize_model(data, Point, strict=False).x == 1


def test_input_that_can_change_is_not_looked_up() -> None:
    """A ``bytearray`` is read as it is at the moment; text and views are read anew too."""
    serializer = make()
    data = bytearray(b'{"x":1}')
    read_often(serializer, bytes(data), Point)
    assert serializer.deserialize_model(data, Point).x == 1
    data[5:6] = b"7"
    assert serializer.deserialize_model(data, Point).x == 7
    assert serializer.deserialize_model('{"x":1}', Point).x == 1
    assert serializer.deserialize_model(memoryview(b'{"x":1}'), Point).x == 1
    assert stats(serializer, "Point")["hits"] == 3


def test_errors_are_not_kept() -> None:
    """A document that is wrong is validated, and its error made anew, each time."""
    serializer = make()
    errors = []
    for _ in range(5):
        with pytest.raises(ValidationError) as caught:
            serializer.deserialize_model(b'{"x":"no"}', Point)
        errors.append(caught.value)
    assert len(set(map(id, errors))) == 5
    assert serializer.get_stats()["instances"]["items"] == 0


def test_a_sealed_document_is_opened_each_time() -> None:
    """A frame may expire, so it is not kept."""
    serializer = make(compression_codec="brotli", compression_threshold=1)
    data = serializer.serialize_model(Order(id=1, items=[Item(name="a" * 500)]), "json")
    assert data[:3] == b"\xc1SF"
    read_often(serializer, data, Order)
    assert stats(serializer, "Order")["hits"] == 0
    assert serializer.get_stats()["instances"]["items"] == 0


def test_a_compressed_document_is_kept() -> None:
    """A hit saves decompression too."""
    serializer = make()
    data = serializer.serialize_model(Order(id=1, items=[Item(name="a" * 5000)]))
    assert data[:2] == b"\x1f\x8b"
    assert read_often(serializer, data, Order)[-1].items[0].name == "a" * 5000
    assert stats(serializer, "Order")["hits"] == 3


# -- purity ---------------------------------------------------------------------------------------------------------


class Request(BaseModel):
    id: UUID = Field(default_factory=uuid4)


class Event(BaseModel):
    at: PastDatetime


class Checked(BaseModel):
    name: str = ""

    @field_validator("name")
    @classmethod
    def checked(cls, value: str, info: ValidationInfo) -> str:
        return f"{value}/{info.context}"


class Declared(BaseModel):
    name: str = ""

    @field_validator("name")
    @classmethod
    @pure
    def checked(cls, value: str, info: ValidationInfo) -> str:
        return f"{value}/{info.context}"


class Counted(BaseModel):
    x: int = 0

    def model_post_init(self, context: Any) -> None:
        self.x += 1


class Made(BaseModel):
    x: int = 0
    _token: str = PrivateAttr(default_factory=lambda: uuid4().hex)


@pytest.mark.parametrize(
    ("model", "data", "reason"),
    [
        (Request, b"{}", "Request.id has the default factory uuid4, which is not declared pure"),
        (Event, b'{"at":"2020-01-01T00:00:00Z"}', "Event.at is compared with the clock"),
        (Checked, b'{"name":"a"}', "Checked.name has the validator Checked.checked, which is not declared pure"),
        (Counted, b"{}", "Counted has a model_post_init"),
        (Made, b"{}", "Made._token is a private attribute whose default is made anew"),
    ],
)
def test_impure_models_are_validated_each_time(model: type[BaseModel], data: bytes, reason: str) -> None:
    """A clock, a random source, or code that was not declared: nothing is kept, and the statistics say why."""
    serializer = make()
    found = read_often(serializer, data, model)
    assert stats(serializer, model.__name__)["mode"] == "off"
    assert stats(serializer, model.__name__)["reason"] == reason
    assert serializer.get_stats()["instances"]["items"] == 0
    if model is Request:
        assert len({item.id for item in found}) == 5  # type: ignore[attr-defined]


def test_a_declared_validator_is_reused_and_a_context_is_not_looked_up() -> None:
    """``@pure`` lets the cache keep a model; a context may change every result."""
    serializer = make()
    assert read_often(serializer, b'{"name":"a"}', Declared)[-1].name == "a/None"
    assert serializer.deserialize_model(b'{"name":"a"}', Declared, context={"b": 1}).name == "a/{'b': 1}"
    found = stats(serializer, "Declared")
    assert (found["hits"], found["bypassed"]) == (3, 1)


class Unwilling:
    """Something that cannot be copied."""

    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("no copies")


@pure
def unwilling(value: Any) -> Any:
    return Unwilling()


def test_what_cannot_be_copied_is_validated_each_time() -> None:
    """A copy that fails switches the cache off for its type; the reader notices nothing."""

    class Holder(BaseModel):
        value: Annotated[Any, AfterValidator(unwilling)]

    serializer = make()
    assert all(isinstance(found.value, Unwilling) for found in read_often(serializer, b'{"value":1}', Holder))
    assert stats(serializer, "Holder")["mode"] == "off"
    assert stats(serializer, "Holder")["reason"] == "a value cannot be copied (TypeError)"


# -- life -----------------------------------------------------------------------------------------------------------


def test_the_setting_switches_it_off() -> None:
    """``cache_validation=False`` and ``enable_caching=False`` keep nothing; a change takes effect at once."""
    for off in ({"cache_validation": False}, {"enable_caching": False}):
        serializer = make(**off)
        read_often(serializer, LINE, Line)
        assert serializer.get_stats()["validation_cache"]["models"] == {}
    serializer = make()
    read_often(serializer, LINE, Line)
    serializer.config.cache_validation = False
    found = read_often(serializer, LINE, Line)
    assert len(set(map(id, found))) == 5
    assert serializer.get_stats()["instances"]["items"] == 0


def test_a_change_of_settings_forgets_what_was_kept() -> None:
    """What lax settings have read is validated again under strict ones; the counts go on."""
    serializer = make()
    read_often(serializer, b'{"x":"1"}', Point)
    serializer.config.strict_validation = True
    with pytest.raises(ValidationError):
        serializer.deserialize_model(b'{"x":"1"}', Point)
    assert stats(serializer, "Point")["hits"] == 3
    assert serializer.get_stats()["instances"]["items"] == 0


def test_a_rebuilt_model_is_validated_anew() -> None:
    """After ``model_rebuild`` the bytes may mean something else."""

    class Growing(BaseModel):
        x: int

    serializer = make()
    read_often(serializer, b'{"x":1}', Growing)
    Growing.model_fields["x"].annotation = float
    Growing.model_rebuild(force=True)
    assert type(serializer.deserialize_model(b'{"x":1}', Growing).x) is float


def test_the_bounds_hold() -> None:
    """Neither the number of models nor their bytes exceed the settings, and large ones are refused."""
    serializer = make(cache_max_size=10, cache_max_bytes=100_000)
    for _ in range(2):
        for number in range(50):
            serializer.deserialize_model(b'{"x":%d}' % number, Point)
    serializer.deserialize_model(b'{"tags":[%s1]}' % (b"1," * 5000), Any)
    serializer.deserialize_model(b'{"tags":[%s1]}' % (b"1," * 5000), Any)
    kept = serializer.get_stats()["instances"]
    assert kept["items"] == kept["max_items"] == 10
    assert kept["bytes"] <= kept["max_bytes"] == 50_000
    assert kept["evictions"] == 40
    assert kept["rejected_oversize"] == 1


def test_threads_get_right_models_of_their_own() -> None:
    """Eight threads read, check and spoil; none sees what another has done."""
    serializer = make()
    documents = [ORDER.replace(b'"id":1', b'"id":%d' % number) for number in range(20)]
    right = [Order.model_validate_json(item) for item in documents]
    start = threading.Barrier(8)

    def work(seed: int) -> None:
        start.wait()
        for step in range(300):
            number = (seed + step * 7) % 20
            found = serializer.deserialize_model(documents[number], Order)
            assert found == right[number]
            spoil(found)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert stats(serializer, "Order")["hits"] > 1000


async def read_async(manager: Any) -> list[Any]:
    return [await manager.deserialize_model(ORDER, Order) for _ in range(4)]


def test_the_manager_reads_through_it() -> None:
    """With and without an event loop, and its statistics have the rate under the name of the specification."""
    import asyncio

    manager = create_serialization_manager()
    found = asyncio.run(read_async(manager)) + [manager.deserialize_sync(ORDER, Order) for _ in range(4)]
    assert len(set(map(id, found))) == 8
    inner = manager.get_stats()["cached_manager"]["model_serializer"]
    assert inner["validation_cache_hit_rate"] == 0.75
    assert inner["deserializations"] == 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_reads_on() -> None:
    """What was kept is there in the child, and can be written to."""
    serializer = make()
    read_often(serializer, LINE, Line)
    child = os.fork()
    if child == 0:
        right = Line.model_validate_json(LINE)
        is_right = read_often(serializer, LINE, Line) == [right] * 5
        read_often(serializer, ORDER, Order)
        os._exit(0 if is_right and serializer.get_stats()["instances"]["items"] == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_clock_in_a_declared_model_still_counts() -> None:
    """``@pure`` speaks for code, not for types that are compared with the clock."""

    @pure
    class Dated(BaseModel):
        at: PastDatetime
        made: datetime = Field(default_factory=lambda: datetime.now(UTC))

    serializer = make()
    read_often(serializer, b'{"at":"2020-01-01T00:00:00Z"}', Dated)
    assert stats(serializer, "Dated")["reason"] == "Dated.at is compared with the clock"

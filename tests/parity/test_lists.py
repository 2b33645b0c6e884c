"""Long lists: written as an array and as lines, while other threads get their turns."""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import zoo
from encoders import outcome
from pydantic import BaseModel, TypeAdapter, ValidationError, field_serializer, field_validator

from pydantic_serialization import decoder, encoder
from pydantic_serialization._native import core
from pydantic_serialization.formats import FormatOptions
from pydantic_serialization.formats.jsonl import JsonlFormat
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.overrides import has_own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(core is None, reason="compares the native core with pydantic")

OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"by_alias": True, "exclude_none": True},
    {"exclude_unset": True, "exclude_defaults": True},
    {"warnings": "error"},
)


class Item(BaseModel):
    number: int
    text: str = "text"


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=lambda entry: entry.name)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "plain")
def test_lines_are_what_pydantic_writes(entry: zoo.Entry, options: dict[str, Any]) -> None:
    """Each line is the text of its item, with user code, parts and warnings as Pydantic has them."""
    if has_own(plan_for(entry.type).model, "model_dump_json"):
        pytest.skip("the class's own method writes the lines")
    adapter, bound = TypeAdapter(entry.type), JsonlFormat().bind(plan_for(list[entry.type]), FormatOptions())  # type: ignore[name-defined]
    values = [*entry.values, *entry.values[:1]] * 2

    def by_pydantic(values: Any) -> bytes:
        return b"".join([adapter.dump_json(value, **options) + b"\n" for value in values])

    found = outcome(bound.encode_with, values, options)
    expected = outcome(by_pydantic, values)
    assert found[0] == expected[0]
    assert bool(found[1]) == bool(expected[1])


def test_a_wrong_item_is_written_as_pydantic_writes_it() -> None:
    """A value of another type in the middle is written with Pydantic's warning, a value without a form is its error."""
    values: list[Any] = [Item(number=1), Item.model_construct(number="x"), Item(number=3)]
    with pytest.warns(UserWarning, match="number"):
        assert encoder(list[Item], "jsonl")(values).splitlines()[1] == b'{"number":"x","text":"text"}'
    with pytest.raises(Exception, match="surrogate"):
        encoder(list[Item], "jsonl")([Item(number=1), Item.model_construct(number=2, text="\ud800")])
    assert encoder(list[Item], "jsonl")(iter([Item(number=1)])) == b'{"number":1,"text":"text"}\n'  # type: ignore[arg-type]


def test_code_of_the_model_runs_in_the_order_of_the_lines() -> None:
    """A serializer is called once for each item, in order."""
    seen: list[int] = []

    class Noted(BaseModel):
        number: int

        @field_serializer("number")
        def note(self, value: int) -> int:
            seen.append(value)
            return -value

    assert encoder(list[Noted], "jsonl")([Noted(number=1), Noted(number=2)]) == b'{"number":-1}\n{"number":-2}\n'
    assert seen == [1, 2]


@pytest.fixture
def switching() -> Iterator[None]:
    """Let threads change often; one that waits needs some time to ask for its turn."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("switching")
@pytest.mark.parametrize("format_name", ["orjson", "msgpack", "jsonl"])
def test_a_list_may_change_while_it_is_written(format_name: str) -> None:
    """Whatever another thread does to the list between two items, the result is whole, and other threads do run."""
    read, write = decoder(list[Item], format_name), encoder(list[Item], format_name)
    items = [Item(number=number) for number in range(20_000)]
    stop = threading.Event()
    turns = 0

    def change() -> None:
        nonlocal turns
        while not stop.is_set():
            turns += 1
            items[turns % 1000] = Item(number=-turns)
            del items[10_000 + turns % 10_000 :]
            items.extend([Item(number=turns)] * 5000)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(20):
            assert all(type(item) is Item for item in read(write(items)))
    finally:
        stop.set()
        thread.join()
    assert turns > 20


def rounds_during(call: Callable[[], Any]) -> int:
    """Return how many rounds another thread does during one call, each of which takes longer than a turn."""
    stop = threading.Event()
    rounds = 0

    def run() -> None:
        nonlocal rounds
        while not stop.is_set():
            rounds += 1
            sum(range(20_000))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        before = rounds
        call()
        return rounds - before
    finally:
        stop.set()
        thread.join()


@pytest.mark.usefixtures("switching")
@pytest.mark.parametrize("format_name", ["orjson", "msgpack", "jsonl"])
def test_other_threads_get_turns_in_the_middle(format_name: str) -> None:
    """Not only before and after: a call that takes long lets others run again and again."""
    write, read = encoder(list[Item], format_name), decoder(list[Item], format_name)
    data = write([Item(number=number) for number in range(1000)] * 200)
    items = [Item(number=1)] * 1_000_000
    assert rounds_during(lambda: write(items)) > 40  # without a pause some, while this thread waits to be woken
    assert rounds_during(lambda: read(data)) > 40


@pytest.mark.usefixtures("switching")
@pytest.mark.parametrize("format_name", ["orjson", "msgpack"])
@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_other_threads_run_while_a_list_is_read(format_name: str, buffer: Any) -> None:
    """Another thread may do what it likes, also collect garbage, while a long list is read."""
    items = [Item(number=number) for number in range(5000)]
    data, read = buffer(encoder(list[Item], format_name)(items)), decoder(list[Item], format_name)
    stop = threading.Event()
    turns = 0

    def run() -> None:
        nonlocal turns
        while not stop.is_set():
            turns += 1
            gc.collect(0)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for _ in range(20):
            assert read(data) == items
    finally:
        stop.set()
        thread.join()
    assert turns > 20


@pytest.mark.usefixtures("switching")
def test_memory_that_another_thread_may_change_is_read_without_a_pause() -> None:
    """A read-only view of a bytearray cannot be written to through the view, but still by its owner: it is read at once."""
    first, second = (encoder(list[Item])([Item(number=number)] * 30_000) for number in (1, 2))
    owner, read, stop = bytearray(first), decoder(list[Item]), threading.Event()

    def change() -> None:
        turns = 0
        while not stop.is_set():  # threads change at the end of a round only
            turns += 1
            owner[:] = second if turns % 2 else first

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(20):
            with memoryview(owner) as view:
                assert len({item.number for item in read(view.toreadonly())}) == 1
    finally:
        stop.set()
        thread.join()


class Watched(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def note(cls, value: int) -> int:
        SEEN.add(gc.isenabled())
        return value


SEEN: set[bool] = set()


@pytest.mark.parametrize("format_name", ["orjson", "msgpack"])
@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_it_was(format_name: str, enabled: bool) -> None:
    """It rests while only new objects are made; code of the user's, and whoever comes after, finds it as it was."""
    data = encoder(list[Item], format_name)([Item(number=number) for number in range(2000)])
    before = gc.isenabled()
    try:
        gc.enable() if enabled else gc.disable()
        decoder(list[Item], format_name)(data)
        assert gc.isenabled() is enabled
        for wrong in (data[:-1], data + b"x", data.replace(b"text", b"\xff\xff\xff\xff", 1)):
            with pytest.raises((ValueError, ValidationError)):
                decoder(list[Item], format_name)(wrong)
            assert gc.isenabled() is enabled
        SEEN.clear()
        decoder(list[Watched], format_name)(data)
        assert {enabled} == SEEN
        assert gc.isenabled() is enabled
    finally:
        gc.enable() if before else gc.disable()


def test_a_long_document_does_not_call_the_collector() -> None:
    """Its objects are all alive: to look through them again and again would take longer than to make them."""
    data = encoder(list[Item])([Item(number=number) for number in range(20_000)])
    read = decoder(list[Item])
    calls = 0

    def count(phase: str, info: dict[str, int]) -> None:
        nonlocal calls
        calls += phase == "start"

    gc.collect()
    gc.callbacks.append(count)
    try:
        kept = read(data)
    finally:
        gc.callbacks.remove(count)
    assert len(kept) == 20_000
    assert calls <= 3  # once or twice when Python goes on


class Named(BaseModel):
    key: UUID
    a: int = 0
    b: int = 0
    c: int = 0
    d: int = 0
    e: int = 0
    f: int = 0
    g: int = 0


@pytest.mark.parametrize("format_name", ["orjson", "msgpack"])
@pytest.mark.parametrize("given", [2, 8], ids=["few fields", "many fields"])
def test_the_collector_need_not_look_at_names_and_numbers(format_name: str, given: int) -> None:
    """A set of names and a UUID can be in no cycle; the model and its values are looked at, and the set is a usual one."""
    fields = {name: index for index, name in enumerate(Named.model_fields) if 0 < index < given}
    data = encoder(Named, format_name)(Named(key=UUID(int=7), **fields), exclude_unset=True)
    found = decoder(Named, format_name)(data)
    assert gc.is_tracked(found)
    assert len(found.model_fields_set) == given
    assert not gc.is_tracked(found.model_fields_set)
    assert not gc.is_tracked(found.key)
    found.model_fields_set.update("hijklmnop")
    assert set("hijklmnop") < found.model_copy(deep=True).model_fields_set
    assert gc.is_tracked(found.model_fields_set.copy())


@pytest.mark.usefixtures("switching")
def test_other_threads_find_the_collector_at_work() -> None:
    """In the turns of other threads it is what it was."""
    data = encoder(list[Item])([Item(number=number) for number in range(5000)])
    read, stop = decoder(list[Item]), threading.Event()
    found: set[bool] = set()

    def look() -> None:
        while not stop.is_set():
            found.add(gc.isenabled())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(20):
            read(data)
    finally:
        stop.set()
        thread.join()
    assert found == {True}

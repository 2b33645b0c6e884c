"""Long work lets other threads run, whatever they do to what is being written or read."""

from __future__ import annotations

import gc
import math
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from disturbances import hurried
from pydantic import AfterValidator, BaseModel

from pydantic_serialization import decoder, encoder
from pydantic_serialization._native import core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(core is None, reason="only the native core gives turns")

FORMATS = ("orjson", "msgpack")
FEW = 5


class Item(BaseModel):
    number: int
    text: str = "text"


@pytest.fixture
def switching() -> Iterator[None]:
    """Let threads change often; one that waits needs some time to ask for its turn."""
    with hurried(1e-4):
        yield


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
    """Return how many times another thread comes to run during one call: it gives its turn away each time.

    It only gets one when it has waited for the switch interval, so that must be longer than a thread takes to wake up.
    """
    stop = threading.Event()
    rounds = 0

    def run() -> None:
        nonlocal rounds
        while not stop.is_set():
            rounds += 1
            time.sleep(1e-6)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        with hurried(1e-3):
            before = rounds
            call()
            return rounds - before
    finally:
        stop.set()
        thread.join()


def gives_turns(call: Callable[[], Any]) -> bool:
    """Say whether another thread comes to run more than a few times during a call.

    Without a turn it is once or twice, while this thread waits to be woken. On a machine that has other work the other
    thread may be late for its turns, so it has several chances.
    """
    return any(rounds_during(call) > FEW for _ in range(10))


class Slow(BaseModel):
    number: Annotated[int, AfterValidator(math.factorial)]


class Holder(BaseModel):
    items: list[Item]


class Table(BaseModel):
    rows: dict[str, Item]


class Tree(BaseModel):
    name: str
    parts: list[Tree] = []


def tree(depth: int) -> Tree:
    return Tree.model_construct(name="leaf", parts=[tree(depth - 1)] * 8 if depth else [])


LONG: dict[str, tuple[Any, Callable[[], Any]]] = {
    "list": (list[Item], lambda: [Item(number=1)] * 400_000),
    "in a model": (Holder, lambda: Holder.model_construct(items=[Item(number=1)] * 400_000)),
    "dict": (Table, lambda: Table.model_construct(rows={str(n): Item(number=1) for n in range(200_000)})),
    "tuple": (tuple[Item, ...], lambda: (Item(number=1),) * 400_000),
    "set": (set[int], lambda: set(range(2_000_000))),
    "frozenset": (list[frozenset[int]], lambda: [frozenset(range(2_000_000))]),
    "plain": (Any, lambda: {"rows": [{"number": 1, "texts": ["a", "b"]}] * 200_000}),
    "tree": (Tree, lambda: tree(6)),
}


@pytest.mark.usefixtures("switching")
@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("shape", LONG)
def test_other_threads_get_turns_in_the_middle(shape: str, format_name: str) -> None:
    """Not only before and after: a call that takes long lets others run again and again, wherever the length is."""
    declared, make = LONG[shape]
    value, write, read = make(), encoder(declared, format_name), decoder(declared, format_name)
    data = write(value)
    assert gives_turns(lambda: write(value))
    assert gives_turns(lambda: read(data))


@pytest.mark.usefixtures("switching")
def test_other_threads_get_turns_between_lines() -> None:
    """Lines are no list in the document, but one item after the other all the same."""
    write, items = encoder(list[Item], "jsonl"), [Item(number=1)] * 1_000_000
    assert gives_turns(lambda: write(items))


@pytest.mark.usefixtures("switching")
@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("declared", [list[Slow], dict[str, Slow]])
def test_other_threads_get_turns_while_validators_run(declared: Any, format_name: str) -> None:
    """Validators that are not written in Python give no turns themselves, and reading these documents takes no time."""
    items = [Slow.model_construct(number=1500)] * 3000
    value = items if declared == list[Slow] else {str(n): item for n, item in enumerate(items)}
    data = encoder(declared, format_name)(value)
    read = decoder(declared, format_name)
    assert gives_turns(lambda: read(data))


@pytest.mark.usefixtures("switching")
def test_other_threads_get_turns_while_a_document_is_measured() -> None:
    """Depth, items and digits are counted without the GIL: a pass over a long document is too long to hold it."""
    text = b"[" + b'"a,",1,[],' * 4_000_000 + b"1]"
    packed = b"\xdd" + (12_000_000).to_bytes(4, "big") + b"\xa1a\x01\x90" * 4_000_000
    assert core is not None
    for measure in (
        partial(core.json_items_exceed, text, 16_000_001),
        partial(core.json_depth_exceeds, text, 2),
        partial(core.json_has_longer_integer, text, 1),
        partial(core.msgpack_excess, packed, 2, 16_000_001),
    ):
        assert not measure()
        assert gives_turns(measure)


@pytest.mark.usefixtures("switching")
@pytest.mark.parametrize("format_name", FORMATS)
def test_everything_may_change_while_it_is_written(format_name: str) -> None:
    """Another thread empties, fills and replaces the containers inside a model between two of their items."""
    read, write = decoder(Nest, format_name), encoder(Nest, format_name)
    value, spare, item = nest(), nest(), Item(number=-1)
    stop = threading.Event()
    turns = 0

    def change() -> None:
        nonlocal turns
        while not stop.is_set():
            turns += 1
            change_once(value.inner[turns % len(value.inner)], turns)

    def change_once(inner: Inner, turn: int) -> None:
        match turn % 6:
            case 0:
                inner.items[:] = [item] * (turn % 2000)
            case 1:
                inner.by_key = dict.fromkeys("abcdefgh"[: turn % 8], item)
            case 2:
                inner.names = set(map(str, range(turn % 70)))
            case 3:
                value.inner[turn % 3] = spare.inner[turn % 5]
            case 4:
                value.__dict__["either"] = [turn] * (turn % 3000)
            case _:
                object.__setattr__(inner, "__dict__", dict(inner.__dict__))

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(60):
            value.inner[:] = spare.inner
            assert type(read(write(value))) is Nest
    finally:
        stop.set()
        thread.join()
    assert turns > 60


class Inner(BaseModel):
    items: list[Item]
    by_key: dict[str, Item]
    names: set[str]


class Nest(BaseModel):
    inner: list[Inner]
    either: list[int] | list[str]
    anything: Any = None


def nest() -> Nest:
    def inner() -> Inner:
        items = [Item(number=number) for number in range(2000)]
        return Inner(items=items, by_key={str(item.number): item for item in items}, names={"a", "b"})

    return Nest(inner=[inner() for _ in range(5)], either=list(range(2000)), anything={"a": [1, 2, {"b": {3}}] * 300})


@pytest.mark.usefixtures("switching")
@pytest.mark.parametrize("format_name", FORMATS)
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


class Leftover:
    """Garbage whose end takes some lines of Python, in which other threads may get their turn."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(0.001)


class Wide(BaseModel):
    before: str
    items: list[Item]
    after: str
    last: list[str]


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_model_may_change_while_one_of_its_lists_is_written(format_name: str) -> None:
    """What is written is the model before the change or after it, never some of both.

    Where its attributes were beside it they are gone when it gets a dict: it is written anew, as it is then.
    """
    write, read = encoder(Wide, format_name), decoder(Wide, format_name)
    old = Wide(before="old", items=[Item(number=1)] * 400_000, after="old", last=["old"])
    new = Wide.model_construct(before="new", items=old.items, after="new", last=["new"])
    data = write(old)

    def written_while_it_changes() -> Wide:
        model, begun = read(data), threading.Event()

        def change() -> None:
            begun.wait()
            time.sleep(1e-3)
            object.__setattr__(model, "__dict__", new.__dict__)

        thread = threading.Thread(target=change)
        thread.start()
        with hurried(1e-3):
            begun.set()
            written = write(model)
            thread.join()
        return read(written)

    seen = [written_while_it_changes() for _ in range(3)]
    assert all(model in (old, new) for model in seen)
    if sys.version_info < (3, 13):  # on a busy machine the change may come too late once or twice
        assert new in seen


@pytest.mark.usefixtures("switching")
@pytest.mark.parametrize("leftovers", [0, 5])
def test_memory_that_another_thread_may_change_is_read_at_once(leftovers: int) -> None:
    """A read-only view of a bytearray cannot be written to through the view, but still by its owner.

    So nobody else may run, neither in a pause nor in finalizers, which the collector would call in the middle.
    """
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
            for _ in range(leftovers):
                Leftover()
            with memoryview(owner) as view:
                assert len({item.number for item in read(view.toreadonly())}) == 1
    finally:
        stop.set()
        thread.join()

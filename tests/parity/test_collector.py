"""What the garbage collector does while long documents are read."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from parity.test_turns import Item, switching
from pydantic import BaseModel, ValidationError, field_validator

from pydantic_serialization import decoder, encoder
from pydantic_serialization._native import core

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(core is None, reason="only the native core holds the collector back")

__all__ = ["switching"]
HAS_GENERATIONS = sys.version_info < (3, 13)


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


MEGABYTES = 70_000
"""So many items are more than a megabyte."""


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """Which generations are collected."""
    seen: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            seen.append(info["generation"])

    gc.collect()
    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)


@pytest.mark.skipif(not HAS_GENERATIONS, reason="another collector")
@pytest.mark.parametrize("declared", [list[Item], list[Watched]])
def test_a_very_long_document_is_never_looked_through(declared: Any, collections: list[int]) -> None:
    """Its objects are moved to the oldest generation as they are made, and the oldest generation is left alone."""
    data = encoder(declared)([declared.__args__[0](number=number) for number in range(MEGABYTES)])
    assert len(data) > 1 << 20
    del collections[:]
    found = decoder(declared)(data)
    young = gc.get_count()[0]
    assert 2 not in collections
    assert young < 1000
    assert any(item is found for item in gc.get_objects(generation=2))
    if declared == list[Item]:
        assert len(collections) <= 1  # what was young before


@pytest.mark.skipif(not HAS_GENERATIONS, reason="another collector")
def test_frozen_objects_stay_frozen() -> None:
    """Moving the generations would thaw what a program has frozen before it forks: then they are left alone."""
    data, read = encoder(list[Item])([Item(number=1)] * MEGABYTES), decoder(list[Item])
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        assert frozen > 0
        kept = read(data)
        assert gc.get_freeze_count() >= frozen - 1000  # some of them are freed, as always
        assert len(kept) == MEGABYTES
    finally:
        gc.unfreeze()


CYCLES = """
import gc, sys, weakref
from pydantic import BaseModel
from pydantic_serialization import decoder, encoder

class Knot(BaseModel):
    number: int
    text: str = "text"
    other: object = None

data, read = encoder(list[Knot])([Knot(number=1)] * 100_000), decoder(list[Knot])
alive = set()
for round in range(60):
    found = read(data)
    found[0].__dict__["other"] = found
    token = weakref.ref(found[0], lambda _, round=round: alive.discard(round))
    alive.add(round)
    tokens = globals().setdefault("tokens", [])
    tokens.append(token)
    del found
print(len(alive))
"""


def test_cycles_of_very_long_documents_are_found_in_time() -> None:
    """A program that does nothing but read documents and make cycles of them does not grow without end."""
    found = subprocess.run([sys.executable, "-c", CYCLES], check=True, capture_output=True, text=True)
    assert int(found.stdout) < 40


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

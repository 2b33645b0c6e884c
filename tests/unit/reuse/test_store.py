"""The store of objects and the measure of their memory."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest
import zoo
from pydantic import BaseModel

from pydantic_serialization.reuse.footprint import footprint
from pydantic_serialization.reuse.store import NODE_BYTES, InstanceStore, Stored

OWNER, OTHER = object(), object()


def put(store: InstanceStore, name: object, size: int = 0, owner: object = OWNER, value: Any = None) -> bool:
    """Store something."""
    return store.put(Stored((owner, name), value, size))  # type: ignore[arg-type]


def test_neither_bound_is_exceeded_and_sizes_are_exact() -> None:
    """After each write; replacing an entry counts once."""
    store = InstanceStore(20, 30 * NODE_BYTES)
    for number in range(200):
        put(store, number % 30, number % 7 * 40)
        stats = store.stats()
        assert stats["items"] <= 20
        assert stats["bytes"] <= 30 * NODE_BYTES
    found = [store.find((OWNER, number)) for number in range(30)]
    assert stats["bytes"] == sum(node.weight for node in found if node is not None)
    assert stats["items"] == sum(node is not None for node in found)


def test_an_oversized_entry_is_refused_and_takes_the_former_along() -> None:
    """An eighth of the bytes is the most; no older value survives the attempt."""
    store = InstanceStore(10, 10 * NODE_BYTES)
    assert put(store, "a")
    assert not put(store, "a", NODE_BYTES)
    assert store.find((OWNER, "a")) is None
    assert store.stats()["rejected_oversize"] == 1
    assert store.stats()["bytes"] == 0


def test_owners_do_not_find_each_others_entries() -> None:
    """The owner is part of the key, and can give up everything at once."""
    store = InstanceStore(10, 1 << 20)
    put(store, "a", value=1)
    put(store, "a", owner=OTHER, value=2)
    assert store.find((OTHER, "a")).value == 2  # type: ignore[union-attr]
    store.drop_owned(OWNER)
    assert store.find((OWNER, "a")) is None
    assert store.find((OTHER, "a")) is not None
    store.drop((OTHER, "a"))
    store.drop((OTHER, "a"))
    assert store.stats()["items"] == store.stats()["bytes"] == 0


@pytest.mark.usefixtures("frozen_heap")
def test_a_finaliser_may_come_back_in_the_middle_of_a_write() -> None:
    """What is evicted may run code that uses the store; nothing breaks, and the sums stay right."""
    store = InstanceStore(3, 1 << 20)

    class Nosy:
        def __del__(self) -> None:
            put(store, "from a finaliser")
            store.drop((OWNER, 1))

    for number in range(20):
        put(store, number, value=Nosy())
        gc.collect()
    stats = store.stats()
    assert stats["items"] <= 3
    assert stats["bytes"] == stats["items"] * NODE_BYTES


def test_sightings_are_remembered_for_a_while() -> None:
    """The second one is told; memory for them is bounded."""
    store = InstanceStore(10, 1 << 20)
    assert not store.is_second_sighting((OWNER, "a"))
    assert store.is_second_sighting((OWNER, "a"))
    assert not store.is_second_sighting((OTHER, "a"))
    for number in range(100_000):
        store.is_second_sighting((OWNER, number))
    assert len(store._sightings) + len(store._former_sightings) <= 8192
    assert not store.is_second_sighting((OWNER, "a"))


class Part(BaseModel):
    """A part of a document."""

    name: str
    number: int
    share: float


class Document(BaseModel):
    """A document of the usual kinds."""

    title: str
    parts: list[Part]
    notes: dict[str, str]
    rest: Any = None


@pytest.mark.parametrize("parts", [0, 10, 200])
@pytest.mark.usefixtures("frozen_heap")
def test_a_footprint_is_what_python_allocates(parts: int) -> None:
    """Not less, and at most half as much again: the parser shares short texts between documents."""
    text = Document(
        title="t" * 50,
        parts=[Part(name=f"part {number}", number=10**6 + number, share=number / 7) for number in range(parts)],
        notes={f"key {number}": f"note {number}" for number in range(20)},
        rest=[{"a": [1000 + number]} for number in range(20)],
    ).model_dump_json()
    Document.model_validate_json(text)
    gc.collect()
    tracemalloc.start()
    try:
        kept = [Document.model_validate_json(text) for _ in range(50)]
        allocated = tracemalloc.get_traced_memory()[0] / len(kept)
    finally:
        tracemalloc.stop()
    assert 0.95 * allocated <= footprint(kept[0]) <= 1.5 * allocated


def test_a_footprint_ends_for_what_contains_itself() -> None:
    """Cycles, and all kinds of fields, have a size."""
    loop: list[Any] = []
    loop.append(loop)
    assert footprint(loop) > 0
    assert all(footprint(item) > 0 for item in (zoo.Everything(), zoo.Containers(), zoo.Private(), zoo.ExtraAllowed()))


def test_node_bytes_are_what_python_allocates() -> None:
    """The overhead that an entry counts for is not less than what it takes."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        store = InstanceStore(1000, 1 << 30)
        for number in range(1000):
            put(store, number)
        allocated = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert allocated <= 1000 * NODE_BYTES

"""The asynchronous operations of large values run beside the event loop, those of small ones on it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, field_serializer, field_validator

from pydantic_serialization import SerializationConfig, create_serialization_manager
from pydantic_serialization._native import core

pytestmark = pytest.mark.skipif(
    core is None, reason="only the native core gives turns: pydantic would stall a thread too"
)


class Item(BaseModel):
    number: int
    text: str = "text"


class Noted(BaseModel):
    model_config = ConfigDict(extra="allow")

    mark: int = 0
    items: list[Item] = []
    rows: dict[str, list[int]] = {}
    text: str = ""

    @field_serializer("mark")
    def _write(self, value: int) -> int:
        SEEN.append(threading.current_thread() is threading.main_thread())
        return value

    @field_validator("mark")
    @classmethod
    def _read(cls, value: int) -> int:
        SEEN.append(threading.current_thread() is threading.main_thread())
        return value


SEEN: list[bool] = []
MANY = [Item(number=1)] * 10_000

LARGE: dict[str, Any] = {
    "list": lambda: [Noted()] * 10_000,
    "list in a model": lambda: Noted(items=MANY),
    "dict of lists": lambda: Noted(rows={str(n): list(range(100)) for n in range(100)}),
    "extra attributes": lambda: Noted.model_validate({"more": [1] * 10_000}),
    "text": lambda: Noted(text="x" * 1_000_000),
    "model in a list in a model": lambda: [Noted(items=MANY[:4000]), Noted(items=MANY[:4000]), Noted()],
}
SMALL: dict[str, Any] = {"model": Noted, "list": lambda: [Noted()] * 100, "few": lambda: Noted(items=MANY[:100])}


def manager() -> Any:
    return create_serialization_manager(
        SerializationConfig(enable_compression=False, cache_validation=False, max_payload_bytes=1 << 30)
    )


@pytest.mark.parametrize("format_name", ["orjson", "msgpack"])
@pytest.mark.parametrize("shape", LARGE)
def test_what_is_large_is_written_in_a_thread(shape: str, format_name: str) -> None:
    """Wherever in a value its length is."""
    value, kept = LARGE[shape](), manager()
    declared = list[Noted] if isinstance(value, list) else Noted
    SEEN.clear()
    data = asyncio.run(kept.serialize_model(value, format_name, model_class=declared))
    assert set(SEEN) == {False}
    assert data == kept.serialize_sync(value, format_name, model_class=declared)


@pytest.mark.parametrize("format_name", ["orjson", "msgpack"])
@pytest.mark.parametrize("shape", SMALL)
def test_what_is_small_is_written_on_the_loop(shape: str, format_name: str) -> None:
    """The way to a thread and back would take longer."""
    value, kept = SMALL[shape](), manager()
    SEEN.clear()
    asyncio.run(kept.serialize_model(value, format_name, model_class=list[Noted] if isinstance(value, list) else Noted))
    assert set(SEEN) == {True}


@pytest.mark.parametrize("count", [10, 50_000])
def test_long_documents_are_read_in_a_thread(count: int) -> None:
    """By the length of the document."""
    kept, value = manager(), Noted(items=MANY[:1] * count)
    data = kept.serialize_sync(value)
    SEEN.clear()
    found = asyncio.run(kept.deserialize_model(data, Noted))
    assert found == value
    assert set(SEEN) == {count == 10}


def test_a_value_that_holds_itself_is_sized_in_no_time() -> None:
    """There is no end to what is in it."""
    assert core is not None
    knot: list[Any] = []
    knot.extend([knot] * 100)
    assert core.holds_many(knot, 1 << 40)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert core.holds_many(deep, 1 << 40)
    assert not core.holds_many([Item(number=1)], 100)

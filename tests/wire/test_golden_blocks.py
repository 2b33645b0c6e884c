"""The block of a compact pickle, pinned: what was written yesterday must be read tomorrow, with and without the core."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, PrivateAttr, RootModel
from pydantic_core import TzInfo

from pydantic_serialization._native import core
from pydantic_serialization.formats import compact
from pydantic_serialization.formats._compact_reader import read_block

GOLDEN = Path(__file__).parent / "golden" / "pickle-block.bin"


class Color(Enum):
    RED = "red"


class Item(BaseModel):
    model_config = ConfigDict(extra="allow")

    value: Any = None
    other: Any = None
    _private: int = PrivateAttr(default=7)


class Numbers(RootModel[list[int]]):
    pass


class Plain(BaseModel):
    a: Any = None


CLASSES = [Item, Color, Numbers, Plain]


def everything() -> list[Any]:
    """Return a value with every tag of the layout."""
    shared_list, shared_dict, shared_set, shared_item = [1], {"k": 1}, {5}, Plain(a=0)
    shared_tuple, shared_text = (shared_list, 2), "".join(["a text ", "of two"])
    return [
        Item(value=None, more=[True, False]),
        Item.model_construct({"value"}, value=Color.RED, other=Color.RED),
        Numbers([0, 63, 64, -1, -(2**63), 2**63, -(2**70)]),
        [1.5, "short", "é" * 40, b"\xff\x00", shared_text, shared_text],
        [shared_list, shared_list, shared_dict, shared_dict, shared_set, shared_set, shared_item, shared_item],
        [shared_tuple, shared_tuple, ("alone", (1,)), frozenset({7}), {8}, {1: [], (2, "b"): {}}],
        [date(2024, 2, 29), datetime(2024, 2, 29, 1, 2, 3, 456789), datetime(2024, 1, 1, fold=1, tzinfo=UTC)],
        [datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=-5))), datetime(2024, 1, 1, tzinfo=TzInfo(3600))],
        [time(23, 59, 59, 999999), time(1, tzinfo=UTC), timedelta(days=-1, seconds=2, microseconds=3)],
        [UUID(int=0x0123456789ABCDEF0123456789ABCDEF), Decimal("-1.50E+7")],
        Item.model_construct({"value", "gone"}, value=1, other=2),
    ]


def shown(value: Any) -> Any:
    """Return a value with everything that a block keeps."""
    if isinstance(value, BaseModel):
        beside = () if isinstance(value, Numbers) else (value.__pydantic_extra__, value.__pydantic_private__)
        return (type(value), shown(value.__dict__), sorted(value.__pydantic_fields_set__), *map(shown, beside))
    if isinstance(value, dict):
        return [(shown(key), shown(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return (type(value), [shown(item) for item in value])
    return (type(value), repr(value))


@pytest.mark.parametrize("read", [read_block, lambda block, classes: compact.restore(block, *classes)], ids=range(2))
def test_the_block_is_read_as_ever(read: Any) -> None:
    """Both readers make the same of the bytes, identity included."""
    found = read(GOLDEN.read_bytes(), CLASSES)
    assert shown(found) == shown(everything())
    for left, right in zip(found[4][::2], found[4][1::2], strict=True):
        assert left is right
    assert found[5][0] is found[5][1]
    assert found[5][0][0] is found[4][0]


@pytest.mark.skipif(core is None, reason="blocks are written by the native core")
def test_the_block_is_written_as_ever() -> None:
    """What was just read refers to itself only, so it has one form."""
    assert compact._write is not None
    block, classes = compact._write(read_block(GOLDEN.read_bytes(), CLASSES)) or (b"", ())
    assert block.hex(" ") == GOLDEN.read_bytes().hex(" ")
    assert list(classes) == CLASSES


def test_the_pickle_around_it() -> None:
    """Python's own pickle module describes these bytes in the same way in every release."""
    document = compact.wrap(b"\x01\x45", [("builtins", "int")])
    assert document == (
        b"\x80\x05\x8c\x26pydantic_serialization.formats.compact\x8c\x07restore\x93(\x8e\x02\0\0\0\0\0\0\0\x01\x45"
        b"\x8c\x08builtins\x8c\x03int\x93tR."
    )
    assert pickle.loads(document) == 5

"""Models, values and invented graphs of objects, with shared parts and cycles; and what identity means in them."""

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from types import NoneType
from typing import Any
from uuid import UUID

import zoo
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, PrivateAttr, RootModel


class Leaf(BaseModel):
    name: str = "leaf"
    values: list[Any] = []


class Tree(BaseModel):
    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)

    value: Any = None
    left: Tree | None = None
    leaves: list[Leaf] = []
    by_name: dict[str, Leaf] = {}
    _private: Any = PrivateAttr(default=None)
    _unset: int = PrivateAttr()


class Key(BaseModel):
    model_config = ConfigDict(frozen=True)

    a: int = 1


class Custom:
    """Copies itself, and counts how often."""

    calls = 0

    def __init__(self, held: Any = None) -> None:
        self.held = held

    def __deepcopy__(self, memo: dict[int, Any]) -> Custom:
        Custom.calls += 1
        return Custom(copy.deepcopy(self.held, memo))

    def __repr__(self) -> str:
        return f"Custom({self.held!r})"


@dataclasses.dataclass
class Data:
    items: list[Any]
    more: Any = None


class Plain:
    def __init__(self, held: Any) -> None:
        self.held = held

    def __repr__(self) -> str:
        return f"Plain({self.held!r})"


class Zone(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(hours=1)

    def dst(self, _: datetime | None) -> None:
        return None

    def __repr__(self) -> str:
        return "Zone()"


def parts(value: Any) -> list[Any]:
    """Return what a value holds, in an order that its copy has too."""
    if isinstance(value, BaseModel):
        found = [value.__dict__, value.__pydantic_fields_set__]
        if not isinstance(value, RootModel):
            found += [value.__pydantic_extra__, value.__pydantic_private__]
        return found
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, collections.deque)):
        return list(value)
    return [vars(value)] if isinstance(value, (Custom, Data, Plain)) else []


def shown(value: Any) -> Any:
    """Return the text of a scalar, or of the items of a set."""
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    return repr(value) if isinstance(value, SCALARS) else None


SCALARS = (int, float, str, bytes, NoneType, enum.Enum, date, time, timedelta, Decimal, UUID)


def places(value: Any) -> list[tuple[Any, ...]]:
    """Return for every place in a value its type, the number of the first place that holds the same object, its text."""
    numbers: dict[int, int] = {}
    found: list[tuple[Any, ...]] = []
    todo = [value]
    while todo:
        current = todo.pop()
        below = parts(current)
        is_known = id(current) in numbers
        number = numbers.setdefault(id(current), len(found))
        is_mutable = isinstance(current, (BaseModel, list, dict, set, collections.deque, Custom, Data, Plain))
        found.append((type(current), number if is_mutable else None, shown(current)))
        if not is_known:
            todo += below
    return found


def mutable_ids(value: Any) -> set[int]:
    """Return the addresses of everything in a value that can change."""
    seen: dict[int, Any] = {}
    todo = [value]
    while todo:
        current = todo.pop()
        if id(current) not in seen:
            seen[id(current)] = current
            todo += parts(current)
    kinds = (BaseModel, list, dict, set, collections.deque, Custom, Data, Plain)
    return {number for number, item in seen.items() if isinstance(item, kinds)}


def without(items: Any, key: Any) -> Any:
    """Return a set or dict from which something was taken."""
    (items.__delitem__ if isinstance(items, dict) else items.remove)(key)
    return items


SHARED = [1, [2]]
LEAF = Leaf(values=[SHARED])
VALUES: dict[str, Any] = {
    "shared list": [SHARED, SHARED, {"k": SHARED}],
    "shared model": [LEAF, LEAF, (LEAF,)],
    "tuple of atoms": (1, "a", (2.0, None)),
    "tuple with a list": (1, [2], ([3],)),
    "same tuple twice": [(pair := (1, [2])), pair],
    "set": {1, 2, "a"},
    "large set": set(range(100)),
    "set after removals": without(set(range(12)), 3),
    "small set after removals": without({1, 2, 3, 4, 5}, 2),
    "frozenset": frozenset({1, (2, "a")}),
    "set of models": {Key(a=1), Key(a=2)},
    "frozenset of models": frozenset({Key(a=1)}),
    "dict with other keys": {1: [1], (2, "a"): [2], datetime(2020, 1, 1): [3], zoo.Color.RED: [4], None: [5]},
    "dict with models as keys": {Key(a=1): [1]},
    "dict with tuples of models as keys": {(Key(a=1),): [1]},
    "dict after removals": without({"a": [1], "b": [2], "c": [3]}, "b"),
    "empty": [[], {}, (), set(), frozenset(), ""],
    "deque": collections.deque([[1], 2], maxlen=5),
    "ordered": collections.OrderedDict(a=[1]),
    "default": collections.defaultdict(list, a=[1]),
    "bytearray": bytearray(b"abc"),
    "dataclass": Data([1, SHARED], more=SHARED),
    "pydantic dataclass": zoo.Validated(1, datetime(2020, 1, 1)),
    "plain object": Plain([SHARED, LEAF]),
    "named tuple": zoo.Point(1, 2.0),
    "custom": [SHARED, Custom(SHARED), SHARED, Custom([LEAF]), LEAF],
    "zone of the user's": datetime(2020, 1, 1, tzinfo=Zone()),
    "times": [datetime(2020, 1, 1, tzinfo=UTC), timedelta(1)],
    "classes and functions": [int, Leaf, places, len, zoo.Color],
    "enum members": [zoo.Color.RED, zoo.Access.READ | zoo.Access.WRITE, zoo.Permission(3)],
    "subclass of str": zoo.CustomType("A"),
    "generic": zoo.Page[int](items=[1]),
    "root": zoo.Animals([zoo.Cat()]),
    "not text": b"\xff",
    "frozen": Key(),
}


@st.composite
def values(draw: st.DrawFn) -> Any:
    """Return a value whose parts may be shared, and may be cycles."""
    pool: list[Any] = [1, "a", None, 2.5, b"x", datetime(2020, 1, 1, tzinfo=UTC), zoo.Color.RED, (1, 2)]
    for _ in range(draw(st.integers(1, 12))):
        chosen = [pool[draw(st.integers(0, len(pool) - 1))] for _ in range(draw(st.integers(0, 4)))]
        names = [draw(st.sampled_from("abcdefgh")) for _ in chosen]
        kind = draw(st.integers(0, 8))
        if kind == 0:
            pool.append(chosen)
        elif kind == 1:
            pool.append(dict(zip(names, chosen, strict=True)))
        elif kind == 2:
            pool.append(tuple(chosen))
        elif kind == 3:
            pool.append(Tree.model_construct(value=chosen, **dict.fromkeys(names, chosen)))
        elif kind == 4:
            pool.append(Leaf.model_construct(values=chosen))
        elif kind == 5:
            pool.append(dict(enumerate(chosen)))
        elif kind == 6:
            pool.append(Plain(chosen) if draw(st.booleans()) else Data(chosen))
        elif kind == 7:
            pool.append(Custom(chosen))
        else:
            tree = Tree.model_construct(left=None, leaves=chosen)
            tree._private = chosen
            pool.append(tree)
        if draw(st.booleans()):
            holder = pool[draw(st.integers(0, len(pool) - 1))]
            if isinstance(holder, list):
                holder.append(pool[-1])
    return pool[-1]

"""Compact pickles give what ordinary pickles give, written natively and read by either reader."""

from __future__ import annotations

import collections
import copyreg
import enum
import io
import pickle
import random
import sys
import threading
import uuid
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import zoo
from disturbances import hurried, traps
from graphs import LEAF, SHARED, VALUES, Key, Leaf, Tree, places, values
from hypothesis import given
from parity.outcomes import described
from pydantic import BaseModel, PrivateAttr, RootModel
from pydantic_core import TzInfo

from pydantic_serialization._native import core
from pydantic_serialization.errors import DecodeError
from pydantic_serialization.formats import compact
from pydantic_serialization.formats._compact_reader import read_block

needs_core = pytest.mark.skipif(core is None, reason="blocks are written by the native core")


def classes_of(wrapped: compact.Wrapped) -> list[Any]:
    """Return the classes that a compact pickle names."""
    found = []
    for module, name in wrapped.names:
        item: Any = sys.modules[module]
        for part in name.split("."):
            item = getattr(item, part)
        found.append(item)
    return found


def results(data: bytes) -> list[Any]:
    """Return what each reader makes of a compact pickle."""
    wrapped = compact.unwrap(data)
    assert wrapped is not None
    return [pickle.loads(data), read_block(wrapped.block, classes_of(wrapped))]


def check(value: Any, *, is_described: bool = True, packs: bool = True) -> None:
    """Compare what comes out of a compact pickle with what comes out of an ordinary one."""
    data = compact.pack(value)
    if not packs:
        assert data is None
        return
    assert data is not None
    expected = pickle.loads(pickle.dumps(value))
    for result in results(data):
        assert places(result) == places(expected)
        if is_described:
            assert described(result) == described(expected)


@needs_core
@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=lambda entry: entry.name)
def test_the_zoo(entry: zoo.Entry) -> None:
    """Whatever is packed at all comes back as from an ordinary pickle."""
    for value in entry.values:
        if compact.pack(value) is not None:
            check(value)
        check([Leaf(), value], packs=compact.pack([Leaf(), value]) is not None)


@needs_core
def test_most_of_the_zoo_is_packed() -> None:
    """What is not has values that only pickle itself can write."""
    left = {entry.name for entry in zoo.MODELS if any(compact.pack(value) is None for value in entry.values)}
    assert left == {"identifiers", "numbers", "containers", "custom-types", "extra-typed", "secrets", "open-secrets"}


NOT_PACKED = {
    "set of models", "frozenset of models", "dict with models as keys", "dict with tuples of models as keys", "deque",
    "ordered", "default", "bytearray", "dataclass", "pydantic dataclass", "plain object", "named tuple", "custom",
    "zone of the user's", "classes and functions", "subclass of str",
}  # fmt: skip


@needs_core
@pytest.mark.parametrize("name", VALUES)
def test_values_of_all_kinds(name: str) -> None:
    """In a field, in extras, in a private attribute, in lists and dicts, several times."""
    value = VALUES[name]
    tree = Tree(value=value, more=value, by_name={"a": LEAF}, leaves=[LEAF])
    tree._private = {"value": value, "leaf": LEAF}
    for outer in (tree, [tree, {"deep": (tree, [tree])}], RootModel[Any]([Leaf(), value])):
        if type(outer) is not RootModel[Any]:
            check(outer, packs=name not in NOT_PACKED)


@needs_core
@given(values())
def test_invented_values(value: Any) -> None:
    """Whatever is shared in the original is shared in the result, cycles too, and nothing else is."""
    outer = [Leaf(), value, Tree.model_construct(value=value)]
    data = compact.pack(outer)
    if data is not None:
        check(outer, is_described=False)


NO_KEYS = [frozenset()]
SCALARS: list[Any] = [
    0, 1, 63, 64, -1, 2**31, -(2**63), 2**63 - 1, 2**63, -(2**63) - 1, 10**300, -(10**300), 0.0, -0.0, 1.5, float("inf"),
    "", "a", "ab", "x" * 63, "x" * 64, "é" * 40, "\U0001f600", b"", b"\xff" * 300, True, False, None,
    Decimal("1.10"), Decimal("-0"), Decimal("1E+9999"), Decimal("Infinity"),
    uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), datetime.min, datetime.max, datetime(2020, 1, 1, fold=1),
    datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=-5))),
    datetime(2020, 1, 1, 5, tzinfo=TzInfo(3600)), datetime(2020, 1, 1, tzinfo=TzInfo(0)), time(1, 2, 3, 4),
    time(1, tzinfo=UTC, fold=1), datetime.min.date(), timedelta.min, timedelta.max, timedelta(microseconds=-1),
    zoo.Color.RED, zoo.Level.HIGH, zoo.Shape.SQUARE, zoo.Access(3), zoo.Permission(0), (), (1, (2, ("a",))), frozenset(),
]  # fmt: skip


@needs_core
@pytest.mark.parametrize("value", SCALARS, ids=lambda value: repr(value)[:30])
def test_scalars(value: Any) -> None:
    """Each keeps its value and its type: alone, as a key, in sets, many times."""
    check(Leaf(values=[value, [value, value]]))
    if value not in NO_KEYS:
        check(Leaf(values=[{value: 1}, {value}, frozenset({(value, 1)})]))


@needs_core
def test_what_is_equal_to_nothing() -> None:
    """Signalling or not, with a payload or not."""
    for value in (float("nan"), Decimal("NaN"), Decimal("NaN123"), Decimal("-sNaN7")):
        check(Leaf(values=[value, [value]]))


@needs_core
@pytest.mark.parametrize(
    "value",
    [
        datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=1), "named")),
        datetime(2020, 1, 1, tzinfo=timezone(timedelta(microseconds=1))),
        "\ud800",
        uuid.UUID(int=1, is_safe=uuid.SafeUUID.safe),
        1j,
        object,
    ],
    ids=repr,
)
def test_what_is_left_to_pickle(value: Any) -> None:
    """What a block cannot hold exactly is not written to one."""
    assert compact.pack(Leaf(values=[value])) is None


@needs_core
def test_nothing_is_gained_without_models() -> None:
    """Other values keep their pickles."""
    for value in (5, [1, "a"], {"a": [b"x"]}, None, zoo.Color.RED):
        assert compact.pack(value) is None
    assert compact.pack([[], Leaf()]) is not None


@needs_core
def test_shared_dicts_and_sets_of_instances() -> None:
    """A ``__dict__`` or set of given fields that something else refers to keeps its ordinary pickle."""
    given = {"name"}
    shared = [Leaf.model_construct(given, name="a"), Leaf.model_construct(given, name="b")]
    held = Leaf()
    for value in (shared, [held, held.__dict__], [Leaf(), (other := Leaf()), other.model_fields_set]):
        assert compact.pack(value) is None


@needs_core
def test_given_fields_of_all_kinds() -> None:
    """Few, many, with extras, and more shapes than are looked for."""
    trees = []
    for number in range(300):
        names = [name for index, name in enumerate(("value", "left", "leaves", "by_name")) if number >> index & 1]
        tree = Tree(value=1, **{f"extra{number % 50}": number, "more": 1})
        tree.__pydantic_fields_set__.clear()
        tree.__pydantic_fields_set__.update(names, ["more"] if number % 3 else [])
        trees.append(tree)
    check(trees)
    assert compact.pack(Leaf.model_construct({1}, name="a")) is None  # type: ignore[arg-type]


@needs_core
def test_missing_and_foreign_attributes() -> None:
    """``__dict__`` may have fewer names than the class, more, and in another order."""
    some, others = Leaf(), Leaf()
    del some.__dict__["name"]
    others.__dict__["new"] = [1]
    others.__dict__["name"] = others.__dict__.pop("name")
    check([some, others, Leaf.model_construct()])
    others.__dict__[1] = 2  # type: ignore[index]
    assert compact.pack(others) is None


@needs_core
def test_many_fields() -> None:
    """More than the bits of any number."""
    many = Leaf.model_construct({f"field{number}" for number in range(0, 300, 7)})
    many.__dict__.update({f"field{number}": number for number in range(300)})
    check([many, many.model_copy()])


class OwnState(Leaf):
    def __getstate__(self) -> Any:
        return {**super().__getstate__(), "seen": True}


class OwnRestoring(Leaf):
    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        self.__dict__["name"] = "restored"


class OwnReduce(Leaf):
    def __reduce__(self) -> Any:
        return OwnReduce, ()


class OwnNew(Leaf):
    def __new__(cls, *_: Any, **__: Any) -> Any:
        return super().__new__(cls)


class OwnArguments(Leaf):
    def __getnewargs__(self) -> Any:
        return ()


class OwnEnum(enum.Enum):
    A = 1

    def __reduce_ex__(self, _: Any) -> Any:
        return OwnEnum, (1,)


@needs_core
@pytest.mark.parametrize("cls", [OwnState, OwnRestoring, OwnReduce, OwnNew, OwnArguments])
def test_classes_that_have_a_say(cls: type[BaseModel]) -> None:
    """Classes with methods for pickling keep their pickles."""
    assert compact.pack([Leaf(), cls()]) is None
    assert compact.pack(Leaf(values=[OwnEnum.A])) is None


@needs_core
def test_classes_that_cannot_be_found() -> None:
    """Pickle tells what is wrong with them."""

    class Local(BaseModel):
        pass

    assert compact.pack(Local()) is None


@needs_core
def test_reducers_of_the_application() -> None:
    """What ``copyreg`` knows about a class, or a value type, is pickle's."""
    for cls in (Key, uuid.UUID):
        copyreg.pickle(cls, lambda _: (Key, ()))
        try:
            assert compact.pack([Key(), uuid.UUID(int=1)]) is None
        finally:
            del copyreg.dispatch_table[cls]
    assert compact.pack([Key(), uuid.UUID(int=1)]) is not None


@needs_core
def test_classes_that_have_a_say_by_the_time_of_reading() -> None:
    """A class may get a ``__setstate__`` or ``__new__`` after it was written: it is called, as ``pickle`` does it."""
    data = compact.pack([Leaf(name="a"), zoo.Color.RED])
    assert data is not None
    block = compact.unwrap(data)
    assert block is not None
    for cls in (OwnRestoring, OwnNew):
        restored = compact.restore(block.block, cls, zoo.Color)
        assert type(restored[0]) is cls
        assert restored[0].name == ("restored" if cls is OwnRestoring else "a")


@needs_core
def test_depth() -> None:
    """Deep values are packed up to a bound that every stack has room for; beyond it they are pickled as ever."""
    value: Any = Leaf()
    for _ in range(190):
        value = [value]
    check(value, is_described=False)
    for _ in range(20):
        value = [value]
    assert compact.pack(value) is None


@needs_core
def test_references_of_instances_are_shared_again() -> None:
    """Lists in two models, and a model in two lists."""
    first, second = Leaf(values=[]), Leaf(values=[])
    first.values = second.values = SHARED
    check([first, second, [first, second], {"a": first}])


@needs_core
def test_equal_texts_become_one() -> None:
    """A text that many instances refer to is read once."""
    name = "a text of many" + str(len(SHARED))
    data = compact.pack([Leaf(name=name) for _ in range(100)])
    assert data is not None
    assert data.count(name.encode()) == 1
    assert len({id(leaf.name) for leaf in pickle.loads(data)}) == 1


@needs_core
def test_other_threads_may_change_what_is_packed() -> None:
    """A pickle made meanwhile is of one state or another; nothing is read that is not there any more."""
    tree = Tree(leaves=[Leaf() for _ in range(50)])
    stop = threading.Event()

    def change() -> None:
        count = 0
        while not stop.is_set():
            count += 1
            tree.value = {str(number): [number] for number in range(count % 50)}
            tree.leaves.append(Leaf(name=str(count)))
            del tree.leaves[: count % 3]
            tree.__dict__.pop("other", None)
            tree.__dict__["other"] = [count, Decimal(count)]
            tree.__pydantic_fields_set__ ^= {f"x{count % 9}"}

    threads = [threading.Thread(target=change) for _ in range(2)]
    with hurried():
        try:
            for thread in threads:
                thread.start()
            for _ in range(1500):
                data = compact.pack(tree)
                assert data is None or type(pickle.loads(data)) is Tree
        finally:
            stop.set()
            for thread in threads:
                thread.join()


@needs_core
def test_finalizers_may_change_what_is_packed() -> None:
    """The collector may run in the middle, and finalizers may empty what is being written."""
    tree = Tree()

    def fill() -> None:
        tree.value = {str(number): [{number, 1}, Decimal(number), zoo.Color.RED, 2**70] for number in range(20)}
        tree.leaves = [Leaf(values=[{1, 2}]) for _ in range(20)]

    def empty() -> None:
        tree.value.clear()
        tree.leaves.clear()
        tree.__dict__["left"] = None
        tree.__dict__["new"] = [1]

    for _ in traps(fill, empty, 60):
        data = compact.pack(tree)
        assert data is None or type(pickle.loads(data)) is Tree


# -- hostile blocks -----------------------------------------------------------------------------------------------------


class Small(BaseModel):
    a: Any = 1
    b: Any = None
    _p: int = PrivateAttr(default=2)


CLASSES = [Small, zoo.Color, zoo.Animals, zoo.Permission, Tree]


def outcome(read: Any, block: bytes, classes: Any = None) -> Any:
    """Return what a reader makes of a block: the value described, or the kind of the error."""
    try:
        value = read(block, CLASSES if classes is None else classes)
    except DecodeError:
        return "malformed"
    except (ValueError, TypeError, OverflowError, ArithmeticError) as error:
        return type(error)
    return places(value)


def native(block: bytes, classes: Any) -> Any:
    return compact.restore(block, *classes)


def compared(block: bytes) -> Any:
    """Return the outcome of both readers, which have to agree."""
    ours = outcome(native, block)
    assert ours == outcome(read_block, block), block.hex()
    return ours


SMALL = b"\x01\x14\x00\x00\x02\x81a\x81b\x03\x12\x00\x41\x45"


def test_a_small_block() -> None:
    """The smallest parts of a block: a shape with two given names, and an instance with two values."""
    restored = compact.restore(SMALL, Small)
    assert (restored.a, restored.b) == (1, 5)
    assert restored.model_fields_set == {"a", "b"}
    assert restored.__pydantic_private__ is None
    assert restored.__pydantic_extra__ is None


@pytest.mark.parametrize(
    "body",
    [
        "", "c0", "ff", "1d", "3f", "0680", "06ff", "06ffffffffffffffffff01", "0680808080808080808080808001", "0605aa",
        "82c328", "0602c328", "08ff01", "09ff7f", "09ffffffffffffffffff01", "0902", "09014040", "0bffff03",
        "0dff7f", "0d0140", "0d01090040", "0f010d00", "0f010c0140", "11010900", "1500", "15ffffffff0f",
        "1200", "1300", "140000", "1405", "14ff01", "14000800", "1402010000", "1400000140", "140000ff7f",
        "1400000181610f00", "14010000", "160040", "160940", "16010900", "16011601", "16014a",
        "1700000101", "17e4070d01", "17e407", "18e407010118000000000000", "1900000000000004",
        "190000000000007f", "1900000000000002ffffff7f", "1900000000000003ffffff7f", "1a000000008051010000000000",
        "1affffff7f0000000000000000", "1b00", "1c03616263", "1c00", "0a011500", "0e01401500", "0c011500",
        "0f010b011500", "0a03400d0115004040", "040100", "0400", "0500", "03", "14000401816101120040ff7f",
        "1400010181610112004040", "140200001200", "14020100", "140204018161011200400141",
    ],
)  # fmt: skip
def test_malformed_blocks(body: str) -> None:
    """Both readers say the same of blocks that nobody writes: mostly that they are malformed."""
    compared(b"\x01" + bytes.fromhex(body))
    compared(b"\x01\x09\x02\x40" + bytes.fromhex(body))


@pytest.mark.parametrize("block", [b"", b"\x00", b"\x02\x00", b"\xff"])
def test_other_versions(block: bytes) -> None:
    """A block of another version is not guessed at."""
    assert compared(block) == "malformed"


def test_what_is_no_block() -> None:
    """Hostile pickles can call the function with anything."""
    for arguments in ((), (5,), ("x",), (bytearray(b"\x01\x00"),), (b"\x01\x40\x40", Small), (b"\x01\x00\x00",)):
        with pytest.raises((DecodeError, TypeError)):
            compact.restore(*arguments)  # type: ignore[arg-type]
    for cls in (5, "Small", int, object, BaseModel.__class__, None, Leaf(), lambda _: 1):
        for block in ("0114000000", "01140000001200", "01160040"):
            with pytest.raises(DecodeError):
                compact.restore(bytes.fromhex(block), cls)
    assert compact.restore(b"\x01\x45", 5, "x", object()) == 5  # classes that nothing refers to are not looked at


@needs_core
def test_counts_are_not_believed() -> None:
    """Memory is set aside for what the block has room for, in nested claims together."""
    nested = b"\x01" + b"".join(b"\x09" + varint(100_000) for _ in range(150)) + bytes(100_000)
    assert compared(nested) == "malformed"
    shapes = (
        b"\x01\x09" + varint(2000) + b"\x14\x00\x00" + varint(500) + b"\x81a" * 500 + bytes(63) + b"\x12\x00" * 2000
    )
    assert compared(shapes) == "malformed"


def varint(number: int) -> bytes:
    """Return a number as blocks have it."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


PAIR: list[Any] = [1]
SEEDS: list[Any] = [
    [Small(a=1, b="text"), Small(a=[1, {"k": (1, 2.5)}], b=zoo.Color.RED)],
    Tree(value={1: {1, 2}, (1, "a"): frozenset({b"x"})}, more=[1], left=Tree(leaves=[Leaf()])),
    [zoo.Animals([zoo.Cat()]), datetime(2020, 1, 2, tzinfo=TzInfo(60)), Decimal("1.5"), uuid.UUID(int=7), 2**70],
    [PAIR, PAIR, Small(a=PAIR, b=(PAIR, 1)), time(1, 2), timedelta(1)],
]


@needs_core
def test_damaged_blocks_are_read_alike() -> None:
    """Thousands of damaged blocks: each is read by both readers with the same result, or refused by both."""
    chance, counts = random.Random(5), collections.Counter[str]()
    seeds = []
    for value in SEEDS:
        wrapped = compact.unwrap(compact.pack(value) or b"")
        assert wrapped is not None
        seeds.append((wrapped.block, classes_of(wrapped)))
    for _ in range(20_000):
        block, classes = chance.choice(seeds)
        damaged = bytearray(block)
        for _ in range(chance.choice((1, 1, 2, 4))):
            place, length = chance.randrange(1, len(damaged)), chance.choice((0, 1, 1, 1, 3))
            source = chance.choice(
                (chance.randbytes(length), bytes(damaged[chance.randrange(len(damaged)) :][:length]))
            )
            damaged[place : place + length] = source
        ours = outcome(native, bytes(damaged), classes)
        assert ours == outcome(read_block, bytes(damaged), classes), damaged.hex()
        counts["read" if isinstance(ours, list) else str(ours)] += 1
    assert counts["read"] > 1000
    assert counts["malformed"] > 1000


@needs_core
def test_truncated_blocks() -> None:
    """A block that ends early is refused at every length."""
    for value in SEEDS:
        wrapped = compact.unwrap(compact.pack(value) or b"")
        assert wrapped is not None
        for size in range(len(wrapped.block)):
            assert outcome(native, wrapped.block[:size], classes_of(wrapped)) == "malformed"
            assert outcome(read_block, wrapped.block[:size], classes_of(wrapped)) == "malformed"


@needs_core
def test_a_value_that_was_read_may_be_packed_into_other_bytes() -> None:
    """The order of a set, and which of equal texts are one object, can change by reading; the value does not.

    It is the same with Python's own pickles. Both have been seen with damaged blocks, and need no damage.
    """
    # Both have the same place in the table of a set, so that whichever comes second is elsewhere, and before the first.
    numbers = [Leaf(), {7, 15}]
    data = pickle.dumps(numbers[1])
    assert pickle.dumps(pickle.loads(data)) != data
    first = compact.pack(numbers)
    assert first is not None
    second = compact.pack(pickle.loads(first))
    assert second is not None
    assert second != first
    assert places(pickle.loads(second)) == places(numbers)

    # A name is interned when it is read: if there is one already, it is another object than the value.
    name = sys.intern("an attribute " + str(len(SHARED)))
    named = Tree.model_construct()
    named.__dict__[name] = name
    first = compact.pack(named)
    assert first is not None
    second = compact.pack(pickle.loads(first))
    assert second is not None
    assert (first.count(name.encode()), second.count(name.encode())) == (1, 2)
    assert places(pickle.loads(second)) == places(named)


# -- the pickle around it -----------------------------------------------------------------------------------------------


def test_wrapping() -> None:
    """What is wrapped is unwrapped, names of every length too; anything else is another pickle."""
    names = [("a", "b"), ("m" * 300, "C.D"), ("é", "Ü")]
    document = compact.wrap(b"\x01block", names)
    assert compact.unwrap(document) == (b"\x01block", names)
    for size in range(len(document)):
        assert compact.unwrap(document[:size]) is None
    for other in (b"", pickle.dumps(Leaf()), document + b".", document[:-1] + b"x.", b"\x80\x04" + document[2:]):
        assert compact.unwrap(other) is None


@needs_core
def test_the_pickle_is_pythons() -> None:
    """Python's own pickler would call the same function with the same arguments."""
    data = compact.pack([Leaf(), zoo.Color.RED])
    assert data is not None
    calls: list[Any] = []

    class Watching(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            calls.append((module, name))
            return super().find_class(module, name)

    Watching(io.BytesIO(data)).load()
    assert calls[0] == ("pydantic_serialization.formats.compact", "restore")
    assert ("graphs", "Leaf") in {(module.rpartition(".")[2], name) for module, name in calls}

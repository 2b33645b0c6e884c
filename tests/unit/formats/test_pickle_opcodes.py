"""The walk over the opcodes of a pickle: each rule by itself, without the gates behind it."""

from __future__ import annotations

import collections
import datetime
import enum
import pickle
import pickletools
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydantic_serialization.errors import DecodeError, UntrustedDataError
from pydantic_serialization.formats._pickle_opcodes import check_opcodes

NAME = b"X\1\0\0\0aX\1\0\0\0b\x93"


class Color(enum.Enum):
    RED = "r"


class Thing:
    def __init__(self, *held: Any) -> None:
        self.held = held


def document(body: bytes) -> bytes:
    return b"\x80\x04" + body + b"."


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes() | st.uuids(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner) | st.builds(Thing, inner)
    ),
    max_leaves=20,
)


@given(value=plain_values, protocol=st.sampled_from([4, 5]))
def test_what_python_writes_is_accepted(value: Any, protocol: int) -> None:
    """Values that Python's own picklers write pass, those with state and the optimized form included."""
    data = pickle.dumps(value, protocol)
    check_opcodes(data)
    check_opcodes(pickletools.optimize(data))
    check_opcodes(pickle._dumps(value, protocol))  # type: ignore[attr-defined]


SHARED = [1]
LONG = [str(index) * 3 for index in range(300)]
RECURSIVE: list[Any] = []
RECURSIVE.append((RECURSIVE,))


@pytest.mark.parametrize(
    "value",
    [
        [SHARED, SHARED],
        [*LONG, *LONG],
        RECURSIVE,
        {Color.RED: 1, datetime.date(2024, 1, 1): 2, "x": [Color.RED]},
        {(1, 2), (3, 4)},
        frozenset([frozenset([1])]),
        collections.OrderedDict(a=1),
        collections.deque([1], maxlen=2),
        ["x" * 1000, b"x" * 1000, bytearray(b"x"), 2**3000, -(2**40), 1.5],
        {uuid.UUID(int=1): Thing()},
    ],
    ids=range(10),
)
def test_usual_documents_are_accepted(value: Any) -> None:
    """Sharing, circles, composite keys, long values: each is fine by itself."""
    check_opcodes(pickle.dumps(value))


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (NAME + b"}b", "sets the state"),
        (NAME + b")R}b", "sets the state"),
        (NAME + b")\x81}b}b", "sets the state"),
        (NAME + b")\x81\x940h\x00}b", "sets the state"),
        (b"}}b", "sets the state"),
        (b"N)R", "calls what is not a name"),
        (NAME + b")R)R", "calls what is not a name"),
        (NAME + b")\x81)R", "calls what is not a name"),
        (b"N)\x81", "makes an instance"),
        (b"N)}\x92", "makes an instance"),
        (NAME + b"Na", "adds items"),
        (NAME + b")\x81Na", "adds items"),
        (NAME + b")\x81(NNu", "adds items"),
        (b"N\x85Na", "adds items"),
        (b"]" + NAME + b"a", "holds a class"),
        (b"](N" + NAME + b"e", "holds a class"),
        (b"}K\1" + NAME + b"s", "holds a class"),
        (b"\x8f(" + NAME + b"\x90", "holds a class"),
        (NAME, "holds a class"),
        (b"]\x940}N\x85Nsh\x00\x86", "keys"),
        (b"K\1\x85\x940}h\x00Ns", "keys"),
        (NAME + b")\x81\x94}b0\x8f(h\x00\x90", "keys"),
        (b"\x8b\x02\0\0\0\1\1\x940}h\x00Ns", "keys"),
        (b"K\1\x85\x94\x85(h\x00\x91", "keys"),
        (b"N2", "DUP"),
        (b"Nq\0", "BINPUT"),
        (b"Nr\xff\xff\xff\x7f", "LONG_BINPUT"),
        (b"\x82\1", "EXT1"),
        (b"NQ", "BINPERSID"),
        (b"cos\nsystem\n", "GLOBAL"),
        (b"\x97", "NEXT_BUFFER"),
    ],
)
def test_each_rule_refuses(body: bytes, rule: str) -> None:
    """What breaks a rule is refused with that rule, and with the way out."""
    with pytest.raises(UntrustedDataError, match=f"{rule}.*signing_keys"):
        check_opcodes(document(body))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"0", b"1", b"(", b"a", b"Na", b"e", b"](N", b"t", b"\x85", b"N\x86", b"R", b"b", b"s", b"u"),
        *(b"\x93", b"\x94", b"h\0", b"j\0\0\0\0", b"X", b"X\1\0\0", b"X\xff\0\0\0a", b"\x8c\5a", b"K", b"J\0", b"G"),
        *(b"\x95\0", b"\x8d\1", b"\x91", b"\x92"),
    ],
    ids=repr,
)  # fmt: skip
def test_exhausted_documents_are_malformed(body: bytes) -> None:
    """A stack, a memo or a document that ends too early is no pickle."""
    with pytest.raises(DecodeError):
        check_opcodes(document(body) if body not in (b"(", b"](N") else b"\x80\x04" + body)


@pytest.mark.parametrize("body", [b"\xff", b"\x00", b"\x99"])
def test_unknown_opcodes_are_malformed(body: bytes) -> None:
    """Bytes that no protocol gives a meaning are no pickle; the error says where they are."""
    with pytest.raises(DecodeError) as caught:
        check_opcodes(document(b"N0" + body))
    assert caught.value.position == 4


@pytest.mark.parametrize("protocol", [0, 1, 2, 3])
def test_old_protocols_are_told_apart(protocol: int) -> None:
    """Protocols that need other opcodes are refused as a whole."""
    with pytest.raises(DecodeError, match="protocol 4 or 5"):
        check_opcodes(pickle.dumps([1], protocol))


@given(body=st.binary(max_size=40))
def test_the_walk_is_as_strict_as_python(body: bytes) -> None:
    """Where the walk reaches the end, Python's unpickler finds the end at the same place or an error before it."""
    data = document(body)
    try:
        check_opcodes(data)
    except DecodeError:
        return
    *_, (opcode, _, position) = pickletools.genops(data)
    assert (opcode.name, position) == ("STOP", len(data) - 1)

"""MessagePack documents that are almost right: what a reader has to refuse, convert or accept as Python does it."""

# ruff: noqa: E501 (rows of values)

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ormsgpack
from hypothesis import strategies as st
from parity.documents import RAW as JSON_VALUES
from pydantic_core import from_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random


@dataclass(frozen=True)
class Raw:
    """Bytes that stand in a document as they are."""

    data: bytes


@dataclass(frozen=True)
class Members:
    """A map with any keys, in any order, any number of times."""

    pairs: list[tuple[Any, Any]]


def packed(value: Any) -> bytes:
    """Return the document of a value with raw parts, in the shortest forms."""
    if isinstance(value, Raw):
        return value.data
    if isinstance(value, dict):
        value = Members(list(value.items()))
    if isinstance(value, Members):
        return head(0x80, 0xDE, len(value.pairs)) + b"".join(packed(key) + packed(item) for key, item in value.pairs)
    if isinstance(value, list):
        return head(0x90, 0xDC, len(value)) + b"".join(map(packed, value))
    return ormsgpack.packb(value)


def head(short: int, long: int, count: int) -> bytes:
    """Return the head of an array or a map."""
    return bytes([short + count]) if count < 16 else bytes([long]) + struct.pack(">H", count)


def _values() -> Iterator[bytes]:
    for text in JSON_VALUES:
        try:
            yield packed(from_json(text))
        except (ValueError, TypeError, OverflowError):  # no JSON, or no MessagePack
            continue


RAW: tuple[bytes, ...] = tuple(
    dict.fromkeys(
        (
            *_values(),
            # the same number in every width
            b"\x05", b"\xcc\x05", b"\xcd\0\x05", b"\xce\0\0\0\x05", b"\xcf\0\0\0\0\0\0\0\x05", b"\xd0\x05", b"\xd1\0\x05",
            b"\xd2\0\0\0\x05", b"\xd3\0\0\0\0\0\0\0\x05", b"\xca\x40\xa0\0\0", b"\xcb\x40\x14\0\0\0\0\0\0",
            # the ends of the integers, and floats that are no integers or no numbers
            b"\xcf" + b"\xff" * 8, b"\xcf\x80" + b"\0" * 7, b"\xd3\x80" + b"\0" * 7, b"\xd0\x80", b"\xe0", b"\x7f",
            b"\xcf\0\x20\0\0\0\0\0\0", b"\xcf\0\x20\0\0\0\0\0\x01", b"\xd3\x80" + b"\0" * 6 + b"\x01",
            b"\xca\x3d\xcc\xcc\xcd", b"\xca\x7f\xc0\0\0", b"\xca\x7f\x80\0\0", b"\xcb\xff\xf0" + b"\0" * 6, b"\xcb" + b"\0" * 7 + b"\1",
            b"\xcb\x80" + b"\0" * 7, b"\xcb\x43\x40" + b"\0" * 6,
            # text and bytes in every width, some of it no UTF-8
            b"\xd9\x01a", b"\xda\0\x01a", b"\xdb\0\0\0\x01a", b"\xa1\xff", b"\xa3\xed\xa0\x80", b"\xa2\xc3\xa9", b"\xa1\0", b"\xa2\"\\",
            b"\xd9\x242024-02-29T10:11:12.000000000000Zxxx", b"\xc4\0", b"\xc4\x01a", b"\xc4\x03\xfb\xff\xbf", b"\xc5\0\x01a", b"\xc6\0\0\0\x01a", b"\xc4\x01\xff",
            b"\xc4\x0aaGVsbG8=\xc3\xa9", b"\x91\xc4\x01\xff", b"\x81\xa1a\xc4\x01\xff", b"\x93\xc0\xc4\x02hi\xcb\x7f\xf0\0\0\0\0\0\0",
            # arrays and maps in every width
            b"\xdc\0\x01\x01", b"\xdd\0\0\0\x01\x01", b"\xde\0\x01\xa1a\x01", b"\xdf\0\0\0\x01\xa1a\x01", b"\x82\xa1a\x01\xa1a\xa1x",
            b"\x82\xa1a\xa1x\xa1a\x01", b"\x81\x01\x02", b"\x81\xc0\x02", b"\x81\xc4\x01a\x02", b"\x81\x90\x02", b"\x81\xd9\x01a\x02",
            b"\x82\xa1a\x01\xd9\x01a\x02",
            # types of one's own, moments, no type
            b"\xd4\x05\0", b"\xc7\x01\x05\0", b"\xd6\xff\x65\x92\0\x80", b"\xd7\xff\0\0\0\x04\x65\x92\0\x80", b"\xc1",
            # claims
            b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdc\xff\xff", b"\x9f", b"\x8f",
            b"\xc9\xff\xff\xff\xff\x01", b"\xd9\xff", b"\xbf",
        )
    )
)  # fmt: skip
"""One value each, valid or not."""


def variants(data: bytes) -> Iterator[bytes]:
    """Yield documents with one thing changed somewhere: a value, a key, their order, their number, the bytes themselves."""
    yield from (data, data + b"\xc0", data[:-1], data[1:], b"\x91" + data, b"", data + data)
    tree = ormsgpack.unpackb(data)
    yield _long(tree)
    places = list(_places(tree))
    for place in places:
        for raw in RAW:
            yield packed(_with(tree, place, Raw(raw)))
    for place in places:
        value = _at(tree, place)
        if isinstance(value, dict):
            for changed in _members(list(value.items())):
                yield packed(_with(tree, place, Members(changed)))


def _members(members: list[tuple[Any, Any]]) -> Iterator[list[tuple[Any, Any]]]:
    for number, (key, value) in enumerate(members):
        rest = members[:number] + members[number + 1 :]
        yield rest
        yield [*members, (key, value)]
        yield [*members, (key, None)]
        yield [(key, None), *members]
        yield [*rest, (key, value)]
        yield [*members, (key.upper(), value)]
        yield [("x" + key, value), *rest]
        yield [*rest, (Raw(b"\xdb" + struct.pack(">I", len(key.encode())) + key.encode()), value)]
        yield [*rest, (Raw(b"\xc4" + bytes([len(key.encode()) & 255]) + key.encode()), value)]
    for extra in ("zzz", "é", "", 1, None, 1.5, True):
        yield [*members, (extra, {"deep": [1, None]})]
    for raw in (
        b"\xc4\x01\xff",
        b"\xc4\x01a",
        b"\x81\x01\x02",
        b"\x82\xa1a\x01\xa1a\x02",
        b"\xcb\x7f\xf0\0\0\0\0\0\0",
        b"\xc1",
    ):
        yield [*members, ("zzz", Raw(raw))]
        yield [("zzz", Raw(raw)), ("zzz", 1), *members]
    yield members[::-1]


def _long(value: Any) -> bytes:
    """Return the document of a value in the longest forms."""
    if isinstance(value, dict):
        members = b"".join(_long(key) + _long(item) for key, item in value.items())
        return b"\xdf" + struct.pack(">I", len(value)) + members
    if isinstance(value, list):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(_long, value))
    if isinstance(value, str):
        return b"\xdb" + struct.pack(">I", len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if type(value) is int:
        return b"\xcf" + struct.pack(">Q", value) if value >= 0 else b"\xd3" + struct.pack(">q", value)
    return packed(value)


def _places(tree: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, item in items:
        yield from _places(item, (*place, key))


def _at(tree: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        tree = tree[key]
    return tree


def _with(tree: Any, place: tuple[Any, ...], changed: Any) -> Any:
    """Return a tree with something else at one place."""
    if not place:
        return changed
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[place[0]] = _with(tree[place[0]], place[1:], changed)
    return copy


def mutated(data: bytes, random: Random) -> bytes:
    """Return a document with bytes flipped, cut off, moved, repeated or put in."""
    text = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(text) + 1)
        kind = random.randrange(6)
        if kind == 0 and at < len(text):
            text[at] ^= 1 << random.randrange(8)
        elif kind == 1 and at < len(text):
            text[at] = random.randrange(256)
        elif kind == 2:
            del text[at : at + random.randint(1, 4)]
        elif kind == 3:
            source = random.randrange(len(text) + 1)
            text[at:at] = text[source : source + random.randint(1, 12)]
        elif kind == 4:
            text[at:at] = random.choice(RAW)
        else:
            text[at : at + 1] = random.choice(RAW)
    return bytes(text)


@st.composite
def garbled(draw: st.DrawFn, data: bytes) -> bytes:
    """Draw a document changed like that."""
    return mutated(data, draw(st.randoms(use_true_random=False)))

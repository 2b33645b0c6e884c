"""The block of a compact pickle, read in Python: what the native reader does, and the description of the layout.

A block is the version byte and one value. A value is a tag and what the tag asks for. Numbers without a width are
unsigned LEB128 of at most 64 bits; counted texts are UTF-8; fixed widths are little-endian.

=========== ======================================================================================================
0x00-02     None, True, False
0x03        integer of 64 bits: zigzag number
0x04        other integer: count, two's complement
0x05        float: IEEE 754, 8 bytes
0x06 0x07   text: count, bytes (0x07: kept for references)
0x08        bytes: count, bytes
0x09 0x0A   list: count, values (0x0A: kept, before its items)
0x0B 0x0C   tuple: count, values (0x0C: kept, after its items)
0x0D 0x0E   dict: count, keys and values in turn (0x0E: kept, before its items)
0x0F 0x10   set: count, keys (0x10: kept, before its items)
0x11        frozenset: count, keys
0x12 0x13   model: shape, the value for each of its names, then what its flags say (0x13: kept, before its values)
0x14        a new shape, with the next number; then a value
0x15        reference: the number of what was kept
0x16        member of an enumeration: class, its value (a scalar); always kept
0x17        date: year (2), month, day
0x18        datetime: as a date and a time
0x19        time: hour, minute, second, microsecond (3), zone
0x1A        timedelta: days (4, signed), seconds (4), microseconds (4)
0x1B        UUID: 16 bytes, the highest first
0x1C        Decimal: count, text
0x40-7F     integers 0 to 63
0x80-BF     text of 0 to 63 bytes
=========== ======================================================================================================

A shape is: class, flags, count of names, the names as texts (they may be kept, or references), and a bit for each name
that is in the set of given fields. The flags say what follows the values: 1 a dict of extras, 2 a dict of private
attributes, 4 more names of given fields: count, texts. A zone is a byte: 0 none, 1 UTC, 2 ``timezone`` and 3 Pydantic's
``TzInfo``, each with an offset in seconds (4, signed); 0x80 is added for the second of two equal times (``fold``).

Keys are scalars, references to text or members, and tuples (0x0B) of keys: nothing whose hash takes long. Every value
takes a byte at least, and counts of what is still to come must fit the rest, so nothing is made that the block does not
pay for.
"""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, RootModel

from pydantic_serialization.errors import DecodeError
from pydantic_serialization.formats._compact_scalars import SCALARS, SHORT, SMALL, ScalarReader, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["DEEPEST", "VERSION", "read_block", "refuse"]

VERSION = 1
DEEPEST = 200
"""Levels of containers and instances."""

_EXTRA, _PRIVATE, _MORE = 1, 2, 4
_TUPLE, _NEW_SHAPE, _REFERENCE = 0x0B, 0x14, 0x15
_NAMES = frozenset({0x06, 0x07})


def read_block(block: bytes, classes: Sequence[Any]) -> Any:
    """Return the value in a block.

    Args:
        block: All of it.
        classes: What the numbers of classes stand for: models and enumerations.

    Raises:
        DecodeError: it is not a block of this version.
    """
    if block[:1] != bytes([VERSION]):
        raise DecodeError("the compact block is of another version of pydantic-serialization", format="pickle")
    reader = _Reader(block, classes)
    value = reader.value()
    if reader.at != len(block):
        refuse()
    return value


class _Shape(NamedTuple):
    cls: type[BaseModel]
    is_root: bool
    flags: int
    names: list[str]
    given: list[str]


class _Reader(ScalarReader):
    """One walk through a block."""

    def __init__(self, block: bytes, classes: Sequence[Any]) -> None:
        super().__init__(block, classes)
        self._shapes: list[_Shape] = []
        self._depth = 0

    def value(self) -> Any:
        """Read a value."""
        tag = self.byte()
        while tag == _NEW_SHAPE:
            self.new_shape()
            tag = self.byte()
        if tag in SCALARS or tag >= SMALL:
            return self.scalar(tag)
        read, is_kept = _COMPOSITES.get(tag, (None, False))
        if read is None or self._depth == DEEPEST:
            refuse()
        self._depth += 1
        value = read(self, is_kept)
        self._depth -= 1
        return value

    def referred(self, _: bool) -> Any:
        return self.reference()

    def promised_key(self) -> Any:
        self.promised -= 1
        return self.key()

    def key(self) -> Any:
        tag = self.byte()
        if tag == _TUPLE:
            if self._depth == DEEPEST:
                refuse()
            self._depth += 1
            key = tuple([self.promised_key() for _ in range(self.count())])
            self._depth -= 1
            return key
        if tag == _REFERENCE:
            key = self.reference()
            if type(key) is not str and not isinstance(key, Enum):
                refuse()
            return key
        if tag not in SCALARS and tag < SMALL:
            refuse()
        return self.scalar(tag)

    # -- containers -----------------------------------------------------------------------------------------------------

    # Each calls ``value`` itself: Python's stack has to last for all levels.

    def list_(self, is_kept: bool) -> list[Any]:
        count = self.count()
        items: list[Any] = []
        if is_kept:
            self.keep(items)
        for _ in range(count):
            self.promised -= 1
            items.append(self.value())
        return items

    def tuple_(self, is_kept: bool) -> tuple[Any, ...]:
        items = tuple(self.list_(is_kept=False))
        if is_kept:
            self.keep(items)
        return items

    def dict_(self, is_kept: bool) -> dict[Any, Any]:
        count = self.count(2)
        items: dict[Any, Any] = {}
        if is_kept:
            self.keep(items)
        for _ in range(count):
            key = self.promised_key()
            self.promised -= 1
            items[key] = self.value()
        return items

    def set_(self, is_kept: bool) -> set[Any]:
        count = self.count()
        items: set[Any] = set()
        if is_kept:
            self.keep(items)
        for _ in range(count):
            items.add(self.promised_key())
        return items

    def frozenset(self, _: bool) -> frozenset[Any]:
        return frozenset([self.promised_key() for _ in range(self.count())])

    # -- models ---------------------------------------------------------------------------------------------------------

    def new_shape(self) -> None:
        cls = self.class_()
        if not (isinstance(cls, type) and issubclass(cls, BaseModel)):
            refuse()
        is_root, flags = issubclass(cls, RootModel), self.byte()
        if flags & ~(_EXTRA | _PRIVATE | _MORE) or (is_root and flags & (_EXTRA | _PRIVATE)):
            refuse()
        count = self.count()
        names = [self.name() for _ in range(count)]
        bits = int.from_bytes(self.take((count + 7) // 8), "little")
        if bits >> count:
            refuse()
        given = [name for index, name in enumerate(names) if bits >> index & 1]
        self._shapes.append(_Shape(cls, is_root, flags, names, given))

    def name(self) -> str:
        self.promised -= 1
        tag = self.byte()
        name = self.reference() if tag == _REFERENCE else self.scalar(tag) if tag in _NAMES or tag >= SHORT else None
        if type(name) is not str:
            refuse()
        return sys.intern(name)

    def model(self, is_kept: bool) -> Any:
        number = self.number()
        if number >= len(self._shapes):
            refuse()
        cls, is_root, flags, names, given = self._shapes[number]
        self.promise(len(names) + flags.bit_count())
        model = cls.__new__(cls)
        if is_kept:
            self.keep(model)
        attributes = {}
        for name in names:
            self.promised -= 1
            attributes[name] = self.value()
        extra = self.beside(flags & _EXTRA)
        private = self.beside(flags & _PRIVATE)
        fields_set = set(given)
        if flags & _MORE:
            self.promised -= 1
            fields_set.update([self.name() for _ in range(self.count())])
        state: dict[str, Any] = {"__dict__": attributes, "__pydantic_fields_set__": fields_set}
        if not is_root:
            state |= {"__pydantic_extra__": extra, "__pydantic_private__": private}
        model.__setstate__(state)
        return model

    def beside(self, is_there: int) -> dict[Any, Any] | None:
        if not is_there:
            return None
        self.promised -= 1
        found = self.value()
        if type(found) is not dict:
            refuse()
        return found


_COMPOSITES: dict[int, tuple[Callable[[_Reader, bool], Any], bool]] = {
    0x09: (_Reader.list_, False),
    0x0A: (_Reader.list_, True),
    0x0B: (_Reader.tuple_, False),
    0x0C: (_Reader.tuple_, True),
    0x0D: (_Reader.dict_, False),
    0x0E: (_Reader.dict_, True),
    0x0F: (_Reader.set_, False),
    0x10: (_Reader.set_, True),
    0x11: (_Reader.frozenset, False),
    0x12: (_Reader.model, False),
    0x13: (_Reader.model, True),
    0x15: (_Reader.referred, False),
}

"""The scalars in the block of a compact pickle, read in Python; :mod:`._compact_reader` describes the layout."""

from __future__ import annotations

import datetime
import struct
import uuid
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic_core import TzInfo

from pydantic_serialization.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SMALL, SHORT, UNUSED = 0x40, 0x80, 0xC0
"""First tags: of integers that stand in the tag, of texts whose length does, of those without a meaning."""

_FOLD = 0x80
_WIDEST = 64
_SECONDS_OF_A_DAY, _MICROSECONDS_OF_A_SECOND = 86_400, 1_000_000


def refuse() -> NoReturn:
    """Refuse a block.

    Raises:
        DecodeError: always.
    """
    raise DecodeError("the compact block is malformed", format="pickle")


class ScalarReader:
    """A walk through a block, as far as scalars go.

    Args:
        block: All of it.
        classes: What the numbers of classes stand for.
    """

    def __init__(self, block: bytes, classes: Sequence[Any]) -> None:
        self.at = 1
        self.block = block
        self.classes = classes
        self.kept: list[Any] = []
        self.promised = 0

    # -- pieces ---------------------------------------------------------------------------------------------------------

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.block):
            refuse()
        taken = self.block[self.at : end]
        self.at = end
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
            if shift >= _WIDEST:
                refuse()
        if number >> _WIDEST:
            refuse()
        return number

    def count(self, each: int = 1) -> int:
        """Return the count of values that follow, ``each`` of which is so many; they have to fit the rest."""
        count = self.number()
        self.promise(count * each)
        return count

    def promise(self, count: int) -> None:
        self.promised += count
        if self.promised > len(self.block) - self.at:
            refuse()

    def text(self) -> str:
        try:
            return self.take(self.number()).decode()
        except UnicodeDecodeError:
            refuse()

    def number_of(self, layout: str) -> int:
        number: int = struct.unpack(layout, self.take(struct.calcsize(layout)))[0]
        return number

    # -- values ---------------------------------------------------------------------------------------------------------

    def scalar(self, tag: int) -> Any:
        if SMALL <= tag < SHORT:
            return tag - SMALL
        if SHORT <= tag < UNUSED:
            try:
                return self.take(tag - SHORT).decode()
            except UnicodeDecodeError:
                refuse()
        if tag >= UNUSED:
            refuse()
        return SCALARS[tag](self)

    def keep(self, value: Any) -> Any:
        self.kept.append(value)
        return value

    def reference(self) -> Any:
        number = self.number()
        if number >= len(self.kept):
            refuse()
        return self.kept[number]

    def integer(self) -> int:
        number = self.number()
        return (number >> 1) ^ -(number & 1)

    def long(self) -> int:
        return int.from_bytes(self.take(self.number()), "little", signed=True)

    def float_(self) -> float:
        number: float = struct.unpack("<d", self.take(8))[0]
        return number

    def member(self) -> Any:
        cls = self.class_()
        if not (isinstance(cls, type) and issubclass(cls, Enum)):
            refuse()
        tag = self.byte()
        if tag not in _MEMBER_VALUES and not SMALL <= tag < UNUSED:
            refuse()
        return self.keep(cls(self.scalar(tag)))

    def class_(self) -> Any:
        number = self.number()
        if number >= len(self.classes):
            refuse()
        return self.classes[number]

    # -- times ----------------------------------------------------------------------------------------------------------

    def day(self) -> tuple[int, int, int]:
        return self.number_of("<H"), self.byte(), self.byte()

    def clock(self) -> tuple[int, int, int, int, Any, int]:
        hour, minute, second = self.byte(), self.byte(), self.byte()
        microsecond = int.from_bytes(self.take(3), "little")
        kind = self.byte()
        return hour, minute, second, microsecond, self.zone(kind & ~_FOLD), int(kind >= _FOLD)

    def zone(self, kind: int) -> datetime.tzinfo | None:
        if kind == 0:
            return None
        if kind == 1:
            return datetime.UTC
        seconds = self.number_of("<i")
        if kind == 2:
            return datetime.timezone(datetime.timedelta(seconds=seconds))
        if kind == 3:
            return TzInfo(seconds)
        refuse()

    def date_(self) -> datetime.date:
        return datetime.date(*self.day())

    def date_time(self) -> datetime.datetime:
        day = self.day()
        hour, minute, second, microsecond, zone, fold = self.clock()
        return datetime.datetime(*day, hour, minute, second, microsecond, zone, fold=fold)  # noqa: DTZ001

    def clock_time(self) -> datetime.time:
        hour, minute, second, microsecond, zone, fold = self.clock()
        return datetime.time(hour, minute, second, microsecond, zone, fold=fold)

    def duration(self) -> datetime.timedelta:
        days, seconds, microseconds = self.number_of("<i"), self.number_of("<I"), self.number_of("<I")
        if seconds >= _SECONDS_OF_A_DAY or microseconds >= _MICROSECONDS_OF_A_SECOND:
            refuse()
        return datetime.timedelta(days, seconds, microseconds)


_MEMBER_VALUES = frozenset({*range(0x09)})
SCALARS: dict[int, Callable[[ScalarReader], Any]] = {
    0x00: lambda _: None,
    0x01: lambda _: True,
    0x02: lambda _: False,
    0x03: ScalarReader.integer,
    0x04: ScalarReader.long,
    0x05: ScalarReader.float_,
    0x06: ScalarReader.text,
    0x07: lambda reader: reader.keep(reader.text()),
    0x08: lambda reader: reader.take(reader.number()),
    0x16: ScalarReader.member,
    0x17: ScalarReader.date_,
    0x18: ScalarReader.date_time,
    0x19: ScalarReader.clock_time,
    0x1A: ScalarReader.duration,
    0x1B: lambda reader: uuid.UUID(bytes=reader.take(16)),
    0x1C: lambda reader: Decimal(reader.text()),
}

"""Follow the opcodes of a pickle without running it, and refuse what a document of values never needs.

Python's unpickler asks an application about names only (``find_class``). Everything else that an opcode can do happens
unasked, so an untrusted pickle is walked through first. Only the *kinds* of the objects on the unpickler's stack are
followed, which is enough to hold these rules:

* only opcodes that protocols 4 and 5 use for values: no persistent ids, no extension codes, no out-of-band buffers, and
  no explicit memo slots (a slot number of five bytes makes the unpickler fill gigabytes of memory);
* only what a name stood for is called or instantiated, and only with a plain argument tuple;
* state (``BUILD``) is given only to the instance that was made right below it: a class, an enumeration member or
  anything else that the process shares would be changed for everybody;
* items are added to containers only, never by calling methods of a half-built instance, and a class is never an item;
* a document that shares containers uses none of them as a key: the hash of nested tuples is computed anew each time,
  and thirty tuples that each hold the one before twice would take hours.

https://github.com/python/cpython/blob/3.11/Lib/pickletools.py describes every opcode.
"""

from __future__ import annotations

from pickletools import opcodes as _OPCODES  # noqa: N812  (it is a constant)
from typing import TYPE_CHECKING

from pydantic_serialization.errors import DecodeError, UntrustedDataError

if TYPE_CHECKING:
    from collections.abc import Callable

_ATOM, _COMPOSITE, _FLAT, _FRESH, _GLOBAL = range(5)
"""Kinds: a scalar or what was made of scalars; a container or an instance; a tuple of atoms and names; an instance that
has no state yet; what a name stood for."""

# Whole lengths of the opcodes that push one atom: constants, numbers, the empty tuple.
_ATOM_WIDTHS = [0] * 256
for _codes, _width in ((b"N\x88\x89)", 1), (b"K", 2), (b"M", 3), (b"J", 5), (b"G", 9)):
    for _code in _codes:
        _ATOM_WIDTHS[_code] = _width

# Opcodes that push one object of counted length: the width of the count, and the kind.
# Integers of over 255 bytes count as composite: their hash is computed anew each time too.
_COUNTED = {
    0x43: (1, _ATOM),  # SHORT_BINBYTES
    0x8A: (1, _ATOM),  # LONG1
    0x58: (4, _ATOM),  # BINUNICODE
    0x42: (4, _ATOM),  # BINBYTES
    0x8B: (4, _COMPOSITE),  # LONG4
    0x8D: (8, _ATOM),  # BINUNICODE8
    0x8E: (8, _ATOM),  # BINBYTES8
    0x96: (8, _COMPOSITE),  # BYTEARRAY8
}
_EMPTY_CONTAINERS = frozenset(b"}]\x8f")
_SHORT_BINUNICODE, _MEMOIZE, _BINGET, _LONG_BINGET, _MARK, _FRAME, _STOP = 0x8C, 0x94, 0x68, 0x6A, 0x28, 0x95, 0x2E
_NAMES = {ord(opcode.code): opcode.name for opcode in _OPCODES}


def check_opcodes(data: bytes) -> None:
    """Check a whole pickle against the rules of this module. Takes time in proportion to its length.

    Raises:
        DecodeError: it is no pickle of protocol 4 or 5, is truncated, or followed by something.
        UntrustedDataError: it does what a document of values never does.
    """
    if data[:2] not in (b"\x80\x04", b"\x80\x05"):
        raise DecodeError("not a pickle of protocol 4 or 5", format="pickle", position=0)
    try:
        end = _Walk(data).run()
    except IndexError:
        raise DecodeError("not a pickle document: it is truncated or malformed", format="pickle") from None
    if end != len(data):
        raise DecodeError("the pickle is followed by something else", format="pickle", position=end)


class _Walk:
    """One walk over the opcodes of ``data``. An ``IndexError`` anywhere means a stack or the document is exhausted."""

    __slots__ = ("_data", "_has_composite_key", "_marks", "_memo", "_shares", "_stack")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._stack = bytearray()
        self._memo = bytearray()
        self._marks: list[int] = []
        self._shares = self._has_composite_key = False

    def run(self) -> int:
        """Return the offset behind the last opcode."""
        data, stack, memo, handlers = self._data, self._stack, self._memo, _HANDLERS
        position = 2
        while True:
            opcode = data[position]
            # Short strings, their memo slots, references and small scalars are nine tenths of all opcodes.
            if opcode == _BINGET:
                kind = memo[data[position + 1]]
                stack.append(kind)
                if kind in _SHARED_KINDS:
                    self._share()
                position += 2
            elif opcode == _SHORT_BINUNICODE:
                position += 2 + data[position + 1]
                stack.append(_ATOM)
                if data[position] == _MEMOIZE:
                    memo.append(_ATOM)
                    position += 1
            elif opcode == _MEMOIZE:
                # What was made may be fetched anywhere later, where it is no longer the instance right below its state.
                kind = stack[-1]
                memo.append(_COMPOSITE if kind == _FRESH else kind)
                position += 1
            elif _ATOM_WIDTHS[opcode]:
                stack.append(_ATOM)
                position += _ATOM_WIDTHS[opcode]
            elif opcode == _MARK:
                self._marks.append(len(stack))
                position += 1
            elif opcode in _EMPTY_CONTAINERS:
                stack.append(_COMPOSITE)
                position += 1
                if data[position] == _MEMOIZE:
                    memo.append(_COMPOSITE)
                    position += 1
            elif opcode in handlers:
                handlers[opcode](self)
                position += 1
            elif opcode == _STOP:
                self._finish()
                return position + 1
            else:
                position = self._counted(opcode, position + 1)

    def _counted(self, opcode: int, start: int) -> int:
        """Follow an opcode with a long argument; return the offset behind it."""
        if opcode == _FRAME:  # only says how far to read ahead
            return start + 8
        if opcode == _LONG_BINGET:
            kind = self._memo[self._number(start, 4)]
            self._stack.append(kind)
            if kind in _SHARED_KINDS:
                self._share()
            return start + 4
        counted = _COUNTED.get(opcode)
        if counted is None:
            name = _NAMES.get(opcode)
            if name is None:
                raise DecodeError("not a pickle document: unknown opcode", format="pickle", position=start - 1)
            raise _refused(f"uses the opcode {name}")
        width, kind = counted
        self._stack.append(kind)
        return start + width + self._number(start, width)

    def _number(self, start: int, width: int) -> int:
        digits = self._data[start : start + width]
        if len(digits) < width:
            raise IndexError
        return int.from_bytes(digits, "little")

    def _finish(self) -> None:
        if self._stack.pop() == _GLOBAL:
            raise _refused("holds a class where a value should be")

    def _taken(self, count: int) -> bytearray:
        stack = self._stack
        if len(stack) < count:
            raise IndexError
        taken = stack[-count:]
        del stack[-count:]
        return taken

    def _marked(self) -> bytearray:
        mark = self._marks.pop()
        taken = self._stack[mark:]
        del self._stack[mark:]
        return taken

    def pop(self) -> None:
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._stack.pop()

    def pop_mark(self) -> None:
        self._marked()

    def name(self) -> None:
        stack = self._stack
        stack.pop()
        stack[-1] = _GLOBAL

    def tuple_of_one(self) -> None:
        stack = self._stack
        stack[-1] = _TUPLE_OF[stack[-1]]

    def tuple_of_two(self) -> None:
        self._push_tuple(self._taken(2))

    def tuple_of_three(self) -> None:
        self._push_tuple(self._taken(3))

    def tuple(self) -> None:
        self._push_tuple(self._marked())

    def _push_tuple(self, items: bytearray) -> None:
        is_flat = all(_TUPLE_OF[kind] == _FLAT for kind in items)
        self._stack.append(_FLAT if is_flat else _COMPOSITE)

    def call(self) -> None:
        # What is made of atoms alone is an atom: a date, a member of an enumeration.
        stack = self._stack
        arguments = stack.pop()
        if stack[-1] != _GLOBAL:
            raise _refused("calls what is not a name")
        stack[-1] = _ATOM if arguments in (_FLAT, _ATOM) else _COMPOSITE

    def make(self) -> None:
        stack = self._stack
        stack.pop()
        if stack[-1] != _GLOBAL:
            raise _refused("makes an instance of what is not a class")
        stack[-1] = _FRESH

    def make_with_keywords(self) -> None:
        self._stack.pop()
        self.make()

    def set_state(self) -> None:
        stack = self._stack
        stack.pop()
        if stack[-1] != _FRESH:
            raise _refused("sets the state of what it has not just made")
        stack[-1] = _COMPOSITE

    def set_item(self) -> None:
        self._add(self._taken(2), stride=2)

    def set_items(self) -> None:
        self._add(self._marked(), stride=2)

    def add_items(self) -> None:
        self._add(self._marked(), stride=1)

    def append(self) -> None:
        self._add(self._taken(1), stride=0)

    def append_items(self) -> None:
        self._add(self._marked(), stride=0)

    def frozen_set(self) -> None:
        self._note_keys(self._marked())
        self._stack.append(_COMPOSITE)

    def _add(self, items: bytearray, *, stride: int) -> None:
        if self._stack[-1] > _COMPOSITE:
            raise _refused("adds items to what is not a container")
        if not any(items):  # atoms only
            return
        if _GLOBAL in items:
            raise _refused("holds a class where a value should be")
        if stride:
            self._note_keys(items[::stride])

    def _note_keys(self, keys: bytearray) -> None:
        if any(keys):  # every kind but _ATOM
            self._has_composite_key = True
            self._refuse_shared_keys()

    def _share(self) -> None:
        self._shares = True
        self._refuse_shared_keys()

    def _refuse_shared_keys(self) -> None:
        if self._shares and self._has_composite_key:
            raise _refused("shares containers, and uses containers or instances as keys")


def _refused(what: str) -> UntrustedDataError:
    message = f"the pickle {what}, which is not accepted without a signature; set signing_keys, or use another format"
    return UntrustedDataError(message, format="pickle")


_SHARED_KINDS = frozenset({_COMPOSITE, _FLAT, _FRESH})
_TUPLE_OF = {_ATOM: _FLAT, _GLOBAL: _FLAT, _COMPOSITE: _COMPOSITE, _FLAT: _COMPOSITE, _FRESH: _COMPOSITE}
_HANDLERS: dict[int, Callable[[_Walk], None]] = {
    0x93: _Walk.name,  # STACK_GLOBAL
    0x85: _Walk.tuple_of_one,
    0x86: _Walk.tuple_of_two,
    0x87: _Walk.tuple_of_three,
    0x74: _Walk.tuple,
    0x52: _Walk.call,  # REDUCE
    0x81: _Walk.make,  # NEWOBJ
    0x92: _Walk.make_with_keywords,  # NEWOBJ_EX
    0x62: _Walk.set_state,  # BUILD
    0x73: _Walk.set_item,
    0x75: _Walk.set_items,
    0x90: _Walk.add_items,
    0x61: _Walk.append,
    0x65: _Walk.append_items,
    0x91: _Walk.frozen_set,
    0x30: _Walk.pop,
    0x31: _Walk.pop_mark,
}

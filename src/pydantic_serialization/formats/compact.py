"""Compact pickles: models in one block inside of a normal pickle.

Such a pickle calls :func:`restore` with a block and the classes of its instances. ``pickle.loads`` reads it wherever this
package and the classes can be imported. The classes are named in the pickle, not in the block, so an unpickler with a
list of allowed names decides about them as ever.

The native core writes blocks, and reads them; without it :mod:`._compact_reader` reads them. The pickle around a block
always has the layout that :func:`wrap` gives it.
"""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_serialization.formats._compact_reader import read_block, refuse
from pydantic_serialization.plan.native.pickling import restored_kind, written_kind
from pydantic_serialization.plan.native.supported import core_for_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LONGEST_SHORT = 255
_PROTOCOL_5, _STOP = b"\x80\x05", b"."
_STACK_GLOBAL, _MARK, _TUPLE, _REDUCE = b"\x93", b"(", b"t", b"R"
_SHORT_BINUNICODE, _BINUNICODE, _BINBYTES8 = b"\x8c", b"X", b"\x8e"
_MOST_CLASSES = 10_000


class Wrapped(NamedTuple):
    """What stands in a compact pickle.

    Attributes:
        block: The block.
        names: Module and qualified name of each class.
    """

    block: bytes
    names: list[tuple[str, str]]


def restore(block: bytes, *classes: Any) -> Any:
    """Return the value in a block. Compact pickles name this function: its name and place cannot change.

    Args:
        block: The block, the version of its layout first.
        classes: The models and enumerations that the block refers to by number.

    Raises:
        DecodeError: it is no block, or one of another version.
    """
    if type(block) is not bytes:
        refuse()
    return _read(block, classes)


def pack(value: Any, allowed: frozenset[Any] | None = None) -> bytes | None:
    """Return the compact pickle of a value, or ``None`` where an ordinary one has to be written.

    Args:
        value: What is pickled.
        allowed: Classes that may be written; ``None`` for all.
    """
    packed = None if _write is None else _write(value)
    if packed is None:
        return None
    block, classes = packed
    names = []
    for cls in classes:
        module, name = cls.__module__, cls.__qualname__
        if (allowed is not None and cls not in allowed) or _found(module, name) is not cls:
            return None
        names.append((module, name))
    return wrap(block, names)


def wrap(block: bytes, names: Sequence[tuple[str, str]]) -> bytes:
    """Return the pickle that restores a block."""
    classes = b"".join([_global(module, name) for module, name in names])
    return b"".join((_BEFORE, len(block).to_bytes(8, "little"), block, classes, _AFTER))


def unwrap(document: bytes) -> Wrapped | None:
    """Return what stands in a compact pickle, or ``None`` if the document is another pickle.

    Nothing is executed or imported: only the layout that :func:`wrap` writes is understood.
    """
    start = len(_BEFORE) + 8
    if not document.startswith(_BEFORE) or len(document) < start:
        return None
    end = start + int.from_bytes(document[start - 8 : start], "little")
    names: list[tuple[str, str]] = []
    at = end
    behind = len(document) - len(_AFTER)
    if not document.endswith(_AFTER):
        return None
    while at != behind:
        module, at = _text(document, at)
        name, at = _text(document, at)
        if module is None or name is None or document[at : at + 1] != _STACK_GLOBAL or len(names) >= _MOST_CLASSES:
            return None
        names.append((module, name))
        at += 1
    return Wrapped(document[start:end], names)


def _found(module: str, name: str) -> Any:
    """Return what pickle will find under a name."""
    found: Any = sys.modules.get(module)
    if "." not in name:
        return getattr(found, name, None)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _push(text: str) -> bytes:
    data = text.encode()
    if len(data) <= _LONGEST_SHORT:
        return b"\x8c%c%b" % (len(data), data)
    return _BINUNICODE + struct.pack("<I", len(data)) + data


def _global(module: str, name: str) -> bytes:
    return _push(module) + _push(name) + _STACK_GLOBAL


def _text(document: bytes, at: int) -> tuple[str | None, int]:
    code, width = document[at : at + 1], 1 if document[at : at + 1] == _SHORT_BINUNICODE else 4
    start = at + 1 + width
    end = start + int.from_bytes(document[at + 1 : start], "little")
    if code not in (_SHORT_BINUNICODE, _BINUNICODE) or end > len(document):
        return None, at
    try:
        return document[start:end].decode(), end
    except UnicodeDecodeError:
        return None, at


_BEFORE = _PROTOCOL_5 + _global(__name__, restore.__qualname__) + _MARK + _BINBYTES8
_AFTER = _TUPLE + _REDUCE + _STOP


def _bound() -> tuple[Callable[[Any], tuple[bytes, tuple[type, ...]] | None] | None, Callable[[bytes, Any], Any]]:
    core = core_for_json()
    if core is None:
        return None, read_block
    return core.block_writer(written_kind), core.block_reader(restored_kind, read_block, refuse)


_write, _read = _bound()

"""Blocks of compact pickles with something changed: both readers say the same, and what they read can be packed again."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import zoo
from graphs import places

from hostile.mutations import mutated
from pydantic_serialization.errors import DecodeError
from pydantic_serialization.formats import compact
from pydantic_serialization.formats._compact_reader import read_block

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random


class Packed(NamedTuple):
    """A block, and the classes that it refers to."""

    block: bytes
    classes: list[Any]


def prepare(random: Random) -> Callable[[], bool]:
    """Return the step: one block of the zoo, changed, read by both readers, packed and read again."""
    samples = every_block()
    others = [sample.block for sample in samples]

    def step() -> bool:
        sample = random.choice(samples)
        return compare(mutated(sample.block, random, others), sample.classes)

    return step


def every_block() -> list[Packed]:
    """Return the blocks of the values of the zoo that have one."""
    return [
        found
        for entry in zoo.ENTRIES
        for value in entry.values
        if (found := unpacked(compact.pack([zoo.Cat(), value]) or b"")) is not None
    ]


def unpacked(document: bytes) -> Packed | None:
    """Return what stands in a compact pickle; ``None`` if it is none."""
    wrapped = compact.unwrap(document)
    if wrapped is None:
        return None
    classes = []
    for module, name in wrapped.names:
        found: Any = sys.modules[module]
        for part in name.split("."):
            found = getattr(found, part)
        classes.append(found)
    return Packed(wrapped.block, classes)


def compare(block: bytes, classes: Sequence[Any]) -> bool:
    """Return whether a block is read at all.

    Packed again, the value need not give the same bytes: the order of a set depends on the order in which it was filled,
    as it does in Python's own pickles. What is read from those bytes is the same value, though.

    Raises:
        AssertionError: the readers differ; or the value, packed, is another one when it is read.
    """
    value, found = _read(compact.restore, block, *classes)
    expected = _read(read_block, block, classes)[1]
    assert found == expected, f"{block!r} gives {found} natively, {expected} in Python"
    if found[0] != "value":
        return False
    # Not packed: what a class with a say of its own has made of it, or a value nested deeper than blocks may be.
    again = unpacked(compact.pack(value) or b"")
    if again is not None:
        found = _read(compact.restore, again.block, *again.classes)[1]
        assert found == expected, f"{block!r} gives {expected}, but once packed {found}"
    return True


def _read(read: Any, *arguments: Any) -> tuple[Any, tuple[str, Any]]:
    """Return what a reader gives, and a description of it."""
    try:
        value = read(*arguments)
    except DecodeError:
        return None, ("malformed", None)
    except (ValueError, TypeError, ArithmeticError) as error:
        return None, (type(error).__name__, None)
    except Exception as error:
        raise AssertionError(f"{arguments[0]!r} raises {error!r}") from error
    with suppress(ValueError):  # more digits than Python shows
        return value, ("value", places(value))
    return value, ("value", None)

"""Bytes that are nearly right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

_BOLD = (0x00, 0x01, 0x7F, 0x80, 0xC0, 0xC1, 0xDD, 0xDF, 0xFF, *b'"{}[],:0-e.\\')
"""Bytes that mean something in one of the formats, or stand at an edge."""


def mutated(data: bytes, random: Random, others: Sequence[bytes] = ()) -> bytes:
    """Return the data with one to three things changed: a bit, a byte, a cut, a repetition, a piece of another input.

    Args:
        data: The original.
        random: Source of chance.
        others: Where pieces are taken from; the original itself if empty.
    """
    text = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        at = random.randrange(len(text)) if text else 0
        kind = random.randrange(7)
        if kind == 0 and text:
            text[at] ^= 1 << random.randrange(8)
        elif kind == 1 and text:
            text[at] = random.choice(_BOLD)
        elif kind == 2:
            text[at:at] = bytes([random.choice(_BOLD)])
        elif kind == 3:
            del text[at : at + random.randint(1, 4)]
        elif kind == 4:
            text[at:at] = text[at : at + random.randint(1, 9)]
        elif kind == 5:
            del text[at:]
        else:
            other = random.choice(others) if others else bytes(text)
            start = random.randrange(len(other)) if other else 0
            piece = other[start : start + random.randint(1, 16)]
            text[at : at + random.choice((0, len(piece)))] = piece
    return bytes(text)

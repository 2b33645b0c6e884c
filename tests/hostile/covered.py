"""Inputs whose first two bytes choose what reads the others: for tools that look for input by what it covers.

The first byte chooses the kind, the second the type; the rest is the document. ``native/fuzz/targets/models.rs`` calls
:func:`check`, and :func:`inputs` is where it starts from.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

from hostile import blocks, documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JSON, MSGPACK, BLOCK = b"jmb"


def check(data: bytes) -> None:
    """Have an input read by the core and by what stands behind it.

    Raises:
        AssertionError: they differ, or something is raised that was not promised.
    """
    if len(data) < 2 or data[0] not in (JSON, MSGPACK, BLOCK):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checks = _checks(data[0])
        checks[data[1] % len(checks)](data[2:])


def inputs() -> Iterator[bytes]:
    """Return a good input for each document of the zoo."""
    for kind, readers in ((JSON, documents.json_readers()), (MSGPACK, documents.msgpack_readers())):
        for number, reader in enumerate(readers[:256]):
            yield bytes([kind, number]) + reader.document
    for number, sample in enumerate(blocks.every_block()[:256]):
        yield bytes([BLOCK, number]) + sample.block


@cache
def _checks(kind: int) -> list[Callable[[bytes], bool]]:
    if kind == BLOCK:
        return [lambda data, sample=sample: blocks.compare(data, sample.classes) for sample in blocks.every_block()]
    readers = documents.json_readers() if kind == JSON else documents.msgpack_readers()
    return [reader.compare for reader in readers]

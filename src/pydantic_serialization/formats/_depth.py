"""How deep a JSON text is nested, without parsing it."""

from __future__ import annotations

import re
from itertools import accumulate, count
from operator import sub
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_serialization._types import Payload

PYDANTIC_DEPTH = 200
"""Levels at which Pydantic's own JSON reader stops (jiter's recursion limit)."""

_KEPT = b'[]{}"'
_DROPPED = bytes(code for code in range(256) if code not in _KEPT)
_SQUARE = bytes.maketrans(b"{}", b"[]")
_STRING = re.compile(rb'"[^"]*"?')
_TWICE = bytes.maketrans(b"[]", b"\x02\x00")
"""Twice the number of brackets opened so far, less the number of brackets so far, is the depth."""
_PEELED = 8


def json_depth_exceeds(data: Payload, limit: int) -> bool:
    """Say whether arrays and objects are nested deeper than ``limit`` levels.

    Works by C-speed passes over the text instead of a parse: a small document is settled by counting brackets; else
    strings are removed, a few passes over what is left peel the innermost levels off, and the rest is counted through.
    Text that is not JSON gives some answer without error: the parser refuses it anyway.
    """
    text = bytes(data) if isinstance(data, memoryview) else data
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    brackets = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _DROPPED).replace(b'""', b"")
    brackets = _STRING.sub(b"", brackets).translate(_SQUARE)
    peeled = 0
    while peeled < min(limit, _PEELED) and b"[]" in brackets:
        brackets = brackets.replace(b"[]", b"")
        peeled += 1
    # What is left is hostile, or deep: one pass at the speed of iteration, instead of one for each level.
    opened = accumulate(brackets.translate(_TWICE))
    return max(map(sub, opened, count(1)), default=0) > limit - peeled


def tree_depth_exceeds(tree: Any, limit: int) -> bool:
    """Say whether lists and dicts are nested deeper than ``limit`` levels."""
    containers = [tree] if isinstance(tree, (list, dict)) else []
    for _ in range(limit):
        containers = [
            item
            for container in containers
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, (list, dict))
        ]
        if not containers:
            return False
    return bool(containers)

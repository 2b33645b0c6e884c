"""How deep texts, trees and values are nested, and how many items texts have, without a parse and without recursion."""

from __future__ import annotations

import re
from collections import deque
from itertools import accumulate, count
from operator import sub
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pydantic_serialization._native import core

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_serialization._types import Payload

_BRACKETS = b'[]{}"'
_DROPPED = bytes(code for code in range(256) if code not in _BRACKETS)
_DROPPED_BUT_COMMAS = bytes(code for code in range(256) if code not in _BRACKETS + b",")
_SQUARE = bytes.maketrans(b"{}", b"[]")
_STRING = re.compile(rb'"[^"]*"?')
_TWICE = bytes.maketrans(b"[]", b"\x02\x00")
"""Twice the number of brackets opened so far, less the number of brackets so far, is the depth."""
_PEELED = 8


def json_depth_exceeds(data: Payload, limit: int) -> bool:
    """Say whether arrays and objects are nested deeper than ``limit`` levels.

    Without the native core by C-speed passes over the text: a small document is settled by counting brackets; else
    strings are removed, a few passes over what is left peel the innermost levels off, and the rest is counted through.
    Text that is not JSON gives some answer without error: the parser refuses it anyway.
    """
    if core is not None:
        return core.json_depth_exceeds(data, limit)
    text = bytes(data) if isinstance(data, memoryview) else data
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    brackets = _outside_strings(text, _DROPPED).translate(_SQUARE)
    peeled = 0
    while peeled < min(limit, _PEELED) and b"[]" in brackets:
        brackets = brackets.replace(b"[]", b"")
        peeled += 1
    # What is left is hostile, or deep: one pass at the speed of iteration, instead of one for each level.
    opened = accumulate(brackets.translate(_TWICE))
    return max(map(sub, opened, count(1)), default=0) > limit - peeled


def json_items_exceed(data: Payload, limit: int) -> bool:
    """Say whether arrays and objects have more than ``limit`` items and members together; an empty one counts as one."""
    if core is not None:
        return core.json_items_exceed(data, limit)
    text = bytes(data) if isinstance(data, memoryview) else data
    # At the speed of memory; what stands in strings is looked at only where that does not do.
    if text.count(b",") + text.count(b"[") + text.count(b"{") <= limit:
        return False
    signs = _outside_strings(text, _DROPPED_BUT_COMMAS)
    return signs.count(b",") + signs.count(b"[") + signs.count(b"{") > limit


def _outside_strings(text: bytes | bytearray, dropped: bytes) -> bytes:
    """Return JSON text without its strings and without some signs."""
    kept = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, dropped).replace(b'""', b"")
    return _STRING.sub(b"", kept)


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


def value_depth_exceeds(value: Any, limit: int, *, through_instances: bool = True) -> bool:
    """Say whether containers and instances are nested deeper than ``limit`` levels.

    Each is looked at once in a level, so that a value which is reached in many ways takes no longer. What contains itself
    is deeper than anything.

    Args:
        value: A model, a container, or anything else.
        limit: Levels.
        through_instances: Go on into instances inside the value, and not only into containers.
    """
    level = {id(value): value} if _may_hold(value) else {}
    for _ in range(limit):
        if not level:
            break
        level = {id(part): part for holder in level.values() for part in _parts(holder) if _may_hold(part)}
        if not through_instances:
            level = {key: part for key, part in level.items() if isinstance(part, _CONTAINERS)}
    return bool(level)


_CONTAINERS = (dict, list, tuple, set, frozenset, deque)


def _may_hold(value: Any) -> bool:
    return isinstance(value, _CONTAINERS) or (hasattr(value, "__dict__") and not isinstance(value, type))


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, _CONTAINERS):
        return value
    if isinstance(value, BaseModel):
        return [*value.__dict__.values(), *(value.__pydantic_extra__ or {}).values()]
    attributes: dict[str, Any] = value.__dict__
    return attributes.values()

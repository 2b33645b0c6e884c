"""Whether two core schemas say the same.

Pydantic puts the ready-made serializer of a class in the place of the class's schema. What a schema says of a class may
be taken for what happens only if it says what the class's own schema does.
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_serialization.plan.walk import Node

_IGNORED = frozenset({"metadata", "ref"})
_SCALARS = (str, int, float, bool, type(None))


def same(left: Any, right: Any, lefts: Mapping[str, Node], rights: Mapping[str, Node], seen: set[Any]) -> bool:
    """Say whether two schemas, or parts of them, are the same but for what has no effect on serialization.

    Args:
        left: A schema.
        right: Another one.
        lefts: The definitions of the first.
        rights: The definitions of the second.
        seen: Pairs that are being compared; give an empty set.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        left, right = _resolved(left, lefts), _resolved(right, rights)
        pair = (id(left), id(right))
        if left is right and lefts is rights:
            return True
        if pair in seen:
            return True
        seen.add(pair)
        names = left.keys() - _IGNORED
        return names == right.keys() - _IGNORED and all(
            same(left[name], right[name], lefts, rights, seen) for name in names
        )
    if isinstance(left, (list, tuple)) and type(left) is type(right):
        return len(left) == len(right) and all(
            same(one, other, lefts, rights, seen) for one, other in zip(left, right, strict=True)
        )
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    if isinstance(left, _SCALARS):
        return bool(left == right)
    # Bound methods are made afresh on each access.
    return (
        isinstance(left, MethodType)
        and isinstance(right, MethodType)
        and left.__func__ is right.__func__
        and left.__self__ is right.__self__
    )


def _resolved(node: Node, definitions: Mapping[str, Node]) -> Node:
    while node.get("type") == "definition-ref" and "serialization" not in node:
        target = definitions.get(node["schema_ref"])
        if target is None:
            break
        node = target
    return node

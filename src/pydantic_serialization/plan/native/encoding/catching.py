"""Whether code of the user could catch a warning of Pydantic's that is turned into an error.

The parts of a value that Pydantic writes are asked to fail where they would warn, so that one warning can list everything.
A wrap serializer that catches exceptions of its handler would notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pydantic_serialization.plan.walk import children

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_serialization.plan.walk import Node

_classes: WeakKeyDictionary[type, bool] = WeakKeyDictionary()


def may_catch(schema: Node, definitions: Mapping[str, Node]) -> bool:
    """Say whether a serializer in a schema could catch what its handler raises.

    What a function returns without saying so, and what stands where anything may, is not looked into.

    Args:
        schema: A core schema.
        definitions: What it may refer to.
    """
    definitions = dict(definitions)
    seen: set[int] = set()
    todo = [schema]
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        serialization = node.get("serialization") or {}
        if serialization.get("type") == "function-wrap" and _has_handlers(serialization["function"]):
            return True
        if node["type"] == "definitions":
            definitions |= {item["ref"]: item for item in node["definitions"]}
        if node["type"] == "definition-ref" and node["schema_ref"] in definitions:
            todo.append(definitions[node["schema_ref"]])
        todo.extend(children(node))
    return False


def class_may_catch(cls: type) -> bool:
    """Say the same of a class that Pydantic manages."""
    answer = _classes.get(cls)
    if answer is None:
        schema: Any = cls.__dict__.get("__pydantic_core_schema__")
        answer = _classes[cls] = not isinstance(schema, dict) or may_catch(schema, {})
    return answer


def _has_handlers(function: Any) -> bool:
    function = getattr(function, "func", function)
    if str(getattr(function, "__module__", "")).partition(".")[0] == "pydantic":
        return False  # they catch nothing but the sign to leave an item out
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return code is None or bool(code.co_exceptiontable)

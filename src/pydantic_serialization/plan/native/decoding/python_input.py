"""Whether a schema reads Python objects in the same way, be they the whole input or a part of a JSON document.

What a model's ``before`` validator returns is read as Python input, but still as part of a JSON document. A validator of
one's own for it is told that all input is Python. That makes a difference in strict mode, for schemas that name a way for
each kind of input, and to functions that ask for the mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.plan.walk import Node, children

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_INPUT = {"json-or-python", "json", "generator", "custom-error", "call", "arguments", "arguments-v3"}


def reads_python_alike(
    node: Node, config: Node, definitions: Mapping[str, Node], seen: frozenset[str] = frozenset()
) -> bool:
    """Say whether the kind of the whole input makes no difference to reading a node.

    Args:
        node: A core schema.
        config: The configuration that it is read with.
        definitions: What references lead to.
        seen: Definitions that are being looked at.
    """
    kind = node["type"]
    if kind == "definition-ref":
        reference = node["schema_ref"]
        if reference in seen or reference not in definitions:
            return reference in seen
        return reads_python_alike(definitions[reference], config, definitions, seen | {reference})
    if kind in {"model", "dataclass", "typed-dict"}:
        config = node.get("config") or {}
    if kind in _BY_INPUT or node.get("strict") or config.get("strict"):
        return False
    if kind.startswith("function-") and "function" in node and node["function"].get("type") == "with-info":
        return False
    if kind == "lax-or-strict":
        return reads_python_alike(node["lax_schema"], config, definitions, seen)
    written = {id(node.get("serialization")), id(node.get("return_schema"))}
    return all(
        reads_python_alike(child, config, definitions, seen)
        for child in children(node)
        if id(child) not in written and child["type"] != "computed-field"
    )

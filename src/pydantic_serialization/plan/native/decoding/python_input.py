"""Whether a schema reads Python objects in the same way, be they the whole input or a part of a JSON document.

What a model's ``before`` validator returns is read as Python input, but still as part of a JSON document. A validator of
one's own for it is told that all input is Python. That makes a difference in strict mode, for schemas that name a way for
each kind of input, and to functions that ask for the mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_serialization.plan.walk import Node, read_children, read_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN_CONFIG = {"model", "dataclass", "typed-dict"}
_FITS_BY_INPUT = {"uuid", "lax-or-strict"}
"""How well text fits these depends on the kind of the input; the second tries its strict form first inside a union."""
_BY_INPUT = {"json-or-python", "json", "generator", "custom-error", "call", "arguments", "arguments-v3"}


def reads_python_alike(node: Node, config: Node, definitions: Mapping[str, Node]) -> bool:
    """Say whether the kind of the whole input makes no difference to reading a node.

    Args:
        node: A core schema.
        config: The configuration that it is read with.
        definitions: What references lead to.
    """
    seen: set[tuple[int, int]] = set()
    todo = [(node, config)]
    while todo:
        current, around = todo.pop()
        kind = current["type"]
        own = (current.get("config") or {}) if kind in _OWN_CONFIG else around
        if (id(current), id(own)) in seen:
            continue
        seen.add((id(current), id(own)))
        if kind in _BY_INPUT or current.get("strict") or own.get("strict"):
            return False
        if kind.startswith("function-") and "function" in current and current["function"].get("type") == "with-info":
            return False
        if kind == "union" and any(item["type"] in _FITS_BY_INPUT for item in read_nodes(current, definitions)):
            return False
        if kind == "definition-ref":
            if current["schema_ref"] not in definitions:
                return False
            todo.append((definitions[current["schema_ref"]], own))
        # Outside strict mode, which is left out here, only one of the two is used.
        below = [current["lax_schema"]] if kind == "lax-or-strict" else read_children(current)
        todo += [(child, own) for child in below]
    return True

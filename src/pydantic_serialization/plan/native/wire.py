"""Nodes that a format has put into a core schema, for values that it has on the wire and JSON has not.

Their functions turn what stands for such a value in JSON back into it. The native core reads the value itself, so it has
to know these nodes; they say what they are in their metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic_serialization.plan.marks import UNMARKED

if TYPE_CHECKING:
    from pydantic_serialization.plan.walk import Node

WireForm = Literal["binary", "text", "restored"]
"""``binary`` is around ``bytes``, ``text`` around ``str``, and ``restored`` around what takes anything."""

_KEY = "pydantic_serialization_wire"


def wire_metadata(node: Node, form: WireForm) -> dict[str, Any]:
    """Return the metadata of a node that is put around ``node``."""
    return {**node.get("metadata", {}), _KEY: form}


def wire_form(node: Node) -> WireForm | None:
    """Return what a node of a format is; ``None`` for any other node."""
    form: WireForm | None = node.get("metadata", {}).get(_KEY)
    return form


def unmarked_node(node: Node) -> Node:
    """Return the node that a format has put another one around, and that reads what has no marks."""
    inner: Node = node["schema"] if "schema" in node else node["choices"][UNMARKED]
    return inner

"""Read ``bytes`` and extension values in Pydantic's JSON mode, where marked text stands for them.

Only who declares them, and who takes anything, is given them. A ``str`` refuses such a text as it refuses a number;
numbers, moments, URLs, enumerations, and everything that is an array or an object in JSON refuse it by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticKnownError

from pydantic_serialization.plan.extension import Extension
from pydantic_serialization.plan.marks import MARK, marked_value, named, restored
from pydantic_serialization.plan.native.wire import WireForm, wire_metadata
from pydantic_serialization.plan.walk import Node, transform

if TYPE_CHECKING:
    from collections.abc import Callable

_GIVEN_RAW_INPUT = frozenset({"function-before", "function-plain", "function-wrap"})
"""Nodes whose functions are the user's and see what was read."""
_MARK_IN_BYTES = MARK.encode()
_FIELDS = frozenset({"model-fields", "typed-dict", "dataclass-args"})
_NOT_READ = frozenset({"keys_schema", "serialization"})


def read_with_marks(schema: Node) -> Node:
    """Return the schema of a validator that takes marked text in JSON for what it stands for, and for nothing else."""
    return transform(schema, _read_with_marks, skip=_NOT_READ, instead=_read_text)


def _read_text(node: Node) -> Node | None:
    """Return the node whose ``bytes`` are text on the wire, as a serializer of the user's or of ``Base64Bytes`` decides."""
    if (node.get("serialization") or {}).get("type") not in {"function-plain", "to-string", "format"}:
        return None
    return transform(node, _read_without_bytes, skip=_NOT_READ)


def _read_with_marks(node: Node) -> Node:
    if node["type"] == "bytes":
        return _around(node, "function-before", marked_value, "binary")
    return _read_without_bytes(node)


def _read_without_bytes(node: Node) -> Node:
    kind = node["type"]
    if kind in {"str", "bytes"}:
        return _around(node, "function-after", refuse_marked, "text")
    if kind == "any":
        return _around(node, "function-after", restored, "restored")
    if kind in _GIVEN_RAW_INPUT:
        return _around(node, "function-before", restored, "restored")
    if kind == "generator":  # takes the characters of a text for items
        return _around(node, "function-before", refuse_marked_items, "restored")
    if kind == "tagged-union" and callable(node["discriminator"]):
        return {**node, "discriminator": _given_restored(node["discriminator"])}
    if kind == "model" and node["cls"] is Extension:
        return _around(node, "function-before", marked_value, "restored")
    if kind in {"model", "typed-dict", "dataclass"}:
        return _keep_extras(node)
    return node


def _around(node: Node, kind: str, function: Callable[[Any], Any], form: WireForm) -> Node:
    """Return the node inside a function node, which takes over what other nodes know it by."""
    outer: Node = {key: node[key] for key in ("ref", "serialization") if key in node}
    outer["metadata"] = wire_metadata(node, form)
    inner = {key: value for key, value in node.items() if key not in {"ref", "serialization"}}
    return {"type": kind, "function": {"type": "no-info", "function": function}, "schema": inner, **outer}


@named
def refuse_marked(value: str | bytes) -> str | bytes:
    if isinstance(value, bytes):
        if value.startswith(_MARK_IN_BYTES):
            raise PydanticKnownError("bytes_type")
    elif value.startswith(MARK):
        raise PydanticKnownError("string_type")
    return value


@named
def refuse_marked_items(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(MARK):
        raise PydanticKnownError("iterable_type")
    return value


def _given_restored(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def given(value: Any) -> Any:
        return function(restored(value))

    return given


@named
def restore_extras(arguments: tuple[dict[str, Any], Any]) -> tuple[dict[str, Any], Any]:
    """Restore what a dataclass keeps beside its fields. Values of fields were restored where they are declared."""
    attributes, init_only = arguments
    return {name: restored(value) for name, value in attributes.items()}, init_only


def _keep_extras(owner: Node) -> Node:
    """Return a class's node whose undeclared values are restored, where it keeps them. The nodes are copies."""
    rule = (owner.get("config") or {}).get("extra_fields_behavior")
    around, fields = None, owner
    while fields["type"] not in _FIELDS and "schema" in fields:
        around, fields = fields, fields["schema"]
    if fields.get("extra_behavior", rule) != "allow":
        return owner
    if fields["type"] == "dataclass-args":
        if around is not None:
            around["schema"] = _around(fields, "function-after", restore_extras, "restored")
    elif "extras_schema" not in fields:
        fields["extras_schema"] = _around({"type": "any"}, "function-after", restored, "restored")
    return owner

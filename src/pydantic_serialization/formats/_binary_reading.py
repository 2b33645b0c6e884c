"""Read ``bytes`` and extension values in Pydantic's JSON mode, where marked text stands for them.

Only who declares them, and who takes anything, is given them. A ``str`` refuses such a text as it refuses a number;
numbers, moments, URLs, enumerations, and everything that is an array or an object in JSON refuse it by themselves.
"""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticKnownError

from pydantic_serialization.plan.extension import Extension
from pydantic_serialization.plan.marks import MARK, MARKED, UNMARKED, marked_value, named, restored
from pydantic_serialization.plan.native.decoding.user_code import is_pydantics_own
from pydantic_serialization.plan.native.wire import WireForm, wire_metadata
from pydantic_serialization.plan.walk import Node, transform

if TYPE_CHECKING:
    from collections.abc import Callable

_GIVEN_RAW_INPUT = frozenset({"function-before", "function-plain", "function-wrap"})
"""Nodes whose functions are the user's and see what was read."""
_DECIDES = frozenset({"function-plain", "to-string", "format"})
_NOT_READ = frozenset({"keys_schema", "serialization"})
_FIELDS = frozenset({"model-fields", "typed-dict", "dataclass-args"})


def read_with_marks(schema: Node) -> Node:
    """Return the schema of a validator that takes marked text in JSON for what it stands for, and for nothing else."""
    return transform(schema, partial(_read_with_marks, form="binary"), skip=_NOT_READ, instead=_read_text)


def _read_text(node: Node) -> Node | None:
    """Return the node whose ``bytes`` are text: in JSON, and as a serializer of the user's or ``Base64Bytes`` decides."""
    if node["type"] != "json" and (node.get("serialization") or {}).get("type") not in _DECIDES:
        return None
    return transform(node, partial(_read_with_marks, form="text"), skip=_NOT_READ)


def _read_with_marks(node: Node, form: WireForm) -> Node:
    """Return what reads a node.

    Args:
        node: The node.
        form: What ``bytes`` usually are on the wire.
    """
    kind = node["type"]
    if kind == "bytes" and form == "binary":
        # A text is read as in Python mode: in a union another choice fits it better, and strict mode refuses it.
        return _around(node, "function-before", marked_value, form)
    if kind == "bytes":
        return _chosen(node, marked_value, form)
    if kind == "str":
        return _around(node, "function-after", refuse_marked, "text")
    if kind == "any":
        return _around(node, "function-after", restored, "restored")
    if kind in _GIVEN_RAW_INPUT:
        own = is_pydantics_own(node["function"]["function"])  # which take text in JSON
        return _around(node, "function-before", refuse_marked if own else restored, "restored")
    if kind == "json":
        return _chosen(node, marked_value, "restored")
    if kind == "generator":  # takes the characters of a text for items, and reads them when they are asked for
        return _chosen(node, restored_items, "restored")
    if kind == "tagged-union" and callable(node["discriminator"]):
        return {**node, "discriminator": _given_restored(node["discriminator"])}
    if kind == "model" and node["cls"] is Extension:
        return _around(node, "function-before", marked_value, "restored")
    if kind in {"model", "typed-dict", "dataclass"}:
        return _keep_extras(node)
    return node


def _chosen(node: Node, function: Callable[[Any], Any], form: WireForm) -> Node:
    """Return the node with a function in front of it for input that has marks.

    Other input has to be read as before: what a function has been given is no JSON any more, and strict mode then refuses
    text for what is text on the wire.
    """
    inner = {key: value for key, value in node.items() if key not in {"ref", "serialization"}}
    marked = {"type": "function-before", "function": {"type": "no-info", "function": function}, "schema": inner}
    choices = {MARKED: marked, UNMARKED: inner}
    outer: Node = {key: node[key] for key in ("ref", "serialization") if key in node}
    metadata = wire_metadata(node, form)
    return {"type": "tagged-union", "choices": choices, "discriminator": _choose, "metadata": metadata, **outer}


def _choose(value: Any) -> str:
    return UNMARKED if restored(value) is value else MARKED


def _around(node: Node, kind: str, function: Callable[[Any], Any], form: WireForm) -> Node:
    """Return the node inside a function node, which takes over what other nodes know it by."""
    outer: Node = {key: node[key] for key in ("ref", "serialization") if key in node}
    outer["metadata"] = wire_metadata(node, form)
    inner = {key: value for key, value in node.items() if key not in {"ref", "serialization"}}
    return {"type": kind, "function": {"type": "no-info", "function": function}, "schema": inner, **outer}


@named
def refuse_marked(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(MARK):
        raise PydanticKnownError("string_type")
    return value


@named
def restored_items(value: Any) -> Any:
    if isinstance(value, str):
        raise PydanticKnownError("iterable_type")
    return restored(value)


def _given_restored(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @wraps(function)
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

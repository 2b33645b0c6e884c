"""Let ``bytes`` through Pydantic's JSON mode, for formats that have them on the wire.

JSON has no bytes, but reading in JSON mode is what makes strict mode and unions choose as they do for JSON
(``date | str`` reads a date there, and the text in Python mode). So ``bytes`` pass as marked values:

* on writing, as text behind a random mark, which no string of a payload can begin with;
* on reading, as an object with one random key. Text would do for ``bytes``, but a ``str`` beside it in a union would
  take it first.
"""

from __future__ import annotations

import secrets
from binascii import a2b_base64, b2a_base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationUnexpectedValue

from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.plan.native.wire import WireForm, wire_metadata
from pydantic_serialization.plan.rebuild import CAN_REBUILD, build_serializer, build_validator
from pydantic_serialization.plan.walk import Node, root_config, transform

if TYPE_CHECKING:
    from pydantic_serialization.plan import ModelPlan

_GIVEN_RAW_INPUT = frozenset({"function-before", "function-plain", "function-wrap"})
"""Nodes whose functions are the user's and see what was read."""
MARK = f"\x00bin:{secrets.token_hex(16)}:"
"""The key of a marked object, and the beginning of marked text."""


def plan_with_marks(plan: ModelPlan, format_name: str) -> ModelPlan:
    """Return the plan with a serializer that gives ``bytes`` as marked text, and a validator that takes marked objects.

    Raises:
        UnsupportedTypeError: this version of Pydantic cannot build a second serializer for a model.
    """
    if not CAN_REBUILD:
        message = f"{format_name} needs Pydantic 2.13 for types that hold bytes"
        raise UnsupportedTypeError(message, model=plan.name, format=format_name)
    config = root_config(dict(plan.schema))
    writing = transform(dict(plan.wire_schema), _written_with_mark, skip=frozenset({"keys_schema"}))
    not_read = frozenset({"keys_schema", "serialization"})
    reading = transform(dict(plan.wire_schema), _read_with_mark, skip=not_read, stop=_is_written_otherwise)
    serializer, validator = build_serializer(writing, config), build_validator(reading, config)
    # Without a model: its public methods know nothing of marks.
    schema: Any = reading
    return replace(plan, model=None, wire_schema=schema, serializer=serializer, validator=validator)


def unmarked(tree: Any) -> Any:
    """Return a tree that the plan's serializer gave, with marked text turned back into ``bytes``."""
    if isinstance(tree, str):
        return tree.removeprefix(MARK).encode("latin-1") if tree.startswith(MARK) else tree
    if isinstance(tree, list):
        return [unmarked(item) for item in tree]
    if isinstance(tree, dict):
        return {key: unmarked(item) for key, item in tree.items()}
    return tree


def marked(tree: Any) -> Any:
    """Return a tree for the plan's validator, with ``bytes`` turned into marked objects that JSON can hold."""
    if isinstance(tree, bytes):
        return {MARK: b2a_base64(tree, newline=False).decode("ascii")}
    if isinstance(tree, list):
        return [marked(item) for item in tree]
    if isinstance(tree, dict):
        return {key: marked(item) for key, item in tree.items()}
    return tree


def _written_with_mark(node: Node) -> Node:
    if node["type"] != "bytes" or "serialization" in node:
        return node
    return {**node, "serialization": {"type": "function-plain", "function": _text, "return_schema": {"type": "any"}}}


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return MARK + value.decode("latin-1")
    if value is None:  # written everywhere without a word
        return None
    # In a union the next choice follows; elsewhere Pydantic warns, and writes the value by its own type.
    message = f"Expected `bytes` - serialized value may not be as expected [input_type={type(value).__name__}]"
    raise PydanticSerializationUnexpectedValue(message)


def _is_written_otherwise(node: Node) -> bool:
    """Say whether a serializer of the user's, or of Pydantic's ``Base64Bytes``, decides what is on the wire."""
    return (node.get("serialization") or {}).get("type") in {"function-plain", "to-string", "format"}


def _read_with_mark(node: Node) -> Node:
    kind = node["type"]
    if kind == "bytes":
        return _around(node, "function-before", _bytes_of, "binary")
    if kind == "any":
        return _around(node, "function-after", _restored, "restored")
    if kind in _GIVEN_RAW_INPUT:
        return _around(node, "function-before", _restored, "restored")
    if kind == "model":
        _restore_extras(node)
    return node


def _around(node: Node, kind: str, function: Any, form: WireForm) -> Node:
    """Return the node inside a function node, which takes over what other nodes know it by."""
    outer: Node = {key: node[key] for key in ("ref", "serialization") if key in node}
    outer["metadata"] = wire_metadata(node, form)
    inner = {key: value for key, value in node.items() if key not in {"ref", "serialization"}}
    return {"type": kind, "function": {"type": "no-info", "function": function}, "schema": inner, **outer}


def _bytes_of(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1 and MARK in value:
        return a2b_base64(value[MARK])
    return value


def _restored(value: Any) -> Any:
    """Return an undeclared value as MessagePack had it."""
    if isinstance(value, dict):
        found = _bytes_of(value)
        return {key: _restored(item) for key, item in value.items()} if found is value else found
    return [_restored(item) for item in value] if isinstance(value, list) else value


def _restore_extras(model: Node) -> None:
    """Let undeclared values of a model that keeps them be restored. The node is this transformation's own copy."""
    if (model.get("config") or {}).get("extra_fields_behavior") != "allow":
        return
    fields = model["schema"]
    while fields["type"].startswith("function-"):
        fields = fields["schema"]
    if fields["type"] == "model-fields":
        fields.setdefault("extras_schema", _around({"type": "any"}, "function-after", _restored, "restored"))

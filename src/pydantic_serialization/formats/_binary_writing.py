"""Write ``bytes`` and extension values through Pydantic's JSON mode, as marked text.

Serializers of the user's that are called with a handler see what they would see in JSON: the text of ``bytes``. What they
leave where it was and as it was is still ``bytes`` on the wire; what they make of it is what they made.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import ormsgpack
from pydantic_core import PydanticSerializationUnexpectedValue, from_json, to_json

from pydantic_serialization.errors import EncodeError
from pydantic_serialization.plan.extension import Extension
from pydantic_serialization.plan.marks import MARK
from pydantic_serialization.plan.native.encoding.modes import Modes
from pydantic_serialization.plan.walk import Node, children, transform

if TYPE_CHECKING:
    from collections.abc import Callable

_OWN_CONFIG = frozenset({"model", "dataclass"})
"""Nodes for whose parts no other configuration holds than their own."""
_MARK_IN_JSON = to_json(MARK)[1:-1].decode()
_MODE = "pydantic_serialization_bytes"


def written_with_marks(schema: Node, config: Any) -> Node:
    """Return the schema of a serializer that gives marked text for what JSON has no form for.

    Args:
        schema: The schema.
        config: The configuration that it is built with.
    """
    copy = transform(schema, lambda node: node)
    _note_modes(copy, config, set())
    return transform(copy, _written_with_marks, skip=frozenset({"keys_schema"}))


def unmarked(tree: Any) -> Any:
    """Return a tree that such a serializer gave, with marked text turned back into what it stands for."""
    return _replaced(tree, _Marked.on_the_wire)


def declares_extensions(schema: Node) -> bool:
    """Say whether some value is declared as an :class:`Extension`."""
    todo, seen = [schema], set()
    while todo:
        node = todo.pop()
        if node["type"] == "model" and node["cls"] is Extension:
            return True
        if id(node) not in seen:
            seen.add(id(node))
            todo += children(node)
    return False


class _Marked(NamedTuple):
    """What stands in a marked text."""

    kind: str
    """How JSON has it, a mode of Pydantic's ``ser_json_bytes``; of an extension, its number."""
    data: bytes

    @classmethod
    def of(cls, text: str) -> _Marked:
        kind, _, data = text.removeprefix(MARK).partition(":")
        return cls(kind, data.encode("latin-1"))

    def text(self) -> str:
        return f"{MARK}{self.kind}:{self.data.decode('latin-1')}"

    def on_the_wire(self) -> Any:
        if self.kind[0].isalpha():
            return self.data
        if self.kind[0] == "-":
            message = f"extension type {self.kind} is MessagePack's own; those of applications are 0 to 127"
            raise EncodeError(message)
        return ormsgpack.Ext(int(self.kind), self.data)

    def in_json(self) -> Any:
        """Return what Pydantic gives for it in JSON mode."""
        match self.kind:
            case "utf8":
                # Pydantic refuses bytes that are no text. Whoever leaves them alone has them as they are; whatever else is
                # made of lone surrogates cannot be written.
                return self.data.decode("utf-8", "surrogateescape")
            case "base64":
                return urlsafe_b64encode(self.data).decode("ascii")
            case "hex":
                return self.data.hex()
            case code:
                return Extension(code=int(code), data=self.data).model_dump(mode="json")


def _note_modes(node: Node, config: Any, seen: set[int]) -> None:
    """Note in each node of ``bytes`` how JSON has them. The nodes are copies."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if node["type"] == "bytes":
        node["metadata"] = {**node.get("metadata", {}), _MODE: Modes.of(config).binary}
    if node["type"] in _OWN_CONFIG or node.get("config"):
        config = node.get("config")
    for child in children(node):
        _note_modes(child, config, seen)


def _written_with_marks(node: Node) -> Node:
    serialization = node.get("serialization")
    if serialization is not None:
        if serialization["type"] == "function-wrap" and not _is_pydantics_own(serialization["function"]):
            takes = 2 if serialization.get("info_arg") else 1
            told = {**serialization, "function": _told_text(serialization["function"], takes)}
            return {**node, "serialization": told}
        return node
    if node["type"] == "json":
        return {**node, "serialization": {"type": "function-wrap", "function": _json}}
    if node["type"] == "bytes":
        return {**node, "serialization": _by(partial(_text_of_bytes, node["metadata"][_MODE]))}
    if node["type"] == "model" and node["cls"] is Extension:
        return {**node, "serialization": _by(_text_of_extension)}
    return node


def _json(value: Any, handler: Callable[[Any], Any]) -> Any:
    """Return JSON in a document: its value, or with ``round_trip`` a text, in which nothing is marked."""
    tree = handler(value)
    if not isinstance(tree, str) or _MARK_IN_JSON not in tree:
        return tree
    return to_json(_in_json(from_json(tree)), inf_nan_mode="constants").decode()


def _by(function: Callable[[Any], Any]) -> Node:
    return {"type": "function-plain", "function": function, "return_schema": {"type": "any"}}


def _is_pydantics_own(function: Any) -> bool:
    """Say whether it is one of Pydantic's own, which hand on what their handlers give them, item by item."""
    return str(getattr(function, "__module__", "")).startswith("pydantic.")


def _text_of_bytes(mode: str, value: Any) -> Any:
    return _Marked(mode, value).text() if isinstance(value, bytes) else _not_a(value, "bytes")


def _text_of_extension(value: Any) -> Any:
    return _Marked(str(value.code), value.data).text() if isinstance(value, Extension) else _not_a(value, "Extension")


def _not_a(value: Any, declared: str) -> None:
    if value is None:  # written everywhere without a word
        return
    # In a union the next choice follows; elsewhere Pydantic warns, and writes the value by its own type.
    message = f"Expected `{declared}` - serialized value may not be as expected [input_type={type(value).__name__}]"
    raise PydanticSerializationUnexpectedValue(message)


def _told_text(function: Callable[..., Any], takes: int) -> Callable[..., Any]:
    """Return a serializer of the user's whose handler gives what JSON has.

    Args:
        function: The serializer.
        takes: How many of its arguments there are from the handler on.
    """

    @wraps(function)
    def serialize(*arguments: Any) -> Any:
        *before, handler = arguments[: len(arguments) - takes + 1]
        given: list[Any] = []

        def told(value: Any, *index: Any) -> Any:
            tree = handler(value, *index)
            given.append(tree)
            return _in_json(tree)

        result = function(*before, told, *arguments[len(arguments) - takes + 1 :])
        for tree in given:
            result = _marked_again(result, tree)
        return result

    return serialize


def _in_json(tree: Any) -> Any:
    """Return a tree with marked text turned into what JSON has."""
    return _replaced(tree, _Marked.in_json)


def _replaced(tree: Any, by: Callable[[_Marked], Any]) -> Any:
    if isinstance(tree, str):
        return by(_Marked.of(tree)) if tree.startswith(MARK) else tree
    if isinstance(tree, list):
        return [_replaced(item, by) for item in tree]
    if isinstance(tree, dict):
        return {key: _replaced(item, by) for key, item in tree.items()}
    return tree


def _marked_again(result: Any, tree: Any) -> Any:
    """Return what the user's code made of a tree, with marked text where that left the text as it was."""
    if isinstance(tree, str):
        return tree if tree.startswith(MARK) and _Marked.of(tree).in_json() == result else result
    if isinstance(tree, list) and isinstance(result, list):
        return [_marked_again(*pair) for pair in zip(result, tree, strict=False)] + result[len(tree) :]
    if isinstance(tree, dict) and isinstance(result, dict):
        return {key: _marked_again(item, tree[key]) if key in tree else item for key, item in result.items()}
    return result

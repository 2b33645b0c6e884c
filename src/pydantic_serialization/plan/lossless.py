"""What a type loses when it is written as Pydantic writes it, and what has to be asked for so that it reads back.

A response may leave out a field; a message in a queue, a column or an entry of a cache may not: nobody has another copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_serialization.plan.walk import children

if TYPE_CHECKING:
    from pydantic_serialization.plan.walk import Node


class Fidelity(NamedTuple):
    """How a type fares on its way through bytes.

    Attributes:
        lost: What is not in the bytes, as sentences without a subject: ``"User.password is excluded from serialization"``.
        by_name: Aliases, computed fields or ``Json`` values: it reads back only if it is written and read by the names
            of its fields, with Pydantic's ``round_trip``.
    """

    lost: tuple[str, ...]
    by_name: bool


def fidelity(schema: Any) -> Fidelity:
    """Return what is known of a core schema.

    Serializers of the user's are taken at their word: what they write has to be what the field reads.
    """
    walk = _Walk()
    walk.look(schema, "", "")
    return Fidelity(tuple(walk.lost), walk.by_name)


class _Walk:
    def __init__(self) -> None:
        self.lost: dict[str, None] = {}
        self.by_name = False
        self._seen: set[int] = set()

    def look(self, node: Node, model: str, field: str) -> None:
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        if node["type"] in {"model", "dataclass", "typed-dict"}:
            model = getattr(node.get("cls"), "__name__", model)
            self.by_name |= bool((node.get("config") or {}).get("serialize_by_alias"))
        self.by_name |= bool(node.get("computed_fields")) or node["type"] in {"json", "computed-field"}
        self.by_name |= "validation_alias" in node or "serialization_alias" in node
        writer = _writer(node)
        if writer is not None:
            # Of Pydantic's own, those of SecretStr, SecretBytes and Secret do not write the value.
            if (getattr(writer, "__module__", "")) == "pydantic.types" and "secret" in getattr(writer, "__name__", ""):
                self.lost[f"{_place(model, field)} is a secret, which is written as asterisks"] = None
            return
        if node["type"] in {"model-fields", "typed-dict"}:
            for name, item in node["fields"].items():
                self._look_at_field(item, model, name)
            below = children(node, skip=frozenset({"fields"}))
        elif node["type"] == "dataclass-args":
            for item in node["fields"]:
                self._look_at_field(item, model, item["name"])
            below = children(node, skip=frozenset({"fields"}))
        else:
            below = children(node)
        for child in below:
            self.look(child, model, field)

    def _look_at_field(self, node: Node, model: str, name: str) -> None:
        has_default = node["schema"]["type"] == "default"
        if node.get("serialization_exclude") or ("serialization_exclude_if" in node and not has_default):
            self.lost[f"{_place(model, name)} is excluded from serialization"] = None
        else:
            self.look(node, model, name)


def _place(model: str, field: str) -> str:
    return ".".join(filter(None, (model, field))) or "the value"


def _writer(node: Node) -> Any:
    """Return the function that writes a value in place of its schema, if there is one."""
    serialization = node.get("serialization") or {}
    return serialization.get("function") if serialization.get("type") == "function-plain" else None

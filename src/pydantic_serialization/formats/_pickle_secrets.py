"""What a pickle would hold though every other format leaves it out: values of secrets, and excluded fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Secret, SecretBytes, SecretStr

from pydantic_serialization.plan.walk import Node, all_nodes, children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_serialization.plan import ModelPlan

_WITH_FIELDS = frozenset({"model-fields", "typed-dict", "dataclass-args"})
_SECRETS = (Secret, SecretBytes, SecretStr)


def field_held_back(plan: ModelPlan) -> str | None:
    """Return the name of a field that other formats would not write; ``None`` if the type has none.

    An instance is pickled whole: without such a field it would not be one when it is read.
    """
    schema = dict(plan.schema)
    for node in all_nodes(schema, {}):
        for name, field in _fields(node):
            if field.get("serialization_exclude") is True or (_holds_secret(field) and not _is_shown(field)):
                return name
    return "the value itself" if _holds_secret(schema, into_fields=False) else None


def _fields(node: Node) -> Iterator[tuple[str, Node]]:
    fields: Any = node.get("fields")
    if node["type"] in {"model-fields", "typed-dict"}:
        yield from fields.items()
    elif node["type"] == "dataclass-args":
        for field in fields:
            yield field["name"], field


def _is_shown(field: Node) -> bool:
    """Say whether a serializer of the user's decides what every format writes of a field."""
    return "is_field_serializer" in (field["schema"].get("serialization") or {})


def _holds_secret(node: Node, *, into_fields: bool = True) -> bool:
    todo = [node]
    while todo:
        part = todo.pop()
        cls = part.get("cls")
        if (isinstance(cls, type) and issubclass(cls, _SECRETS)) or _hides(part.get("serialization") or {}):
            return True
        if into_fields or part["type"] not in _WITH_FIELDS:
            todo += children(part)
    return False


def _hides(serialization: Node) -> bool:
    """Say whether this is Pydantic's serializer of a secret: ``Secret[T]`` has no other mark in its schema."""
    function = serialization.get("function")
    name, module = getattr(function, "__name__", ""), getattr(function, "__module__", "")
    return module == "pydantic.types" and name.startswith("_serialize_secret")

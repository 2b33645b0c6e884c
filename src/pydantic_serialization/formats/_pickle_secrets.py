"""What a pickle would hold though every other format leaves it out: values of secrets, and excluded fields."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from pydantic import Secret, SecretBytes, SecretStr

from pydantic_serialization.errors import EncodeError
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


def declares_secrets(plan: ModelPlan) -> bool:
    """Say whether a secret is declared anywhere in the type."""
    return any(_is_secret(node) for node in all_nodes(dict(plan.schema), {}))


def refuse_secret(value: Any) -> None:
    """Refuse the value of a secret, which can also be where nothing is declared: in ``Any``, an extra, a subclass.

    Raises:
        EncodeError: it is one.
    """
    if isinstance(value, _SECRETS):
        message = f"a pickle would hold a {type(value).__name__} in clear; pickle_secrets=True allows that"
        raise EncodeError(message, format="pickle")


class PicklerWithoutSecrets(pickle.Pickler):
    """Python's pickler (the one in C), which refuses values of secrets."""

    def reducer_override(self, obj: Any) -> Any:
        """Return how to write ``obj``: as Python does.

        Raises:
            EncodeError: it is a secret.
        """
        refuse_secret(obj)
        return NotImplemented


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
        if _is_secret(part):
            return True
        if into_fields or part["type"] not in _WITH_FIELDS:
            todo += children(part)
    return False


def _is_secret(node: Node) -> bool:
    cls = node.get("cls")
    return (isinstance(cls, type) and issubclass(cls, _SECRETS)) or _hides(node.get("serialization") or {})


def _hides(serialization: Node) -> bool:
    """Say whether this is Pydantic's serializer of a secret: ``Secret[T]`` has no other mark in its schema."""
    function = serialization.get("function")
    name, module = getattr(function, "__name__", ""), getattr(function, "__module__", "")
    return module == "pydantic.types" and name.startswith("_serialize_secret")

"""The classes and fields that a type is made of, in the order in which the user wrote them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_serialization.plan.naming import type_name
from pydantic_serialization.plan.walk import Node, children

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLASSES = {"model": "model", "dataclass": "dataclass", "typed-dict": "typed dict"}
_FIELDS = {"model-fields", "dataclass-args", "typed-dict"}
_NOT_VALUES = frozenset({"serialization", "return_schema", "definitions", "computed_fields"})


@dataclass(frozen=True, slots=True)
class ClassShape:
    """A class with fields of its own.

    Attributes:
        cls: The class.
        kind: ``"model"``, ``"dataclass"`` or ``"typed dict"``.
        node: Its core schema.
    """

    cls: type
    kind: str
    node: Node

    @property
    def is_typed_dict(self) -> bool:
        """Instances are plain dictionaries, which do not know their class."""
        return self.kind == "typed dict"


@dataclass(frozen=True, slots=True)
class FieldShape:
    """A field, or a computed field.

    Attributes:
        name: Its name in Python.
        annotation: Its declared type as text.
        node: The core schema of its value.
        is_read: It can be in a document that is read.
        is_written: It can be in a document that is written.
    """

    name: str
    annotation: str
    node: Node
    is_read: bool = True
    is_written: bool = True


class Shape:
    """Finds classes and fields in the core schema of one type.

    Args:
        schema: The core schema.
    """

    def __init__(self, schema: Any) -> None:
        self._definitions: dict[str, Node] = {}
        self._collect(schema)

    def _collect(self, node: Node) -> None:
        reference = node.get("ref")
        if reference is not None:
            self._definitions[reference] = node
        for child in children(node):
            self._collect(child)

    def classes(self, node: Any) -> tuple[ClassShape, ...]:
        """Return the classes that values of a node are made of, without those inside other classes."""
        found: dict[type, ClassShape] = {}
        for item in self._class_nodes(node, set()):
            cls = item.get("cls") or dict
            found.setdefault(cls, ClassShape(cls, _CLASSES[item["type"]], item))
        return tuple(found.values())

    def _class_nodes(self, node: Node, seen: set[str]) -> Iterator[Node]:
        kind = node["type"]
        if kind in _CLASSES:
            yield node
        elif kind == "definition-ref":
            reference = node["schema_ref"]
            if reference in self._definitions and reference not in seen:
                seen.add(reference)
                yield from self._class_nodes(self._definitions[reference], seen)
        else:
            for child in children(node, skip=_NOT_VALUES):
                yield from self._class_nodes(child, seen)

    def fields(self, shape: ClassShape) -> tuple[FieldShape, ...]:
        """Return the fields of a class, the computed ones behind the others."""
        node, annotations = shape.node, _annotations(shape.cls)
        if node.get("root_model"):
            return (FieldShape("root", annotations.get("root") or str(node["schema"]["type"]), node["schema"]),)
        while node["type"] not in _FIELDS:
            inner = self._definitions[node["schema_ref"]] if node["type"] == "definition-ref" else node.get("schema")
            if inner is None:
                return ()
            node = inner
        items = node["fields"]
        named = items.items() if isinstance(items, dict) else [(item["name"], item) for item in items]
        declared = [
            FieldShape(
                name=name,
                annotation=annotations.get(name) or str(item["schema"]["type"]),
                node=item["schema"],
                is_written=not item.get("serialization_exclude") and not item.get("init_only"),
            )
            for name, item in named
        ]
        computed = [
            FieldShape(item["property_name"], _result(shape.cls, item), item["return_schema"], is_read=False)
            for item in node.get("computed_fields") or ()
        ]
        return (*declared, *computed)


def _annotations(cls: type) -> dict[str, str]:
    """Return the declared types of the fields as text, as far as the class tells."""
    fields: Any = getattr(cls, "__pydantic_fields__", None)
    if isinstance(fields, dict):
        return {name: type_name(info.annotation) for name, info in fields.items()}
    if dataclasses.is_dataclass(cls):
        return {field.name: _text(field.type) for field in dataclasses.fields(cls)}
    return {name: _text(item) for name, item in getattr(cls, "__annotations__", {}).items()}


def _text(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    forward = getattr(annotation, "__forward_arg__", None)
    return forward if isinstance(forward, str) else type_name(annotation)


def _result(cls: type, item: Node) -> str:
    """Return the type of a computed field as text."""
    info = getattr(cls, "__pydantic_decorators__", None)
    found = info.computed_fields.get(item["property_name"]) if info is not None else None
    return type_name(found.info.return_type) if found is not None else str(item["return_schema"]["type"])

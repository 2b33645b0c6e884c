"""Walking and changing core schemas."""

from __future__ import annotations

from typing import Any

import pytest
import zoo
from pydantic import BaseModel
from pydantic_core import SchemaValidator

from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.walk import Node, children, root_config, transform


def kinds(node: Node) -> list[str]:
    """Return the types of all nodes, depth first."""
    return [node["type"], *(kind for child in children(node) for kind in kinds(child))]


@pytest.mark.parametrize("entry", zoo.ENTRIES, ids=lambda entry: entry.name)
def test_an_unchanged_copy_validates_alike(entry: zoo.Entry) -> None:
    """The identity transformation gives a schema that Pydantic builds, and leaves the original alone."""
    schema: Any = plan_for(entry.type).schema
    before = repr(schema)
    copy = transform(dict(schema), dict)
    assert repr(schema) == before
    assert sorted(kinds(copy)) == sorted(kinds(dict(schema)))
    build: Any = SchemaValidator
    assert build(copy, root_config(dict(schema)), _use_prebuilt=False)


def test_fields_that_are_called_like_keys_of_a_schema() -> None:
    """Fields named ``type``, ``schema`` or ``pattern`` are fields."""

    class Tricky(BaseModel):
        type: bytes = b""
        schema_: int = 1
        pattern: str = "x"
        serialization: list[bytes] = []

    assert kinds(dict(plan_for(Tricky).schema)).count("bytes") == 2


def test_another_part_may_be_put_in_place() -> None:
    """Where ``instead`` gives one, nothing below it changes."""
    schema: Node = {"type": "list", "items_schema": {"type": "list", "items_schema": {"type": "int"}}}

    def renamed(node: Node) -> Node:
        return {**node, "type": "str"} if node["type"] == "int" else node

    assert "str" in kinds(transform(schema, renamed))
    inner = schema["items_schema"]
    kept = transform(schema, renamed, instead=lambda node: node if node is inner else None)
    assert "str" not in kinds(kept)
    assert kept["items_schema"] is inner
    assert "str" not in kinds(transform(schema, renamed, skip=frozenset({"items_schema"})))


@pytest.mark.parametrize(
    "model", [zoo.Scalars, zoo.ModelSerializers, zoo.Validators, zoo.Node, zoo.Husband, zoo.Validated]
)
def test_the_configuration_of_the_root_is_found(model: Any) -> None:
    """Behind validators, definitions and references stands the configuration of the class."""
    assert root_config(dict(plan_for(model).schema))["title"] == model.__name__


def test_types_without_a_class_have_no_configuration() -> None:
    """Lists and scalars have none, as with Pydantic's TypeAdapter."""
    assert root_config(dict(plan_for(list[zoo.Cat]).schema)) is None
    assert root_config(dict(plan_for(int).schema)) is None


def test_a_shared_node_is_changed_once() -> None:
    """Forty levels that each hold the next one twice are forty nodes, not two to the fortieth."""
    node: Node = {"type": "int"}
    for _ in range(40):
        node = {"type": "tuple", "items_schema": [node, node]}
    calls = 0

    def counted(node: Node) -> Node:
        nonlocal calls
        calls += 1
        return node

    copy = transform(node, counted)
    assert calls == 41
    assert copy["items_schema"][0] is copy["items_schema"][1] is not node["items_schema"][0]

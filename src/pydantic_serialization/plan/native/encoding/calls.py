"""Functions and properties of the user whose result the core writes: serializers, computed fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import SchemaSerializer, core_schema

from pydantic_serialization.plan.native.encoding.arguments import Handlers, SerializationInfo
from pydantic_serialization.plan.native.encoding.modes import Modes
from pydantic_serialization.plan.native.encoding.owners import looks_at_owner
from pydantic_serialization.plan.native.program import Unsupported
from pydantic_serialization.plan.native.supported import version
from pydantic_serialization.plan.walk import children

if TYPE_CHECKING:
    from pydantic_serialization.plan.native.encoding.compiler import Compiler, Program
    from pydantic_serialization.plan.native.encoding.modes import Scope
    from pydantic_serialization.plan.walk import Node

_ALWAYS = {"always", "json"}
_READ_ONCE = (2, 41)
"""Since then a computed field is read once for each time it is written."""


def call(compiler: Compiler, node: Node, scope: Scope) -> Program:
    """Return the program of a node with a serializer of the user's.

    Raises:
        Unsupported: Only Pydantic can call it.
    """
    serialization = node["serialization"]
    function = serialization["function"]
    name = getattr(function, "__name__", None) or repr(function)
    of_field = bool(serialization.get("is_field_serializer"))
    if of_field and serialization.get("info_arg"):
        raise Unsupported(
            f"the serializer {name} asks for information that only Pydantic has", "leave out its info argument"
        )
    inner = {key: value for key, value in node.items() if key not in {"serialization", "ref"}}
    nothing = None
    if serialization.get("when_used", "always") not in _ALWAYS:
        nothing = compiler.node(inner, scope)
    returned = _returned(compiler, serialization.get("return_schema"), scope, name, compiler.field)
    handler = make_handler = None
    if serialization["type"] == "function-wrap":
        if of_field:
            raise Unsupported(f"the serializer {name} wraps the one of a field")
        inner = serialization.get("schema") or inner
        if compiler.has_bytes(inner):
            raise Unsupported(f"the serializer {name} is given bytes in the form of this package")
        handlers = Handlers(inner, compiler.reachable(inner), scope.config, compiler.field)
        handler, make_handler = handlers.plain(compiler.alone(inner, scope.config, function)), handlers.make
    make_info = SerializationInfo if serialization.get("info_arg") else None
    gives_owner = of_field and looks_at_owner(function)
    return ("call", function, of_field, nothing, returned, handler, make_handler, make_info, gives_owner)


def computed(compiler: Compiler, node: Node, scope: Scope) -> Program:
    """Return the program of a computed field.

    Raises:
        Unsupported: Only Pydantic can write it.
    """
    if node.get("serialization_exclude_if") is not None:
        raise Unsupported("exclude_if is Python code")
    if version() < _READ_ONCE:
        raise Unsupported("this version of Pydantic reads computed fields twice")
    name = node["property_name"]
    field, compiler.field = compiler.field, name
    try:
        returned = _returned(compiler, node.get("return_schema"), scope, None, name)
    finally:
        compiler.field = field
    if returned[0][0] == "call":
        raise Unsupported("a computed field with a serializer of its own")
    return ("property", name, name if node.get("alias") is None else node["alias"], returned)


def _returned(compiler: Compiler, schema: Node | None, scope: Scope, name: str | None, field: str | None) -> Program:
    """Return what is known of a result: its program, and a serializer for what the program does not write."""
    if scope.strict:
        raise Unsupported("Python code in a union")
    if Modes.of(scope.config) != compiler.modes or (field is not None and not field.isidentifier()):
        raise Unsupported("Python code in a class that is configured in another way than the outermost one")
    schema = schema or {"type": "any"}
    if _has_references(schema):
        raise Unsupported("Python code with a result of a shared type")
    if compiler.has_bytes(schema):
        raise Unsupported("Python code that returns bytes")
    # Inside a field, so that warnings name it.
    inside: Any = schema
    if field is not None:
        inside = core_schema.typed_dict_schema({field: core_schema.typed_dict_field(inside)})
    config: Any = scope.config
    return (compiler.node(schema, scope), name, SchemaSerializer(inside, config), field)


def _has_references(node: Node) -> bool:
    return node["type"] in {"definition-ref", "definitions"} or any(_has_references(child) for child in children(node))

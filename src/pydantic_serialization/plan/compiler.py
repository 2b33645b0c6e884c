"""Read a core schema once, and keep what the formats need to know. The only reader of core schemas."""

from __future__ import annotations

from enum import Enum
from types import CoroutineType
from typing import TYPE_CHECKING, Annotated, Any, ForwardRef, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.plan.freedom import LEVELS, OPEN, has_free_extras, has_free_result
from pydantic_serialization.plan.managed import through_owner
from pydantic_serialization.plan.naming import VALUES, type_name
from pydantic_serialization.plan.rebuild import CAN_REBUILD, build_serializer, build_validator
from pydantic_serialization.plan.spec import ModelPlan, TypeTraits
from pydantic_serialization.plan.walk import Node, children, root_config

if TYPE_CHECKING:
    from collections.abc import Iterator


def compile_plan(declared: Any) -> ModelPlan:
    """Return the plan of ``declared``.

    Args:
        declared: A model class, or anything that Pydantic makes a ``TypeAdapter`` of.

    Raises:
        UnsupportedTypeError: Pydantic has no schema for the type.
    """
    model = declared if isinstance(declared, type) and issubclass(declared, BaseModel) else None
    name = type_name(declared)
    if isinstance(declared, VALUES):
        message = f"expected a model class or a type, got {_instead_of_a_type(declared)}"
        raise UnsupportedTypeError(message)
    if isinstance(declared, type) and issubclass(declared, (type, CoroutineType)):  # the class of what is to be written
        message = (
            "got a class where an instance is expected: pass the model itself, not its class"
            if issubclass(declared, type)
            else "got a coroutine where a value is expected: await it"
        )
        raise UnsupportedTypeError(message)
    if _names_by_text(declared):
        message = f"{name} names a type by text, which only the code that wrote it can look up; pass the type itself"
        raise UnsupportedTypeError(message, model=name)
    try:
        schema, serializer, validator = _pydantics(declared) if model is None else _models(model)
    except PydanticUndefinedAnnotation as error:
        message = f"{name} refers to {error.name!r}, which is not defined yet; define it, or call model_rebuild()"
        raise UnsupportedTypeError(message, model=name) from error
    except Exception as error:  # noqa: BLE001  (for what is no type, pydantic's own code fails in many ways)
        # Of a class, Pydantic's first line names what is at fault and the way out; of anything else it may show a value.
        is_told = isinstance(error, PydanticUserError) and isinstance(declared, type)
        reason = f" ({str(error).splitlines()[0]})" if is_told else ""
        message = (
            f"pydantic has no schema for {name}{reason}: pass a model, a dataclass, or a type such as list[Model] "
            f"(as model_class=) whose parts pydantic knows"
        )
        # Pydantic's text shows what it was given, which may be the payload.
        shows = any(isinstance(part, VALUES) for part in _parts(declared))
        raise UnsupportedTypeError(message, model=name) from (None if shows else error)
    return plan_of(declared, schema, serializer, validator)


def _instead_of_a_type(value: Any) -> str:
    """Return what was given in place of a type, without showing it, and what to give."""
    if isinstance(value, BaseModel):
        return f"an instance of {type(value).__name__}: pass the class itself"
    if isinstance(value, str):
        return "text: pass the type itself, not its name; the data comes first, the type after it"
    return f"{type_name(value)}; the data comes first, the type after it"


def plan_of(declared: Any, schema: Any, serializer: Any, validator: Any) -> ModelPlan:
    """Return the plan of a type from what Pydantic has compiled for it.

    Args:
        declared: The type.
        schema: Its core schema.
        serializer: Pydantic's serializer of that schema.
        validator: Pydantic's validator of that schema.
    """
    model = declared if isinstance(declared, type) and issubclass(declared, BaseModel) else None
    traits = _Traits(schema).found()
    wire_schema = through_owner(schema, traits.classes)
    source = None if model is None else serializer
    if wire_schema is not schema and CAN_REBUILD:
        config = root_config(schema)
        serializer, validator = build_serializer(wire_schema, config), build_validator(wire_schema, config)
    return ModelPlan(
        type=declared,
        name=type_name(declared),
        model=model,
        schema=schema,
        wire_schema=wire_schema,
        source=source,
        serializer=serializer,
        validator=validator,
        traits=traits,
    )


def _pydantics(declared: Any) -> tuple[Any, Any, Any]:
    """Return schema, serializer and validator of a type that is no model."""
    adapter: TypeAdapter[Any] = TypeAdapter(declared)
    if not adapter.pydantic_complete:
        adapter.rebuild(raise_errors=True)
    return adapter.core_schema, adapter.serializer, adapter.validator


def _models(model: type[BaseModel]) -> tuple[Any, Any, Any]:
    """Return schema, serializer and validator of a model, with its forward references resolved."""
    if not model.__pydantic_complete__:
        model.model_rebuild(raise_errors=True)
    return model.__pydantic_core_schema__, model.__pydantic_serializer__, model.__pydantic_validator__


def _names_by_text(declared: Any) -> bool:
    """Say whether a type holds the name of another as text, which Pydantic would look up in this very module."""
    return any(isinstance(part, (str, ForwardRef)) for part in _parts(declared))


def _parts(declared: Any) -> Iterator[Any]:
    """Yield a type and the types that it is made of."""
    yield declared
    origin, arguments = get_origin(declared), get_args(declared)
    if origin is not Literal:
        for item in arguments[:1] if origin is Annotated else arguments:
            yield from _parts(item)


class _Traits:
    """Collects the traits of a schema in one walk.

    One node can stand at many places of a schema: models that hold several others share their schemas. Every node is
    looked at once, or sixty such models would take longer than anyone waits.
    """

    def __init__(self, schema: Any) -> None:
        self._seen: set[int] = set()
        self._definitions: dict[str, Node] = {}
        self._classes: set[type] = set()
        self._has_bytes = False
        self._has_integers = False
        self._has_floats = False
        self._has_undeclared = False
        self._is_closed = True
        self._collect(schema)
        self._depths: dict[int, int | None] = {}
        self._depth = self._depth_of(schema, frozenset())

    def found(self) -> TypeTraits:
        return TypeTraits(
            classes=frozenset(self._classes),
            has_bytes=self._has_bytes,
            has_integers=self._has_integers,
            has_floats=self._has_floats,
            has_undeclared=self._has_undeclared,
            is_closed=self._is_closed,
            depth=self._depth,
        )

    def _collect(self, node: Node) -> None:
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        kind = node["type"]
        reference = node.get("ref")
        if reference is not None:
            self._definitions[reference] = node
        cls = node.get("cls")
        if isinstance(cls, type) and kind in {"model", "dataclass", "enum", "named-tuple", "typed-dict", "is-instance"}:
            self._classes.add(cls)
        if kind == "literal":
            self._classes.update(type(value) for value in node["expected"] if isinstance(value, Enum))
        self._has_bytes |= kind == "bytes" and "serialization" not in node
        is_free = kind in OPEN or has_free_result(node) or has_free_extras(node)
        self._has_integers |= is_free or kind in {"int", "enum", "literal"}
        is_by_class = bool((node.get("config") or {}).get("polymorphic_serialization"))
        self._has_undeclared |= is_free or is_by_class
        self._has_floats |= is_free or kind in {"float", "enum"}
        self._is_closed &= kind not in OPEN and not has_free_result(node)
        for child in children(node):
            self._collect(child)

    def _depth_of(self, node: Node, above: frozenset[str]) -> int | None:
        """Return the levels of the deepest document of this node, or ``None`` where nothing bounds it."""
        # What is unbounded below one place is so below any other: a definition that holds itself does so everywhere.
        if id(node) not in self._depths:
            self._depths[id(node)] = self._depth_anew(node, above)
        return self._depths[id(node)]

    def _depth_anew(self, node: Node, above: frozenset[str]) -> int | None:
        kind = node["type"]
        if kind == "definition-ref":
            reference = node["schema_ref"]
            if reference in above or reference not in self._definitions:
                return None
            written = self._depth_of(node["serialization"], above) if "serialization" in node else 0
            declared = self._depth_of(self._definitions[reference], above)
            return None if written is None or declared is None else max(written, declared)
        if kind in OPEN or has_free_result(node) or has_free_extras(node):
            return None
        if "ref" in node:
            above |= {node["ref"]}
        deepest = 0
        for child in children(node) if kind != "definitions" else (node["schema"],):
            depth = self._depth_of(child, above)
            if depth is None:
                return None
            deepest = max(deepest, depth)
        return deepest + (kind in LEVELS)

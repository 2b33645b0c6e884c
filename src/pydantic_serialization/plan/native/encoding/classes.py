"""Models, dataclasses and typed dicts: their fields, and which of them Pydantic has to write."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic._internal._mock_val_ser import MockValSer
from pydantic_core import SchemaSerializer

from pydantic_serialization.plan.native.encoding.calls import computed as computed_field
from pydantic_serialization.plan.native.encoding.catching import may_catch
from pydantic_serialization.plan.native.encoding.modes import Modes, Scope
from pydantic_serialization.plan.native.encoding.owners import looks_at_owner
from pydantic_serialization.plan.native.encoding.same import same
from pydantic_serialization.plan.native.encoding.support import found, support
from pydantic_serialization.plan.native.instances import has_usual_dict
from pydantic_serialization.plan.native.program import Detour, Unsupported
from pydantic_serialization.plan.native.supported import version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_serialization.plan.native.encoding.compiler import Compiler, Program
    from pydantic_serialization.plan.walk import Node

_PLAIN_DEFAULTS = (str, int, float, bool, bytes, type(None))
_BUILTINS = (
    int,
    str,
    float,
    bytes,
    bytearray,
    complex,
    list,
    tuple,
    dict,
    set,
    frozenset,
    datetime.date,
    datetime.time,
)
_CHECKED = (*_BUILTINS, datetime.timedelta, datetime.tzinfo, uuid.UUID, decimal.Decimal)
_WRAPPERS = {"function-before", "function-after", "function-wrap"}
_DATA_FREE_DEFAULT = (2, 50)
"""Since then a factory that takes the other fields is no default to compare with."""


class Classes:
    """Compiles the nodes that have fields.

    Args:
        compiler: Compiles everything else.
    """

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self._shared: dict[tuple[int, bool], int] = {}
        self._same: set[Any] = set()

    def compile(self, node: Node, scope: Scope) -> Program:
        """Return the program of a model or a dataclass; each is compiled once."""
        cls = node["cls"]
        key = (id(node), scope.strict)
        if key not in self._shared:
            compiler = self._compiler
            self._shared[key] = len(compiler.definitions)
            compiler.definitions.append(("unsupported",))
            place, field = compiler.place, compiler.field
            try:
                compiler.definitions[self._shared[key]] = self._compile(cls, node, scope.strict)
            except Unsupported as unsupported:
                del self._shared[key]
                if scope.strict:
                    raise
                compiler.place, compiler.field = place, field
                return self.whole(node, unsupported)
            finally:
                compiler.place, compiler.field = place, field
        return ("shared", self._shared[key])

    def _compile(self, cls: type, node: Node, strict: bool) -> Program:
        config = node.get("config") or {}
        if config.get("polymorphic_serialization"):
            raise Unsupported(f"{cls.__name__} is written by the class of the value (polymorphic_serialization)")
        if found(cls, "__getattribute__") is not object.__getattribute__:
            raise Unsupported(f"{cls.__name__} overrides __getattribute__")
        self._own_serializer(node)
        program = (
            self._dataclass(cls, node, config, strict)
            if node["type"] == "dataclass"
            else self._model(cls, node, config, strict)
        )
        if not issubclass(cls, _CHECKED):
            self._compiler.known[cls] = None
        return program

    # -- models ---------------------------------------------------------------------------------------------------------

    def _model(self, cls: type, node: Node, config: Mapping[str, Any], strict: bool) -> Program:
        usual = support()
        kept = () if node.get("root_model") else ("__pydantic_fields_set__", "__pydantic_extra__")
        if (
            not issubclass(cls, BaseModel)
            or not has_usual_dict(cls)
            or any(found(cls, name) is not expected for name, expected in zip(kept, usual[15:17], strict=False))
        ):
            raise Unsupported(f"{cls.__name__} keeps its attributes in a way of its own")
        if node.get("root_model"):
            if found(cls, "root") is not None:
                raise Unsupported(f"{cls.__name__} has an attribute in the place of its root")
            self._compiler.field = "root"
            root = self._compiler.node(node["schema"], Scope(config, strict))
            if root[0] == "call":
                raise Unsupported("a serializer of a root")
            return ("root-model", cls, root)
        inner = _unwrapped(node["schema"])
        if inner["type"] != "model-fields":
            raise Unsupported(f"{cls.__name__} has a schema of its own")
        extra = _extra(node, config) == "allow"
        if extra != (_extra(inner, config) == "allow"):
            raise Unsupported(f"{cls.__name__} treats extra attributes in two ways")
        fields = self._fields(cls, inner["fields"], inner.get("computed_fields") or (), node, config, strict)
        extras: Program = ("any",)
        if "extras_schema" in inner:
            extras = self._compiler.node(inner["extras_schema"], Scope(config, strict))
        return ("model", cls, fields, usual[15], usual[16] if extra else None, extras)

    def _fields(
        self,
        cls: type,
        fields: Mapping[str, Node],
        computed: Any,
        node: Node,
        config: Mapping[str, Any],
        strict: bool,
    ) -> Program:
        """Return the fields of a class, and what goes through its own serializer."""
        items, taken = [], set()
        for name, field in fields.items():
            alias = name if field.get("serialization_alias") is None else field["serialization_alias"]
            taken |= {name, alias}
            items.append(self._field(cls, name, alias, field, node, config, strict))
        if computed and strict:
            raise Unsupported(f"{cls.__name__} has computed fields, and is part of a union")
        names = [item[2] for item in items if item[4] != "excluded"]
        if strict and len(set(names)) < len(names):
            raise Unsupported(f"{cls.__name__} gives two fields one name")
        parts: list[Program] = []
        for item in computed:
            name = item["property_name"]
            taken |= {name, name if item.get("alias") is None else item["alias"]}
            try:
                parts.append(computed_field(self._compiler, item, Scope(config, strict)))
            except Unsupported as unsupported:
                self._detour_of(cls, name, item, node, unsupported)
                parts.append(("detour", ({name}, self._keeps_warnings(item), True)))
        names += [item["property_name"] if item.get("alias") is None else item["alias"] for item in computed]
        by_alias = bool(config.get("serialize_by_alias"))
        serializer = cls.__dict__.get("__pydantic_serializer__")
        return (tuple(items), by_alias, tuple(parts), tuple(taken), serializer, len(set(names)) < len(names))

    def _field(
        self, cls: type, name: str, alias: str, field: Node, node: Node, config: Mapping[str, Any], strict: bool
    ) -> Program:
        compiler = self._compiler
        head = (name, name, alias, True)
        if field.get("serialization_exclude"):
            return (*head, "excluded", None, "absent", None)
        compiler.place, compiler.field = (cls, name), name
        try:
            if field.get("serialization_exclude_if") is not None:
                raise Unsupported("exclude_if is Python code", by_user=True)  # noqa: TRY301
            return (*head, "native", compiler.node(field["schema"], Scope(config, strict)), *_default(field["schema"]))
        except Unsupported as unsupported:
            if strict:
                raise
            self._detour_of(cls, name, field, node, unsupported)
            detour = ({name}, self._keeps_warnings(field), _gives_owner(field["schema"]))
            return (*head, "detour", detour, "opaque", None)

    # -- dataclasses and typed dicts --------------------------------------------------------------------------------------

    def _dataclass(self, cls: type, node: Node, config: Mapping[str, Any], strict: bool) -> Program:
        inner = _unwrapped(node["schema"])
        if inner["type"] != "dataclass-args" or _extra(inner, config) == "allow" or not cls.__dictoffset__:
            raise Unsupported(f"the dataclass {cls.__name__} has slots, extra attributes or a schema of its own")
        if found(cls, "__getattr__") is not None or inner.get("computed_fields"):
            raise Unsupported(f"the dataclass {cls.__name__} has attributes that are Python code")
        names = tuple(node["fields"])
        fields = {item["name"]: item for item in inner["fields"] if not item.get("init_only")}
        if set(names) != set(fields) or not all(self.is_in_dict(cls, name) for name in names):
            raise Unsupported(f"the dataclass {cls.__name__} has attributes that are Python code")
        return ("dataclass", cls, names, self._native_fields(cls, fields, config, strict))

    def typed_dict(self, node: Node, scope: Scope) -> Program:
        """Return the program of a typed dict."""
        config = scope.config or {}
        own = node.get("config") or {}
        if any(name.startswith("ser") for name in own) or _extra(node, {**config, **own}) == "allow":
            raise Unsupported("a typed dict with extra keys or a configuration of its own")
        if node.get("computed_fields"):
            raise Unsupported("a typed dict with computed fields")
        total = node.get("total", config.get("typed_dict_total", True))
        cls = node.get("cls") or dict
        fields = self._native_fields(cls, node["fields"], config, scope.strict)
        items = tuple(
            (*item[:3], bool(field.get("required", total)), *item[4:])
            for item, field in zip(fields[0], node["fields"].values(), strict=True)
        )
        return ("typed-dict", (items, *fields[1:]))

    def _native_fields(self, cls: type, fields: Mapping[str, Node], config: Mapping[str, Any], strict: bool) -> Program:
        """Return fields of which none can go through Pydantic alone."""
        compiler = self._compiler
        items: list[Program] = []
        for name, field in fields.items():
            alias = name if field.get("serialization_alias") is None else field["serialization_alias"]
            head = (name, name, alias, True)
            if field.get("serialization_exclude"):
                items.append((*head, "excluded", None, "absent", None))
                continue
            if field.get("serialization_exclude_if") is not None:
                raise Unsupported("exclude_if is Python code", by_user=True)
            compiler.field = name
            program = compiler.node(field["schema"], Scope(config, strict))
            items.append((*head, "native", program, *_default(field["schema"])))
        names = [item[2] for item in items if item[4] != "excluded"]
        if strict and len(set(names)) < len(names):
            raise Unsupported(f"{cls.__name__} gives two fields one name")
        return (tuple(items), bool(config.get("serialize_by_alias")), (), (), None, len(set(names)) < len(names))

    def is_in_dict(self, cls: type, name: str) -> bool:
        """Say whether reading an attribute of an instance gives what stands in its ``__dict__``."""
        return not hasattr(type(found(cls, name)), "__set__")

    # -- what Pydantic writes ---------------------------------------------------------------------------------------------

    def whole(self, node: Node, unsupported: Unsupported) -> Program:
        """Return a node that lets the class's own serializer write its instances.

        Raises:
            Unsupported: That is not what Pydantic would do here.
        """
        if node["type"] not in {"model", "dataclass"}:
            raise unsupported
        serializer = self._own_serializer(node)
        if serializer is None or Modes.of(node.get("config")) != self._compiler.modes or self._compiler.has_bytes(node):
            raise unsupported
        self._compiler.whole_reasons.setdefault(
            serializer, Detour(unsupported.reason, unsupported.advice, unsupported.by_user)
        )
        self._compiler.leave(unsupported)
        return ("whole", serializer, self._keeps_warnings(node))

    def _detour_of(self, cls: type, name: str, field: Node, node: Node, unsupported: Unsupported) -> None:
        """Note that a field goes through the class's own serializer.

        Raises:
            Unsupported: That serializer would write something else.
        """
        if self._own_serializer(node) is None or "serialization" in node:
            raise unsupported
        if Modes.of(node.get("config")) != self._compiler.modes or self._compiler.has_bytes(field):
            raise unsupported
        self._compiler.detours.setdefault(cls, {})[name] = Detour(
            unsupported.reason, unsupported.advice, unsupported.by_user
        )

    def _own_serializer(self, node: Node) -> SchemaSerializer | None:
        """Return the ready-made serializer of a class, ``None`` if Pydantic does not take it here.

        Raises:
            Unsupported: It says something else than the schema at hand: nobody knows which of the two Pydantic took.
        """
        cls = node["cls"]
        if node["type"] == "dataclass" and "generic_origin" in node:
            return None
        serializer = cls.__dict__.get("__pydantic_serializer__")
        own = cls.__dict__.get("__pydantic_core_schema__")
        if serializer is None or own is None or type(serializer) is MockValSer:
            return None  # of a class that is not complete Pydantic takes the schema at hand
        if type(serializer) is not SchemaSerializer:
            raise Unsupported(f"{cls.__name__} has a serializer that is not Pydantic's")
        definitions = {reference: item for reference, (item, _) in self._compiler.schemas.items()}
        owns: dict[str, Node] = {}
        while own["type"] not in {"model", "dataclass"} and "serialization" not in own:
            if own["type"] == "definitions":
                owns |= {item["ref"]: item for item in own["definitions"]}
                own = own["schema"]
            elif own["type"] == "definition-ref":
                own = owns[own["schema_ref"]]
            elif own["type"] in _WRAPPERS:
                own = own["schema"]
            else:
                break
        if not same(node, own, definitions, owns, set()):
            raise Unsupported(f"{cls.__name__} is declared here in another way than in its own class")
        return serializer

    def _keeps_warnings(self, schema: Node) -> bool:
        definitions = {reference: item for reference, (item, _) in self._compiler.schemas.items()}
        return may_catch(schema, definitions)


def _gives_owner(schema: Node) -> bool:
    """Say whether a function of the user's that writes a field is given the object that the field belongs to."""
    node: Node | None = schema
    while node is not None:
        serialization = node.get("serialization") or {}
        if serialization.get("is_field_serializer") and looks_at_owner(serialization["function"]):
            return True
        node = node.get("schema")
    return False


def _unwrapped(node: Node) -> Node:
    """Go through validators to what they validate."""
    while node["type"] in _WRAPPERS and "serialization" not in node:
        node = node["schema"]
    if "serialization" in node:
        raise Unsupported("a serializer for all fields at once")
    return node


def _extra(node: Node, config: Mapping[str, Any]) -> Any:
    return node.get("extra_behavior") or config.get("extra_fields_behavior")


def _default(schema: Node) -> tuple[str, Any]:
    """Return what ``exclude_defaults`` compares with: how, and the value."""
    node = schema
    while node["type"] in {*_WRAPPERS, "chain", "custom-error", "lax-or-strict"} and "serialization" not in node:
        if node["type"] == "chain":
            node = node["steps"][-1]
        else:
            node = node["strict_schema" if node["type"] == "lax-or-strict" else "schema"]
    if "serialization" in node:
        return ("opaque", None)
    if node["type"] != "default":
        return ("absent", None)
    if "default" in node:
        is_plain = any(type(node["default"]) is kind for kind in _PLAIN_DEFAULTS)
        return ("plain", node["default"]) if is_plain else ("opaque", None)
    if node.get("default_factory") is None:
        return ("absent", None)
    is_absent = node.get("default_factory_takes_data") and version() >= _DATA_FREE_DEFAULT
    return ("absent" if is_absent else "opaque", None)

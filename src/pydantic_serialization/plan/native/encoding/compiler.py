"""Walk over a core schema and give, for each node, what the native core needs to write its values.

The program is plain nested tuples: kinds, names, classes, and serializers of Pydantic for what only Pydantic can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pydantic_core

from pydantic_serialization.plan.native.encoding.calls import call
from pydantic_serialization.plan.native.encoding.catching import class_may_catch
from pydantic_serialization.plan.native.encoding.classes import Classes
from pydantic_serialization.plan.native.encoding.forms import JSON, Form
from pydantic_serialization.plan.native.encoding.modes import Modes, Scope
from pydantic_serialization.plan.native.encoding.support import peculiarities, support
from pydantic_serialization.plan.native.encoding.values import enum_members, literal
from pydantic_serialization.plan.native.prebuilt import refers_to_itself
from pydantic_serialization.plan.native.program import Compiled, Detour, Unsupported
from pydantic_serialization.plan.native.supported import float_exponent_sign
from pydantic_serialization.plan.walk import all_nodes, children, root_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import SchemaSerializer

    from pydantic_serialization.plan.walk import Node

Program = tuple[Any, ...]

_TRANSPARENT = {
    "default": "schema",
    "function-before": "schema",
    "function-after": "schema",
    "function-wrap": "schema",
    "custom-error": "schema",
    "lax-or-strict": "strict_schema",
}
_KEYS = {
    "any",
    "str",
    "int",
    "float",
    "bool",
    "uuid",
    "date",
    "time",
    "datetime",
    "decimal",
    "bytes",
    "enum",
    "literal",
}
_FILTERS = {"include-exclude-sequence", "include-exclude-dict"}


def compile_encoding(schema: Any, serializer: SchemaSerializer | None = None, form: Form = JSON) -> Compiled:
    """Return the program for a core schema, or the reason why there is none.

    Args:
        schema: A core schema.
        serializer: Pydantic's serializer of it, which knows the configuration of the outermost type.
        form: What the program writes.
    """
    modes = Modes.of(_config_of(serializer)) if serializer is not None else _modes_of(schema)
    compiler = Compiler(modes, form)
    compiler.root = schema
    try:
        root = compiler.node(schema, Scope(_config_of(serializer)))
    except Unsupported as unsupported:
        return Compiled(None, Detour(unsupported.reason, unsupported.advice, unsupported.by_user))
    inner = compiler.resolved(root)
    if inner[0] == "whole":
        return Compiled(None, compiler.whole_reasons[inner[1]])
    return Compiled(compiler.program(root), None, compiler.detours)


def _config_of(serializer: SchemaSerializer | None) -> Any:
    """Return the configuration that a serializer was built with."""
    if serializer is None:
        return None
    arguments: Any = serializer.__reduce__()[1]
    return arguments[1]


def _modes_of(schema: Any) -> Modes:
    """Return the modes of the outermost type, as far as its schema tells."""
    node = schema
    while node["type"] == "definitions":
        definitions = {item["ref"]: item for item in node["definitions"]}
        node = node["schema"]
        if node["type"] == "definition-ref":
            node = definitions.get(node["schema_ref"], node)
    cls = node.get("cls")
    is_own = isinstance(cls, type) and cls.__dict__.get("__pydantic_core_schema__") is schema
    return Modes.of(root_config(schema)) if is_own else Modes.unknown()


class Compiler:
    """Compiles the nodes of one type.

    Args:
        modes: Those of the outermost type.
        form: What the program writes.
    """

    def __init__(self, modes: Modes, form: Form = JSON) -> None:
        self.modes = modes
        self.form = form
        self.definitions: list[Program] = []
        self.detours: dict[type, dict[str, Detour]] = {}
        self.known: dict[type, None] = {}
        """Classes in whose instances Pydantic's checks for other types see nothing."""
        self.whole_reasons: dict[Any, Detour] = {}
        self.schemas: dict[str, tuple[Node, Any]] = {}
        """Definitions of the schema, each with the configuration that holds for it."""
        self.field: str | None = None
        """The name that warnings give to the value that is being compiled."""
        self.place: tuple[type, str] | None = None
        """The class and the field that are being compiled."""
        self.root: Node | None = None
        """The schema of the whole type."""
        self._wrapped: frozenset[int] = frozenset()
        self._classes = Classes(self)
        self._references: dict[tuple[str, bool], int] = {}
        self._failed: dict[tuple[str, bool], Unsupported] = {}
        self._kinds: dict[str, Callable[[Node, Scope], Program]] = {
            "list": self._items,
            "set": self._items,
            "frozenset": self._items,
            "tuple": self._tuple,
            "dict": self._dict,
            "nullable": lambda node, scope: ("nullable", self.node(node["schema"], scope)),
            "chain": lambda node, scope: self.node(node["steps"][-1], scope),
            "json-or-python": self._json_or_python,
            "json": self._json,
            "literal": lambda node, _: literal(node["expected"]),
            "enum": self._enum,
            "union": self._union,
            "tagged-union": self._tagged,
            "definitions": self._definitions,
            "definition-ref": self._reference,
            "model": self._classes.compile,
            "dataclass": self._classes.compile,
            "typed-dict": self._classes.typed_dict,
            "float": self._float,
            "bytes": lambda _, scope: ("bytes", "binary" if form.has_bytes else Modes.of(scope.config).binary),
            "timedelta": self._timedelta,
            "datetime": self._temporal,
            "date": self._temporal,
            "time": self._temporal,
            "url": lambda _node, _scope: ("url", pydantic_core.Url),
            "multi-host-url": lambda _node, _scope: ("url", pydantic_core.MultiHostUrl),
            "function-plain": lambda _node, _scope: ("any",),  # a validator: the result may be anything
        }
        for kind in ("any", "none", "bool", "int", "str", "uuid", "decimal"):
            self._kinds[kind] = _leaf(kind)
        for kind in ("is-instance", "is-subclass", "callable"):  # these say what is accepted, not how it is written
            self._kinds[kind] = _leaf("any")

    def node(self, schema: Node, scope: Scope) -> Program:
        """Return the program of one node.

        Args:
            schema: The node.
            scope: What is around it.

        Raises:
            Unsupported: Only Pydantic can write it.
        """
        serialization = schema.get("serialization")
        kind = schema["type"]
        if serialization is not None:
            written = serialization["type"]
            if written in {"function-plain", "function-wrap"}:
                return self._function(schema, scope)
            if written in _FILTERS:
                if serialization.get("include") is not None or serialization.get("exclude") is not None:
                    raise Unsupported("the schema itself leaves items out")
            elif written == "base64":
                raise Unsupported("bytes with a form of their own")
            elif written == "bytes" and self.form.has_bytes:
                raise Unsupported("a serializer for bytes")
            else:
                return self.node(serialization, scope)
        if kind in _TRANSPARENT:
            return self.node(schema[_TRANSPARENT[kind]], scope)
        compile_kind = self._kinds.get(kind)
        if compile_kind is None:
            raise Unsupported(f"{kind} is written by pydantic")
        return compile_kind(schema, scope)

    def _function(self, schema: Node, scope: Scope) -> Program:
        """Return the program of a node that a function of the user's writes."""
        definitions = {reference: item for reference, (item, _) in self.schemas.items()}
        for item in all_nodes(schema, definitions):  # also inside what a handler writes
            is_wrap = (item.get("serialization") or {}).get("type") == "function-wrap"
            if is_wrap and self.root is not None and refers_to_itself(item, self.root):
                cls = item["cls"].__name__
                raise Unsupported(f"pydantic runs the serializer of {cls}, which refers to itself, twice", by_user=True)
        try:
            return call(self, schema, scope)
        except Unsupported as unsupported:
            name = getattr(schema["serialization"]["function"], "__name__", "a serializer").strip("<>")
            advice = unsupported.advice or "leave it out if the value's own JSON form will do"
            reason = Unsupported(f"the serializer {name} is Python code", advice, by_user=True)
            return self._classes.whole(schema, reason)

    def alone(self, schema: Node, config: Any, function: Any) -> Program | None:
        """Return the program of what a function of the user's wraps, by itself; ``None`` if there is none."""
        if id(function) in self._wrapped:
            return None  # it is inside itself
        compiler = Compiler(self.modes)
        compiler.schemas, compiler.root = self.schemas, self.root
        compiler._wrapped = self._wrapped | {id(function)}
        try:
            return compiler.program(compiler.node(schema, Scope(config)))
        except Unsupported:
            return None

    def has_bytes(self, schema: Node) -> bool:
        """Say whether there are bytes that this form writes in another way than the serializers of Pydantic."""
        if not self.form.has_bytes:
            return False
        seen: set[int] = set()
        todo = [schema]
        while todo:
            node = todo.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            serialization = node.get("serialization") or {}
            if serialization.get("type") == "function-plain":  # what is returned is written, and nothing else
                todo += children(serialization)
                continue
            if node["type"] == "bytes":
                return True
            if node["type"] == "definition-ref" and node["schema_ref"] in self.schemas:
                todo.append(self.schemas[node["schema_ref"]][0])
            todo += children(node)
        return False

    def reachable(self, schema: Node) -> dict[str, Node]:
        """Return the definitions that a node needs."""
        definitions = {reference: item for reference, (item, _) in self.schemas.items()}
        references = {item["schema_ref"] for item in all_nodes(schema, definitions) if item["type"] == "definition-ref"}
        return {reference: definitions[reference] for reference in references if reference in definitions}

    def program(self, root: Program) -> Program:
        """Return everything that the core needs, for a root."""
        return (
            root,
            tuple(self.definitions),
            self._undeclared(),
            float_exponent_sign(),
            peculiarities(),
            support(),
            tuple(self.known),
            class_may_catch,
            self.form.failure,
            self.form.pack,
        )

    def _undeclared(self) -> tuple[str, ...]:
        inf_nan, *others = self.modes.for_undeclared()
        return (self.form.inf_nan(inf_nan, declared=False), *others)

    def resolved(self, program: Program) -> Program:
        """Follow references to other parts of the program."""
        while program[0] in {"shared", "reference"}:
            program = self.definitions[program[1]]
        return program

    def leave(self, reason: Unsupported) -> None:
        """Note that the field that is being compiled goes through Pydantic."""
        if self.place is not None:
            cls, name = self.place
            self.detours.setdefault(cls, {}).setdefault(name, Detour(reason.reason, reason.advice, reason.by_user))

    # -- containers -----------------------------------------------------------------------------------------------------

    def _items(self, node: Node, scope: Scope) -> Program:
        return (node["type"], self.node(node.get("items_schema") or _ANY, scope))

    def _tuple(self, node: Node, scope: Scope) -> Program:
        items = tuple(self.node(item, scope) for item in node["items_schema"])
        return ("tuple", items, node.get("variadic_item_index"))

    def _dict(self, node: Node, scope: Scope) -> Program:
        key = self.node(node.get("keys_schema") or _ANY, scope)
        kind = self.resolved(key)
        if kind[0] == "nullable":
            kind = self.resolved(kind[1])
        if kind[0] not in _KEYS:
            raise Unsupported("keys that are no text, number, date, identifier or member of an enum")
        if kind[0] == "bytes" and self.form.has_bytes:
            if key is not kind:
                raise Unsupported("bytes as keys, declared elsewhere")
            key = ("bytes", Modes.of(scope.config).binary)  # a key is always text
        return ("dict", key, self.node(node.get("values_schema") or _ANY, scope))

    # -- values ---------------------------------------------------------------------------------------------------------

    def _float(self, _: Node, scope: Scope) -> Program:
        return ("float", self.form.inf_nan(Modes.of(scope.config).inf_nan, declared=True))

    def _enum(self, node: Node, _: Scope) -> Program:
        cls = node["cls"]
        members = enum_members(cls, node.get("sub_type"))
        self.known[cls] = None
        return ("enum", cls, members, node.get("sub_type") or "any")

    def _temporal(self, node: Node, scope: Scope) -> Program:
        if Modes.of(scope.config).native_temporal() == "unknown":
            raise Unsupported("ser_json_temporal as a number", "leave it at its default")
        return (node["type"],)

    def _timedelta(self, _: Node, scope: Scope) -> Program:
        mode = Modes.of(scope.config).native_duration()
        if mode == "unknown":
            raise Unsupported(
                "durations as a number", "leave ser_json_timedelta and ser_json_temporal at their defaults"
            )
        return ("timedelta", mode)

    def _json(self, node: Node, scope: Scope) -> Program:
        inner = self.node(node.get("schema") or _ANY, scope)
        return ("json", inner)

    def _json_or_python(self, node: Node, scope: Scope) -> Program:
        # For trees, and inside a union, Pydantic takes the schema of Python objects.
        is_python = scope.strict or self.form.pack is not None
        return self.node(node["python_schema" if is_python else "json_schema"], scope)

    # -- unions ---------------------------------------------------------------------------------------------------------

    def _union(self, node: Node, scope: Scope) -> Program:
        choices = [choice[0] if isinstance(choice, tuple) else choice for choice in node["choices"]]
        if len(choices) == 1:
            return self.node(choices[0], scope)
        return ("union", tuple(self.node(choice, scope.inside_union()) for choice in choices))

    def _tagged(self, node: Node, scope: Scope) -> Program:
        choices = node["choices"]
        if len(choices) == 1:
            return self.node(next(iter(choices.values())), scope)
        if self.form.pack is not None and _is_by_type(node["discriminator"]):
            return ("union", tuple(self.node(choice, scope.inside_union()) for choice in choices.values()))
        name = _discriminator(node["discriminator"])
        tags = tuple((tag, index) for index, tag in enumerate(choices) if type(tag) is str)
        if not tags:
            raise Unsupported("a union whose tags are no text")
        programs = tuple(self.node(choice, scope.inside_union()) for choice in choices.values())
        classes = dict.fromkeys(
            cls
            for cls in (self._class_of(program) for program in programs)
            if cls is not None and self._classes.is_in_dict(cls, name)
        )
        return ("tagged-union", name, tags, tuple(classes), programs)

    def _class_of(self, program: Program) -> type | None:
        program = self.resolved(program)
        return program[1] if program[0] in {"model", "dataclass"} else None

    # -- definitions ----------------------------------------------------------------------------------------------------

    def _definitions(self, node: Node, scope: Scope) -> Program:
        for item in node["definitions"]:
            self.schemas[item["ref"]] = (item, scope.config)
        return self.node(node["schema"], scope)

    def _reference(self, node: Node, scope: Scope) -> Program:
        reference = node["schema_ref"]
        key = (reference, scope.strict)
        if key in self._failed:
            raise self._failed[key]
        if key not in self._references:
            if reference not in self.schemas:
                raise Unsupported("a reference to something that is defined elsewhere")
            target, own = self.schemas[reference]
            if target["type"] not in {"model", "dataclass"} and Modes.of(own) != Modes.of(scope.config):
                raise Unsupported("a recursive type that is configured in two ways")
            self._references[key] = len(self.definitions)
            self.definitions.append(_UNSUPPORTED)
            try:
                self.definitions[self._references[key]] = self.node(target, Scope(own, scope.strict))
            except Unsupported as unsupported:
                self._failed[key] = unsupported
                raise
        program = self.definitions[self._references[key]]
        if program[0] == "whole":
            self.leave(Unsupported(self.whole_reasons[program[1]].reason))
        return ("reference", self._references[key])


_ANY: Node = {"type": "any"}
_UNSUPPORTED: Program = ("unsupported",)


def _leaf(kind: str) -> Callable[[Node, Scope], Program]:
    return lambda _node, _scope: (kind,)


def _is_by_type(discriminator: Any) -> bool:
    """Say whether a union is that of ``JsonValue``, whose choices are types of which no two take one value."""
    return getattr(discriminator, "__module__", "") == "pydantic.types" and discriminator.__name__ == "_get_type_name"


def _discriminator(discriminator: Any) -> str:
    """Return the attribute that holds the tag."""
    if callable(discriminator):
        raise Unsupported("a union whose choice is made by a function")
    if isinstance(discriminator, str):
        return discriminator
    paths = [path if isinstance(path, list) else [path] for path in discriminator]
    first = paths[0] if all(isinstance(path, list) for path in discriminator) else discriminator
    if len(first) != 1 or not isinstance(first[0], str):
        raise Unsupported("a union whose tag is deep inside its values")
    return str(first[0])

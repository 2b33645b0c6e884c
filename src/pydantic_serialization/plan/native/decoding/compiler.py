"""From a core schema to the program of a reader: one tuple for each node, in the words that the native core knows.

A node that the core cannot read by itself becomes a *piece*: Pydantic reads its text by a validator for just that node.
Where not even that would give what Pydantic gives for the whole, :class:`Unsupported` travels up to the model around it,
which then is the piece; at the root the type is declined.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pydantic_core import SchemaError, SchemaValidator

from pydantic_serialization.plan.native.decoding.certainty import is_certain
from pydantic_serialization.plan.native.decoding.fields import FieldsCompiler
from pydantic_serialization.plan.native.decoding.info import info_maker
from pydantic_serialization.plan.native.decoding.models import model_program, typed_dict_program
from pydantic_serialization.plan.native.decoding.python_input import PythonInput
from pydantic_serialization.plan.native.decoding.refusals import refusal_error
from pydantic_serialization.plan.native.decoding.scalars import (
    bytes_program,
    decimal_program,
    enum_program,
    float_program,
    int_program,
    literal_program,
    str_program,
    temporal_program,
)
from pydantic_serialization.plan.native.decoding.unions import tagged_program, union_program
from pydantic_serialization.plan.native.decoding.user_code import is_pydantics_own, runs_user_code
from pydantic_serialization.plan.native.prebuilt import class_read_twice, is_wrapped_in_itself
from pydantic_serialization.plan.native.program import Compiled, Detour, Part, Unsupported
from pydantic_serialization.plan.native.wire import unmarked_node, wire_form
from pydantic_serialization.plan.rebuild import CAN_REBUILD, build_validator
from pydantic_serialization.plan.walk import Node, all_nodes, children, root_config

if TYPE_CHECKING:
    from collections.abc import Callable

Program = tuple[Any, ...]

_HASHABLE = {"str", "int", "float", "bool", "none", "date", "time", "datetime", "timedelta", "uuid", "decimal", "bytes"}
_HASHABLE |= {"literal", "enum"}
_TEXT: Program = ("str", None, None, False, False)
_KEYS = {"str", "int", "literal", "enum", "uuid", "date"}


def compile_decoding(schema: Any, validator: Any, *, is_rebuilt: bool = False) -> Compiled:
    """Return the program by which documents of a type are read, or the reason why there is none.

    Args:
        schema: The core schema of the type.
        validator: Its ``SchemaValidator``.
        is_rebuilt: The validator was built of this very schema, without the ready-made ones of its classes.
    """
    compiler = DecodingCompiler(root_config(schema) or {}, schema)
    # Elsewhere parts are read as Pydantic reads them in the whole, by the ready-made validators of their classes.
    compiler.uses_schemas_only = is_rebuilt or (CAN_REBUILD and is_wrapped_in_itself(schema))
    if type(validator) is not SchemaValidator:
        return Compiled(None, Detour("a plug-in of pydantic watches this type"))
    if compiler.config.get("validation_error_cause"):
        return Compiled(None, Detour("validation_error_cause is set"))
    twice = None if is_rebuilt else class_read_twice(schema)
    if twice is not None:
        reason = f"pydantic runs the validators around {twice.__name__}, which refers to itself, twice"
        return Compiled(None, Detour(reason, by_user=True))
    compiler.note_repeated(schema)
    try:
        root = compiler.native(schema, compiler.config)
        compiler.check_unions()
    except Unsupported as error:
        return Compiled(None, Detour(error.reason, error.advice, error.by_user), compiler.detours)
    fail = refusal_error(validator.title, hide_input=bool(compiler.config.get("hide_input_in_errors")))
    return Compiled((root, tuple(compiler.definitions), fail, compiler.is_lax), None, compiler.detours)


class DecodingCompiler:
    """Compiles one type.

    Args:
        config: The configuration of the root.
        root: The schema of the type.

    Attributes:
        config: The configuration of the root.
        python_input: Knows which nodes read Python objects as they read JSON.
        definitions: The programs of definitions, by number.
        detours: Fields with a piece in them, by class.
        uses_schemas_only: Parts are not read by the ready-made validators of their classes.
        is_lax: Something in the program means the same only outside strict mode.
    """

    def __init__(self, config: Node, root: Node) -> None:
        self.config = config
        self.python_input = PythonInput(root)
        self.schemas: dict[str, Node] = {}
        self.definitions: list[Program] = []
        self.detours: dict[type, dict[str, Detour]] = {}
        self.is_lax = False
        self.uses_schemas_only = False
        self.fields = FieldsCompiler(self)
        self._numbers: dict[str, int] = {}
        self._field: tuple[type, str] | None = None
        self._unions: list[Program] = []
        self._repeated: frozenset[int] = frozenset()
        self._shared_numbers: dict[tuple[type, int], int] = {}
        self._failed: dict[tuple[type, int], Part] = {}

    def note_repeated(self, schema: Node) -> None:
        """Find the nodes that stand at more than one place: a model's fields do, wherever the model is used."""
        counted = Counter(id(child) for node in all_nodes(schema, {}) for child in children(node))
        self._repeated = frozenset(key for key, count in counted.items() if count > 1)

    def program(self, node: Node, config: Node) -> Program:
        """Return the program of a node, a piece if it cannot be native.

        Raises:
            Unsupported: the model around the node has to be a piece.
        """
        try:
            return self.native(node, config)
        except Part as error:
            self._note(error)
            return self.piece(node, config)

    def native(self, node: Node, config: Node) -> Program:
        """Return the program of a node.

        Raises:
            Unsupported: it cannot be native.
        """
        kind = node["type"]
        form = wire_form(node)
        if form == "binary":
            return bytes_program(unmarked_node(node), {"val_json_bytes": "binary"})
        if form == "text":
            return self.native(unmarked_node(node), config)
        if form == "restored" and unmarked_node(node)["type"] == "any":
            return ("any-binary",)
        simple = _SCALARS.get(kind)
        if simple is not None:
            try:
                return simple(node, config)
            except Unsupported as error:
                raise Part(error.reason, error.advice, by_user=error.by_user) from None
        compound: Callable[[Any, Node, Node], Program] | None = _COMPOUNDS.get(kind)
        if compound is None:
            raise Part(f"{kind} is read by pydantic")
        if kind == "model" and id(node["schema"]) in self._repeated:
            return self._shared(node, config, compound)
        return compound(self, node, config)

    def _shared(self, node: Node, config: Node, compile_node: Callable[[Any, Node, Node], Program]) -> Program:
        """Return the program of a model that stands at several places: it is compiled once, and referred to."""
        key = (node["cls"], id(node["schema"]))
        if key in self._failed:
            raise self._failed[key]
        if key not in self._shared_numbers:
            self._shared_numbers[key] = number = len(self.definitions)
            self.definitions.append(("none",))  # a place, until the program is known
            try:
                self.definitions[number] = compile_node(self, node, config)
            except Part as error:
                del self._shared_numbers[key]
                self._failed[key] = error
                raise
        return ("definition-ref", self._shared_numbers[key])

    def piece(self, node: Node, config: Node) -> Program:
        """Return the program by which Pydantic reads a node.

        Raises:
            Unsupported: Pydantic cannot read the node by itself.
        """
        is_live = runs_user_code(node, self.schemas)
        if is_live and _looks_around(node, self.schemas):
            raise Unsupported("a validator with an info argument, other than mode='after'")
        return ("piece", self.validator(node, config).validate_json, is_live)

    def validator(self, node: Node, config: Node) -> SchemaValidator:
        """Return Pydantic's validator for a node alone.

        Raises:
            Unsupported: Pydantic cannot build one.
        """
        schema: Any = node
        if self.schemas:
            schema = {"type": "definitions", "schema": node, "definitions": self._reachable(node)}
        try:
            if self.uses_schemas_only:
                return build_validator(schema, config or None)
            return SchemaValidator(schema, config or None)  # type: ignore[arg-type]
        except SchemaError as error:
            raise Unsupported("pydantic cannot build a validator for a part of it") from error

    def in_field(self, cls: type, name: str, node: Node, config: Node) -> Program:
        """Return the program of a field's value, and note for the field what Pydantic does in it."""
        outer, self._field = self._field, (cls, name)
        try:
            return self.program(node, config)
        finally:
            self._field = outer

    def union_checked_later(self, program: Program) -> Program:
        """Remember a union: that its members can be compared is known when all definitions are compiled."""
        self._unions.append(program)
        return program

    def check_unions(self) -> None:
        """See that no member of a union has a part whose fit only Pydantic knows.

        Raises:
            Unsupported: there is one, by way of a definition.
        """
        for union in self._unions:
            if not is_certain(union, self.definitions):
                raise Unsupported("a recursive union of types that pydantic reads")

    def _note(self, error: Unsupported) -> None:
        if self._field is not None:
            cls, name = self._field
            self.detours.setdefault(cls, {}).setdefault(name, Detour(error.reason, error.advice, error.by_user))

    def _reachable(self, node: Node) -> list[Node]:
        """Return the definitions that a node needs, to read and to be built."""
        references = {item["schema_ref"] for item in all_nodes(node, self.schemas) if item["type"] == "definition-ref"}
        return [self.schemas[reference] for reference in references if reference in self.schemas]

    def _definitions(self, node: Node, config: Node) -> Program:
        self.schemas.update((item["ref"], item) for item in node["definitions"])
        return self.native(node["schema"], config)

    def _reference(self, node: Node, config: Node) -> Program:
        reference = node["schema_ref"]
        if reference not in self._numbers:
            if reference not in self.schemas:
                raise Part("a definition that is not there")
            self._numbers[reference] = len(self.definitions)
            number = len(self.definitions)
            self.definitions.append(("none",))  # a place, until the program is known
            field, self._field = self._field, None
            try:
                self.definitions[number] = self.native(self.schemas[reference], config)
            except Unsupported as error:
                self._field = field
                self._note(error)
                self.definitions[number] = self.piece(self.schemas[reference], config)
            finally:
                self._field = field
        return ("definition-ref", self._numbers[reference])

    def _nullable(self, node: Node, config: Node) -> Program:
        return ("nullable", self.program(node["schema"], config))

    def _default(self, node: Node, config: Node) -> Program:
        if node.get("on_error", "raise") != "raise":
            raise Part("a default in place of an error")
        return self.native(node["schema"], config)

    def _json_or_python(self, node: Node, config: Node) -> Program:
        return self.native(node["json_schema"], config)

    def _list(self, node: Node, config: Node) -> Program:
        if node.get("fail_fast"):
            raise Part("fail_fast")
        item = self.program(node.get("items_schema", {"type": "any"}), config)
        return ("list", item, node.get("min_length"), node.get("max_length"))

    def _set(self, node: Node, config: Node) -> Program:
        if node.get("fail_fast"):
            raise Part("fail_fast")
        item = self.native(node.get("items_schema", {"type": "any"}), config)
        if not _is_hashable(item):
            raise Part("a set of values that may not be hashable")
        return (node["type"], item, node.get("min_length"), node.get("max_length"))

    def _tuple(self, node: Node, config: Node) -> Program:
        items, variadic = node["items_schema"], node.get("variadic_item_index")
        if node.get("fail_fast"):
            raise Part("fail_fast")
        if variadic is None:
            if node.get("min_length") is not None or node.get("max_length") is not None:
                raise Part("a tuple with a fixed and a variable length")
            return ("tuple", tuple(self.program(item, config) for item in items))
        if len(items) != 1:
            raise Part("a tuple with a fixed and a variable part")
        return ("tuple-of", self.program(items[0], config), node.get("min_length"), node.get("max_length"))

    def _dict(self, node: Node, config: Node) -> Program:
        if node.get("fail_fast"):
            raise Part("fail_fast")
        key = self.native(node.get("keys_schema", {"type": "any"}), config)
        if key[0] == "any":
            key = _TEXT
        if key[0] not in _KEYS or (key[0] == "literal" and any(type(value) is not str for value, _ in key[1])):
            raise Part("a mapping with keys that pydantic converts")
        if key[0] == "enum" and any(type(value) is not str for value, _ in key[1]):
            raise Part("a mapping with keys that pydantic converts")
        value = self.program(node.get("values_schema", {"type": "any"}), config)
        return ("dict", key, value, node.get("min_length"), node.get("max_length"))

    def _after(self, node: Node, config: Node) -> Program:
        call = node["function"]
        function = call["function"]
        if is_pydantics_own(function):
            raise Part("a type with a validator of pydantic's")
        if self._is_shadowed(node["schema"]):
            raise Unsupported("a validator around a field's default")
        inner = self.program(node["schema"], config)
        make = None
        if call["type"] == "with-info":
            make = info_maker(config or None, call.get("field_name"))
        return ("after", function, inner, make)

    def _is_shadowed(self, node: Node) -> bool:
        return bool(node["type"] == "default")

    def _function(self, node: Node, config: Node) -> Program:  # noqa: ARG002
        mode = node["type"].removeprefix("function-")
        raise Part(f"a validator with mode={mode!r}", "mode='after' is the fastest", by_user=True)


def _is_hashable(program: Program) -> bool:
    if program[0] in _HASHABLE:
        return True
    if program[0] == "nullable":
        return _is_hashable(program[1])
    if program[0] == "tuple":
        return all(map(_is_hashable, program[1]))
    return program[0] in {"tuple-of", "frozenset"} and _is_hashable(program[1])


def _looks_around(node: Node, schemas: dict[str, Node], seen: frozenset[str] = frozenset()) -> bool:
    """Say whether a validator in a node may look at what is validated around the node."""
    kind = node["type"]
    if kind == "definition-ref":
        reference = node["schema_ref"]
        if reference in seen or reference not in schemas:
            return False
        return _looks_around(schemas[reference], schemas, seen | {reference})
    if kind in {"model", "dataclass"} and not node.get("root_model"):
        inner = node["schema"]
        while inner["type"].startswith("function-") and "schema" in inner:
            if inner["function"]["type"] == "with-info":
                return True
            inner = inner["schema"]
        return False  # what is inside sees the fields of that class
    if kind.startswith("function-") and node["function"]["type"] == "with-info":
        return True
    if kind == "default" and node.get("default_factory_takes_data"):
        return True
    inner = [node.get(key) for key in ("schema", "items_schema", "keys_schema", "values_schema", "json_schema")]
    inner += [item[0] if isinstance(item, tuple) else item for item in node.get("choices", ()) if kind == "union"]
    inner += list(node["choices"].values()) if kind == "tagged-union" else []
    inner += [*node.get("steps", ()), node.get("lax_schema"), node.get("strict_schema")]
    flat = [part for item in inner for part in (item if isinstance(item, (list, tuple)) else [item])]
    return any(_looks_around(part, schemas, seen) for part in flat if isinstance(part, dict))


_SCALARS: dict[str, Callable[[Node, Node], Program]] = {
    "none": lambda _node, _config: ("none",),
    "bool": lambda _node, _config: ("bool",),
    "any": lambda _node, _config: ("any",),
    "int": lambda node, _config: int_program(node),
    "float": lambda node, _config: float_program(node),
    "str": str_program,
    "bytes": bytes_program,
    "date": lambda node, _config: temporal_program(node),
    "time": lambda node, _config: temporal_program(node),
    "datetime": lambda node, _config: temporal_program(node),
    "timedelta": lambda node, _config: temporal_program(node),
    "uuid": lambda node, _config: ("uuid", node.get("version")),
    "decimal": lambda node, _config: decimal_program(node),
    "literal": lambda node, _config: literal_program(node),
    "enum": lambda node, _config: enum_program(node),
}

_COMPOUNDS: dict[str, Callable[[Any, Node, Node], Program]] = {
    "definitions": DecodingCompiler._definitions,  # noqa: SLF001
    "definition-ref": DecodingCompiler._reference,  # noqa: SLF001
    "nullable": DecodingCompiler._nullable,  # noqa: SLF001
    "default": DecodingCompiler._default,  # noqa: SLF001
    "json-or-python": DecodingCompiler._json_or_python,  # noqa: SLF001
    "list": DecodingCompiler._list,  # noqa: SLF001
    "set": DecodingCompiler._set,  # noqa: SLF001
    "frozenset": DecodingCompiler._set,  # noqa: SLF001
    "tuple": DecodingCompiler._tuple,  # noqa: SLF001
    "dict": DecodingCompiler._dict,  # noqa: SLF001
    # No JSON value is an instance of a class, a class, or a function.
    "is-instance": lambda _compiler, _node, _config: ("refused",),
    "is-subclass": lambda _compiler, _node, _config: ("refused",),
    "callable": lambda _compiler, _node, _config: ("refused",),
    "function-after": DecodingCompiler._after,  # noqa: SLF001
    "function-before": DecodingCompiler._function,  # noqa: SLF001
    "function-wrap": DecodingCompiler._function,  # noqa: SLF001
    "function-plain": DecodingCompiler._function,  # noqa: SLF001
    "model": model_program,
    "typed-dict": typed_dict_program,
    "union": union_program,
    "tagged-union": tagged_program,
}

"""Programs for fields: their values, their keys in a text, and what they have when they are not given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import SchemaValidator

from pydantic_serialization.plan.native.decoding.user_code import is_fresh, is_hashable, is_plain, runs_user_code
from pydantic_serialization.plan.native.program import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_serialization.plan.native.decoding.compiler import DecodingCompiler
    from pydantic_serialization.plan.walk import Node

Program = tuple[Any, ...]
Keys = list[tuple[str, int | None]]

MOST_FIELDS = 128
_SCALARS = (str, bytes, int, float, bool, type(None))


class FieldsCompiler:
    """Compiles the fields of models and typed dictionaries.

    Args:
        compiler: Compiles the fields' values.
    """

    def __init__(self, compiler: DecodingCompiler) -> None:
        self._compiler = compiler

    def compile(
        self, cls: type, fields: Mapping[str, Node], config: Node, *, total: bool | None = None
    ) -> tuple[tuple[Program, ...], tuple[tuple[str, int | None], ...]]:
        """Return the programs of fields, and the meaning of keys.

        Args:
            cls: The class they belong to.
            fields: The fields, by name.
            config: The class's configuration.
            total: For a typed dictionary, whether its fields are required unless they say otherwise.

        Raises:
            Unsupported: Pydantic has to read all of it.
        """
        if len(fields) > MOST_FIELDS:
            raise Unsupported(f"more than {MOST_FIELDS} fields")
        programs, keys = [], []
        for index, (name, field) in enumerate(fields.items()):
            value, default = self._default(field, config, total=total)
            program = self._compiler.in_field(cls, name, value, config)
            location = None if config.get("loc_by_alias", True) else name
            programs.append((name, program, default, location))
            keys += self._keys(index, name, field, config)
        meanings: dict[str, int | None] = {}
        for key, meaning in keys:
            # A key that two fields want is Pydantic's.
            meanings[key] = None if key in meanings and meanings[key] != meaning else meaning
        return tuple(programs), tuple(meanings.items())

    @staticmethod
    def _keys(index: int, name: str, field: Node, config: Node) -> Keys:
        """Return the keys of one field, the one that is expected first."""
        alias = field.get("validation_alias")
        if alias is None:
            return [(name, index)]
        paths = [[alias]] if isinstance(alias, str) else alias if isinstance(alias[0], list) else [alias]
        by_alias = config.get("validate_by_alias") is not False
        by_name = bool(config.get("validate_by_name"))
        if not by_alias and not by_name:
            raise Unsupported("neither alias nor name may be used")
        # Of an alias that leads into another object, Pydantic reads whatever stands there.
        aliases: Keys = [(str(path[0]), index if len(path) == 1 and by_alias else None) for path in paths]
        names: Keys = [(name, index if by_name else None)]
        found = aliases + names if by_alias else names + aliases
        if not by_name and all(key != name for key, _ in aliases):
            # What an alias or a name means that is switched off differs between versions; ignored, it means nothing.
            is_ignored = config.get("extra_fields_behavior", "ignore") == "ignore"
            found = aliases if is_ignored else found
        return found

    def _default(self, field: Node, config: Node, *, total: bool | None) -> tuple[Node, Program]:
        """Return the schema of a field's value, and what it has when it is not given."""
        node = field["schema"]
        if (
            node["type"] == "definition-ref"
            and self._compiler.schemas.get(node["schema_ref"], {}).get("type") == "default"
        ):
            raise Unsupported("a shared definition with a default")
        if node["type"] != "default":
            required = field.get("required")
            if required is None:
                required = total is not False
            return node, ("required",) if required else ("absent",)
        if node.get("on_error", "raise") != "raise":
            raise Unsupported("a default in place of an error")
        if node.get("default_factory_takes_data"):
            raise Unsupported("a default factory that takes the other fields")
        return node["schema"], self._default_program(node, config)

    def _default_program(self, node: Node, config: Node) -> Program:
        is_validated = node.get("validate_default", config.get("validate_default", False))
        factory = node.get("default_factory")
        if factory is not None:
            if is_validated:
                raise Unsupported("a default factory whose result is validated")
            return ("fresh", factory) if is_fresh(factory) else ("made", factory)
        if "default" not in node:
            return ("required",)
        value = node["default"]
        if is_validated:
            return self._validated(node, config, value)
        if is_hashable(value):
            return ("shared", value)
        return ("copied", value) if is_plain(value) else ("deep-copied", value)

    def _validated(self, node: Node, config: Node, value: Any) -> Program:
        """Return the program of a default that is validated each time, where that always gives the default itself."""
        inner = node["schema"]
        if not any(type(value) is kind for kind in _SCALARS) or runs_user_code(inner, self._compiler.schemas):
            raise Unsupported("a default that is validated")
        schema: Any = {"type": "definitions", "schema": inner, "definitions": list(self._compiler.schemas.values())}
        try:
            validator = SchemaValidator(schema, config or None)  # type: ignore[arg-type]
            results = [validator.validate_python(value), validator.validate_python(value, strict=True)]
        except ValidationError:
            raise Unsupported("a default that is validated") from None
        if any(result is not value for result in results):
            raise Unsupported("a default that is changed by its validation")
        return ("shared", value)

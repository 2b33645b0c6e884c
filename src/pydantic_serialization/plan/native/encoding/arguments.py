"""What serializers of the user's are called with beside the value: the handler of a wrap serializer, and ``info``.

Pydantic's own classes for these cannot be made from Python; what stands in for them answers as they do.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

from pydantic_serialization._native import core
from pydantic_serialization.plan.native.program import Unsupported
from pydantic_serialization.plan.rebuild import CAN_REBUILD, build_serializer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_serialization.plan.walk import Node

_MISSING = object()


class SerializationInfo:
    """The attributes of Pydantic's ``SerializationInfo``: the options of the call.

    Attributes are the keyword arguments of ``model_dump_json``, and ``mode``, which is ``"json"``.
    """

    def __init__(self, **options: Any) -> None:
        self.include = options.get("include")
        self.exclude = options.get("exclude")
        self.context = options.get("context")
        self.mode = "json"
        self.by_alias = options.get("by_alias")
        self.exclude_unset = bool(options.get("exclude_unset"))
        self.exclude_defaults = bool(options.get("exclude_defaults"))
        self.exclude_none = bool(options.get("exclude_none"))
        self.exclude_computed_fields = bool(options.get("exclude_computed_fields"))
        self.round_trip = bool(options.get("round_trip"))
        self.serialize_as_any = bool(options.get("serialize_as_any"))
        self.polymorphic_serialization = options.get("polymorphic_serialization")

    def mode_is_json(self) -> bool:
        """Say whether JSON is written: it always is here."""
        return True

    def __repr__(self) -> str:
        return (
            f"SerializationInfo(include={self.include!r}, exclude={self.exclude!r}, context={self.context!r}, "
            f"mode='json', by_alias={bool(self.by_alias)}, exclude_unset={self.exclude_unset}, "
            f"exclude_defaults={self.exclude_defaults}, exclude_none={self.exclude_none}, "
            f"exclude_computed_fields={self.exclude_computed_fields}, round_trip={self.round_trip}, "
            f"serialize_as_any={self.serialize_as_any})"
        )


class Handlers:
    """Makes the handlers of one wrap serializer.

    Args:
        schema: What the handler writes.
        definitions: What the schema refers to.
        config: The configuration of the outermost type.
        field: The field that the value stands in, which warnings name; ``None`` outside of any.

    Raises:
        Unsupported: This version of Pydantic cannot build a serializer for the schema alone.
    """

    def __init__(self, schema: Node, definitions: Mapping[str, Node], config: Any, field: str | None) -> None:
        if not CAN_REBUILD:
            raise Unsupported("this version of pydantic cannot build the serializer that is wrapped")
        self._field = field
        inner: Any = schema
        if field is not None:
            inner = core_schema.typed_dict_schema({field: core_schema.typed_dict_field(inner)})
        if definitions:
            inner = {"type": "definitions", "schema": inner, "definitions": list(definitions.values())}
        self._to_python = build_serializer(inner, config).to_python

    def plain(self, program: Any) -> Callable[..., Any]:
        """Return the handler for calls without options.

        Args:
            program: How the core writes the schema; ``None`` if it does not.
        """
        by_pydantic = self.make("warn")
        handler: Callable[..., Any] = by_pydantic
        if core is not None and program is not None:
            handler = core.tree_encoder(program, by_pydantic)
        return handler

    def make(self, warnings: Any, **options: Any) -> Callable[..., Any]:
        """Return the handler for a call with these options."""
        return partial(self._written, {"warnings": warnings, **options})

    def _written(self, options: Mapping[str, Any], value: Any, index_key: Any = _MISSING) -> Any:
        if index_key is not _MISSING and index_key is not None and not isinstance(index_key, (int, str)):
            message = f"'index_key' is expected to be an integer or a string, got '{index_key!r}'"
            raise TypeError(message)
        if self._field is None:
            return self._to_python(value, mode="json", **options)
        return self._to_python({self._field: value}, mode="json", **options).get(self._field)

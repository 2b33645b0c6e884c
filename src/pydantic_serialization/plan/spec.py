"""The plan of a type: data only, made by the compiler, read by formats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic_serialization.plan.fingerprint import fingerprint
from pydantic_serialization.plan.finite import telling_serializer
from pydantic_serialization.plan.native.decoding import compile_decoding
from pydantic_serialization.plan.native.encoding import FINITE_JSON, FINITE_MSGPACK, MSGPACK, compile_encoding
from pydantic_serialization.plan.native.parts import ProgramParts
from pydantic_serialization.plan.stack import StackNeed, need_to_read, need_to_write

if TYPE_CHECKING:
    from pydantic_core import CoreSchema, SchemaSerializer, SchemaValidator

    from pydantic_serialization.plan.native.program import Compiled


@dataclass(frozen=True, slots=True)
class TypeTraits:
    """What formats need to know about everything that is reachable from a type.

    Attributes:
        classes: Models, dataclasses, enums and other classes that instances are made of.
        has_bytes: Some value is declared as ``bytes``.
        has_integers: Some value may be an integer.
        has_floats: Some value may be a ``float``.
        has_undeclared: Some value may be of any type, extra fields included.
        is_closed: Every value has a declared type: no ``Any``, no arbitrary classes, no serializer with a free result.
        depth: Levels of arrays and objects of the deepest document, or ``None`` where the schema sets no bound.
    """

    classes: frozenset[type]
    has_bytes: bool
    has_integers: bool
    has_floats: bool
    has_undeclared: bool
    is_closed: bool
    depth: int | None


@dataclass(frozen=True, eq=False)
class ModelPlan:
    """Everything that the formats need to know about one type.

    Attributes:
        type: The type itself: a model class, or anything that Pydantic makes a ``TypeAdapter`` of.
        name: Short readable name, for messages and statistics: ``"User"``, ``"list[User]"``.
        model: The type if it is a ``BaseModel`` subclass, else ``None``.
        schema: Its core schema.
        wire_schema: The schema that formats work by: the same, but for classes that another library manages.
        source: The model's own serializer, to notice ``model_rebuild``; ``None`` for other types.
        serializer: Pydantic's compiled serializer.
        validator: Pydantic's compiled validator.
        traits: What is known about everything reachable from the type.
    """

    type: Any
    name: str
    model: type[Any] | None
    schema: CoreSchema
    wire_schema: CoreSchema
    source: SchemaSerializer | None
    serializer: SchemaSerializer
    validator: SchemaValidator
    traits: TypeTraits

    @property
    def classes(self) -> frozenset[type]:
        """The classes that instances of the type are made of."""
        return self.traits.classes

    @property
    def import_path(self) -> str:
        """``"module:Class"``, as the command line takes it; empty for types that are no importable class."""
        # "<locals>" and "Page[int]" are names that cannot be imported.
        if not isinstance(self.type, type) or not all(map(str.isidentifier, self.type.__qualname__.split("."))):
            return ""
        return f"{self.type.__module__}:{self.type.__qualname__}"

    @cached_property
    def fingerprint(self) -> bytes:
        """Eight bytes that change when the schema does, the code of validators and serializers included."""
        return fingerprint(self.schema)

    @cached_property
    def stack_to_read(self) -> StackNeed:
        """What Pydantic takes of the stack to read JSON text of the type."""
        return need_to_read(dict(self.wire_schema))

    @cached_property
    def stack_to_write(self) -> StackNeed:
        """What Pydantic takes of the stack to write a value of the type."""
        return need_to_write(dict(self.wire_schema))

    @cached_property
    def encoding(self) -> Compiled:
        """How the native core writes JSON text of the type."""
        return compile_encoding(self.wire_schema, self.serializer)

    @cached_property
    def finite_encoding(self) -> Compiled:
        """How the native core writes JSON text of the type where no NaN or infinity may become ``null`` unasked."""
        return compile_encoding(self.wire_schema, self.serializer, FINITE_JSON)

    @cached_property
    def telling_serializer(self) -> SchemaSerializer | None:
        """A serializer that writes a constant where Pydantic would write ``null`` for NaN and infinities unasked.

        ``None`` before Pydantic 2.13.
        """
        return telling_serializer(self.wire_schema, self.serializer)

    @cached_property
    def packing(self) -> Compiled:
        """How the native core writes MessagePack of the type."""
        return compile_encoding(self.wire_schema, self.serializer, MSGPACK)

    @cached_property
    def finite_packing(self) -> Compiled:
        """How the native core writes MessagePack of the type where no NaN or infinity may become nil unasked."""
        return compile_encoding(self.wire_schema, self.serializer, FINITE_MSGPACK)

    @cached_property
    def decoding(self) -> Compiled:
        """How the native core reads JSON text of the type."""
        return compile_decoding(self.wire_schema, self.validator)

    @cached_property
    def decoding_has_hole(self) -> bool:
        """Whether Pydantic reads parts of what the native core reads."""
        return ProgramParts(self.decoding.program, "reading").has_hole

    def is_current(self) -> bool:
        """Say whether the model still has the serializer it was read from: ``model_rebuild`` makes a new one."""
        return self.model is None or self.model.__pydantic_serializer__ is self.source

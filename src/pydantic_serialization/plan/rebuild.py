"""Build a serializer or a validator for a changed schema, beside the ones that its classes have.

Pydantic puts the ready-made serializer of a class in the place of the class's schema, unless it is told not to.
Versions before 2.13 cannot be told: what needs a changed schema is declined there.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import SchemaSerializer, SchemaValidator

CAN_REBUILD: bool = "_use_prebuilt" in (SchemaValidator.__text_signature__ or "")
"""Whether this version of Pydantic can build from a changed schema."""


def build_serializer(schema: Any, config: Any = None) -> SchemaSerializer:
    """Return a serializer for exactly this core schema. Only where :data:`CAN_REBUILD`."""
    build: Any = SchemaSerializer
    serializer: SchemaSerializer = build(schema, config, _use_prebuilt=False)
    return serializer


def build_validator(schema: Any, config: Any = None) -> SchemaValidator:
    """Return a validator for exactly this core schema. Only where :data:`CAN_REBUILD`."""
    build: Any = SchemaValidator
    validator: SchemaValidator = build(schema, config, _use_prebuilt=False)
    return validator

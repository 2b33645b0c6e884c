"""Let ``bytes`` and extension values through Pydantic's JSON mode, for formats that have them on the wire.

JSON has neither, but reading in JSON mode is what makes strict mode and unions choose as they do for JSON
(``date | str`` reads a date there, and the text in Python mode). So they pass as text behind a mark: a random number that
no payload can know. :mod:`._binary_reading` and :mod:`._binary_writing` see that nobody takes such a text for one: no
``str``, no code of the user's, no error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic_serialization.errors import UnsupportedTypeError
from pydantic_serialization.formats._binary_reading import read_with_marks
from pydantic_serialization.formats._binary_writing import written_with_marks
from pydantic_serialization.plan.rebuild import CAN_REBUILD, build_serializer, build_validator
from pydantic_serialization.plan.walk import root_config

if TYPE_CHECKING:
    from pydantic_serialization.plan import ModelPlan


def plan_with_marks(plan: ModelPlan, format_name: str) -> ModelPlan:
    """Return the plan with a serializer that gives marked text, and a validator that takes it.

    Raises:
        UnsupportedTypeError: this version of Pydantic cannot build a second serializer for a model.
    """
    if not CAN_REBUILD:
        message = f"{format_name} needs Pydantic 2.13 for types that hold bytes"
        raise UnsupportedTypeError(message, model=plan.name, format=format_name)
    config = root_config(dict(plan.schema))
    schema: Any = dict(plan.wire_schema)
    writing, reading = written_with_marks(schema, config), read_with_marks(schema)
    serializer, validator = build_serializer(writing, config), build_validator(reading, config)
    # Without a model: its public methods know nothing of marks.
    wire_schema: Any = reading
    return replace(plan, model=None, wire_schema=wire_schema, serializer=serializer, validator=validator)

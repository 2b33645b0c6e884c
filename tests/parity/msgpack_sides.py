"""The two ways to read MessagePack of a type: by the native core, and through Python."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from pydantic_serialization._native import core
from pydantic_serialization.formats import FormatOptions
from pydantic_serialization.formats._base import BoundFormat, TreeFormat
from pydantic_serialization.formats._binary import plan_with_marks
from pydantic_serialization.formats.msgpack import MsgpackFormat, _Marking
from pydantic_serialization.plan import plan_for
from pydantic_serialization.plan.marks import BINARY
from pydantic_serialization.plan.native.decoding import compile_decoding
from pydantic_serialization.plan.overrides import has_own
from pydantic_serialization.plan.spec import ModelPlan


class Sides(NamedTuple):
    """Both ways for one type."""

    plan: ModelPlan
    through_python: BoundFormat
    program: Any
    mark: str | None

    def python(self, data: Any, **options: Any) -> Any:
        """Read through Python."""
        return self.through_python.decode_with(data, options)  # type: ignore[arg-type]

    def native(self, data: Any, **options: Any) -> Any:
        """Read by the core, with the other way behind it.

        A function of its own for each document: one whose documents are all declined stops to try.
        """
        return self.decoder(self.python)(data, **options)

    def decoder(self, fallback: Any, max_depth: int = 200) -> Any:
        """Return a new function of the core."""
        assert core is not None
        return core.msgpack_decoder(self.program, fallback, max_depth=max_depth, mark=self.mark)


@cache
def sides_of_plan(plan: ModelPlan, max_depth: int = 200) -> Sides:
    """Return both ways for a plan."""
    options = FormatOptions(max_depth=max_depth)
    if has_own(plan.model, "model_validate_json"):  # it is asked in the core's place
        return Sides(plan, TreeFormat.bind(MsgpackFormat(), plan, options), None, None)
    if plan.traits.has_bytes:
        marked = plan_with_marks(plan, "msgpack")
        program = compile_decoding(marked.wire_schema, marked.validator, is_rebuilt=True).program
        return Sides(plan, _Marking().bind(marked, options), program, BINARY)
    return Sides(plan, TreeFormat.bind(MsgpackFormat(), plan, options), plan.decoding.program, None)


def sides_of(declared: Any, max_depth: int = 200) -> Sides:
    """Return both ways for a type."""
    return sides_of_plan(plan_for(declared), max_depth)


def written(entry: Any, value: Any) -> bytes | None:
    """Return the document of a value of an entry of the zoo, if it has one."""
    try:
        TypeAdapter(entry.type).dump_python(value, mode="json", **entry.dump)
        return MsgpackFormat().bind(plan_for(entry.type), FormatOptions()).encode_with(value, entry.dump)
    except (ValueError, TypeError):
        return None


def documents_of(entry: Any) -> list[bytes]:
    """Return the documents of all values of an entry."""
    return [document for document in (written(entry, value) for value in entry.values) if document is not None]

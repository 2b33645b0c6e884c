"""Say, field by field, what the native core writes and reads, what goes through Pydantic, why, and what to change."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_serialization._native import BACKEND
from pydantic_serialization.plan.explanation import Explanation, FieldExplanation, Way
from pydantic_serialization.plan.native.parts import Parts, ProgramParts
from pydantic_serialization.plan.native.supported import what_to_do, why_not
from pydantic_serialization.plan.overrides import has_own
from pydantic_serialization.plan.shape import ClassShape, FieldShape, Shape
from pydantic_serialization.plan.store import plan_for

if TYPE_CHECKING:
    from pydantic_serialization.plan.native.parts import Direction
    from pydantic_serialization.plan.native.program import Compiled, Detour
    from pydantic_serialization.plan.spec import ModelPlan

_NATIVE = Way()
_METHODS: dict[Direction, str] = {"writing": "model_dump_json", "reading": "model_validate_json"}
_DONE: dict[Direction, str] = {"writing": "written", "reading": "read"}


def explain(model: Any) -> Explanation:
    """Return what the native core does for a type, field by field, and where Pydantic does the work, why.

    This is about JSON text: of the format ``orjson``, of ``encoder`` and ``decoder``, and of what ``accelerate`` and
    ``install`` put under Pydantic's methods.

    Args:
        model: A model class, or anything that Pydantic makes a ``TypeAdapter`` of.

    Raises:
        UnsupportedTypeError: Pydantic has no schema for the type.
    """
    plan = plan_for(model)
    return _Explainer(plan).explanation()


class _Place(NamedTuple):
    """Where the walk stands, in one direction.

    Attributes:
        way: How the value here is handled.
        parts: What the core does itself in it.
        is_closed: Pydantic does all of it, whatever is below.
    """

    way: Way
    parts: Parts = Parts()
    is_closed: bool = False


class _Explainer:
    """Explains one type.

    Args:
        plan: The type.
    """

    def __init__(self, plan: ModelPlan) -> None:
        self._plan = plan
        self._shape = Shape(plan.schema)
        self._writing = _Side(plan, "writing")
        self._reading = _Side(plan, "reading")
        self._explained: set[tuple[type, bool, bool]] = set()

    def explanation(self) -> Explanation:
        classes = self._shape.classes(self._plan.schema)
        writing, reading = self._writing.root(classes), self._reading.root(classes)
        return Explanation(
            model=self._plan.name,
            backend=BACKEND,
            writes=writing.way,
            reads=reading.way,
            fields=self._below(classes, writing, reading)[0],
        )

    def _below(
        self, classes: tuple[ClassShape, ...], writing: _Place, reading: _Place
    ) -> tuple[tuple[FieldExplanation, ...], bool]:
        """Return the fields of the classes in a place, and whether they are left out because they stand higher up."""
        if len(classes) == 1:
            shape = classes[0]
            return self._class(shape, self._writing.entered(shape, writing), self._reading.entered(shape, reading))
        members = []
        for shape in classes:
            writes, reads = self._writing.entered(shape, writing), self._reading.entered(shape, reading)
            fields, is_repeated = self._class(shape, writes, reads)
            name = shape.cls.__name__
            members.append(FieldExplanation(name, shape.kind, writes.way, reads.way, fields, is_repeated, True))
        return tuple(members), False

    def _class(self, shape: ClassShape, writing: _Place, reading: _Place) -> tuple[tuple[FieldExplanation, ...], bool]:
        key = (shape.cls, writing.is_closed, reading.is_closed)
        if key in self._explained:
            return (), True
        self._explained.add(key)
        return tuple(self._field(shape, field, writing, reading) for field in self._shape.fields(shape)), False

    def _field(self, shape: ClassShape, field: FieldShape, writing: _Place, reading: _Place) -> FieldExplanation:
        classes = self._shape.classes(field.node)
        writes = self._writing.field(shape, field, writing, classes)
        reads = self._reading.field(shape, field, reading, classes)
        fields, is_repeated = self._below(classes, writes, reads)
        return FieldExplanation(
            name=field.name,
            annotation=field.annotation,
            writes=writes.way if field.is_written else None,
            reads=reads.way if field.is_read else None,
            fields=fields,
            is_repeated=is_repeated,
        )


class _Side:
    """One direction of one type.

    Args:
        plan: The type.
        direction: Which one.
    """

    def __init__(self, plan: ModelPlan, direction: Direction) -> None:
        self._plan = plan
        self._direction: Direction = direction

    @cached_property
    def _compiled(self) -> Compiled:
        return _compiled(self._plan, self._direction)

    @cached_property
    def _parts(self) -> ProgramParts:
        return ProgramParts(self._compiled.program, self._direction)

    def root(self, classes: tuple[ClassShape, ...]) -> _Place:
        """Return the outermost place."""
        way = self._whole()
        if way is not None:
            return _Place(way, is_closed=True)
        parts = self._parts.root
        return _Place(self._unsaid(classes, parts) if parts.has_hole else _NATIVE, parts)

    def _whole(self) -> Way | None:
        """Return why Pydantic does the whole type; ``None`` if it does not."""
        if why_not():
            return Way("pydantic", why_not(), what_to_do())
        method = _METHODS[self._direction]
        if has_own(self._plan.model, method):
            reason = f"{self._plan.name} has a {method} of its own"
            return Way("pydantic", reason, "serializers and validators of its fields leave the rest native")
        declined = self._compiled.declined
        return None if declined is None else _way(declined)

    def entered(self, shape: ClassShape, place: _Place) -> _Place:
        """Return the place inside an instance of a class."""
        # Typed dicts are no classes to the core: what is in them counts as being in what they are in.
        if place.is_closed or shape.is_typed_dict:
            return place
        is_native = place.way.path == "native" and not place.parts.has_hole
        if is_native or shape.cls in place.parts.classes:
            return _Place(_NATIVE)
        way = place.way if place.way.path == "pydantic" else self._unsaid((shape,), place.parts)
        return _Place(way, is_closed=True)

    def field(self, shape: ClassShape, field: FieldShape, place: _Place, classes: tuple[ClassShape, ...]) -> _Place:
        """Return the place of a field's value."""
        detour = None if why_not() else self._compiled.detours.get(shape.cls, {}).get(field.name)
        if place.is_closed:
            return _Place(place.way if detour is None else _way(detour), is_closed=True)
        parts = place.parts if shape.is_typed_dict else self._parts.fields.get((shape.cls, field.name), Parts())
        if detour is not None:
            return _Place(_way(detour), parts)
        is_whole = parts.has_hole and not shape.is_typed_dict
        return _Place(self._unsaid(classes, parts) if is_whole else _NATIVE, parts)

    def _unsaid(self, classes: tuple[ClassShape, ...], parts: Parts) -> Way:
        """Return why Pydantic works in a place for which the compiler gave no reason: a class's own reason, if any."""
        for shape in classes:
            if shape.cls not in parts.classes and not shape.is_typed_dict:
                declined = _compiled(plan_for(shape.cls), self._direction).declined
                if declined is not None:
                    return _way(declined)
                if self._direction == "reading" and shape.node.get("custom_init"):
                    return Way("pydantic", f"{shape.cls.__name__} has an __init__ of its own", "use model_post_init")
        return Way("pydantic", f"a part of it is {_DONE[self._direction]} by pydantic")


def _compiled(plan: ModelPlan, direction: Direction) -> Compiled:
    return plan.encoding if direction == "writing" else plan.decoding


def _way(detour: Detour) -> Way:
    return Way("pydantic", detour.reason, detour.advice)

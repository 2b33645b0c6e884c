"""Say, field by field, what takes a native path and what goes through Pydantic, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic_serialization._native import BACKEND
from pydantic_serialization.plan.store import plan_for

if TYPE_CHECKING:
    from pydantic_serialization.plan.spec import FieldSpec

_NO_CORE = "the native core is not installed"


@dataclass(frozen=True, slots=True)
class FieldExplanation:
    """How one field is read and written.

    Attributes:
        name: The field's name.
        annotation: Its declared type as text.
        path: ``"native"`` or ``"pydantic"``.
        reason: Why it is not native; empty if it is.
        fields: The fields below, if the field is a model. Empty where the model stands higher up already.
    """

    name: str
    annotation: str
    path: Literal["native", "pydantic"]
    reason: str
    fields: tuple[FieldExplanation, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one type is read and written; printed, it is a tree.

    Attributes:
        model: Name of the type.
        backend: ``"native"`` or ``"python"``: what runs in this process.
        path: ``"native"`` if the whole type takes the native path.
        reason: Why it does not; empty if it does.
        fields: Its fields.
    """

    model: str
    backend: str
    path: Literal["native", "pydantic"]
    reason: str
    fields: tuple[FieldExplanation, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        """Return the tree as text, a line for each field."""
        head = f"{self.model}: {self.path}" + (f" ({self.reason})" if self.reason else "")
        return "\n".join([head, *_lines(self.fields, "")])


def explain(model: Any) -> Explanation:
    """Return what the native core does for a type, field by field, and why not where it does nothing.

    Args:
        model: A model class, or anything that Pydantic makes a ``TypeAdapter`` of.

    Raises:
        UnsupportedTypeError: Pydantic has no schema for the type.
    """
    plan = plan_for(model)
    return Explanation(
        model=plan.name,
        backend=BACKEND,
        path="pydantic",
        reason=_NO_CORE,
        fields=tuple(_explained(field, frozenset({plan.type})) for field in plan.fields),
    )


def _explained(field: FieldSpec, above: frozenset[Any]) -> FieldExplanation:
    below: tuple[FieldExplanation, ...] = ()
    if field.nested is not None and field.nested not in above:
        nested = plan_for(field.nested)
        below = tuple(_explained(item, above | {field.nested}) for item in nested.fields)
    return FieldExplanation(field.name, field.annotation, "pydantic", _NO_CORE, below)


def _lines(fields: tuple[FieldExplanation, ...], indent: str) -> list[str]:
    lines = []
    for position, field in enumerate(fields):
        last = position == len(fields) - 1
        lines.append(f"{indent}{'└── ' if last else '├── '}{field.name}: {field.annotation}  [{field.path}]")
        lines += _lines(field.fields, indent + ("    " if last else "│   "))
    return lines

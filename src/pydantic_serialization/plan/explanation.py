"""What ``explain`` returns: a tree of fields, each with the way it is written and the way it is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic_serialization.plan.explanation_text import render

Path = Literal["native", "pydantic"]


@dataclass(frozen=True, slots=True)
class Way:
    """How something is written, or how it is read.

    Attributes:
        path: ``"native"``, or ``"pydantic"`` where Pydantic does it, or a part of it.
        reason: Why it is not native; empty if it is.
        advice: What to change so that it is; empty where nothing is known to help.
    """

    path: Path = "native"
    reason: str = ""
    advice: str = ""


def _path(*ways: Way | None) -> Path:
    return "pydantic" if any(way is not None and way.path == "pydantic" for way in ways) else "native"


def _reason(writes: Way | None, reads: Way | None) -> str:
    writing, reading = ("" if way is None else way.reason for way in (writes, reads))
    if writing and reading and writing != reading:
        return f"writing: {writing}; reading: {reading}"
    return writing or reading


@dataclass(frozen=True, slots=True)
class FieldExplanation:
    """How one field is written and read.

    Attributes:
        name: The field's name; of a member of a union, the name of its class.
        annotation: Its declared type as text; of a member of a union, ``"model"``, ``"dataclass"`` or ``"typed dict"``.
        writes: How it is written; ``None`` if it never is.
        reads: How it is read; ``None`` if it never is.
        fields: The fields of the model that it holds. Where it may hold several, an entry for each of them.
        is_repeated: Its model is explained higher up, and not once more here.
        is_member: This is a class that the value above may be of, not a field.
    """

    name: str
    annotation: str
    writes: Way | None
    reads: Way | None
    fields: tuple[FieldExplanation, ...] = ()
    is_repeated: bool = False
    is_member: bool = False

    @property
    def path(self) -> Path:
        """``"native"`` if the field is native wherever it is written or read."""
        return _path(self.writes, self.reads)

    @property
    def reason(self) -> str:
        """Why it is not native; empty if it is."""
        return _reason(self.writes, self.reads)

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as plain values."""
        return {
            "name": self.name,
            "annotation": self.annotation,
            "path": self.path,
            "reason": self.reason,
            "writes": None if self.writes is None else asdict(self.writes),
            "reads": None if self.reads is None else asdict(self.reads),
            "is_repeated": self.is_repeated,
            "is_member": self.is_member,
            "fields": [item.as_dict() for item in self.fields],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one type is written and read; printed, it is a tree.

    Attributes:
        model: Name of the type.
        backend: ``"native"`` or ``"python"``: what runs in this process.
        writes: How the type itself is written, whatever its fields say.
        reads: How it is read.
        fields: Its fields. Where values may be of several classes, an entry for each of them.
    """

    model: str
    backend: Literal["native", "python"]
    writes: Way
    reads: Way
    fields: tuple[FieldExplanation, ...] = field(default=())

    @property
    def path(self) -> Path:
        """``"native"`` if the whole type is native, with all that is in it, in both directions."""
        return "native" if {self.writes_path, self.reads_path} == {"native"} else "pydantic"

    @property
    def writes_path(self) -> Path:
        """``"native"`` if writing is native throughout."""
        return _path(self.writes, *(item.writes for item in _all(self.fields)))

    @property
    def reads_path(self) -> Path:
        """``"native"`` if reading is native throughout."""
        return _path(self.reads, *(item.reads for item in _all(self.fields)))

    @property
    def reason(self) -> str:
        """Why the type itself is not native; empty if it is."""
        return _reason(self.writes, self.reads)

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as plain values."""
        return {
            "model": self.model,
            "backend": self.backend,
            "path": self.path,
            "reason": self.reason,
            "writes": asdict(self.writes),
            "reads": asdict(self.reads),
            "fields": [item.as_dict() for item in self.fields],
        }

    def __str__(self) -> str:
        """Return a verdict, the tree with a line for each field, and the reasons with what to do about them."""
        return render(self)


def _all(fields: tuple[FieldExplanation, ...]) -> list[FieldExplanation]:
    return [item for entry in fields for item in (entry, *_all(entry.fields))]

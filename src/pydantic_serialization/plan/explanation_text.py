"""An explanation as text: a verdict, a tree with two columns, and notes that say why and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_serialization.plan.explanation import Explanation, FieldExplanation, Way

_WIDEST = 72
"""Columns of the tree; longer declarations are cut."""


class _Line(NamedTuple):
    label: str
    writes: str
    reads: str


def render(explanation: Explanation) -> str:
    """Return an explanation as text."""
    notes = _Notes()
    head = _Line(explanation.model, notes.cell(explanation.writes, None), notes.cell(explanation.reads, None))
    body = _lines(explanation.fields, "", notes, (explanation.writes, explanation.reads))
    lines = [_Line("", "writing", "reading"), head, *body]
    label = min(max(len(line.label) for line in lines), _WIDEST)
    writes = max(len(line.writes) for line in lines)
    table = [f"{_cut(line.label, label):{label}}  {line.writes:{writes}}  {line.reads}".rstrip() for line in lines]
    return "\n".join([_verdict(explanation), "", *table, *notes.lines()])


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


class _Notes:
    """Reasons, numbered as they come up, each said once."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}

    def cell(self, way: Way | None, above: Way | None) -> str:
        """Return what stands in a column; a reason that holds for what is above already is not pointed to again."""
        if way is None:
            return "-"
        if way.path == "native" or way == above:
            return way.path
        number = self._numbers.setdefault((way.reason, way.advice), len(self._numbers) + 1)
        return f"{way.path} ({number})"

    def lines(self) -> list[str]:
        """Return the notes, behind an empty line if there are any."""
        found = [""] if self._numbers else []
        for (reason, advice), number in self._numbers.items():
            mark = f"({number}) "
            found.append(f"{mark}{reason}")
            if advice:
                found.append(f"{'':{len(mark)}}→ {advice}")
        return found


def _lines(
    fields: Sequence[FieldExplanation], indent: str, notes: _Notes, above: tuple[Way | None, Way | None]
) -> list[_Line]:
    lines = []
    for position, field in enumerate(fields):
        is_last = position == len(fields) - 1
        text = f"{field.name} ({field.annotation})" if field.is_member else f"{field.name}: {field.annotation}"
        label = f"{indent}{'└── ' if is_last else '├── '}{text}{', see above' if field.is_repeated else ''}"
        lines.append(_Line(label, notes.cell(field.writes, above[0]), notes.cell(field.reads, above[1])))
        below = indent + ("    " if is_last else "│   ")
        lines += _lines(field.fields, below, notes, (field.writes, field.reads))
    return lines


def _verdict(explanation: Explanation) -> str:
    fields = _declared(explanation.fields)
    writing = _words(explanation.writes, [field.writes for field in fields])
    reading = _words(explanation.reads, [field.reads for field in fields])
    if writing == reading:
        return f"{explanation.model}: written and read {writing}"
    return f"{explanation.model}: written {writing}, read {reading}"


def _words(root: Way, ways: Sequence[Way | None]) -> str:
    if root.path == "pydantic":
        return "by Pydantic"
    present = [way for way in ways if way is not None]
    others = sum(way.path == "pydantic" for way in present)
    if not others:
        return "natively"
    return f"natively but for {others} of {len(present)} field{'s' if len(present) > 1 else ''}"


def _declared(fields: Sequence[FieldExplanation]) -> list[FieldExplanation]:
    found = []
    for field in fields:
        found += [*([] if field.is_member else [field]), *_declared(field.fields)]
    return found

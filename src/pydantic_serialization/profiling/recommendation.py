"""One piece of advice: a sentence that carries the numbers it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from typing import Self

Severity: TypeAlias = Literal["critical", "warning", "info"]
Confidence: TypeAlias = Literal["measured", "sampled", "static"]
Figure: TypeAlias = float | int | str

_CRITICAL_SHARE = 0.20
_WARNING_SHARE = 0.05


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Recommendation(str):  # noqa: SLOT000  (dataclass(slots=True) defines them)
    """One piece of advice. It *is* its sentence, so it prints, joins, compares and serializes as one.

    Attributes:
        message: The sentence, with numbers.
        code: Stable identifier, such as ``"FM101"``; the family is in the letters.
        name: The same in words, such as ``"faster-format-measured"``.
        severity: From the share of the measured time that the fix would save: critical from 20 %, warning from 5 %.
        confidence: ``"measured"`` (every call timed), ``"sampled"``, or ``"static"``: the gain is worked out with
            reference figures that were not taken in this process.
        subject: What it is about: an operation, a cache tier, a codec.
        evidence: The numbers by name; times in seconds, sizes in bytes.
        expected_gain: ``seconds`` saved over the window, and the ``share`` of the measured time that they are.
        fix: What to change.
        verify: A command line that shows whether it helps.
    """

    message: str
    code: str
    name: str
    severity: Severity
    confidence: Confidence
    subject: str
    evidence: Mapping[str, Figure]
    expected_gain: Mapping[str, float]
    fix: str
    verify: str

    def __new__(cls, message: str, *_details: Any, **_named: Any) -> Self:
        """Make the string; the dataclass fills in the rest."""
        return str.__new__(cls, message)

    def as_dict(self) -> dict[str, Any]:
        """Return every attribute as a plain value, for JSON."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}


def severity_of(share: float) -> Severity:
    """Return how much a fix matters that saves ``share`` (0 to 1) of the measured time."""
    if share >= _CRITICAL_SHARE:
        return "critical"
    return "warning" if share >= _WARNING_SHARE else "info"

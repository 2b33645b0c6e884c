"""Records that could not be read: which, where, and why, without showing their values."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from pydantic_serialization.errors import SerializationError

_MOST_FAULTS = 3


@dataclass(frozen=True, slots=True)
class BadRecord:
    """One record that was skipped or set aside.

    Attributes:
        number: Its place among the records of the file, from 1. Blank lines are no records.
        offset: Where it begins, in bytes of the decompressed input, from 0.
        reason: Why it could not be read. Names fields, shows no values.
    """

    number: int
    offset: int
    reason: str

    def __str__(self) -> str:
        """Return number, place and reason as one line."""
        return f"record {self.number} at byte {self.offset}: {self.reason}"


def describe_error(error: Exception) -> str:
    """Return an error as one line that shows no input: Pydantic's own text repeats the values that did not fit."""
    if isinstance(error, ValidationError):
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        shown = [f"{_place(fault['loc'])}: {fault['msg']}" for fault in faults[:_MOST_FAULTS]]
        more = f"; and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        return f"not a valid {error.title} ({'; '.join(shown)}{more})"
    if isinstance(error, SerializationError):
        return str(error)
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _place(steps: tuple[int | str, ...]) -> str:
    return ".".join(map(str, steps)) or "value"


def locate(error: Exception, number: int, offset: int) -> None:
    """Write into ``error`` which record it was."""
    if isinstance(error, SerializationError):
        error.path = (f"record {number}", *error.path)
        error.position = offset if error.position is None else offset + error.position
    else:
        error.add_note(f"in record {number}, which begins at byte {offset}")

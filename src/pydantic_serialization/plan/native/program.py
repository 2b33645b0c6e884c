"""What the compilers of this package give: a program for the native core, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Unsupported(Exception):  # noqa: N818  (it carries a reason upwards, it is no error of a caller)
    """A node of a core schema cannot take the native path.

    Args:
        reason: Why not, as ``explain`` prints it.
        advice: What to change in the model so that it can; empty where nothing helps.
        by_user: It is Python code of the user's, which has to be called in any case.
    """

    def __init__(self, reason: str, advice: str = "", *, by_user: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice
        self.by_user = by_user


class Part(Unsupported):
    """A node that the core cannot do, but that Pydantic can do by itself, without what is around it."""


@dataclass(frozen=True, slots=True)
class Detour:
    """Why something goes through Pydantic.

    Attributes:
        reason: Why it is not native.
        advice: What to change in the model; empty where nothing helps.
        by_user: Python code of the user's is called for it, as it has to be in any case.
    """

    reason: str
    advice: str = ""
    by_user: bool = False


@dataclass(frozen=True, slots=True)
class Compiled:
    """One direction of one type, compiled.

    Attributes:
        program: What the native core is built from; ``None`` if Pydantic does the whole work.
        declined: Why there is no program; ``None`` if there is one.
        detours: Fields that Pydantic does inside an otherwise native type: class to field name to reason.
    """

    program: tuple[Any, ...] | None
    declined: Detour | None = None
    detours: Mapping[type, Mapping[str, Detour]] = field(default_factory=dict)

"""The settings of a configuration that decide how values look in JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_serialization.plan.native.supported import version

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN = "unknown"
UNSET = "unset"
"""Nothing is said about NaN and the infinities: Pydantic writes ``null``, which no ``float`` field reads."""
_SEPARATE = (2, 50)
"""Since then the form of durations is not that of other times in undeclared values."""
_TEMPORAL = (2, 41)
"""Since then there is ``ser_json_temporal``."""


class Scope(NamedTuple):
    """What is around a node.

    Attributes:
        config: The configuration of the class that it belongs to.
        strict: It is inside a union, where there is no way to let Pydantic write a part.
    """

    config: Mapping[str, Any] | None
    strict: bool = False

    def inside_union(self) -> Scope:
        """Return the scope of a union's choices."""
        return Scope(self.config, strict=True)


@dataclass(frozen=True, slots=True)
class Modes:
    """How a configuration writes what has more than one form.

    Attributes:
        inf_nan: NaN and the infinities.
        binary: Bytes.
        temporal: Dates and times.
        duration: ``timedelta``.
    """

    inf_nan: str
    binary: str
    temporal: str
    duration: str

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> Modes:
        """Return the modes of a core configuration."""
        config = config or {}
        temporal = config.get("ser_json_temporal") if version() >= _TEMPORAL else None
        duration = {"iso8601": "iso8601", "float": "seconds"}[config.get("ser_json_timedelta") or "iso8601"]
        return cls(
            inf_nan=config.get("ser_json_inf_nan") or UNSET,
            binary=config.get("ser_json_bytes") or "utf8",
            temporal=temporal or "iso8601",
            duration=temporal or duration,
        )

    @classmethod
    def unknown(cls) -> Modes:
        """Return the modes of a configuration that is not known: what depends on it goes through Pydantic."""
        return cls(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)

    def native_temporal(self) -> str:
        """Return the mode of dates and times for the core, ``"unknown"`` where it has none."""
        return "iso8601" if self.temporal == "iso8601" else UNKNOWN

    def native_duration(self) -> str:
        """Return the mode of durations for the core, ``"unknown"`` where it has none."""
        is_native = self.duration == "iso8601" or (self.duration == "seconds" and version() >= _SEPARATE)
        return self.duration if is_native else UNKNOWN

    def for_undeclared(self) -> tuple[str, str, str, str]:
        """Return how the core writes values without a declared type."""
        temporal = self.native_temporal()
        if version() < _SEPARATE and self.duration != self.temporal:
            temporal = UNKNOWN
        return (self.inf_nan, self.binary, temporal, self.native_duration())

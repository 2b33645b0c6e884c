"""Numbers as people read them. Times are in seconds, sizes in bytes."""

from __future__ import annotations

_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_SIZE_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def duration(seconds: float) -> str:
    """Return ``"1.24 ms"``: three significant digits and a unit between ns and s."""
    for scale, unit in _TIME_UNITS:
        if seconds >= scale:
            return f"{_short(seconds / scale)} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def size(number: float) -> str:
    """Return ``"1.24 kB"``: three significant digits and a decimal unit."""
    for scale, unit in _SIZE_UNITS:
        if number >= scale:
            return f"{_short(number / scale)} {unit}"
    return f"{number:.0f} B"


def percent(share: float) -> str:
    """Return ``"42 %"``, with a decimal below 10 %."""
    return f"{share * 100:.1f} %" if share < 0.0995 else f"{share * 100:.0f} %"


def _short(number: float) -> str:
    return f"{number:.2f}" if number < 10 else f"{number:.1f}" if number < 100 else f"{number:,.0f}"

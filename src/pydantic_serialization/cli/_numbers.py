"""Figures as people read them."""

from __future__ import annotations

_KILO = 1000


def amount(number: float) -> str:
    """Return three significant digits with a unit: ``"207 k"``, ``"1.52 M"``; ``"-"`` for nothing."""
    if number <= 0:
        return "-"
    for unit in ("", " k", " M", " G"):
        if number < _KILO * 0.9995 or unit == " G":
            return f"{_three_digits(number)}{unit}"
        number /= _KILO
    return ""


def size(number: float) -> str:
    """Return bytes: ``"225 B"``, ``"338 kB"``."""
    text = amount(number) if number > 0 else "0"
    return f"{text}B" if " " in text else f"{text} B"


def rate(bytes_per_second: float) -> str:
    """Return megabytes per second: ``"144 MB/s"``."""
    if bytes_per_second <= 0:
        return "-"
    return f"{_three_digits(bytes_per_second / 1e6)} MB/s"


def times(factor: float, digits: int = 2) -> str:
    """Return a factor: ``"0.93x"``; ``"-"`` for nothing."""
    return f"{factor:.{digits}f}x" if factor > 0 else "-"


def _three_digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 99.95 else f"{number:.3g}"

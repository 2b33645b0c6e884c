"""Curves of cost against size, as SVG text: both axes logarithmic, so that a line means proportional cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from pydantic_serialization.cli._chart import SERIES

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH: Final = 920
_HEIGHT: Final = 300
_LEFT: Final = 90
_RIGHT: Final = 210
_TOP: Final = 50
_BOTTOM: Final = 46
_FONT: Final = "DejaVu Sans, Helvetica, Arial, sans-serif"
_TEXT: Final = "#1F2328"
_LINE: Final = "#D1D9E0"


@dataclass(frozen=True)
class Curve:
    """One line: points of size and nanoseconds."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Plot:
    """Curves over one axis."""

    title: str
    axis: str
    curves: tuple[Curve, ...]


def draw(plots: Sequence[Plot], footer: str) -> str:
    """Return the plots, one below the other, as an SVG document."""
    height = len(plots) * _HEIGHT + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="{_FONT}">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#FFFFFF"/>',
    ]
    for number, plot in enumerate(plots):
        parts += _plot(plot, number * _HEIGHT)
    parts += [_text(_LEFT, height - 14, footer), "</svg>"]
    return "\n".join(parts) + "\n"


def _plot(plot: Plot, top: int) -> list[str]:
    xs = [x for curve in plot.curves for x, _ in curve.points]
    ys = [y for curve in plot.curves for _, y in curve.points]
    x_low, x_high = math.log10(min(xs)), math.log10(max(xs) * 1.001)
    y_low, y_high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    right, bottom = _WIDTH - _RIGHT, top + _HEIGHT - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - x_low) / (x_high - x_low)
        up = (math.log10(y) - y_low) / max(y_high - y_low, 1)
        return _LEFT + across * (right - _LEFT), bottom - up * (bottom - top - _TOP)

    parts = [_text(_LEFT, top + 28, plot.title, size=15), _text(right, bottom + 34, plot.axis, anchor="end")]
    for power in range(y_low, y_high + 1):
        _, y = place(min(xs), 10.0**power)
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{_LINE}"/>')
        parts.append(_text(_LEFT - 8, y + 4, _nanoseconds(power), anchor="end"))
    for x in sorted(set(xs)):
        across, _ = place(x, ys[0])
        parts.append(f'<line x1="{across:.1f}" y1="{bottom}" x2="{across:.1f}" y2="{bottom + 4}" stroke="{_TEXT}"/>')
        parts.append(_text(across, bottom + 17, f"{x:g}", anchor="middle", size=10))
    for number, curve in enumerate(plot.curves):
        colour = SERIES[number % len(SERIES)]
        path = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in curve.points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = top + _TOP + 18 * number + 10
        parts.append(f'<rect x="{right + 16}" y="{y - 10}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(right + 34, y, curve.name))
    return parts


def _nanoseconds(power: int) -> str:
    unit, scale = ("ns", 0) if power < 3 else ("µs", 3) if power < 6 else ("ms", 6)
    return f"{10 ** (power - scale):g} {unit}"


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{_TEXT}">{escape(text)}</text>'
    )

"""A chart of how many times faster the routes are, as SVG, without a library."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, BAR, LEFT = 760, 26, 230


def write(place: str, rows: Sequence[tuple[str, float, float]]) -> None:
    """Write the chart.

    Args:
        place: Path of the file.
        rows: What was measured, microseconds of FastAPI's route, microseconds of ours.
    """
    widest = log(max(stock / ours for _, stock, ours in rows) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{len(rows) * BAR + 44}">',
        "<style>text { font: 13px sans-serif }</style>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        '<text x="10" y="22" font-weight="bold">Requests per CPU second, FastAPI = 1</text>',
    ]
    for number, (label, stock, ours) in enumerate(rows):
        top = 36 + number * BAR
        ratio = stock / ours
        length = max(2.0, log(ratio + 1) / widest * (WIDTH - LEFT - 70))
        parts.append(f'<text x="{LEFT - 8}" y="{top + 15}" text-anchor="end">{label}</text>')
        parts.append(f'<rect x="{LEFT}" y="{top + 2}" width="{length:.0f}" height="{BAR - 8}" fill="#2a7f62"/>')
        parts.append(f'<text x="{LEFT + length + 6:.0f}" y="{top + 15}">{ratio:.1f} x</text>')
    Path(place).write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")

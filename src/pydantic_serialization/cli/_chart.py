"""Bar charts as SVG text (https://www.w3.org/TR/SVG11/): no dependency, readable in any browser.

Colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which people with any colour vision tell apart;
every bar carries its value as text beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Sequence

BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
SERIES: Final = ("#7A7A7A", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#F0E442", "#0072B2")
_TEXT: Final = "#1F2328"
_FAINT: Final = "#59636E"
_LINE: Final = "#D1D9E0"

_WIDTH: Final = 920
_MARGIN: Final = 28
_NAMES: Final = 132
_VALUES: Final = 190
_BAR: Final = 15
_BAR_GAP: Final = 3
_GROUP_GAP: Final = 14
_HEAD: Final = 86
_BETWEEN: Final = 30
_LETTER: Final = 6.7
"""Width of a letter of 12 pixels, on average, for the places in the legend."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its length in the panel's unit, what stands beside it, its colour."""

    value: float
    label: str
    colour: str


@dataclass(frozen=True, slots=True)
class Group:
    """Bars that belong together, under one name."""

    name: str
    bars: tuple[Bar, ...]

    @property
    def height(self) -> int:
        """Pixels from the first bar to the last."""
        return len(self.bars) * (_BAR + _BAR_GAP) - _BAR_GAP


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart.

    Attributes:
        title: What is shown.
        unit: In what, and which direction is better.
        legend: Name and colour of each kind of bar.
        groups: The bars.
        mark: A value to compare with, as a line through the bars; ``None`` for none.
    """

    title: str
    unit: str
    legend: tuple[tuple[str, str], ...]
    groups: tuple[Group, ...]
    mark: float | None = None

    @property
    def height(self) -> int:
        """Pixels of the whole panel."""
        return _HEAD + sum(group.height + _GROUP_GAP for group in self.groups)


def draw(title: str, subtitle: str, panels: Sequence[Panel], footer: str) -> str:
    """Return the panels, one below the other, as an SVG document."""
    head, foot = 78, 44
    height = head + foot + sum(panel.height + _BETWEEN for panel in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"',
        f'role="img" aria-label={quoteattr(title)} font-family="DejaVu Sans, Helvetica, Arial, sans-serif">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#FFFFFF"/>',
        _text(_MARGIN, 40, title, size=20, weight="bold"),
        _text(_MARGIN, 62, subtitle, colour=_FAINT),
    ]
    top = head
    for panel in panels:
        parts += _panel(panel, top)
        top += panel.height + _BETWEEN
    parts += [_text(_MARGIN, height - 18, footer, size=11, colour=_FAINT), "</svg>"]
    return "\n".join(parts) + "\n"


def _panel(panel: Panel, top: int) -> list[str]:
    left, room = _MARGIN + _NAMES, _WIDTH - 2 * _MARGIN - _NAMES - _VALUES
    longest = max((bar.value for group in panel.groups for bar in group.bars), default=0.0)
    scale = room / max(longest, panel.mark or 0.0, 1e-12)
    parts = [
        f'<line x1="{_MARGIN}" y1="{top}" x2="{_WIDTH - _MARGIN}" y2="{top}" stroke="{_LINE}"/>',
        _text(_MARGIN, top + 26, panel.title, size=15, weight="bold"),
        _text(_MARGIN, top + 45, panel.unit, colour=_FAINT),
        *_legend(panel.legend, top + 66),
    ]
    y = top + _HEAD
    if panel.mark is not None:
        x = left + panel.mark * scale
        bottom = top + panel.height - _GROUP_GAP + 4
        parts.append(
            f'<line x1="{x:.1f}" y1="{y - 6}" x2="{x:.1f}" y2="{bottom}" stroke="{_FAINT}" stroke-dasharray="4 3"/>'
        )
    for group in panel.groups:
        parts.append(_text(left - 10, y + group.height / 2 + 4, _shortened(group.name), anchor="end"))
        for number, bar in enumerate(group.bars):
            place = y + number * (_BAR + _BAR_GAP)
            length = max(bar.value * scale, 1.0 if bar.value > 0 else 0.0)
            parts.append(
                f'<rect x="{left}" y="{place}" width="{length:.1f}" height="{_BAR}" rx="2" fill="{bar.colour}"/>'
            )
            # White behind the value keeps it readable where the line of comparison would run through it.
            behind = len(bar.label) * _LETTER + 4
            parts.append(
                f'<rect x="{left + length + 4:.1f}" y="{place}" width="{behind:.1f}" height="{_BAR}" fill="#FFFFFF"/>'
            )
            parts.append(_text(left + length + 6, place + 12, bar.label))
        y += group.height + _GROUP_GAP
    return parts


def _legend(entries: Sequence[tuple[str, str]], y: int) -> list[str]:
    parts: list[str] = []
    x: float = _MARGIN
    for name, colour in entries:
        parts.append(f'<rect x="{x:.0f}" y="{y - 10}" width="12" height="12" rx="2" fill="{colour}"/>')
        parts.append(_text(x + 18, y, name))
        x += 18 + len(name) * _LETTER + 22
    return parts


def _shortened(name: str) -> str:
    most = int(_NAMES / _LETTER)
    return name if len(name) <= most else f"{name[: most - 1]}\u2026"


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    colour: str = _TEXT,
    weight: str = "normal",
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}"'
        f' fill="{colour}">{escape(text)}</text>'
    )

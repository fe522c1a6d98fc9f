"""What became of the capital, day by day, as SVG: the house, holding, and the reach of chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor
from statistics import median
from typing import Final

_WIDTH, _PANEL, _LEFT, _RIGHT, _TOP, _BOTTOM = 960, 250, 64, 12, 34, 26
_LINES_MAX: Final = 6
_STEPS_PCT: Final = (1, 2, 5, 10, 20, 50, 100, 1000)
_STYLE: Final = (
    "text{font:12px sans-serif;fill:#444}.title{font-weight:bold;fill:#111}.side{text-anchor:end}"
    ".grid{stroke:#ddd}.reach{fill:#bbb;opacity:.45}"
    "polyline{fill:none;stroke-width:1.8}.house{stroke:#1a6b3c}.hold{stroke:#c2571a}"
    ".random{stroke:#777;stroke-dasharray:4 3}"
)
_LEGEND: Final = (
    ("house", "the house"),
    ("hold", "buy-and-hold"),
    ("random", "random entries: median, and lowest to highest"),
)


@dataclass(frozen=True, slots=True)
class Panel:
    """The worth of the capital by day: the house, holding, and each seed of random entries."""

    timeframe: str
    house: Mapping[date, float]
    held: Mapping[date, float]
    random: Sequence[Mapping[date, float]]


def picture_of(panels: Sequence[Panel], capital: int) -> str:
    """A whole SVG file, one panel below the other."""
    height = _PANEL * len(panels)
    drawn = "".join(
        f'<g transform="translate(0 {number * _PANEL})">{_drawn(panel, capital)}</g>'
        for number, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">'
        f"<title>What became of {capital:,} USDT</title><style>{_STYLE}</style>"
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>{drawn}</svg>\n'
    )


def _drawn(panel: Panel, capital: int) -> str:
    days = sorted(panel.house)
    lows = [min(each[day] for each in panel.random) for day in days]
    highs = [max(each[day] for each in panel.random) for day in days]
    middle = [median(each[day] for each in panel.random) for day in days]
    house, held = [panel.house[day] for day in days], [panel.held[day] for day in days]
    low, high = min(*lows, *house, *held), max(*highs, *house, *held)

    def point(place: int, worth: float) -> str:
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * place / max(len(days) - 1, 1)
        return f"{x:.1f},{_height(worth, low, high):.1f}"

    def line(kind: str, curve: Sequence[float]) -> str:
        points = " ".join(point(*each) for each in enumerate(curve))
        return f'<polyline class="{kind}" points="{points}"/>'

    there = [point(*each) for each in enumerate(highs)]
    back = [point(*each) for each in reversed(list(enumerate(lows)))]
    return "".join(
        [
            f'<text class="title" x="{_LEFT}" y="18">{panel.timeframe} candles</text>',
            _legend(),
            _grid(low, high, capital),
            f'<polygon class="reach" points="{" ".join(there + back)}"/>',
            line("random", middle),
            line("hold", held),
            line("house", house),
            f'<text x="{_LEFT}" y="{_PANEL - 8}">{days[0]}</text>'
            f'<text class="side" x="{_WIDTH - _RIGHT}" y="{_PANEL - 8}">{days[-1]}</text>',
        ]
    )


def _legend() -> str:
    parts, x = [], _LEFT + 110
    for kind, words in _LEGEND:
        parts.append(
            f'<polyline class="{kind}" points="{x},14 {x + 26},14"/>'
            f'<text x="{x + 32}" y="18">{words}</text>'
        )
        x += 150
    return "".join(parts)


def _grid(low: float, high: float, capital: int) -> str:
    low_pct, high_pct = (100 * (worth / capital - 1) for worth in (low, high))
    step = next(each for each in _STEPS_PCT if (high_pct - low_pct) / each <= _LINES_MAX)
    parts = []
    for change_pct in range(ceil(low_pct / step) * step, floor(high_pct) + 1, step):
        y = _height(capital * (1 + change_pct / 100), low, high)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="side" x="{_LEFT - 8}" y="{y + 4:.1f}">{_change(change_pct)}</text>'
        )
    return "".join(parts)


def _change(change_pct: int) -> str:
    return f"{change_pct:+d} %" if change_pct else "0 %"


def _height(worth: float, low: float, high: float) -> float:
    return _TOP + (_PANEL - _TOP - _BOTTOM) * (high - worth) / ((high - low) or 1.0)

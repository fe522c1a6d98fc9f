"""What 1 became along the walk forward, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

_WIDTH, _HEIGHT = 960, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 8, 10, 28
_LINES: Final = 4


def curve_chart(curve: Sequence[float], marks: Sequence[tuple[int, str]], alt: str) -> str:
    """An SVG element; `marks` are days, as places in the curve, with what to write under them."""
    low, high = min(curve), max(curve)
    span = high - low or 1.0

    def x_of(place: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * place / max(len(curve) - 1, 1)

    def y_of(worth: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - worth) / span

    points = " ".join(f"{x_of(each):.1f},{y_of(curve[each]):.1f}" for each in range(len(curve)))
    levels = [low + span * number / _LINES for number in range(_LINES + 1)]
    grid = "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y_of(at):.1f}" '
        f'y2="{y_of(at):.1f}"/><text class="axis side" x="{_LEFT - 8}" y="{y_of(at) + 4:.1f}">'
        f"{(at - 1) * 100:+.1f} %</text>"
        for at in levels
    )
    borders = "".join(
        f'<line class="mark" x1="{x_of(place):.1f}" x2="{x_of(place):.1f}" y1="{_TOP}" '
        f'y2="{_HEIGHT - _BOTTOM}"/><text class="axis start" x="{x_of(place) + 3:.1f}" '
        f'y="{_HEIGHT - 8}">{escape(text)}</text>'
        for place, text in marks
    )
    return (
        f'<svg class="curve" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(alt)}">{grid}{borders}<polyline points="{points}"/></svg>'
    )

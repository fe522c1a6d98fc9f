"""A heat map as SVG: green above zero, red below, the stronger the further from it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from hedgerow.entrypoints.sweep_page.heat_cells import HeatCell, HeatMap
from hedgerow.entrypoints.sweep_words import ratio

_CELL: Final = 34
_LEFT, _TOP, _BOTTOM = 78, 8, 56
_LABEL_WIDTH: Final = 30
_NUMBERS_UP_TO: Final = 20


def heat_chart(heat: HeatMap, scale: float, alt: str) -> str:
    """An SVG element; `scale` is the score that has the full colour, above or below zero."""
    width = _LEFT + _CELL * len(heat.columns) + 8
    height = _TOP + _CELL * len(heat.rows) + _BOTTOM
    has_numbers = max(len(heat.columns), len(heat.rows)) <= _NUMBERS_UP_TO
    cells = "".join(_cell(heat, cell, scale, has_number=has_numbers) for cell in heat.cells)
    return (
        f'<svg class="heat" viewBox="0 0 {width} {height}" style="max-width:{width * 1.4:.0f}px" '
        f'role="img" aria-label="{escape(alt)}">{cells}{"".join(_labels(heat))}</svg>'
    )


def _cell(heat: HeatMap, cell: HeatCell, scale: float, *, has_number: bool) -> str:
    x, y = _LEFT + _CELL * cell.column, _top(heat, cell.row)
    strength = min(abs(cell.score) / scale, 1.0) if scale else 0.0
    colour = "gain" if cell.score >= 0 else "loss"
    told = (
        f"{heat.across} {heat.columns[cell.column]}, {heat.down} {heat.rows[cell.row]}: "
        f"{ratio(cell.score)}" + (f", median of {cell.trials:,}" if cell.trials > 1 else "")
    )
    number = (
        f'<text x="{x + _CELL / 2}" y="{y + _CELL / 2 + 3}">{ratio(cell.score)}</text>'
        if has_number
        else ""
    )
    return (
        f'<g><title>{escape(told)}</title><rect class="{colour}" x="{x}" y="{y}" '
        f'width="{_CELL - 1}" height="{_CELL - 1}" fill-opacity="{strength:.3f}"/>{number}</g>'
    )


def _labels(heat: HeatMap) -> Iterator[str]:
    """Values along both axes, as many as there is room for, and the names of the parameters."""
    bottom = _TOP + _CELL * len(heat.rows)
    every = max(-(-_LABEL_WIDTH * max(map(len, heat.columns)) // (6 * _CELL)), 1)
    for place in range(0, len(heat.columns), every):
        x = _LEFT + _CELL * (place + 0.5)
        yield f'<text class="axis" x="{x}" y="{bottom + 16}">{escape(heat.columns[place])}</text>'
    for place, label in enumerate(heat.rows):
        y = _top(heat, place) + _CELL / 2 + 4
        yield f'<text class="axis side" x="{_LEFT - 8}" y="{y}">{escape(label)}</text>'
    middle = _LEFT + _CELL * len(heat.columns) / 2
    yield f'<text class="name" x="{middle}" y="{bottom + 42}">{escape(heat.across)}</text>'
    turn = f"translate(14 {_TOP + _CELL * len(heat.rows) / 2}) rotate(-90)"
    yield f'<text class="name" transform="{turn}">{escape(heat.down)}</text>'


def _top(heat: HeatMap, row: int) -> int:
    """Low values at the bottom, as on any chart."""
    return _TOP + _CELL * (len(heat.rows) - 1 - row)

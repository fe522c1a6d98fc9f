"""What all charts of the report share: how a figure looks, and what words go with it.

Figures are plotly's, in plain dicts. Their colours are names of the page's style sheet, such as
`var(--fund)`: the page's script fills in what they are in light and in dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Final

Figure = dict[str, Any]

AXIS: Final[Figure] = {
    "gridcolor": "var(--line)",
    "linecolor": "var(--line)",
    "zeroline": False,
    "automargin": True,
}
TIME_AXIS: Final[Figure] = {**AXIS, "type": "date", "showgrid": False, "showline": True}


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure with its words: `alt` says what it shows to who cannot see it."""

    key: str
    title: str
    caption: str
    alt: str
    figure: Figure


def layout(**own: object) -> Figure:
    """The look of every chart, with what is `own` to one."""
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "var(--sans)", "size": 12, "color": "var(--muted)"},
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "hoverlabel": {
            "bgcolor": "var(--raised)",
            "bordercolor": "var(--line)",
            "font": {"family": "var(--sans)", "color": "var(--ink)"},
            "align": "left",
        },
        **own,
    }


def segments(
    name: str,
    lines: Sequence[tuple[datetime, float, datetime, float]],
    line: Figure,
    *,
    in_legend: bool,
) -> Figure:
    """Lines from (time, price) to (time, price) that do not touch: a null lifts plotly's pen."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [x for x0, _, x1, _ in lines for x in (milliseconds(x0), milliseconds(x1), None)],
        "y": [y for _, y0, _, y1 in lines for y in (y0, y1, None)],
        "line": line,
        "hoverinfo": "skip",
        "showlegend": in_legend,
    }


def markers(
    name: str, points: Sequence[tuple[datetime, float]], hovers: Sequence[str], marker: Figure
) -> Figure:
    """Points at (time, price), each with its own text under the pointer."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [milliseconds(at) for at, _ in points],
        "y": [price for _, price in points],
        "hovertext": list(hovers),
        "hoverinfo": "text",
        "marker": {**marker, "line": {"color": "var(--raised)", "width": 1.5}},
    }


def shown(text: str) -> str:
    """Text that plotly's markup shows as it is; it knows no entity for quotation marks."""
    return escape(text, quote=False)


def milliseconds(at: datetime) -> float:
    """A moment as plotly's date axes count it: since 1970, in UTC."""
    return at.timestamp() * 1000

"""Equity of the fund and of buy-and-hold, and under it how far each is below its peak."""

from __future__ import annotations

from typing import Final

from hedgerow.domain.performance import Performance
from hedgerow.entrypoints import report_words as words
from hedgerow.entrypoints.report_page.figures import AXIS, TIME_AXIS, Chart, Figure, layout, shown
from hedgerow.entrypoints.report_page.series import packed, packed_times, thinned
from hedgerow.usecases.report import Report

_FUND_LINE: Final[Figure] = {"color": "var(--fund)", "width": 2.25}
_HOLD_LINE: Final[Figure] = {"color": "var(--hold)", "width": 1.5}


def equity_chart(report: Report) -> Chart:
    """The two curves in two panes that zoom as one."""
    quote = shown(report.facts.quote_currency)
    return Chart(
        key="equity",
        title="Equity against buy-and-hold",
        caption="Above, what each was worth at every close; the dotted line is the capital. "
        "Below, how far each stood under its own highest point.",
        alt=_alt(report),
        figure={
            "data": [
                *_traces("The fund", report.fund, _FUND_LINE, quote),
                *_traces("Buy-and-hold", report.buy_and_hold, _HOLD_LINE, quote),
            ],
            "layout": _panes(quote, float(report.facts.capital)),
        },
    )


def _traces(name: str, side: Performance, line: Figure, quote: str) -> tuple[Figure, Figure]:
    """A side's value, and its fall from the peak as per cent below zero."""
    points = thinned(side.curve, lambda point: point.equity)
    # Thinned by their own depth: where a curve was thinned, the peak before a trough may be gone.
    falls = thinned(side.drawdowns, lambda point: point.percent)
    common = {"type": "scatter", "mode": "lines", "name": name, "legendgroup": name}
    value = {
        **common,
        "line": line,
        "x": packed_times(point.at for point in points),
        "y": packed(point.equity for point in points),
        "hovertemplate": f"%{{y:,.2f}} {quote}",
    }
    fall = {
        **common,
        "line": {**line, "width": 1.25},
        "x": packed_times(fall.at for fall in falls),
        "y": packed(-fall.percent for fall in falls),
        "yaxis": "y2",
        "showlegend": False,
        "hovertemplate": "%{y:.2f} % from its peak",
    }
    return value, fall


def _panes(quote: str, capital: float) -> Figure:
    level = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": capital, "y1": capital}
    dotted = {"color": "var(--muted)", "width": 1, "dash": "dot"}
    return layout(
        hovermode="x unified",
        hoversubplots="axis",
        xaxis={
            **TIME_AXIS,
            "anchor": "y2",
            "hoverformat": "%Y-%m-%d %H:%M UTC",
            "spikecolor": "var(--muted)",
            "spikethickness": 1,
        },
        yaxis={**AXIS, "domain": [0.36, 1], "title": {"text": quote}, "tickformat": ","},
        yaxis2={
            **AXIS,
            "domain": [0, 0.27],
            "title": {"text": "% below peak"},
            "rangemode": "tozero",
        },
        shapes=[{**level, "layer": "below", "line": dotted}],
    )


def _alt(report: Report) -> str:
    quote = report.facts.quote_currency
    fund, hold = report.fund, report.buy_and_hold
    return (
        f"Line chart, {words.period(report)}. The fund goes from "
        f"{words.amount(report.facts.capital)} to {words.amount(fund.final_equity)} {quote} and is "
        f"at most {words.rate(fund.max_drawdown.percent)} below its peak; buy-and-hold ends at "
        f"{words.amount(hold.final_equity)} {quote} and is at most "
        f"{words.rate(hold.max_drawdown.percent)} below its peak."
    )

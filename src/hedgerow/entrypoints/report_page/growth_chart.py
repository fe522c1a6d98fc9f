"""How two runs grew, in per cent of the capital of each."""

from __future__ import annotations

from hedgerow.domain.money import percent
from hedgerow.entrypoints import report_words as words
from hedgerow.entrypoints.report_against import Rival
from hedgerow.entrypoints.report_page.figures import AXIS, TIME_AXIS, Chart, Figure, layout, shown
from hedgerow.entrypoints.report_page.series import packed, packed_times, thinned
from hedgerow.usecases.report import Report


def growth_chart(report: Report, rival: Rival) -> Chart:
    """The curves of both runs over the same axis of time."""
    return Chart(
        key="growth",
        title="Both runs",
        caption="What each had gained or lost at every close, in per cent of its capital.",
        alt=(
            f"Line chart. This run ends at {words.rate(report.fund.profit_pct, sign=True)}, "
            f"{rival.name} at {words.rate(rival.report.fund.profit_pct, sign=True)}."
        ),
        figure={
            "data": [
                _line("This run", report, {"color": "var(--fund)", "width": 2.25}),
                _line(shown(rival.name), rival.report, {"color": "var(--entry)", "width": 1.5}),
            ],
            "layout": layout(
                hovermode="x unified",
                xaxis={**TIME_AXIS, "hoverformat": "%Y-%m-%d %H:%M UTC"},
                yaxis={**AXIS, "title": {"text": "%"}, "zeroline": True},
            ),
        },
    )


def _line(name: str, report: Report, line: Figure) -> Figure:
    points = thinned(report.fund.curve, lambda point: point.equity)
    capital = report.facts.capital
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "line": line,
        "x": packed_times(point.at for point in points),
        "y": packed(percent(point.equity - capital, capital) for point in points),
        "hovertemplate": "%{y:+,.2f} %",
    }

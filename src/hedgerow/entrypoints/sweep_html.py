"""A sweep as one HTML file that needs no network and runs nothing: heat maps, curve and tables."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.resources import files

from hedgerow.entrypoints import report_words
from hedgerow.entrypoints import sweep_words as words
from hedgerow.entrypoints.sweep_page.curve_chart import curve_chart
from hedgerow.entrypoints.sweep_page.heat_cells import HeatMap, heat_map
from hedgerow.entrypoints.sweep_page.heat_chart import heat_chart
from hedgerow.entrypoints.sweep_page.tables import (
    failures_table,
    figures_list,
    steps_table,
    trials_table,
)
from hedgerow.usecases.sweep.report import SweepReport

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def sweep_page(report: SweepReport) -> str:
    """The whole page as text."""
    title = escape(report_words.plain(f"{report.facts.strategy}: Hedgerow sweep"))
    styles = _part("report_page", "page.css") + _part("sweep_page", "sweep.css")
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>\n<style>\n{styles}</style>\n</head>",
            f'<body>\n<div class="page">\n{_header(report)}\n<main>',
            *_sections(report),
            f"</main>\n<footer>{_footer(report)}</footer>\n</div>\n</body>\n</html>\n",
        ]
    )


def _header(report: SweepReport) -> str:
    facts = report.facts
    period = words.period(report.result.plan.window)
    what = f"{', '.join(facts.symbols)}, {facts.timeframe} candles, {period}"
    return (
        '<header><p class="brand">Hedgerow</p>'
        f"<h1>{escape(report_words.plain(facts.strategy))}</h1>"
        f'<p class="period">{escape(what)}</p></header>'
    )


def _sections(report: SweepReport) -> Iterator[str]:
    standing = "ahead" if words.is_believed(report) else "behind"
    yield (
        f'<section class="verdict {standing}" aria-label="Verdict">'
        f'<p class="lead">{escape(words.verdict(report))}</p>'
        f'<p class="note">{escape(words.judgement(report))}</p></section>'
    )
    yield f'<section aria-label="Key figures">{figures_list(report)}</section>'
    yield _heat_maps(report)
    yield _curve(report)
    yield f"<section>{steps_table(report)}</section>"
    yield f"<section>{trials_table(report)}</section>"
    if report.failed:
        yield f"<section>{failures_table(report)}</section>"


def _heat_maps(report: SweepReport) -> str:
    """The same trials twice, in one scale: as they were ranked, and on days not ranked by."""
    space, ranking = report.facts.space, report.ranking
    seen = heat_map(space, ranking, lambda trial: trial.in_sample_sharpe)
    unseen = heat_map(space, ranking, lambda trial: trial.out_of_sample_sharpe)
    if seen is None or unseen is None:
        return ""
    scale = max(abs(cell.score) for each in (seen, unseen) for cell in each.cells)
    plan = report.result.plan
    charts = (
        _heat("Sharpe ratio in sample", words.days(report, plan.in_sample), seen, scale),
        _heat("Sharpe ratio out of sample", words.days(report, plan.out_of_sample), unseen, scale),
    )
    return f'<div class="pair">{"".join(charts)}</div>'


def _heat(title: str, period: str, heat: HeatMap, scale: float) -> str:
    alt = (
        f"Heat map of {title}, {period}, by {heat.across} ({heat.columns[0]} to "
        f"{heat.columns[-1]}) and {heat.down} ({heat.rows[0]} to {heat.rows[-1]})"
    )
    caption = period + (
        "; where trials share a cell, their median" if any(c.trials > 1 for c in heat.cells) else ""
    )
    return (
        f"<figure><figcaption><h3>{escape(title)}</h3>{escape(caption)}</figcaption>"
        f"{heat_chart(heat, scale, alt)}</figure>"
    )


def _curve(report: SweepReport) -> str:
    if report.combined is None:
        return ""
    plan = report.result.plan
    first = plan.out_of_sample.first
    starts = [fold.out_of_sample for fold in plan.folds]
    marks = [
        (days.first - first, report_words.day(plan.window.part(days).starts_at)) for days in starts
    ]
    chart = curve_chart(report.combined.curve, marks, words.judgement(report))
    return (
        "<figure><figcaption><h3>Out of sample</h3>Each part by the parameters that were best on "
        f"the days before it, and with the whole capital anew.</figcaption>{chart}</figure>"
    )


def _footer(report: SweepReport) -> str:
    margins, quote = report.result.plan.margins, escape(report.facts.quote_currency)
    return (
        f"Amounts in {quote}, after fees. Sharpe ratios are those of daily returns over a year of "
        "365 days, without a risk-free rate. A choice leaves out "
        f"{margins.purge_days} of the days before those it is judged by, and "
        f"{margins.embargo_days} of the days after. "
        "What has happened is no promise of what will."
    )


def _part(folder: str, name: str) -> str:
    return (files(f"hedgerow.entrypoints.{folder}") / name).read_text(encoding="utf-8")

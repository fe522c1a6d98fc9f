"""The report as one HTML file that needs no network: charts, tables and a plain verdict.

The page forbids itself everything but the two scripts it was made with (by their SHA-256, in its
content security policy), so that nothing is loaded from anywhere, and text that an analyst wrote
could not run even if it were not escaped.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hedgerow.domain.errors import InputRefused
from hedgerow.entrypoints import report_words as words
from hedgerow.entrypoints.report_against import Rival
from hedgerow.entrypoints.report_page.equity_chart import equity_chart
from hedgerow.entrypoints.report_page.figures import Chart
from hedgerow.entrypoints.report_page.growth_chart import growth_chart
from hedgerow.entrypoints.report_page.symbol_chart import symbol_chart
from hedgerow.entrypoints.report_page.tables import (
    both_runs_table,
    comparison_table,
    details_table,
    falls_table,
    group_table,
    headline_list,
    months_table,
    trades_table,
)
from hedgerow.entrypoints.report_tables import shown_groups
from hedgerow.usecases.analyse_journal import GroupBy
from hedgerow.usecases.report import Report

_PARTS: Final = files("hedgerow.entrypoints.report_page")
_GROUPS_SHOWN: Final = (
    GroupBy.SYMBOL,
    GroupBy.SETUP,
    GroupBy.REGIME,
    GroupBy.AGENT,
    GroupBy.HOUR,
    GroupBy.MEMORY,
)


def write_report_page(report: Report, path: Path, rival: Rival | None = None) -> None:
    """Write the page to `path`, whole or not at all; raises InputRefused where it cannot be."""
    text = report_page(report, rival)
    try:
        with TemporaryDirectory(prefix=".hedgerow-report-", dir=path.parent) as folder:
            draft = Path(folder) / "report.html"
            draft.write_text(text, encoding="utf-8", newline="\n")
            os.replace(draft, path)
    except OSError as error:
        raise InputRefused(
            what=f"the report cannot be written: {error.strerror}",
            where=str(path),
            fix="name a file in a folder that exists and that you may write to",
        ) from error


def report_page(report: Report, rival: Rival | None = None) -> str:
    """The whole page as text, with another run beside where there is a rival."""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415

    scripts = [get_plotlyjs(), _part("page.js")]
    title = escape(words.plain(f"{report.facts.strategy_name}: Hedgerow report"))
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>\n<style>\n{_part('page.css')}</style>\n</head>",
            f'<body>\n<div class="page">\n{_body(report, rival)}\n</div>',
            *(f"<script>{script}</script>" for script in scripts),
            "</body>\n</html>\n",
        ]
    )


def _policy(scripts: list[str]) -> str:
    """Nothing from anywhere; only these scripts; styles of the page's own (plotly adds some)."""
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _body(report: Report, rival: Rival | None) -> str:
    symbols = [symbol for symbol, candles in sorted(report.facts.candles.items()) if candles]
    return "\n".join(
        [
            _header(report),
            "<main>",
            _verdict(report),
            f'<section aria-label="Key figures">{headline_list(report)}</section>',
            _figure(equity_chart(report)) if report.fund.curve else "",
            _against(report, rival) if rival else "",
            _pair(comparison_table(report), details_table(report)),
            f"<section>{months_table(report)}</section>" if report.fund.months else "",
            f"<section>{falls_table(report)}</section>",
            _groups(report),
            *([_charts(report, symbols)] if symbols else []),
            f"<section>{trades_table(report)}</section>",
            "</main>",
            f"<footer>{_footer(report)}</footer>",
        ]
    )


def _against(report: Report, rival: Rival) -> str:
    """Both runs: how they grew, and every figure side by side."""
    chart = _figure(growth_chart(report, rival)) if report.fund.curve else ""
    return f"{chart}<section>{both_runs_table(report, rival)}</section>"


def _pair(left: str, right: str) -> str:
    return f'<div class="pair"><section>{left}</section><section>{right}</section></div>'


def _groups(report: Report) -> str:
    """Trades by what they share; what the columns mean is said once."""
    if not report.closed:
        return ""
    tables = [group_table(table) for table in shown_groups(report, *_GROUPS_SHOWN)]
    note = (
        "Of closed trades, after fees. Entry and Exit are efficiencies: how near to the best price "
        "while a trade was open it was entered and left, as a share of that time's range. Right "
        "are the journal's verdicts on entries and exits. A trade that used several memories "
        "counts for each."
    )
    return (
        f'<section><h2>What trades share</h2><p class="note">{note}</p>{"".join(tables)}</section>'
    )


def _header(report: Report) -> str:
    return (
        f'<header><p class="brand">Hedgerow</p>'
        f"<h1>{escape(words.plain(report.facts.strategy_name))}</h1>"
        f'<p class="period">{escape(words.period(report))}</p></header>'
    )


def _verdict(report: Report) -> str:
    return (
        f'<section class="verdict {report.verdict.standing}" aria-label="Verdict">'
        f'<p class="lead">{escape(words.verdict(report))}</p>'
        f'<p class="note">{escape(words.benchmark(report))}</p></section>'
    )


def _charts(report: Report, symbols: list[str]) -> str:
    figures = "".join(_figure(symbol_chart(report, symbol)) for symbol in symbols)
    return (
        '<section><h2>Every trade on its candles</h2><p class="note">Candles are hollow where the '
        "price rose. A triangle is an entry; a circle left with a profit, a cross with a loss. "
        "Dotted lines are stop and target as they last stood. Point at a mark for the reasons; "
        f"drag to zoom, double-click to zoom out.</p>{figures}</section>"
    )


def _figure(chart: Chart) -> str:
    """A chart and its data; the data stands in a block that no browser runs."""
    data = json.dumps(chart.figure, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    key, alt = escape(chart.key), escape(chart.alt)
    return (
        f"<figure><figcaption><h3>{escape(chart.title)}</h3>{escape(chart.caption)}</figcaption>"
        f'<div class="chart {key}" role="img" aria-label="{alt}" data-figure="figure-{key}"></div>'
        f"<noscript><p>{alt}</p></noscript>"
        f'<script type="application/json" id="figure-{key}">{data}</script></figure>'
    )


def _footer(report: Report) -> str:
    quote = escape(report.facts.quote_currency)
    return (
        f"Amounts in {quote}, times in UTC. The Sharpe ratio is that of daily returns at 00:00 UTC "
        "over a year of 365 days, without a risk-free rate; drawdowns are measured at closes. "
        "What has happened is no promise of what will."
    )


def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")

"""The tables of the report page, as HTML. Everything that others wrote is escaped here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from html import escape
from typing import Final

from hedgerow.domain.money import ZERO
from hedgerow.domain.performance import TradeStats
from hedgerow.entrypoints import report_words as words
from hedgerow.entrypoints.report_headline import STATS_COLUMNS, Headline, headlines, stats_cells
from hedgerow.usecases.report import Report
from hedgerow.usecases.report_facts import TradeRecord

TRADES_SHOWN_MAX: Final = 1_000
REASONING_CHARACTERS_MAX: Final = 1_200
_TRADE_COLUMNS: Final = (
    ("Closed", ""),
    ("Symbol", ""),
    ("Setup", ""),
    ("Entry", "number"),
    ("Exit", "number"),
    ("Profit", "number"),
    ("Return", "number"),
    ("Held", "number"),
    ("Position", ""),
)


def headline_list(report: Report) -> str:
    """The key figures as a list of descriptions."""
    return f'<dl class="figures">{"".join(map(_headline, headlines(report)))}</dl>'


def stats_table(caption: str, group: str, rows: Mapping[str, TradeStats]) -> str:
    """Trade figures per `group`; a sentence where there is nothing to group."""
    if not rows:
        return f"<h2>{escape(caption)}</h2><p>No trade has been closed.</p>"
    head = _head((group, ""), *((column, "number") for column in STATS_COLUMNS))
    body = "".join(_stats_row(name, stats) for name, stats in rows.items())
    return f"<h2>{escape(caption)}</h2>{_table(caption, head, body)}"


def trades_table(report: Report) -> str:
    """Every trade with its reasons: the open ones, then the closed ones from the last back."""
    trades = [*report.still_open, *reversed(report.closed)]
    if not trades:
        return "<h2>Trades</h2><p>The fund has not traded.</p>"
    kept = trades[:TRADES_SHOWN_MAX]
    left_out = f" These are the last {len(kept):,} of {len(trades):,}." if kept != trades else ""
    note = (
        "Amounts after fees. An open position shows what it would bring at the last price. "
        f"<code>hedgerow explain &lt;position&gt;</code> tells the whole story of one.{left_out}"
    )
    body = "".join(_trade_rows(trade) for trade in kept)
    table = _table("Trades", _head(*_TRADE_COLUMNS), body, kind="trades")
    return f'<h2>Trades</h2><p class="note">{note}</p>{table}'


def _headline(figure: Headline) -> str:
    return (
        f"<div><dt>{escape(figure.label)}</dt><dd>{escape(figure.value)}"
        f"<small>{escape(figure.note)}</small></dd></div>"
    )


def _stats_row(name: str, stats: TradeStats) -> str:
    count, won, profit, expectancy, factor = map(escape, stats_cells(stats))
    tone = _tone(stats.profit)
    cells = (("", count), ("", won), (tone, profit), (tone, expectancy), ("", factor))
    numbers = "".join(f'<td class="number {kind}">{text}</td>' for kind, text in cells)
    return f'<tr><th scope="row">{escape(name)}</th>{numbers}</tr>'


def _trade_rows(trade: TradeRecord) -> str:
    """A trade in figures, and under it why it was made."""
    position = trade.position
    ended = words.minute(position.closed_at) if position.closed_at else "open"
    profit = position.net_pnl + position.unrealized_pnl
    share = words.rate(trade.journal.pnl_percent, sign=True) if trade.journal else words.NONE
    span = (position.closed_at or position.updated_at) - position.opened_at
    texts = (
        ("", ended),
        ("", f"{position.symbol} {position.side}"),
        ("", words.setup_name(words.setup_of(trade)) if position.closed_at else words.NONE),
        ("number", words.price(position.entry_price)),
        ("number", words.price(position.exit_price)),
        (f"number {_tone(profit)}", words.signed(profit)),
        (f"number {_tone(profit)}", share),
        ("number", words.held(span)),
    )
    cells = "".join(f'<td class="{kind}">{escape(text)}</td>' for kind, text in texts)
    return (
        f'<tbody><tr>{cells}<td><code class="id">{position.id}</code></td></tr>'
        f'<tr class="why"><td colspan="{len(_TRADE_COLUMNS)}">{_reasons(trade)}</td></tr></tbody>'
    )


def _reasons(trade: TradeRecord) -> str:
    position = trade.position
    told = [
        ("Entry", position.open_reasoning),
        ("Exit", position.close_reasoning),
        ("Lesson", trade.journal.lessons_learned if trade.journal else ""),
        ("Next time", trade.journal.improvement_tips if trade.journal else ""),
    ]
    pairs = "".join(f"<dt>{name}</dt><dd>{_prose(text)}</dd>" for name, text in told if text)
    first = _prose(position.open_reasoning) or "No reasons were given."
    return f"<details><summary><span>{first}</span></summary><dl>{pairs}</dl></details>"


def _prose(text: str) -> str:
    return escape(words.shortened(words.plain(text), REASONING_CHARACTERS_MAX))


def _tone(amount: Decimal) -> str:
    """The class that colours an amount; its sign says the same."""
    return "gain" if amount > ZERO else "loss" if amount < ZERO else ""


def _head(*columns: tuple[str, str]) -> str:
    cells = "".join(f'<th scope="col" class="{kind}">{name}</th>' for name, kind in columns)
    return f"<thead><tr>{cells}</tr></thead>"


def _table(caption: str, head: str, body: str, kind: str = "stats") -> str:
    """A table that scrolls by itself where the screen is narrower, by keyboard too."""
    name = escape(caption)
    return (
        f'<div class="scroll" role="region" aria-label="{name}" tabindex="0">'
        f'<table class="{kind}">{head}{body}</table></div>'
    )

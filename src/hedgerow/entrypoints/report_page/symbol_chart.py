"""A symbol's candles with every trade in them: entry, exit, and stop and target in between."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgerow.domain.market import Candle
from hedgerow.domain.performance import is_won
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.entrypoints import report_words as words
from hedgerow.entrypoints.report_page.figures import (
    AXIS,
    TIME_AXIS,
    Chart,
    Figure,
    layout,
    markers,
    segments,
    shown,
)
from hedgerow.entrypoints.report_page.series import bars, candles_per_bar, packed, packed_times
from hedgerow.usecases.analyse_journal import GroupBy
from hedgerow.usecases.report import Report
from hedgerow.usecases.report_facts import TradeRecord

_HOVER_WIDTH: Final = 64
_HOVER_CHARACTERS_MAX: Final = 420
_ENTRY_SYMBOLS: Final = {PositionSide.LONG: "triangle-up", PositionSide.SHORT: "triangle-down"}


def symbol_chart(report: Report, symbol: str) -> Chart:
    """The chart of one symbol that has candles."""
    candles = report.facts.candles[symbol]
    per_bar = candles_per_bar(candles)
    trades = [t for t in (*report.closed, *report.still_open) if t.position.symbol == symbol]
    end = report.ended_at or candles[-1].close_time
    traces = [_bars(bars(candles, per_bar)), *_trades(trades, report.facts.quote_currency, end)]
    price_axis = {**AXIS, "title": {"text": shown(report.facts.quote_currency)}, "tickformat": ","}
    return Chart(
        key=f"candles-{symbol.replace('/', '-').lower()}",
        title=symbol,
        caption=_caption(report, symbol, per_bar),
        alt=_alt(report, symbol),
        figure={
            "data": traces,
            "layout": layout(
                hovermode="closest",
                xaxis={**TIME_AXIS, "rangeslider": {"visible": False}},
                yaxis=price_axis,
            ),
        },
    )


def _bars(candles: Sequence[Candle]) -> Figure:
    """Grey and quiet, hollow where the price rose: the colours belong to the trades."""
    line = {"color": "var(--candle)", "width": 1}
    return {
        "type": "candlestick",
        "name": "Candles",
        "x": packed_times(candle.open_time for candle in candles),
        "open": packed(candle.open for candle in candles),
        "high": packed(candle.high for candle in candles),
        "low": packed(candle.low for candle in candles),
        "close": packed(candle.close for candle in candles),
        "increasing": {"line": line, "fillcolor": "var(--raised)"},
        "decreasing": {"line": line, "fillcolor": "var(--candle)"},
        "hoverlabel": {"split": False},
        "showlegend": False,
    }


def _trades(trades: Sequence[TradeRecord], quote: str, end: datetime) -> list[Figure]:
    """What is drawn over the candles; a kind of mark that no trade has is left out."""
    positions = [trade.position for trade in trades]
    sold = [position for position in positions if position.closed_at and position.exit_price]
    won = [position for position in sold if is_won(position.net_pnl)]
    lost = [position for position in sold if not is_won(position.net_pnl)]
    targets = [(position, position.take_profit_price) for position in positions]
    stops = [(position, position.stop_loss_price) for position in positions]
    traces = [
        _levels("Target", targets, end, "var(--target)"),
        _levels("Stop", stops, end, "var(--stop)"),
        _paths("Won", won, "var(--win)"),
        _paths("Lost", lost, "var(--loss)"),
        _entries(trades),
        _exits("Exit with profit", won, quote, {"color": "var(--win)", "symbol": "circle"}),
        _exits("Exit with loss", lost, quote, {"color": "var(--loss)", "symbol": "x"}),
    ]
    return [trace for trace in traces if trace["x"]]


def _levels(
    name: str, prices: Iterable[tuple[Position, Decimal | None]], end: datetime, color: str
) -> Figure:
    """A price per position, from its opening to its closing or to the end of the run."""
    lines = [
        (position.opened_at, float(price), position.closed_at or end, float(price))
        for position, price in prices
        if price is not None
    ]
    return segments(name, lines, {"color": color, "width": 1.25, "dash": "dot"}, in_legend=True)


def _paths(name: str, sold: Iterable[Position], color: str) -> Figure:
    """A line from each entry to its exit."""
    lines = [
        (position.opened_at, float(position.entry_price), *_exit_point(position))
        for position in sold
    ]
    return segments(name, lines, {"color": color, "width": 1.5}, in_legend=False)


def _entries(trades: Sequence[TradeRecord]) -> Figure:
    positions = [trade.position for trade in trades]
    symbols = [_ENTRY_SYMBOLS[position.side] for position in positions]
    return markers(
        "Entry",
        [(position.opened_at, float(position.entry_price)) for position in positions],
        [_entry_hover(trade) for trade in trades],
        {"color": "var(--entry)", "symbol": symbols, "size": 10},
    )


def _exits(name: str, sold: Sequence[Position], quote: str, marker: Figure) -> Figure:
    return markers(
        name,
        [_exit_point(position) for position in sold],
        [_exit_hover(position, quote) for position in sold],
        {**marker, "size": 9},
    )


def _exit_point(position: Position) -> tuple[datetime, float]:
    assert position.closed_at is not None
    assert position.exit_price is not None
    return position.closed_at, float(position.exit_price)


def _entry_hover(trade: TradeRecord) -> str:
    position = trade.position
    return _hover(
        f"{position.side} {position.symbol}, {words.setup_name(words.setup_of(trade))}",
        f"{words.minute(position.opened_at)} UTC at {words.price(position.entry_price)}, "
        f"stop {words.price(position.stop_loss_price)}, "
        f"target {words.price(position.take_profit_price)}",
        position.open_reasoning,
    )


def _exit_hover(position: Position, quote: str) -> str:
    return _hover(
        f"{words.signed(position.net_pnl)} {quote} after fees",
        f"{words.minute(position.closed_at)} UTC at {words.price(position.exit_price)}",
        position.close_reasoning,
    )


def _hover(heading: str, facts: str, reasoning: str) -> str:
    text = words.shortened(words.plain(reasoning), _HOVER_CHARACTERS_MAX)
    lines = [facts, *textwrap.wrap(text, _HOVER_WIDTH)]
    return "<br>".join([f"<b>{shown(heading)}</b>", *map(shown, lines)])


def _alt(report: Report, symbol: str) -> str:
    stats = report.groups[GroupBy.SYMBOL][symbol].stats
    still_open = sum(trade.position.symbol == symbol for trade in report.still_open)
    return (
        f"Candle chart of {symbol}: {stats.trades} closed trades, {stats.won} of them won, profit "
        f"{words.signed(stats.profit)} {report.facts.quote_currency}; {still_open} still open. "
        "The list of trades has each of them."
    )


def _caption(report: Report, symbol: str, per_bar: int) -> str:
    stats = report.groups[GroupBy.SYMBOL][symbol].stats
    profit = f"{words.signed(stats.profit)} {report.facts.quote_currency} after fees"
    trades = f"{stats.won} of {stats.trades} trades won, {profit}" if stats.trades else "No trade"
    joined = f", {per_bar} to a bar" if per_bar > 1 else ""
    return f"{trades}. {report.facts.timeframe} candles{joined}."

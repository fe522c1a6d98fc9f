"""Export a report: its trades, equity, orders and executions as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Final

from hedgerow.usecases.report import Report
from hedgerow.usecases.report_facts import OrderRecord, TradeRecord


class Kind(Enum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    COUNT = "count"
    TIME = "time"
    FLAG = "flag"


Cell = str | Decimal | int | datetime | bool | None
Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under typed columns, by name; a cell may be None. Decimals are exact, times in UTC."""

    name: str
    columns: tuple[tuple[str, Kind], ...]
    rows: Sequence[Row]


_TRADES: Final = (
    ("position_id", Kind.TEXT),
    ("symbol", Kind.TEXT),
    ("market_type", Kind.TEXT),
    ("side", Kind.TEXT),
    ("leverage", Kind.COUNT),
    ("status", Kind.TEXT),
    ("opened_at", Kind.TIME),
    ("closed_at", Kind.TIME),
    ("size", Kind.NUMBER),
    ("entry_price", Kind.NUMBER),
    ("exit_price", Kind.NUMBER),
    ("fees", Kind.NUMBER),
    ("funding", Kind.NUMBER),
    ("net_pnl", Kind.NUMBER),
    ("unrealized_pnl", Kind.NUMBER),
    ("best_pnl", Kind.NUMBER),
    ("worst_pnl", Kind.NUMBER),
    ("entry_efficiency_pct", Kind.NUMBER),
    ("exit_efficiency_pct", Kind.NUMBER),
    ("agent_id", Kind.TEXT),
    ("memories_used", Kind.TEXT),
    ("setup_type", Kind.TEXT),
    ("market_regime", Kind.TEXT),
    ("pnl_percent", Kind.NUMBER),
    ("was_correct_entry", Kind.FLAG),
    ("was_correct_exit", Kind.FLAG),
)
_EQUITY: Final = (
    ("at", Kind.TIME),
    ("equity", Kind.NUMBER),
    ("cash", Kind.NUMBER),
    ("drawdown_pct", Kind.NUMBER),
    ("buy_and_hold_equity", Kind.NUMBER),
    ("buy_and_hold_drawdown_pct", Kind.NUMBER),
)
_ORDERS: Final = (
    ("order_id", Kind.TEXT),
    ("position_id", Kind.TEXT),
    ("parent_order_id", Kind.TEXT),
    ("symbol", Kind.TEXT),
    ("purpose", Kind.TEXT),
    ("type", Kind.TEXT),
    ("side", Kind.TEXT),
    ("status", Kind.TEXT),
    ("amount", Kind.NUMBER),
    ("price", Kind.NUMBER),
    ("stop_price", Kind.NUMBER),
    ("filled_amount", Kind.NUMBER),
    ("avg_fill_price", Kind.NUMBER),
    ("created_at", Kind.TIME),
    ("filled_at", Kind.TIME),
    ("agent_id", Kind.TEXT),
)
_FILLS: Final = (
    ("order_id", Kind.TEXT),
    ("venue_trade_id", Kind.TEXT),
    ("symbol", Kind.TEXT),
    ("side", Kind.TEXT),
    ("price", Kind.NUMBER),
    ("quantity", Kind.NUMBER),
    ("fee", Kind.NUMBER),
    ("fee_currency", Kind.TEXT),
    ("is_maker", Kind.FLAG),
    ("filled_at", Kind.TIME),
)


def export_tables(report: Report) -> list[Table]:
    """Trades (open ones last) and equity; orders and executions where the facts have them."""
    trades = [*report.closed, *report.still_open]
    tables = [
        Table("trades", _TRADES, [_trade(report, trade) for trade in trades]),
        Table("equity", _EQUITY, _equity(report)),
    ]
    orders = report.facts.orders
    if orders:
        fills = [row for order in orders for row in _fills(order)]
        tables.append(Table("orders", _ORDERS, [_order(order) for order in orders]))
        tables.append(Table("fills", _FILLS, fills))
    return tables


def _trade(report: Report, trade: TradeRecord) -> Row:
    position, entry = trade.position, trade.journal
    efficiency = report.efficiencies.get(position.id)
    return (
        str(position.id),
        position.symbol,
        str(position.market_type),
        str(position.side),
        position.leverage,
        str(position.status),
        position.opened_at,
        position.closed_at,
        position.size_opened,
        position.entry_price,
        position.exit_price,
        position.fees,
        position.funding,
        position.net_pnl,
        position.unrealized_pnl,
        position.best_pnl,
        position.worst_pnl,
        efficiency.entry_pct if efficiency else None,
        efficiency.exit_pct if efficiency else None,
        trade.agent_id,
        " ".join(map(str, trade.memories_used)),
        str(entry.setup_type) if entry else None,
        str(entry.market_regime) if entry else None,
        entry.pnl_percent if entry else None,
        entry.was_correct_entry if entry else None,
        entry.was_correct_exit if entry else None,
    )


def _equity(report: Report) -> list[Row]:
    """The capital at the opening, and then every close."""
    fund, hold = report.fund, report.buy_and_hold
    cash = [report.facts.capital, *(point.cash for point in report.facts.equity)]
    return [
        (point.at, point.equity, free, fall.percent, held.equity, held_fall.percent)
        for point, free, fall, held, held_fall in zip(
            fund.curve, cash, fund.drawdowns, hold.curve, hold.drawdowns, strict=False
        )
    ]


def _order(record: OrderRecord) -> Row:
    order = record.order
    return (
        str(order.id),
        str(order.position_id) if order.position_id else None,
        str(order.parent_order_id) if order.parent_order_id else None,
        order.symbol,
        str(order.purpose),
        str(order.type),
        str(order.side),
        str(order.status),
        order.amount,
        order.price,
        order.stop_price,
        order.filled_amount,
        order.avg_fill_price,
        order.created_at,
        order.filled_at,
        order.agent_id,
    )


def _fills(record: OrderRecord) -> list[Row]:
    order = record.order
    return [
        (
            str(order.id),
            fill.venue_trade_id,
            order.symbol,
            str(order.side),
            fill.price,
            fill.quantity,
            fill.fee,
            fill.fee_currency,
            fill.is_maker,
            fill.filled_at,
        )
        for fill in record.fills
    ]

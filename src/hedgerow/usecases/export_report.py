"""Export a report: its trades, equity, orders and executions as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Final, Generic, NamedTuple, TypeVar
from uuid import UUID

from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.orders import Fill, Order
from hedgerow.domain.performance import CurvePoint, DrawdownPoint, Efficiency
from hedgerow.domain.positions import Position
from hedgerow.usecases.report import Report
from hedgerow.usecases.report_facts import TradeRecord


class Kind(Enum):
    """What a column holds; ids are text."""

    TEXT = "text"
    NUMBER = "number"
    COUNT = "count"
    TIME = "time"
    FLAG = "flag"


Cell = str | UUID | Decimal | int | datetime | bool | None
Row = tuple[Cell, ...]
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under typed columns, by name; a cell may be None. Decimals are exact, times in UTC."""

    name: str
    columns: tuple[tuple[str, Kind], ...]
    rows: Sequence[Row]


class _Column(NamedTuple, Generic[_Item]):
    """A column, and how its cells are had of what the table lists."""

    name: str
    kind: Kind
    cell_of: Callable[[_Item], Cell]


class _Trade(NamedTuple):
    record: TradeRecord
    position: Position
    journal: JournalEntry | None
    efficiency: Efficiency | None


class _Close(NamedTuple):
    point: CurvePoint
    cash: Decimal
    fall: DrawdownPoint
    held: CurvePoint
    held_fall: DrawdownPoint


class _Execution(NamedTuple):
    order: Order
    fill: Fill


_TRADES: Final[tuple[_Column[_Trade], ...]] = (
    _Column("position_id", Kind.TEXT, lambda t: t.position.id),
    _Column("symbol", Kind.TEXT, lambda t: t.position.symbol),
    _Column("market_type", Kind.TEXT, lambda t: t.position.market_type),
    _Column("side", Kind.TEXT, lambda t: t.position.side),
    _Column("leverage", Kind.COUNT, lambda t: t.position.leverage),
    _Column("status", Kind.TEXT, lambda t: t.position.status),
    _Column("opened_at", Kind.TIME, lambda t: t.position.opened_at),
    _Column("closed_at", Kind.TIME, lambda t: t.position.closed_at),
    _Column("size", Kind.NUMBER, lambda t: t.position.size_opened),
    _Column("entry_price", Kind.NUMBER, lambda t: t.position.entry_price),
    _Column("exit_price", Kind.NUMBER, lambda t: t.position.exit_price),
    _Column("fees", Kind.NUMBER, lambda t: t.position.fees),
    _Column("funding", Kind.NUMBER, lambda t: t.position.funding),
    _Column("net_pnl", Kind.NUMBER, lambda t: t.position.net_pnl),
    _Column("unrealized_pnl", Kind.NUMBER, lambda t: t.position.unrealized_pnl),
    _Column("best_pnl", Kind.NUMBER, lambda t: t.position.best_pnl),
    _Column("worst_pnl", Kind.NUMBER, lambda t: t.position.worst_pnl),
    _Column(
        "entry_efficiency_pct",
        Kind.NUMBER,
        lambda t: t.efficiency.entry_pct if t.efficiency else None,
    ),
    _Column(
        "exit_efficiency_pct",
        Kind.NUMBER,
        lambda t: t.efficiency.exit_pct if t.efficiency else None,
    ),
    _Column("agent_id", Kind.TEXT, lambda t: t.record.agent_id),
    _Column("memories_used", Kind.TEXT, lambda t: " ".join(map(str, t.record.memories_used))),
    _Column("setup_type", Kind.TEXT, lambda t: t.journal.setup_type if t.journal else None),
    _Column("market_regime", Kind.TEXT, lambda t: t.journal.market_regime if t.journal else None),
    _Column("pnl_percent", Kind.NUMBER, lambda t: t.journal.pnl_percent if t.journal else None),
    _Column(
        "was_correct_entry", Kind.FLAG, lambda t: t.journal.was_correct_entry if t.journal else None
    ),
    _Column(
        "was_correct_exit", Kind.FLAG, lambda t: t.journal.was_correct_exit if t.journal else None
    ),
)
_EQUITY: Final[tuple[_Column[_Close], ...]] = (
    _Column("at", Kind.TIME, lambda c: c.point.at),
    _Column("equity", Kind.NUMBER, lambda c: c.point.equity),
    _Column("cash", Kind.NUMBER, lambda c: c.cash),
    _Column("drawdown_pct", Kind.NUMBER, lambda c: c.fall.percent),
    _Column("buy_and_hold_equity", Kind.NUMBER, lambda c: c.held.equity),
    _Column("buy_and_hold_drawdown_pct", Kind.NUMBER, lambda c: c.held_fall.percent),
)
_ORDERS: Final[tuple[_Column[Order], ...]] = (
    _Column("order_id", Kind.TEXT, lambda o: o.id),
    _Column("position_id", Kind.TEXT, lambda o: o.position_id),
    _Column("parent_order_id", Kind.TEXT, lambda o: o.parent_order_id),
    _Column("symbol", Kind.TEXT, lambda o: o.symbol),
    _Column("purpose", Kind.TEXT, lambda o: o.purpose),
    _Column("type", Kind.TEXT, lambda o: o.type),
    _Column("side", Kind.TEXT, lambda o: o.side),
    _Column("status", Kind.TEXT, lambda o: o.status),
    _Column("amount", Kind.NUMBER, lambda o: o.amount),
    _Column("price", Kind.NUMBER, lambda o: o.price),
    _Column("stop_price", Kind.NUMBER, lambda o: o.stop_price),
    _Column("filled_amount", Kind.NUMBER, lambda o: o.filled_amount),
    _Column("avg_fill_price", Kind.NUMBER, lambda o: o.avg_fill_price),
    _Column("created_at", Kind.TIME, lambda o: o.created_at),
    _Column("filled_at", Kind.TIME, lambda o: o.filled_at),
    _Column("agent_id", Kind.TEXT, lambda o: o.agent_id),
)
_FILLS: Final[tuple[_Column[_Execution], ...]] = (
    _Column("order_id", Kind.TEXT, lambda e: e.order.id),
    _Column("venue_trade_id", Kind.TEXT, lambda e: e.fill.venue_trade_id),
    _Column("symbol", Kind.TEXT, lambda e: e.order.symbol),
    _Column("side", Kind.TEXT, lambda e: e.order.side),
    _Column("price", Kind.NUMBER, lambda e: e.fill.price),
    _Column("quantity", Kind.NUMBER, lambda e: e.fill.quantity),
    _Column("fee", Kind.NUMBER, lambda e: e.fill.fee),
    _Column("fee_currency", Kind.TEXT, lambda e: e.fill.fee_currency),
    _Column("is_maker", Kind.FLAG, lambda e: e.fill.is_maker),
    _Column("filled_at", Kind.TIME, lambda e: e.fill.filled_at),
)


def export_tables(report: Report) -> list[Table]:
    """Trades (open ones last), equity, orders and executions."""
    records = report.facts.orders
    executions = [_Execution(each.order, fill) for each in records for fill in each.fills]
    return [
        _table("trades", _TRADES, _trades(report)),
        _table("equity", _EQUITY, _closes(report)),
        _table("orders", _ORDERS, [each.order for each in records]),
        _table("fills", _FILLS, executions),
    ]


def _table(name: str, columns: Sequence[_Column[_Item]], items: Iterable[_Item]) -> Table:
    return Table(
        name,
        tuple((column.name, column.kind) for column in columns),
        [tuple(column.cell_of(item) for column in columns) for item in items],
    )


def _trades(report: Report) -> list[_Trade]:
    return [
        _Trade(each, each.position, each.journal, report.efficiencies.get(each.position.id))
        for each in (*report.closed, *report.still_open)
    ]


def _closes(report: Report) -> list[_Close]:
    """The capital at the opening, and then every close."""
    if not report.facts.equity:
        return []
    fund, hold = report.fund, report.buy_and_hold
    cash = [report.facts.capital, *(point.cash for point in report.facts.equity)]
    series = (fund.curve, cash, fund.drawdowns, hold.curve, hold.drawdowns)
    return [_Close(*parts) for parts in zip(*series, strict=True)]

"""What a report is made of: the record of one run, as whoever kept it tells it.

`RunFacts` is the one way into a report: a paper run, a backtest or a test fills it in, and
`build_report` makes every figure from it alone. A field with a default may be left out, and the
tables that need it stay empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.money import ZERO
from hedgerow.domain.orders import Fill, Order
from hedgerow.domain.positions import Position


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """What the strategy was worth at the close of an interval, in quote currency."""

    at: datetime
    equity: Decimal
    cash: Decimal


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """A position, its journal entry once it has ended, and where its proposal came from.

    `agent_id` proposed it; `memories_used` moved its confidence.
    """

    position: Position
    journal: JournalEntry | None
    agent_id: str | None = None
    memories_used: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order with its executions, oldest first."""

    order: Order
    fills: Sequence[Fill]


@dataclass(frozen=True, slots=True)
class RunCounts:
    """How much of everything the run left behind."""

    candles: int
    decisions: int
    orders: int
    fills: int
    memories: int
    journal_entries: int
    breaker_trips: int


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One strategy's run over candles. Amounts in `quote_currency`, ratios as shares of one.

    `candles` holds each symbol's, oldest first; `allocations` the strategy's target shares, which
    buy-and-hold is measured by; `taker_fee_ratio` and `slippage_ratio` what the venue charged.
    `fees` and `funding` are what was paid in all (funding received is negative). `orders` are in
    the order in which they were made, `memories` the texts of the memories that trades used,
    `refusals` how many proposals failed which pre-trade check.
    """

    strategy_id: UUID
    strategy_name: str
    quote_currency: str
    timeframe: Timeframe
    capital: Decimal
    fees: Decimal
    allocations: Mapping[str, Decimal]
    taker_fee_ratio: Decimal
    slippage_ratio: Decimal
    candles: Mapping[str, Sequence[Candle]]
    equity: Sequence[EquityPoint]
    trades: Sequence[TradeRecord]
    counts: RunCounts
    is_finished: bool
    funding: Decimal = ZERO
    orders: Sequence[OrderRecord] = ()
    memories: Mapping[UUID, str] = field(default_factory=dict)
    refusals: Mapping[str, int] = field(default_factory=dict)

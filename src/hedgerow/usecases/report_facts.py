"""What a report is made of: the record of one run, as the stores tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.positions import Position


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """What the strategy was worth at the close of an interval, in quote currency."""

    at: datetime
    equity: Decimal
    cash: Decimal


@dataclass(frozen=True, slots=True)
class TradeRecord:
    """A position, and its journal entry once it has ended."""

    position: Position
    journal: JournalEntry | None


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

"""What a backtest leaves behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from hedgerow.domain.fund import Fund
from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.ledger import Account, Transfer
from hedgerow.domain.orders import Fill, Order
from hedgerow.domain.positions import Position
from hedgerow.domain.risk import RiskEventType
from hedgerow.domain.strategies import Strategy
from hedgerow.usecases.backtest.equity import EquityColumns
from hedgerow.usecases.backtest.lookout import BacktestPath
from hedgerow.usecases.backtest.series import CandleSeries
from hedgerow.usecases.gather_report import VenueCharges
from hedgerow.usecases.report_facts import RunCounts, RunFacts, TradeRecord


# Without a repr: asyncio would write down all of it when a run ends.
@dataclass(frozen=True, slots=True, repr=False)
class BacktestResult:
    """The whole record of a backtest; `candles` are those that were lived through.

    `steps` counts the messages that the fund took; `decisions` what analysts said, silence
    included. `path` is how it went through time.
    """

    name: str
    fund: Fund
    candles: Mapping[str, CandleSeries]
    equity: EquityColumns
    journal: Sequence[JournalEntry]
    charges: VenueCharges
    decisions: int
    memories: int
    steps: int
    is_finished: bool
    path: BacktestPath

    @property
    def strategy(self) -> Strategy:
        """The one strategy of the fund."""
        return next(iter(self.fund.strategies.values()))

    @property
    def orders(self) -> list[Order]:
        """All orders, in the order of their making."""
        return sorted(self.fund.changes.orders.values(), key=lambda order: order.id)

    @property
    def fills(self) -> list[Fill]:
        """All executions, oldest first."""
        return self.fund.changes.fills

    @property
    def transfers(self) -> list[Transfer]:
        """The ledger, oldest first."""
        return self.fund.changes.transfers

    @property
    def positions(self) -> list[Position]:
        """All positions, by opening time."""
        return sorted(self.fund.changes.positions.values(), key=lambda p: (p.opened_at, p.id))

    @property
    def fees(self) -> Decimal:
        """All fees paid, in quote currency."""
        return self.strategy.balance(Account.FEES)

    @property
    def funding(self) -> Decimal:
        """Funding paid, less what was received, in quote currency."""
        return self.strategy.balance(Account.FUNDING)

    @property
    def final_equity(self) -> Decimal:
        """What the strategy was worth at the last close, in quote currency."""
        return self.equity.equity[-1] if len(self.equity) else self.strategy.allocated_capital

    @property
    def facts(self) -> RunFacts:
        """What a report is made of."""
        strategy, journal = self.strategy, {entry.trade_id: entry for entry in self.journal}
        tripped = RiskEventType.CIRCUIT_BREAKER_TRIGGERED
        some = next(iter(self.candles.values()))
        return RunFacts(
            strategy_id=strategy.id,
            strategy_name=self.name,
            quote_currency=strategy.quote_currency,
            timeframe=some.timeframe,
            capital=strategy.allocated_capital,
            fees=self.fees,
            allocations=strategy.target_allocations,
            taker_fee_ratio=self.charges.taker_fee_ratio,
            slippage_ratio=self.charges.slippage_ratio,
            candles=self.candles,
            equity=self.equity,
            trades=[TradeRecord(p, journal.get(p.id)) for p in self.positions],
            counts=RunCounts(
                candles=sum(map(len, self.candles.values())),
                decisions=self.decisions,
                orders=len(self.fund.changes.orders),
                fills=len(self.fund.changes.fills),
                memories=self.memories,
                journal_entries=len(self.journal),
                breaker_trips=sum(
                    event.event_type is tripped for event in self.fund.changes.risk_events
                ),
            ),
            is_finished=self.is_finished,
        )

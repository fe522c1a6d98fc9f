"""What a backtest leaves behind."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from hedgerow.domain.fund import Fund
from hedgerow.domain.journal import JOURNAL_REGIMES, JournalEntry, MarketRegime, exit_was_correct
from hedgerow.domain.ledger import Account, Transfer
from hedgerow.domain.messages import ProposalAccepted
from hedgerow.domain.orders import Fill, Order
from hedgerow.domain.positions import Position
from hedgerow.domain.risk import RiskEventType
from hedgerow.domain.strategies import Strategy
from hedgerow.usecases.backtest.equity import EquityColumns
from hedgerow.usecases.backtest.lookout import BacktestPath
from hedgerow.usecases.candle_series import CandleSeries, microseconds
from hedgerow.usecases.gather_report import VenueCharges
from hedgerow.usecases.ports.desk import RegimeModel
from hedgerow.usecases.replay_fund import EXIT_VERDICT_CANDLES
from hedgerow.usecases.report_facts import OrderRecord, RunCounts, RunFacts, TradeRecord


# Without a repr: asyncio would write down all of it when a run ends.
@dataclass(frozen=True, slots=True, repr=False)
class BacktestResult:
    """The whole record of a backtest; `candles` are those that were lived through.

    `accepted` are the proposals that became orders, by the entry order, and `memory_texts` what
    the memories say that moved them. `regime_model` tells in which regimes trades were entered,
    where the proposals do not. `steps` counts the messages that the fund took; `decisions` what
    analysts said, silence included; `refusals` the proposals that failed a pre-trade check;
    `path` is how it went through time.
    """

    name: str
    fund: Fund
    candles: Mapping[str, CandleSeries]
    equity: EquityColumns
    journal: Sequence[JournalEntry]
    accepted: Mapping[UUID, ProposalAccepted]
    charges: VenueCharges
    decisions: int
    memories: int
    memory_texts: Mapping[UUID, str]
    regime_model: RegimeModel | None
    steps: int
    refusals: Mapping[str, int]
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
        strategy = self.strategy
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
            trades=self._trades(),
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
            funding=self.funding,
            orders=self._order_records(),
            memories=self.memory_texts,
            refusals=self.refusals,
        )

    def _trades(self) -> list[TradeRecord]:
        journal = {entry.trade_id: entry for entry in self.journal}
        found = []
        for position in self.positions:
            proposal = self.accepted[position.entry_order_id].proposal
            entry = journal.get(position.id)
            if entry is not None:
                entry = replace(
                    entry,
                    market_regime=self._regime(entry, position),
                    was_correct_exit=self._exit_verdict(entry),
                )
            found.append(TradeRecord(position, entry, proposal.agent_id, proposal.memories_used))
        return found

    def _regime(self, entry: JournalEntry, position: Position) -> MarketRegime:
        """The regime that a trade was decided in."""
        model, series = self.regime_model, self.candles[entry.symbol]
        if model is None:
            return entry.market_regime
        decided_at = self.fund.changes.orders[position.entry_order_id].created_at
        closed = series.closed_by(microseconds(decided_at))
        if closed < model.candles_least:
            return entry.market_regime
        known = series[max(closed - model.candles_needed, 0) : closed]
        return JOURNAL_REGIMES[model.read(known).regime]

    def _exit_verdict(self, entry: JournalEntry) -> bool | None:
        """Whether an exit was right, as a school of trades would have judged it at its time."""
        if entry.was_correct_exit is not None:
            return entry.was_correct_exit
        series = self.candles[entry.symbol]
        first = bisect_left(series.open_us, microseconds(entry.created_at))
        after = series[first : first + EXIT_VERDICT_CANDLES]
        return exit_was_correct(entry.side, entry.exit_price, after) if after else None

    def _order_records(self) -> list[OrderRecord]:
        fills: defaultdict[UUID, list[Fill]] = defaultdict(list)
        for fill in self.fills:
            fills[fill.order_id].append(fill)
        return [OrderRecord(order, fills[order.id]) for order in self.orders]

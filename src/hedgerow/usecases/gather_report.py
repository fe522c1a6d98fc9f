"""Collect the record of a run for its report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from hedgerow.domain.ledger import Account
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.messages import (
    Abstained,
    ExitDecided,
    ProposalAccepted,
    ProposalRefused,
    ProposalWithheld,
)
from hedgerow.usecases.ports import PaperRun, UnitOfWork
from hedgerow.usecases.report_facts import EquityPoint, RunCounts, RunFacts, TradeRecord

_DECISIONS = (Abstained, ExitDecided, ProposalAccepted, ProposalRefused, ProposalWithheld)


@dataclass(frozen=True, slots=True)
class VenueCharges:
    """What the venue charged, as shares of a trade's worth."""

    taker_fee_ratio: Decimal
    slippage_ratio: Decimal


async def gather_report(
    unit: UnitOfWork,
    run: PaperRun,
    timeframe: Timeframe,
    candles: Sequence[Candle],
    charges: VenueCharges,
) -> RunFacts:
    """The facts of `run`, which traded `candles`."""
    fund = await unit.funds.load(run.user_id)
    strategy = fund.strategies[run.strategy_id]
    journal = {entry.trade_id: entry for entry in await unit.trades.journal(strategy.id)}
    positions = await unit.trades.positions(strategy.id)
    marks = await unit.trades.equity_marks(strategy.id)
    counted = await unit.trades.counts(run.user_id)
    return RunFacts(
        strategy_id=strategy.id,
        strategy_name=strategy.name,
        quote_currency=strategy.quote_currency,
        timeframe=timeframe,
        capital=strategy.allocated_capital,
        fees=strategy.balance(Account.FEES),
        allocations=strategy.target_allocations,
        taker_fee_ratio=charges.taker_fee_ratio,
        slippage_ratio=charges.slippage_ratio,
        candles=_lived(run, candles),
        equity=[EquityPoint(at, mark.equity, mark.cash) for at, mark in marks],
        trades=[TradeRecord(position, journal.get(position.id)) for position in positions],
        counts=RunCounts(
            candles=sum(len(series) for series in _lived(run, candles).values()),
            decisions=sum(counted.get(kind.__name__, 0) for kind in _DECISIONS),
            orders=counted["orders"],
            fills=counted["fills"],
            memories=counted["memories"],
            journal_entries=counted["journal_entries"],
            breaker_trips=await unit.trades.breaker_trips(run.user_id),
        ),
        is_finished=run.finished_at is not None,
    )


def _lived(run: PaperRun, candles: Sequence[Candle]) -> Mapping[str, Sequence[Candle]]:
    """The candles that the run has lived through, by symbol."""
    series: defaultdict[str, list[Candle]] = defaultdict(list)
    for candle in candles:
        if run.closed_through is not None and candle.open_time <= run.closed_through:
            series[candle.symbol].append(candle)
    return series

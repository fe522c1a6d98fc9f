"""Collect the record of a run for its report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.ledger import Account
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.messages import (
    Abstained,
    ExitDecided,
    ProposalAccepted,
    ProposalRefused,
    ProposalWithheld,
    StopDecided,
    StopRefused,
)
from hedgerow.domain.positions import Position
from hedgerow.domain.proposals import Proposal
from hedgerow.usecases.facts import fact_of
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import UnitOfWork
from hedgerow.usecases.report_facts import (
    EquityPoint,
    OrderRecord,
    RunCounts,
    RunFacts,
    TradeRecord,
)

_DECISIONS = (
    Abstained,
    ExitDecided,
    ProposalAccepted,
    ProposalRefused,
    ProposalWithheld,
    StopDecided,
    StopRefused,
)
# How many ids are asked for at once: far below what a statement may hold.
_IDS_MAX: Final = 5_000


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
    trades = await gather_trades(unit, run)
    orders = await unit.audit.orders(run.user_id)
    marks = await unit.trades.equity_marks(strategy.id)
    counted = await unit.trades.counts(run.user_id)
    lived = _lived(run, candles)
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
        candles=lived,
        equity=[EquityPoint(at, mark.equity, mark.cash) for at, mark in marks],
        trades=trades,
        counts=RunCounts(
            candles=sum(map(len, lived.values())),
            decisions=sum(counted.get(kind.__name__, 0) for kind in _DECISIONS),
            orders=counted["orders"],
            fills=counted["fills"],
            memories=counted["memories"],
            journal_entries=counted["journal_entries"],
            breaker_trips=await unit.trades.breaker_trips(run.user_id),
        ),
        is_finished=run.finished_at is not None,
        funding=strategy.balance(Account.FUNDING),
        orders=[
            OrderRecord(each.order, each.fills)
            for each in orders
            if each.order.strategy_id == strategy.id
        ],
        memories=await memory_texts(unit, trades),
        refusals=await unit.trades.refusals(run.user_id),
    )


async def gather_trades(unit: UnitOfWork, run: PaperRun) -> list[TradeRecord]:
    """The trades of `run` by opening time, with their journal entries and proposals."""
    journal = {entry.trade_id: entry for entry in await unit.trades.journal(run.strategy_id)}
    positions = await unit.trades.positions(run.strategy_id)
    proposals = await _proposals(unit, run, positions)
    return [
        _trade(position, journal.get(position.id), proposals.get(position.entry_order_id))
        for position in positions
    ]


def _lived(run: PaperRun, candles: Sequence[Candle]) -> Mapping[str, Sequence[Candle]]:
    """The candles that the run has lived through, by symbol."""
    series: defaultdict[str, list[Candle]] = defaultdict(list)
    for candle in candles:
        if run.closed_through is not None and candle.open_time <= run.closed_through:
            series[candle.symbol].append(candle)
    return series


def _trade(
    position: Position, journal: JournalEntry | None, proposal: Proposal | None
) -> TradeRecord:
    if proposal is None:
        return TradeRecord(position, journal)
    return TradeRecord(position, journal, proposal.agent_id, proposal.memories_used)


async def _proposals(
    unit: UnitOfWork, run: PaperRun, positions: Sequence[Position]
) -> Mapping[UUID, Proposal]:
    """The proposals that positions came from, by the entry order."""
    found = {}
    for order_ids in _batches([position.entry_order_id for position in positions]):
        for event in await unit.trades.events_about(run.user_id, order_ids):
            if event.kind == ProposalAccepted.__name__:
                accepted = fact_of(event, ProposalAccepted)
                found[accepted.order_id] = accepted.proposal
    return found


async def memory_texts(unit: UnitOfWork, trades: Sequence[TradeRecord]) -> Mapping[UUID, str]:
    """What the memories say that trades used."""
    ids = list(dict.fromkeys(each for trade in trades for each in trade.memories_used))
    return {
        memory.id: memory.content
        for some in _batches(ids)
        for memory in await unit.memories.by_ids(some)
    }


def _batches(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), _IDS_MAX):
        yield ids[start : start + _IDS_MAX]

"""Ask the desk of a fund what it would do now on a symbol; the fund is not told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.fund import Fund
from hedgerow.domain.market import Candle
from hedgerow.domain.memory import RecalledMemory
from hedgerow.domain.pairs import TradingPair
from hedgerow.domain.proposals import Decision
from hedgerow.domain.regimes import RegimeReading
from hedgerow.domain.sessions import SessionEvent
from hedgerow.usecases.brief_desk import SymbolMarket, brief
from hedgerow.usecases.codec import decode
from hedgerow.usecases.explain_trade import said_before
from hedgerow.usecases.fund_view import Watch
from hedgerow.usecases.longer_candles import LongerCandles
from hedgerow.usecases.paper_run import PaperDesk, RunPlan, read_candles_of
from hedgerow.usecases.ports.desk import RecallQuery
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.recall_memories import MemoryDesk, recall_memories


@dataclass(frozen=True, slots=True)
class Advice:
    """What the desk would do, and all that was said on the way to it."""

    decision: Decision
    research: Sequence[SessionEvent]
    conversation: Sequence[SessionEvent]


async def ask_desk(desk: PaperDesk, run: PaperRun, symbol: str) -> Advice:
    """What the desk of a run's fund would do on a symbol at the last close it lived through.

    The meeting is held and put down like any other; its decision goes nowhere. Raises InputRefused
    for a symbol that the fund does not watch, or that it knows too little of.
    """
    plan = decode(RunPlan, run.plan)
    async with desk.open_unit_of_work(run.user_id) as unit:
        fund = await unit.funds.load(run.user_id)
    pair = _pair_of(fund, symbol)
    candles = [
        candle
        for candle in await read_candles_of(desk, plan)
        if candle.symbol == symbol and candle.close_time <= fund.as_of
    ]
    reading = await _regime(desk, plan, symbol, candles)
    staff = desk.make_staff(plan.exchange, plan.symbols, fund.as_of)
    market = SymbolMarket(
        at=candles[-1].close_time,
        timeframe=plan.timeframe,
        candles=candles[-staff.analyst.candles_needed :],
        longer=LongerCandles(candles).closed_by(candles[-1].close_time),
        regime=reading,
    )
    briefing = brief(fund, pair, market, Watch(fund), is_asked_for=True)

    async def recall(query: RecallQuery) -> Sequence[RecalledMemory]:
        memories = MemoryDesk(desk.open_unit_of_work, desk.embedder)
        return await recall_memories(memories, fund.user.id, query)

    decision = await staff.analyst.decide(briefing, recall)
    async with desk.open_unit_of_work(run.user_id) as unit:
        said = await said_before(unit, run.user_id, decision.session_id)
    return Advice(decision, said.research, said.conversation)


def _pair_of(fund: Fund, symbol: str) -> TradingPair:
    pairs = {pair.symbol: pair for pair in fund.pairs.values()}
    if symbol not in pairs:
        raise InputRefused(
            what=f"the fund does not watch {symbol}",
            where="hedgerow ask",
            fix=f"use one of {', '.join(sorted(pairs))}",
        )
    return pairs[symbol]


async def _regime(
    desk: PaperDesk, plan: RunPlan, symbol: str, candles: Sequence[Candle]
) -> RegimeReading:
    """The regime as it was stored for the last close, or as the model reads it."""
    model = desk.regime_model
    if len(candles) < model.candles_least:
        raise InputRefused(
            what=f"only {len(candles)} closed candles of {symbol} are known",
            where="hedgerow ask",
            fix=f"let the run go on until there are {model.candles_least}",
        )
    at = candles[-1].close_time
    async with desk.open_unit_of_work(SYSTEM) as unit:
        stored = await unit.regimes.at(symbol, plan.timeframe, at, model.versions)
    if stored is not None and stored.timestamp == at:
        return stored.reading
    return model.read(candles[-model.candles_needed :])

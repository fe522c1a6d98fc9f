"""Let a fund trade past candles: the same steps as live, with the clock of the candles."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final, assert_never

from hedgerow.domain.fund import Fund
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.memory import Memory, RecalledMemory
from hedgerow.domain.messages import (
    BudgetUsed,
    DecisionMade,
    IntervalClosed,
    IntervalOpened,
    PriceMoved,
    ProposalAccepted,
    ProposalRefused,
    Step,
    StopRefused,
)
from hedgerow.domain.pairs import TradingPair
from hedgerow.domain.proposals import Abstention, Decision, ExitProposal, Proposal, StopProposal
from hedgerow.domain.regimes import RegimeClassification, RegimeReading, classification
from hedgerow.usecases.bill_models import bill_due, note_bill
from hedgerow.usecases.brief_desk import SymbolMarket, brief
from hedgerow.usecases.classify_regimes import own_versions
from hedgerow.usecases.drive_fund import FundDriver
from hedgerow.usecases.fund_view import Watch
from hedgerow.usecases.learn_from_trade import TradeSchool, decision_memory
from hedgerow.usecases.longer_candles import LongerCandles
from hedgerow.usecases.ports.clock import Clock
from hedgerow.usecases.ports.desk import Analyst, Briefing, Embedder, RecallQuery, RegimeModel
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork, UnitOfWork
from hedgerow.usecases.ports.venue import ReplayVenue
from hedgerow.usecases.recall_memories import MemoryDesk, recall_memories

# An exit is judged by as many candles as this once they have closed.
EXIT_VERDICT_CANDLES: Final = 6


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """How far a replay has come; `equity` in quote currency, `last_decision` in words.

    `time_in_market_pct` is the share of the spans lived through in this process, at whose close
    a position was open, in per cent.
    """

    spans_done: int
    spans: int
    at: datetime
    equity: str
    quote_currency: str
    open_positions: Sequence[str]
    last_decision: str
    time_in_market_pct: int


@dataclass(frozen=True, slots=True)
class ReplayDesk:
    """Who does what in a replay; the clock is that of bills, not of candles."""

    open_unit_of_work: OpenUnitOfWork
    venue: ReplayVenue
    analyst: Analyst
    regime_model: RegimeModel
    school: TradeSchool
    embedder: Embedder
    clock: Clock


class Replay:
    """One run of one fund over candles, saved span by span and resumed where it stopped."""

    def __init__(self, fund: Fund, run: PaperRun, timeframe: Timeframe, desk: ReplayDesk) -> None:
        self._fund = fund
        self._run = run
        self._timeframe = timeframe
        self._desk = desk
        self._pairs = sorted(fund.pairs.values(), key=lambda pair: pair.symbol)
        window = max(desk.analyst.candles_needed, desk.regime_model.candles_needed)
        self._history: dict[str, deque[Candle]] = {
            pair.symbol: deque(maxlen=window) for pair in self._pairs
        }
        self._longer: dict[str, LongerCandles] = {}
        self._watch = Watch(fund)
        self._stored: dict[tuple[str, datetime], RegimeReading] = {}
        self._classified: list[RegimeClassification] = []
        self._remembered: list[tuple[Memory, list[float]]] = []
        self._bills: list[BudgetUsed] = []
        self._last_decision = "warming up"
        self._last_action = ""
        self._spans_held = 0
        self._spans_lived = 0
        self._driver = FundDriver(
            fund, desk.venue, desk.open_unit_of_work, self._save_along, desk.school.learn
        )

    async def go(
        self,
        candles: Sequence[Candle],
        show: Callable[[ReplayProgress], None],
        is_stopped: Callable[[], bool],
    ) -> bool:
        """Live through `candles` (by open_time, then symbol); returns whether it came to the end.

        Each span is saved before the next begins, and `is_stopped` is asked between two spans.
        """
        for pair in self._pairs:
            mine = [candle for candle in candles if candle.symbol == pair.symbol]
            self._longer[pair.symbol] = LongerCandles(mine)
        spans = [list(group) for _, group in groupby(candles, key=lambda c: c.open_time)]
        if self._run.closed_through is not None:
            # before the next trade is learned from: then each is shared as if nothing had stopped
            await self._desk.school.share(self._fund.as_of)
        await self._driver.resume()
        await self._read_stored_regimes(candles)
        await self._recall_positions()
        self._desk.venue.cover(self._fund.positions.values())
        for number, span in enumerate(spans, start=1):
            if self._is_lived(span):
                self._add_to_history(span)
                continue
            if is_stopped():
                return False
            await self._live(span)
            show(self._progress(number, len(spans), span[0].close_time))
        await self._finish()
        return True

    def _is_lived(self, span: Sequence[Candle]) -> bool:
        closed_through = self._run.closed_through
        return closed_through is not None and span[0].open_time <= closed_through

    async def _recall_positions(self) -> None:
        """A process may have died after a position had ended, and before the next close."""
        if self._run.closed_through is None:
            return
        decided_at = self._run.closed_through + self._timeframe.duration
        async with self._desk.open_unit_of_work(self._fund.user.id) as unit:
            positions = await unit.trades.positions(self._run.strategy_id)
        self._watch.recall(positions, decided_at)

    async def _read_stored_regimes(self, candles: Sequence[Candle]) -> None:
        """What is classified already is not judged anew: all read the same row."""
        if not candles:
            return
        first, last = candles[0].close_time, candles[-1].close_time
        wanted = own_versions(self._desk.regime_model)
        async with self._desk.open_unit_of_work(SYSTEM) as unit:
            for pair in self._pairs:
                rows = await unit.regimes.between(pair.symbol, self._timeframe, first, last)
                self._stored |= {
                    (row.symbol, row.timestamp): row.reading
                    for row in rows
                    if row.reading.model_version in wanted
                }

    async def _live(self, span: Sequence[Candle]) -> None:
        opened_at = span[0].open_time
        if self._fund.as_of <= opened_at:
            self._driver.deliver(IntervalOpened(), opened_at)
            await self._driver.settle()
        for item in self._desk.venue.play(span):
            step = self._driver.deliver(item.message, item.at)
            # A price that changes nothing but marks is saved with the next step that matters.
            if not isinstance(item.message, PriceMoved) or step.facts or step.wishes:
                await self._driver.settle()
                self._desk.venue.cover(self._fund.positions.values())
        self._add_to_history(span)
        at = span[0].close_time
        for candle in span:
            self._driver.deliver(PriceMoved(candle.symbol, candle.close), at)
        self._driver.deliver(IntervalClosed(), at)
        for pair in self._pairs:
            await self._decide(pair, at)
        self._run.closed_through = span[0].open_time
        self._spans_held += bool(self._fund.positions)
        self._spans_lived += 1
        await self._driver.settle()
        await self._judge_exits(at - EXIT_VERDICT_CANDLES * self._timeframe.duration)

    async def _decide(self, pair: TradingPair, at: datetime) -> None:
        history = self._history[pair.symbol]
        if len(history) < self._desk.regime_model.candles_least or history[-1].close_time != at:
            # Too little is known, or this symbol's candle is missing: there is nothing to judge.
            return
        reading = self._stored.get((pair.symbol, at)) or self._classify(pair.symbol, at)
        decision = await self._desk.analyst.decide(self._brief(pair, reading, at), self._recall)
        if decision.session_id is not None:
            await self._bill(at)
        step = self._driver.deliver(DecisionMade(pair.id, decision), at)
        self._watch.decided(pair.symbol, reading.regime)
        await self._remember(step, at)
        self._note(decision, step, at)

    async def _bill(self, at: datetime) -> None:
        """A meeting may have cost something."""
        now = self._desk.clock.now()
        bill = await bill_due(self._desk.open_unit_of_work, self._fund, now, self._bills)
        if bill is not None:
            self._driver.deliver(bill, at)
            self._bills.append(bill)

    def _note(self, decision: Decision, step: Step, at: datetime) -> None:
        """Keep the decision that tells most: one to act stays until the next one."""
        refused = [f for f in step.facts if isinstance(f, ProposalRefused | StopRefused)]
        words = _in_words(decision)
        if refused:
            check = refused[0].checks[-1]
            words = f"refused ({check.name}: {check.found}, allowed: {check.allowed}) {words}"
        if not isinstance(decision, Abstention):
            self._last_action = f"{at:%Y-%m-%d %H:%M} {words}"
        self._last_decision = self._last_action or words

    def _classify(self, symbol: str, at: datetime) -> RegimeReading:
        model = self._desk.regime_model
        reading = model.read(list(self._history[symbol])[-model.candles_needed :])
        self._classified.append(classification(symbol, self._timeframe, at, reading))
        return reading

    def _brief(self, pair: TradingPair, reading: RegimeReading, at: datetime) -> Briefing:
        market = SymbolMarket(
            at=at,
            timeframe=self._timeframe,
            candles=list(self._history[pair.symbol])[-self._desk.analyst.candles_needed :],
            longer=self._longer[pair.symbol].closed_by(at),
            regime=reading,
            stored_before=self._stored_before(pair.symbol),
        )
        return brief(self._fund, pair, market, self._watch)

    def _stored_before(self, symbol: str) -> RegimeReading | None:
        history = self._history[symbol]
        return self._stored.get((symbol, history[-2].close_time)) if len(history) > 1 else None

    async def _recall(self, query: RecallQuery) -> Sequence[RecalledMemory]:
        desk = MemoryDesk(self._desk.open_unit_of_work, self._desk.embedder)
        return await recall_memories(desk, self._fund.user.id, query)

    async def _remember(self, step: Step, at: datetime) -> None:
        # Embedded at once: a service may be asked, which no open transaction should wait for.
        for fact in step.facts:
            if isinstance(fact, ProposalAccepted):
                memory = decision_memory(self._fund.user.id, fact, at)
                (vector,) = await self._desk.embedder.embed([memory.content])
                self._remembered.append((memory, vector))

    async def _save_along(self, unit: UnitOfWork) -> None:
        await unit.regimes.add(self._classified)
        memories = [memory for memory, _ in self._remembered]
        vectors = [vector for _, vector in self._remembered]
        await unit.memories.add(memories, vectors, self._desk.embedder)
        for bill in self._bills:
            await note_bill(unit, self._fund, bill)
        self._run.venue = self._desk.venue.snapshot()
        await unit.runs.save(self._run)
        self._classified.clear()
        self._remembered.clear()
        self._bills.clear()

    async def _judge_exits(self, closed_until: datetime) -> None:
        await self._desk.school.judge_exits(self._fund.user.id, closed_until, self._candles_after)

    def _candles_after(self, symbol: str, moment: datetime) -> Sequence[Candle]:
        after = [candle for candle in self._history[symbol] if candle.open_time >= moment]
        return after[:EXIT_VERDICT_CANDLES]

    async def _finish(self) -> None:
        at = self._fund.as_of
        await self._judge_exits(at)
        self._run.finished_at = at
        await self._driver.save()

    def _add_to_history(self, span: Sequence[Candle]) -> None:
        for candle in span:
            self._history[candle.symbol].append(candle)

    def _progress(self, number: int, spans: int, at: datetime) -> ReplayProgress:
        strategy = next(iter(self._fund.strategies.values()))
        return ReplayProgress(
            spans_done=number,
            spans=spans,
            at=at,
            equity=f"{self._fund.equity:,.2f}",
            quote_currency=strategy.quote_currency,
            open_positions=[
                f"{p.symbol} {p.side} {p.unrealized_pnl:+,.2f}"
                for p in self._fund.positions.values()
            ],
            last_decision=self._last_decision,
            time_in_market_pct=100 * self._spans_held // self._spans_lived,
        )


def _in_words(decision: Decision) -> str:
    match decision:
        case Proposal():
            return f"{decision.symbol}: {decision.side} — {decision.reasoning}"
        case ExitProposal():
            return f"{decision.symbol}: leave — {decision.reasoning}"
        case StopProposal():
            stop = decision.stop_loss_price
            return f"{decision.symbol}: stop to {stop:f} — {decision.reasoning}"
        case Abstention():
            return f"{decision.symbol}: wait — {decision.reasoning}"
        case _:
            assert_never(decision)

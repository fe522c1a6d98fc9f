"""Who decides in a backtest: analysts by rules, asked at once, or one that is briefed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from hedgerow.domain.fund import Fund
from hedgerow.domain.market import Candle
from hedgerow.domain.memory import RecalledMemory
from hedgerow.domain.messages import LearnFromTrade, Step
from hedgerow.domain.pairs import TradingPair
from hedgerow.domain.positions import Position
from hedgerow.domain.proposals import Abstention, Act
from hedgerow.usecases.backtest.analyst_faults import refused_answer, refused_error
from hedgerow.usecases.backtest.desk import ByBriefing, ByRules
from hedgerow.usecases.backtest.learning import Learning, PlainJournal
from hedgerow.usecases.backtest.lookout import Lookout
from hedgerow.usecases.backtest.market import Market, RuleAnalyst
from hedgerow.usecases.brief_desk import SymbolMarket, brief
from hedgerow.usecases.candle_series import CandleSeries, microseconds
from hedgerow.usecases.fund_view import Watch
from hedgerow.usecases.longer_candles import LongerCandles
from hedgerow.usecases.ports.desk import RecallQuery
from hedgerow.usecases.replay_fund import EXIT_VERDICT_CANDLES

EndedTrades = Sequence[tuple[LearnFromTrade, datetime]]


@dataclass(slots=True)
class Seat:
    """A pair that is watched, its candles, and how many of them have closed."""

    pair: TradingPair
    series: CandleSeries
    closed: int = 0


def position_on(fund: Fund, pair: TradingPair) -> Position | None:
    """The open position of a pair."""
    for position in fund.positions.values():
        if position.trading_pair_id == pair.id:
            return position
    return None


def is_entering(fund: Fund, pair: TradingPair) -> bool:
    """Whether an entry order of a pair still works."""
    return any(order.trading_pair_id == pair.id for order in fund.working_entries())


class RuleVoice:
    """Rule-based analysts, one for each symbol."""

    def __init__(self, fund: Fund, seats: Sequence[Seat], rules: ByRules, leverage: int) -> None:
        self._fund = fund
        self.catch_up: Callable[[], None] = lambda: None
        self.journal = PlainJournal(fund)
        self._name = rules.name
        self._desks: dict[str, tuple[Market, RuleAnalyst]] = {}
        self.lookouts: dict[str, Lookout] = {}
        for seat in seats:
            tick = fund.instruments[seat.pair.id].price_tick
            market = Market(
                seat.series,
                rules.name,
                tick,
                seat.pair.market_type,
                leverage,
                partial(self._marked_position, seat.pair),
                partial(is_entering, fund, seat.pair),
            )
            self._desks[seat.pair.symbol] = (market, rules.make())
            if rules.look_out is not None:
                # By analysts of its own: who decides must not keep what signals saw of the future.
                self.lookouts[seat.pair.symbol] = rules.look_out(seat.series, rules.make)

    def ask(self, seat: Seat) -> Act | None:
        """What the analyst of a symbol does at the close of its last candle.

        Raises InputRefused for an analyst that fails, or answers what is no decision on the symbol.
        """
        fund = self._fund
        market, analyst = self._desks[seat.pair.symbol]
        if self.lookouts:
            market.signal = self.lookouts[seat.pair.symbol].signal(seat.closed - 1)
            if not market.signal:
                return None
        market.count = seat.closed
        held = position_on(fund, seat.pair) if fund.positions else None
        market.side = held.side if held else None
        try:
            act = analyst.decide(market)
        except Exception as error:
            refused = refused_error(self._where(market), "decide", error)
            if refused is None:
                raise
            raise refused from error
        if act is None or (isinstance(act, Act) and act.symbol == market.symbol):
            return act
        raise refused_answer(self._where(market), act)

    def _where(self, market: Market) -> str:
        return f"{self._name} on {market.symbol} at {market.at:%Y-%m-%d %H:%M} UTC"

    def _marked_position(self, pair: TradingPair) -> Position | None:
        self.catch_up()
        return position_on(self._fund, pair)

    async def take_in(self, step: Step, at: datetime) -> None:
        """Keep what was accepted."""
        self.journal.take_in(step)

    async def close(self, trades: EndedTrades) -> None:
        """Write the journal of trades that have ended."""
        self.journal.close(trades)


class BriefedVoice:
    """One analyst for all symbols, with a regime model, and a memory unless it has none."""

    def __init__(self, fund: Fund, seats: Sequence[Seat], briefing: ByBriefing) -> None:
        self._fund = fund
        self.catch_up: Callable[[], None] = lambda: None
        self._analyst = briefing.analyst
        self._regime_model = briefing.regime_model
        self._watch = Watch(fund)
        self.journal: Learning | PlainJournal = (
            PlainJournal(fund) if briefing.school is None else Learning(briefing.school, fund)
        )
        window = max(self._analyst.candles_needed, self._regime_model.candles_needed)
        self._history: dict[str, deque[Candle]] = {
            seat.pair.symbol: deque(maxlen=window) for seat in seats
        }
        self._series = {seat.pair.symbol: seat for seat in seats}
        self._longer = {seat.pair.symbol: LongerCandles(seat.series) for seat in seats}

    def see(self, seat: Seat) -> None:
        """Take in the candle that has just closed."""
        self._history[seat.pair.symbol].append(seat.series[seat.closed - 1])

    async def ask(self, seat: Seat, at: datetime) -> Act | None:
        """What the analyst does at the close of a symbol's last candle; None where it waits."""
        history = self._history[seat.pair.symbol]
        if not self.speaks(seat):
            return None
        reading = self._regime_model.read(list(history)[-self._regime_model.candles_needed :])
        if isinstance(self.journal, Learning):
            self.journal.classified(seat.pair.symbol, at, reading)
        self.catch_up()
        fund, pair = self._fund, seat.pair
        market = SymbolMarket(
            at=at,
            timeframe=seat.series.timeframe,
            candles=list(history)[-self._analyst.candles_needed :],
            longer=self._longer[pair.symbol].closed_by(at),
            regime=reading,
        )
        briefing = brief(fund, pair, market, self._watch)
        decision = await self._analyst.decide(briefing, self._recall)
        self._watch.decided(pair.symbol, reading.regime)
        return None if isinstance(decision, Abstention) else decision

    def speaks(self, seat: Seat) -> bool:
        """Whether enough is known of a symbol for the analyst to be asked."""
        return len(self._history[seat.pair.symbol]) >= self._regime_model.candles_least

    async def take_in(self, step: Step, at: datetime) -> None:
        """Remember what was accepted."""
        if isinstance(self.journal, Learning):
            await self.journal.take_in(step, at)
        else:
            self.journal.take_in(step)

    async def close(self, trades: EndedTrades) -> None:
        """Learn from trades that have ended."""
        if isinstance(self.journal, Learning):
            await self.journal.close(trades)
        else:
            self.journal.close(trades)

    async def judge_exits(self, closed_until: datetime) -> None:
        """Judge the exits of trades closed by then, by the candles that followed each."""
        if isinstance(self.journal, Learning):
            await self.journal.judge_exits(closed_until, self._candles_after)

    def _candles_after(self, symbol: str, at: datetime) -> Sequence[Candle]:
        seat = self._series[symbol]
        at_us = microseconds(at)
        first = seat.closed
        while first > 0 and seat.series.open_us[first - 1] >= at_us:
            first -= 1
        return seat.series[first : min(first + EXIT_VERDICT_CANDLES, seat.closed)]

    async def _recall(self, query: RecallQuery) -> Sequence[RecalledMemory]:
        if isinstance(self.journal, Learning):
            return await self.journal.recall(query)
        return []

"""The engine of backtests: the steps of a paper run, without whatever can have no effect.

The order of things within a span is that of usecases/replay_fund.py: prices and executions in the
order of the venue, then the closes, then the decisions. A candle in which no order can execute and
whose prices change nothing but a mark is passed over; domain/quiet.py tells which prices those are.
On the fast path whole stretches of such candles are (skipping.py).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from hedgerow.domain.fund import Fund
from hedgerow.domain.market import MarketType, path_of
from hedgerow.domain.messages import (
    DecisionMade,
    IntervalClosed,
    IntervalOpened,
    PriceMoved,
    ProposalRefused,
)
from hedgerow.domain.money import ZERO
from hedgerow.domain.proposals import Act
from hedgerow.usecases.backtest.calm import Calm, CalmWatch
from hedgerow.usecases.backtest.desk import BacktestVenue
from hedgerow.usecases.backtest.driver import BacktestDriver
from hedgerow.usecases.backtest.equity import EquityColumns
from hedgerow.usecases.backtest.lookout import BacktestPath
from hedgerow.usecases.backtest.skipping import Skipper
from hedgerow.usecases.backtest.voices import BriefedVoice, RuleVoice, Seat
from hedgerow.usecases.candle_series import microseconds, moment, point_us
from hedgerow.usecases.replay_fund import EXIT_VERDICT_CANDLES

_AT_CLOSE: Final = 3
_SHOWN_SPANS: Final = 256


class Engine:
    """Lives through candles, span by span."""

    def __init__(
        self,
        fund: Fund,
        venue: BacktestVenue,
        seats: Sequence[Seat],
        voice: RuleVoice | BriefedVoice,
        path: BacktestPath,
    ) -> None:
        self._fund = fund
        self._venue = venue
        self._seats = seats
        self._voice = voice
        self._rules = voice if isinstance(voice, RuleVoice) else None
        self._driver = BacktestDriver(fund, venue)
        voice.catch_up = self._driver.catch_up
        self._strategy = next(iter(fund.strategies.values()))
        self._is_futures = self._strategy.market_type is MarketType.FUTURES
        self._span_us = seats[0].series.span_us
        self._reset_us = microseconds(fund.breaker.reset_at)
        self._noted_steps = -1
        self._equity = self._cash = ZERO
        series = {seat.pair.symbol: seat.series for seat in seats}
        self._calm = CalmWatch(fund, venue, self._driver, series)
        self.equity = EquityColumns(self._span_us)
        self._skipper: Skipper | None = None
        if path is BacktestPath.FAST:
            assert isinstance(voice, RuleVoice), "who is briefed is asked at every close"
            self._skipper = Skipper(
                fund, venue, self._driver, self._calm, seats, voice.lookouts, self.equity
            )
        self.decisions = 0
        self.refusals: Counter[str] = Counter()
        """How many proposals failed which pre-trade check."""

    @property
    def steps(self) -> int:
        """How many messages the fund has taken."""
        return self._driver.steps

    async def go(self, show: Callable[[int], None], is_stopped: Callable[[], bool]) -> bool:
        """Live through all candles; returns whether it came to the end.

        `show` is told now and then how many candles are over, and `is_stopped` asked.
        """
        lived, span = 0, list(self._seats)
        for number, open_us in enumerate(self._openings()):
            if not number % _SHOWN_SPANS:
                # Let signals be heard.
                await asyncio.sleep(0)
                show(lived)
                if is_stopped():
                    self._driver.catch_up()
                    return False
            if self._skipper is not None and (skipped := self._skipper.skip(open_us)):
                self.decisions += skipped
                lived += skipped
                continue
            if len(span) != 1 or len(self._seats) != 1:
                span = [seat for seat in self._seats if self._opens(seat, open_us)]
            await self._live(open_us, span)
            lived += len(span)
        self._driver.catch_up()
        if isinstance(self._voice, BriefedVoice):
            await self._voice.judge_exits(self._fund.as_of)
        show(lived)
        return True

    def _openings(self) -> Iterator[int]:
        """The opening times of all spans, in order."""
        if len(self._seats) == 1:
            (seat,) = self._seats
            while seat.closed < len(seat.series):
                yield seat.series.open_us[seat.closed]
            return
        while True:
            left = [s.series.open_us[s.closed] for s in self._seats if s.closed < len(s.series)]
            if not left:
                return
            yield min(left)

    @staticmethod
    def _opens(seat: Seat, open_us: int) -> bool:
        return seat.closed < len(seat.series) and seat.series.open_us[seat.closed] == open_us

    async def _live(self, open_us: int, span: Sequence[Seat]) -> None:
        close_us = open_us + self._span_us
        fund = self._fund
        if open_us >= self._reset_us:
            self._turn_day(IntervalOpened(), open_us)
        if (fund.positions or fund.orders) and not self._pass_over(open_us, close_us, span):
            self._play(open_us, close_us, span)
        for seat in span:
            seat.closed += 1
        if close_us >= self._reset_us:
            self._turn_day(IntervalClosed(), close_us)
        if self._driver.ended_trades:
            trades, self._driver.ended_trades = self._driver.ended_trades, []
            await self._voice.close(trades)
        self._note_equity(open_us)
        if self._rules is None:
            await self._brief(close_us, span)
            return
        has_acted = False
        for seat in span:
            self.decisions += 1
            act = self._rules.ask(seat)
            if act is not None:
                await self._decide(seat, act, close_us)
                has_acted = True
        if has_acted:
            self._driver.settle()

    def _note_equity(self, open_us: int) -> None:
        driver = self._driver
        if self._noted_steps != driver.steps:
            self._noted_steps, self._cash = driver.steps, self._strategy.cash_reserve
            self._equity = self._fund.equity
        marked = driver.equity_kept_back
        self.equity.add(open_us, self._equity if marked is None else marked, self._cash)

    async def _brief(self, close_us: int, span: Sequence[Seat]) -> None:
        voice, at = self._voice, moment(close_us)
        assert isinstance(voice, BriefedVoice)
        for seat in span:
            voice.see(seat)
        for seat in span:
            self.decisions += voice.speaks(seat)
            act = await voice.ask(seat, at)
            if act is not None:
                await self._decide(seat, act, close_us)
        self._driver.settle()
        duration = seat.series.timeframe.duration
        await voice.judge_exits(at - EXIT_VERDICT_CANDLES * duration)

    async def _decide(self, seat: Seat, act: Act, close_us: int) -> None:
        series, at = seat.series, moment(close_us)
        self._venue.know_last(seat.pair.symbol, series.price(series.close[seat.closed - 1]))
        step = self._driver.deliver(DecisionMade(seat.pair.id, act), at)
        for fact in step.facts:
            if isinstance(fact, ProposalRefused):
                self.refusals[fact.checks[-1].name] += 1
        await self._voice.take_in(step, at)

    def _pass_over(self, open_us: int, close_us: int, span: Sequence[Seat]) -> bool:
        """Pass over a span in which nothing executes; returns whether it was one."""
        calm, due_us = self._calm.now, self._calm.funding_due_us
        if calm is None or (due_us is not None and due_us < close_us):
            return False
        for seat in span:
            if seat.pair.symbol == calm.resting.symbol:
                series, i = seat.series, seat.closed
                low, high = series.low[i], series.high[i]
                if low < calm.resting.low or high > calm.resting.high:
                    return False
                close = series.price(series.close[i])
                if low < calm.quiet_low or high > calm.quiet_high:
                    self._mark_along(seat, calm, open_us)
                self._venue.pass_over(calm.resting.symbol, close)
                at = moment(point_us(open_us, self._span_us, _AT_CLOSE))
                self._driver.price(calm.resting.symbol, close, at)
        return True

    def _mark_along(self, seat: Seat, calm: Calm, open_us: int) -> None:
        """Let the fund know the prices along a candle that matter, as the venue would."""
        series, i = seat.series, seat.closed
        path = path_of(series.open[i], series.high[i], series.low[i], series.close[i])
        for point, units in enumerate(path[:-1]):
            # Once it was told a price, the fund's quiet span is another: the driver knows it.
            if calm.quiet_low <= units <= calm.quiet_high and calm.steps == self._driver.steps:
                continue
            at = moment(point_us(open_us, self._span_us, point))
            self._driver.price(calm.resting.symbol, series.price(units), at)

    def _play(self, open_us: int, close_us: int, span: Sequence[Seat]) -> None:
        fund, driver, venue = self._fund, self._driver, self._venue
        if fund.orders:
            opened_at = moment(open_us)
            if fund.as_of <= opened_at and any(fund.working_entries()):
                driver.deliver(IntervalOpened(), opened_at)
                driver.settle()
        played, due_us = span, self._calm.funding_due_us
        # Funding is settled with the next candle, of whatever symbol it is.
        if due_us is None or due_us >= close_us:
            busy = venue.ordered | {position.symbol for position in fund.positions.values()}
            played = [seat for seat in span if seat.pair.symbol in busy]
        for item in venue.play([seat.series[seat.closed] for seat in played]):
            message = item.message
            if isinstance(message, PriceMoved):
                if driver.price(message.symbol, message.price, item.at):
                    driver.settle()
                continue
            driver.deliver(message, item.at)
            driver.settle()
            if self._is_futures:
                venue.cover(fund.positions.values())
        due = venue.next_funding_at
        self._calm.funding_due_us = None if due is None else microseconds(due)
        closed_at = moment(close_us)
        for seat in played:
            driver.price(
                seat.pair.symbol, seat.series.price(seat.series.close[seat.closed]), closed_at
            )
        if fund.positions and driver.trade(next(iter(fund.positions.values())).symbol) is None:
            driver.deliver(IntervalClosed(), closed_at)
        driver.settle()

    def _turn_day(self, message: IntervalOpened | IntervalClosed, at_us: int) -> None:
        """Begin a new trading day with `message`, unless a price has done so already."""
        if microseconds(self._fund.breaker.reset_at) <= at_us:
            self._driver.deliver(message, moment(at_us))
            self._driver.settle()
        self._reset_us = microseconds(self._fund.breaker.reset_at)

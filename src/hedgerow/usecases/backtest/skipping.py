"""The fast path: time is skipped to the next span in which anything can happen.

That is a close at which an analyst speaks, a price that reaches an order or a limit, the turn of
the trading day, a settlement of funding. Whatever happens there goes through the same steps as in
the event-driven path. Of the prices that are skipped the fund is told those that set records.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from hedgerow.domain.fund import Fund
from hedgerow.domain.market import path_of
from hedgerow.domain.money import CONTEXT, HUNDRED, ONE, exact
from hedgerow.domain.quiet import LoneTrade
from hedgerow.usecases.backtest.calm import CalmWatch, Resting
from hedgerow.usecases.backtest.desk import BacktestVenue
from hedgerow.usecases.backtest.driver import BacktestDriver
from hedgerow.usecases.backtest.equity import EquityColumns, Stretch
from hedgerow.usecases.backtest.lookout import Lookout, Records
from hedgerow.usecases.backtest.voices import Seat
from hedgerow.usecases.candle_series import microseconds, moment, point_us

_SPANS_AT_ONCE: Final = 65_536


class Skipper:
    """Passes over stretches in which nothing can happen."""

    def __init__(
        self,
        fund: Fund,
        venue: BacktestVenue,
        driver: BacktestDriver,
        calm: CalmWatch,
        seats: Sequence[Seat],
        lookouts: Mapping[str, Lookout],
        equity: EquityColumns,
    ) -> None:
        self._fund = fund
        self._venue = venue
        self._driver = driver
        self._calm = calm
        self._seats = {seat.pair.symbol: seat for seat in seats}
        self._lookouts = lookouts
        self._equity = equity
        self._openings = openings_of(seats)
        self._span_us = seats[0].series.span_us
        self._strategy = next(iter(fund.strategies.values()))

    def skip(self, open_us: int) -> int:
        """Pass over the spans from `open_us` on that may be; returns how many candles they had."""
        resting = None
        if self._fund.positions or self._fund.orders:
            resting = self._calm.resting
            if resting is None:
                return 0
        first = bisect_left(self._openings, open_us)
        last = min(first + _SPANS_AT_ONCE, len(self._openings)) - 1
        until_us = min(self._openings[last] + 1, self._next_word_us())
        if resting is not None:
            until_us = self._next_meeting_us(resting, until_us)
        if until_us <= open_us:
            return 0
        opened_us = self._openings[first : bisect_left(self._openings, until_us, first)]
        if resting is None:
            self._equity.add_stretch(
                Stretch(opened_us, self._strategy.cash_reserve, self._fund.equity)
            )
        else:
            self._pass_over(resting, opened_us, until_us)
        return sum(self._move_on(seat, until_us) for seat in self._seats.values())

    def _next_word_us(self) -> int:
        """When the next span opens at whose close an analyst speaks, or in which the day turns."""
        next_us = microseconds(self._fund.breaker.reset_at) - self._span_us
        for symbol, seat in self._seats.items():
            candle = self._lookouts[symbol].next_signal(seat.closed)
            if candle < len(seat.series):
                next_us = min(next_us, seat.series.open_us[candle])
        return next_us

    def _next_meeting_us(self, resting: Resting, until_us: int) -> int:
        """When the next span opens that has funding or a price that is met, `until_us` at most."""
        funded_us = self._calm.funding_due_us
        if funded_us is not None:
            until_us = min(until_us, funded_us - self._span_us + 1)
        seat = self._seats[resting.symbol]
        stop = bisect_left(seat.series.open_us, until_us, seat.closed)
        met = self._lookouts[resting.symbol].first_outside(
            seat.closed, stop, resting.low, resting.high
        )
        return until_us if met == stop else seat.series.open_us[met]

    def _pass_over(self, resting: Resting, opened_us: Sequence[int], until_us: int) -> None:
        symbol, trade = resting.symbol, resting.trade
        seat, series = self._seats[symbol], self._seats[symbol].series
        start, stop = seat.closed, bisect_left(series.open_us, until_us, seat.closed)
        slope = CONTEXT.scaleb(trade.equity_slope, -series.price_places)
        self._equity.add_stretch(
            Stretch(
                opened_us,
                self._strategy.cash_reserve,
                trade.equity_base,
                slope,
                _closes_at(seat, opened_us, stop),
            )
        )
        if start == stop:
            return
        for candle, point in self._lookouts[symbol].records(start, stop, _records(trade, slope)):
            self._tell(seat, candle, point)
        self._venue.pass_over(symbol, series.price(series.close[stop - 1]))
        self._tell(seat, stop - 1, 3)

    def _tell(self, seat: Seat, candle: int, point: int) -> None:
        """Let the fund know one price of a candle's path, at the time the venue would give it."""
        series = seat.series
        path = path_of(
            series.open[candle], series.high[candle], series.low[candle], series.close[candle]
        )
        at = moment(point_us(series.open_us[candle], self._span_us, point))
        self._driver.price(seat.pair.symbol, series.price(path[point]), at)

    @staticmethod
    def _move_on(seat: Seat, until_us: int) -> int:
        before = seat.closed
        seat.closed = bisect_left(seat.series.open_us, until_us, before)
        return seat.closed - before


def _records(trade: LoneTrade, slope: Decimal) -> Records:
    """The records so far, with what the fund is worth by a unit of price."""
    position, strategy = trade.position, trade.strategy
    with exact():
        # What the fund is worth but for the profit of this position.
        rest = trade.equity_base - position.realized_pnl + position.entry_cost * position.side.sign
        floor = strategy.peak_equity * (ONE - strategy.max_drawdown / HUNDRED)
        return Records(
            equity_base=float(trade.equity_base),
            equity_slope=float(slope),
            quiet_floor=float(max(floor, rest + position.worst_pnl)),
            quiet_ceiling=float(min(strategy.peak_equity, rest + position.best_pnl)),
            peak_equity=float(strategy.peak_equity),
            max_drawdown_ratio=float(strategy.max_drawdown / HUNDRED),
        )


def openings_of(seats: Sequence[Seat]) -> Sequence[int]:
    """When the spans of all candles open, in microseconds, oldest first."""
    columns = [seat.series.open_us for seat in seats]
    if all(column == columns[0] for column in columns[1:]):
        return columns[0]
    return array("q", sorted(set().union(*columns)))


def _closes_at(seat: Seat, opened_us: Sequence[int], stop: int) -> Sequence[int]:
    """The last close known at the end of each span; a span may lack a candle of the symbol."""
    series, start = seat.series, seat.closed
    if stop - start == len(opened_us):
        return series.close[start:stop]
    closes, candle = array("q"), start
    for open_us in opened_us:
        if candle < stop and series.open_us[candle] == open_us:
            candle += 1
        closes.append(series.close[candle - 1])
    return closes

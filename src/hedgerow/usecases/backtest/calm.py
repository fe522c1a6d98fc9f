"""When nothing is about to happen: the prices of a lone position that reach no order or limit."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from hedgerow.domain.fund import Fund
from hedgerow.domain.quiet import LoneTrade
from hedgerow.usecases.backtest.desk import BacktestVenue
from hedgerow.usecases.backtest.driver import BacktestDriver
from hedgerow.usecases.candle_series import CandleSeries


@dataclass(frozen=True, slots=True)
class Resting:
    """A symbol's prices in units, ends included, at which no order acts and nothing is said.

    `trade` is the position. It holds as of so many `changes` of the fund.
    """

    symbol: str
    low: int
    high: int
    trade: LoneTrade
    changes: int


@dataclass(frozen=True, slots=True)
class Calm:
    """Prices in units, ends included, at which a mark is quiet, where no order acts.

    It holds as of so many `steps` of the fund.
    """

    resting: Resting
    quiet_low: int
    quiet_high: int
    steps: int


class CalmWatch:
    """Tells when a fund is calm: one position, with a stop at work, and nothing else under way."""

    def __init__(
        self,
        fund: Fund,
        venue: BacktestVenue,
        driver: BacktestDriver,
        series: Mapping[str, CandleSeries],
    ) -> None:
        self._fund = fund
        self._venue = venue
        self._driver = driver
        self._series = series
        self.funding_due_us: int | None = None
        """When funding is settled next, as the venue last said; None where it never is."""
        self._calm: tuple[int, Calm | None] = (-1, None)
        self._resting: tuple[int, Resting | None] = (-1, None)

    @property
    def resting(self) -> Resting | None:
        """The prices at which nothing happens but records, if there are any at present."""
        if self._resting[0] != self._driver.changes:
            self._resting = self._driver.changes, self._look_for_orders()
        return self._resting[1]

    @property
    def now(self) -> Calm | None:
        """The calm that there is at present, if it is one."""
        if self._calm[0] != self._driver.steps:
            self._calm = self._driver.steps, self._look_for_marks()
        return self._calm[1]

    def _look_for_marks(self) -> Calm | None:
        resting = self.resting
        quiet = None if resting is None else self._driver.quiet(resting.symbol)
        if resting is None or quiet is None:
            return None
        units = self._series[resting.symbol].units
        return Calm(
            resting,
            quiet_low=_whole(units(quiet.low), ROUND_CEILING),
            quiet_high=_whole(units(quiet.high), ROUND_FLOOR),
            steps=self._driver.steps,
        )

    def _look_for_orders(self) -> Resting | None:
        if len(self._fund.positions) != 1:
            return None
        (position,) = self._fund.positions.values()
        symbol, trade = position.symbol, self._driver.trade(position.symbol)
        resting = self._venue.resting_span(symbol) if self._venue.ordered == {symbol} else None
        if trade is None or resting is None:
            return None
        units = self._series[symbol].units
        ends = zip(resting, trade.silent_prices(), strict=True)
        below, above = ([units(end) for end in both if end is not None] for both in ends)
        return Resting(
            symbol,
            low=max((_whole(end, ROUND_FLOOR) + 1 for end in below), default=0),
            high=min((_whole(end, ROUND_CEILING) - 1 for end in above), default=sys.maxsize),
            trade=trade,
            changes=self._driver.changes,
        )


def _whole(units: Decimal, rounding: str) -> int:
    return int(units.to_integral_value(rounding=rounding))

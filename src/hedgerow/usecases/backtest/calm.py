"""When nothing is about to happen: the prices of a lone position that reach no order or limit."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from hedgerow.domain.fund import Fund
from hedgerow.domain.market import MarketType
from hedgerow.domain.quiet import QuietSpan, silent_prices
from hedgerow.usecases.backtest.desk import BacktestVenue
from hedgerow.usecases.backtest.driver import BacktestDriver
from hedgerow.usecases.backtest.series import CandleSeries

_FUNDING_EVERY_US: Final = timedelta(hours=8) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Resting:
    """A symbol's prices in units, ends included, at which no order acts and nothing is said.

    It holds as of so many `changes` of the fund.
    """

    symbol: str
    low: int
    high: int
    changes: int


@dataclass(frozen=True, slots=True)
class Calm:
    """Prices in units, ends included, at which a mark is quiet, where no order acts.

    It holds as of so many `steps` of the fund; `span` is what the fund has to say of it.
    """

    resting: Resting
    quiet_low: int
    quiet_high: int
    span: QuietSpan
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
        strategy = next(iter(fund.strategies.values()))
        self._is_funded = strategy.market_type is MarketType.FUTURES and venue.settles_funding
        self._calm: Calm | None = None
        self._resting: Resting | None = None
        self._steps = -1

    @property
    def now(self) -> Calm | None:
        """The calm that there is at present, if it is one."""
        if self._steps != self._driver.steps:
            self._calm, self._steps = self._look(), self._driver.steps
        return self._calm

    def next_funding_us(self, at_us: int) -> int | None:
        """When funding is settled next, at `at_us` or later; None where it never is."""
        if not self._is_funded:
            return None
        return -(-at_us // _FUNDING_EVERY_US) * _FUNDING_EVERY_US

    def _look(self) -> Calm | None:
        positions = list(self._fund.positions.values())
        if len(positions) != 1:
            return None
        symbol = positions[0].symbol
        quiet = self._driver.quiet(symbol)
        if quiet is None:
            return None
        if self._resting is None or self._resting.changes != self._driver.changes:
            self._resting = self._resting_now(symbol, quiet)
        if self._resting is None:
            return None
        units = self._series[symbol].units
        return Calm(
            self._resting,
            quiet_low=_whole(units(quiet.low), ROUND_CEILING),
            quiet_high=_whole(units(quiet.high), ROUND_FLOOR),
            span=quiet,
            steps=self._driver.steps,
        )

    def _resting_now(self, symbol: str, quiet: QuietSpan) -> Resting | None:
        resting = self._venue.resting_span(symbol) if self._venue.ordered == {symbol} else None
        if resting is None:
            return None
        units = self._series[symbol].units
        ends = zip(resting, silent_prices(self._fund, quiet), strict=True)
        below, above = ([units(end) for end in both if end is not None] for both in ends)
        return Resting(
            symbol,
            low=max((_whole(end, ROUND_FLOOR) + 1 for end in below), default=0),
            high=min((_whole(end, ROUND_CEILING) - 1 for end in above), default=sys.maxsize),
            changes=self._driver.changes,
        )


def _whole(units: Decimal, rounding: str) -> int:
    return int(units.to_integral_value(rounding=rounding))

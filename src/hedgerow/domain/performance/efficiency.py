"""How well a trade was entered and left, by the extremes of the price while it was open."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hedgerow.domain.market import Candle
from hedgerow.domain.money import HUNDRED, exact, percent
from hedgerow.domain.positions import Position, PositionSide


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Shares of the range that the price went through while a trade was open, in per cent.

    `entry_pct` is what was ahead of the entry, 100 at the best price; `exit_pct` what the exit
    kept, 100 at the best price; `total_pct` their sum less 100: what the trade caught of the
    range, below zero where it lost.
    """

    entry_pct: Decimal
    exit_pct: Decimal

    @property
    def total_pct(self) -> Decimal:
        """What the trade caught of the range, before costs."""
        return self.entry_pct + self.exit_pct - HUNDRED


def trade_efficiency(position: Position, candles: Sequence[Candle]) -> Efficiency | None:
    """The efficiency of a closed trade; `candles` are its symbol's, oldest first.

    The candles in which it was opened and closed count whole: what happened inside them in which
    order is not known. None without candles over its time, without an exit, and where the price
    did not move.

    Source: TradeStation's entry, exit and total efficiency, after Sweeney (1996), Maximum Adverse
    Excursion.
    """
    if position.closed_at is None or position.exit_price is None:
        return None
    lived = _overlapping(candles, position.opened_at, position.closed_at)
    if not lived:
        return None
    entry, left = position.entry_price, position.exit_price
    highest = max(entry, left, *(candle.high for candle in lived))
    lowest = min(entry, left, *(candle.low for candle in lived))
    if highest == lowest:
        return None
    with exact():
        ahead, kept = (
            percent(highest - entry, highest - lowest),
            percent(left - lowest, highest - lowest),
        )
        if position.side is PositionSide.SHORT:
            ahead, kept = HUNDRED - ahead, HUNDRED - kept
        return Efficiency(ahead, kept)


def _overlapping(
    candles: Sequence[Candle], opened_at: datetime, closed_at: datetime
) -> Sequence[Candle]:
    """The candles that share time with a trade; one that ended at a close has not begun a next."""
    first = bisect_right(candles, opened_at, key=lambda candle: candle.close_time)
    last = bisect_right(candles, closed_at, key=lambda candle: candle.open_time)
    if last and last - first > 1 and candles[last - 1].open_time == closed_at:
        last -= 1
    return candles[first:last]

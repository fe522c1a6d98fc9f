"""Buy and hold: what the same allocation would have been worth if nobody had traded it.

Each symbol's share of the capital is spent, once, at the first close at which the fund itself
could have acted, by a market order that pays the taker fee and the slippage out of that share;
quantities are not rounded to a venue's step. It is then marked at every close, like the fund's
own open positions, without the cost of selling. A share nobody can buy yet, or that no symbol
has, stays cash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hedgerow.domain.market import Candle
from hedgerow.domain.money import ONE, ZERO, exact, to_fee, to_quote
from hedgerow.domain.performance import CurvePoint


@dataclass(frozen=True, slots=True)
class EntryCosts:
    """What a market buy costs, as ratios of its value and of the price (0.001 is 0.1 %)."""

    taker_fee_ratio: Decimal
    slippage_ratio: Decimal


@dataclass(frozen=True, slots=True)
class Held:
    """Buy-and-hold's curve, and the fees of its purchases in quote currency."""

    curve: tuple[CurvePoint, ...]
    fees: Decimal


@dataclass(slots=True)
class _Holding:
    """One symbol's share: cash in quote currency until it is bought, then `quantity` in base.

    `price` is the last close known, `seen` how many candles it has taken to know it.
    """

    cash: Decimal
    candles: Sequence[Candle]
    quantity: Decimal = ZERO
    fee: Decimal = ZERO
    price: Decimal | None = None
    seen: int = 0

    def value_at(self, at: datetime, costs: EntryCosts) -> Decimal:
        """What the share is worth at a moment not before the last one asked for."""
        while self.seen < len(self.candles) and self.candles[self.seen].close_time <= at:
            self.price = self.candles[self.seen].close
            self.seen += 1
        if self.price is None:
            return self.cash
        if not self.quantity:
            self._buy(self.price, costs)
        return self.quantity * self.price

    def _buy(self, close: Decimal, costs: EntryCosts) -> None:
        paid = close * (ONE + costs.slippage_ratio)
        self.quantity = self.cash / (paid * (ONE + costs.taker_fee_ratio))
        self.fee = self.quantity * paid * costs.taker_fee_ratio


def buy_and_hold(
    capital: Decimal,
    allocations: Mapping[str, Decimal],
    candles: Mapping[str, Sequence[Candle]],
    moments: Sequence[datetime],
    costs: EntryCosts,
) -> Held:
    """The value of `capital` spread by `allocations` (shares of one), at each of `moments`.

    Candles and moments oldest first; the first moment is when it buys. A symbol without a candle
    at a moment keeps its last price; one without any candle yet is bought at its first close.
    """
    with exact():
        shares = {
            symbol: share for symbol, share in allocations.items() if share and symbol in candles
        }
        holdings = [_Holding(capital * share, candles[symbol]) for symbol, share in shares.items()]
        cash = capital * (ONE - sum(shares.values(), ZERO))
        curve = tuple(
            CurvePoint(at, to_quote(cash + sum(each.value_at(at, costs) for each in holdings)))
            for at in moments
        )
        return Held(curve, to_fee(sum((each.fee for each in holdings), ZERO)))

"""An analyst that knows nothing: it buys when a die says so, with stops and stakes of the house.

hedgerow backtest --analyst examples/random_entries.py:RandomEntries --param seed=3

An analyst that does no better than many seeds of this one knows nothing either.
"""

from __future__ import annotations

from random import Random

from hedgerow.backtest import Market
from hedgerow.domain.proposals import Proposal

ATR_CANDLES = 14


class RandomEntries:
    """Stop, target, trailing stop and stake are those of the house's play in a trend.

    At each close without a position it buys with a chance of `chance`, once `first` candles have
    closed. `stake_pct` of the equity is lost at the stop.
    """

    def __init__(
        self,
        chance: float = 0.02,
        seed: int = 1,
        first: int = 0,
        stop_atrs: float = 2.0,
        reward_to_risk: float = 2.5,
        trail_to_risk: float = 1.5,
        stake_pct: float = 0.5,
    ) -> None:
        self.chance = chance
        self.seed = seed
        self.first = max(first, ATR_CANDLES + 1)
        self.stop_atrs = stop_atrs
        self.reward_to_risk = reward_to_risk
        self.trail_to_risk = trail_to_risk
        self.stake_pct = stake_pct
        self.die: Random | None = None

    def decide(self, market: Market) -> Proposal | None:
        """Throw the die of this symbol, also while it would change nothing."""
        if self.die is None:
            self.die = Random(f"{self.seed} {market.symbol}")
        thrown = self.die.random()
        is_free = market.side is None and not market.is_waiting
        if not is_free or market.count < self.first or thrown >= self.chance:
            return None
        close, distance = market.close, self.stop_atrs * average_true_range(market)
        if not market.price_tick <= distance <= close / 4:
            return None
        return market.buy(
            stop=close - distance,
            target=close + distance * self.reward_to_risk,
            trailing_pct=max(0.01, round(self.trail_to_risk * distance / close * 100, 2)),
            size=min(1.0, round(self.stake_pct / 100 * close / distance, 4)),
            reason="the die said so",
        )


def average_true_range(market: Market) -> float:
    """The mean of the last true ranges: how far prices go in a candle, gaps included."""
    highs, lows = market.highs(ATR_CANDLES), market.lows(ATR_CANDLES)
    before = market.closes(ATR_CANDLES + 1)
    reach = (
        max(high, last) - min(low, last)
        for high, low, last in zip(highs, lows, before, strict=False)
    )
    return sum(reach) / ATR_CANDLES

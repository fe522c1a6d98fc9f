"""An analyst of one's own: buys when a fast average crosses above a slow one, leaves below.

hedgerow backtest --analyst examples/ema_cross.py:EmaCross --param fast=12 --param slow=48
"""

from __future__ import annotations

from hedgerow.backtest import Market
from hedgerow.domain.proposals import ExitProposal, Proposal


class EmaCross:
    """One is made for each symbol, and asked at the close of each candle."""

    def __init__(self, fast: int = 12, slow: int = 48, stop_pct: float = 3.0) -> None:
        self.weights = 2 / (fast + 1), 2 / (slow + 1)
        self.stop = stop_pct / 100
        self.averages: tuple[float, float] | None = None
        self.was_above = False

    def decide(self, market: Market) -> Proposal | ExitProposal | None:
        """Buy on a cross upwards with a stop and a target twice as far, leave on one downwards."""
        close = market.close
        fast, slow = self.averages or (close, close)
        fast += self.weights[0] * (close - fast)
        slow += self.weights[1] * (close - slow)
        self.averages = fast, slow
        is_above, was_above = fast > slow, self.was_above
        self.was_above = is_above
        if is_above == was_above:
            return None
        if is_above and market.side is None:
            return market.buy(stop=close * (1 - self.stop), target=close * (1 + 2 * self.stop))
        if not is_above and market.side is not None:
            return market.leave("the fast average fell below the slow one")
        return None

"""An analyst of one's own: buys when a fast average crosses above a slow one, leaves below.

hedgerow backtest --analyst examples/ema_cross.py:EmaCross --param fast=12 --param slow=48
"""

from __future__ import annotations

import numpy as np
import talib

from hedgerow.backtest import Column, Columns, Market
from hedgerow.domain.proposals import ExitProposal, Proposal


class EmaCross:
    """One is made for each symbol, and asked at the closes at which its averages have crossed."""

    def __init__(self, fast: int = 12, slow: int = 48, stop_pct: float = 3.0) -> None:
        self.fast, self.slow, self.stop = fast, slow, stop_pct / 100

    def signals(self, columns: Columns) -> Column:
        """Above 0 where the fast average crosses above the slow one, below 0 where below."""
        fast, slow = talib.EMA(columns.close, self.fast), talib.EMA(columns.close, self.slow)
        return np.diff(np.sign(fast - slow), prepend=np.nan)

    def decide(self, market: Market) -> Proposal | ExitProposal | None:
        """Buy on a cross upwards with a stop and a target twice as far, leave on one downwards."""
        close = market.close
        if market.signal > 0 and market.side is None:
            return market.buy(stop=close * (1 - self.stop), target=close * (1 + 2 * self.stop))
        if market.signal < 0 and market.side is not None:
            return market.leave("the fast average fell below the slow one")
        return None

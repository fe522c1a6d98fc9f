"""Prices that this process has seen, and behind them what PostgreSQL last knew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hedgerow.domain.market import Exchange
from hedgerow.usecases.ports.shared_state import LastMarks, PricePoint


class RememberedPrices:
    """Implements the LatestPrices port for one process; `last_marks` fills in what it missed."""

    def __init__(self, last_marks: LastMarks) -> None:
        self._last_marks = last_marks
        self._seen: dict[tuple[Exchange, str], PricePoint] = {}

    async def put(self, exchange: Exchange, prices: Sequence[PricePoint]) -> None:
        """Take prices; one that is older than what is known is ignored."""
        for point in prices:
            known = self._seen.get((exchange, point.symbol))
            if known is None or point.at >= known.at:
                self._seen[exchange, point.symbol] = point

    async def get(self, exchange: Exchange, symbols: Sequence[str]) -> Mapping[str, PricePoint]:
        """The latest prices by symbol, each as old as it says; unknown symbols are left out."""
        keys = [(exchange, symbol) for symbol in symbols]
        seen = {key[1]: self._seen[key] for key in keys if key in self._seen}
        unseen = [symbol for symbol in symbols if symbol not in seen]
        return {**await self._last_marks(exchange, unseen), **seen} if unseen else seen

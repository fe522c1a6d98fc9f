"""Chance as an analyst: it enters at moments drawn by lot, on terms of trades that were made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from hedgerow.domain.money import ratio
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.proposals import Proposal
from hedgerow.usecases.backtest.market import Market, RuleAnalyst
from hedgerow.usecases.candle_series import CandleSeries

NAME: Final = "random entries"


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a trade was made: distances as shares of the entry price, size of equity."""

    side: PositionSide
    stop: float
    target: float
    trailing_pct: float | None
    size: float


def terms_of(proposal: Proposal) -> Terms:
    """The terms of a proposal that became an order."""
    entry, trailing = proposal.entry_price, proposal.trailing_stop_pct
    return Terms(
        side=proposal.side,
        stop=float(ratio(abs(entry - proposal.stop_loss_price), entry)),
        target=float(ratio(abs(proposal.take_profit_price - entry), entry)),
        trailing_pct=None if trailing is None else float(trailing),
        size=float(proposal.size_ratio),
    )


Lots = Mapping[str, Mapping[int, Terms]]
"""Entries by symbol, and by how many candles have closed."""


def draw_lots(
    seed: int, terms: Sequence[Terms], candles: Mapping[str, CandleSeries], first: int
) -> Lots:
    """As many entries as there are `terms`, each at a close of any symbol, no close twice.

    Nothing is entered before `first` candles of a symbol have closed, nor at its last close. Fewer
    closes than terms give as many entries as there are closes.
    """
    die = Random(f"{NAME} {seed}")
    closes = [
        (symbol, count)
        for symbol in sorted(candles)
        for count in range(first, len(candles[symbol]))
    ]
    drawn = die.sample(closes, min(len(terms), len(closes)))
    lots: dict[str, dict[int, Terms]] = {symbol: {} for symbol in candles}
    for (symbol, count), each in zip(drawn, terms, strict=False):
        lots[symbol][count] = each
    return lots


def random_entries(lots: Lots) -> Callable[[], RuleAnalyst]:
    """Makes analysts, one for each symbol, that enter by lot."""
    return lambda: RandomEntries(lots)


class RandomEntries:
    """Enters where its lots say so, or at the first close after that at which it may.

    It leaves by stop, trailing stop and target alone.
    """

    def __init__(self, lots: Lots) -> None:
        self._lots = lots
        self._due: list[Terms] = []

    def decide(self, market: Market) -> Proposal | None:
        """Enter on the terms that are due, the earliest first."""
        terms = self._lots[market.symbol].get(market.count)
        if terms is not None:
            self._due.append(terms)
        if not self._due or market.side is not None or market.is_waiting:
            return None
        now, close = self._due.pop(0), market.close
        return market.propose(
            now.side,
            stop=close * (1 - now.stop * now.side.sign),
            target=close * (1 + now.target * now.side.sign),
            trailing_pct=now.trailing_pct,
            size=now.size,
            reason="the lot said so",
        )

"""The house reviewer: a post-mortem from the facts of the journal, without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedgerow.domain.journal import JOURNAL_REGIMES, JournalEntry
from hedgerow.domain.money import percent
from hedgerow.domain.proposals import SetupType
from hedgerow.domain.regimes import Regime
from hedgerow.infrastructure.agents.plays import AGAINST
from hedgerow.infrastructure.agents.words import rsi_zone, setup_words
from hedgerow.usecases.ports.desk import TradeReview

_RELIED_ON: Final[Mapping[SetupType, str]] = {
    SetupType.TREND_FOLLOW: "ADX, MA50 and the pullback to the middle band",
    SetupType.REVERSAL: "Bollinger Bands and RSI",
    SetupType.BREAKOUT: "the price channel and volume",
}
_EXIT_ANSWERS: Final[Mapping[bool | None, str]] = {
    None: "cannot be judged yet: too few candles have closed since",
    True: "right: afterwards the price ran less far for the position than against it",
    False: "premature: afterwards the price ran further for the position than against it",
}


@dataclass(frozen=True, slots=True)
class _Trade:
    """A closed trade in per cent of its entry cost; `atr` is one ATR in per cent of the price."""

    entry: JournalEntry
    regime_at_exit: Regime
    best: Decimal
    worst: Decimal
    atr: float

    @property
    def result(self) -> Decimal:
        return self.entry.pnl_percent

    @property
    def was_ahead(self) -> bool:
        """Whether it was ever worth an ATR."""
        return float(self.best) >= self.atr

    @property
    def regime_change(self) -> str | None:
        """What the market has become since the entry, or None where it is what it was."""
        now, before = self.regime_at_exit, self.entry.market_regime
        if now is AGAINST[self.entry.side]:
            return f"turned against the {self.entry.side}, to {now}"
        if now is Regime.TRANSITION:
            return f"left {before} and is in transition"
        return None if JOURNAL_REGIMES[now] is before else f"changed from {before} to {now}"


@dataclass(frozen=True, slots=True)
class _Ending:
    """A way for a trade to end, in words that reveal no amount, and what to do about it."""

    applies: Callable[[_Trade], bool]
    words: str
    tip: str


# The first that applies. Whether the exit was premature comes before what it cost or gave back:
# staying on would have changed that.
_ENDINGS: Final[Sequence[_Ending]] = (
    _Ending(
        lambda trade: trade.entry.won and trade.entry.was_correct_exit is False,
        "ended with a gain before the move was over",
        "Let a trailing stop end it: the move went on after the exit.",
    ),
    _Ending(
        lambda trade: trade.entry.won and trade.result * 2 < trade.best,
        "ended with a gain after giving back more than half of its best",
        "Trail the stop closer once the trade is ahead: over half of the best profit was given "
        "back.",
    ),
    _Ending(
        lambda trade: trade.entry.won,
        "ended with most of its best gain kept",
        "Take the setup again on the same terms.",
    ),
    _Ending(
        lambda trade: trade.entry.was_correct_exit is False,
        "ended with a loss just before the move came",
        "Give the stop more room and put in less: the market went the trade's way after the exit.",
    ),
    _Ending(
        lambda trade: trade.was_ahead,
        "ended with a loss after being ahead by an ATR or more",
        "Move the stop to the entry once the trade is one ATR ahead.",
    ),
    _Ending(
        lambda trade: True,
        "ended with a loss without ever being ahead by an ATR",
        "Wait for one more close in the trade's direction before entering.",
    ),
)


class HouseReviewer:
    """Answers the journal's five questions by its numbers (port Reviewer)."""

    async def review(self, entry: JournalEntry, regime_at_exit: Regime) -> TradeReview:
        """Lessons and tips from the facts of `entry`; the same entry, the same review."""
        trade = _trade(entry, regime_at_exit)
        ending = next(each for each in _ENDINGS if each.applies(trade))
        return TradeReview(
            entry_timing=f"{_timing(trade)}.",
            exit_timing=f"{_EXIT_ANSWERS[entry.was_correct_exit]}.",
            regime_change=f"{trade.regime_change or f'still {entry.market_regime} at the exit'}.",
            indicators=f"{_indicators(trade)}.",
            lessons=_lesson(trade, ending),
            improvement_tips=_tips(trade, ending),
        )


def _trade(entry: JournalEntry, regime_at_exit: Regime) -> _Trade:
    cost = entry.entry_price * entry.size
    return _Trade(
        entry=entry,
        regime_at_exit=regime_at_exit,
        best=percent(entry.max_profit, cost),
        worst=percent(entry.max_drawdown, cost),
        atr=entry.atr_at_entry / float(entry.entry_price) * 100.0,
    )


def _timing(trade: _Trade) -> str:
    verdict = (
        "good, it went further with the trade than against it"
        if trade.entry.was_correct_entry
        else "poor, it went at least as far against the trade as with it"
    )
    left = trade.best - trade.result
    given_back = (
        f"{left:.2f} points of the best were not kept" if left > 0 else "all of it was kept"
    )
    return (
        f"{verdict} (best {trade.best:+.2f} %, worst {trade.worst:+.2f} %); it ended at "
        f"{trade.result:+.2f} %, so {given_back}"
    )


def _indicators(trade: _Trade) -> str:
    entry = trade.entry
    verdict = "worked" if entry.was_correct_entry else "failed"
    held = "held" if -float(trade.worst) <= trade.atr else "was exceeded"
    return (
        f"{_RELIED_ON[entry.setup_type]} {verdict} as a reason to enter, with RSI "
        f"{entry.rsi_at_entry:.1f} ({rsi_zone(entry.rsi_at_entry)}); one ATR ({trade.atr:.2f} %) "
        f"{held} as the measure of what it goes against a trade"
    )


def _tips(trade: _Trade, ending: _Ending) -> str:
    if trade.entry.won or trade.regime_change is None:
        return ending.tip
    return f"{ending.tip} Leave when the regime goes: it {trade.regime_change}."


def _lesson(trade: _Trade, ending: _Ending) -> str:
    """In words fit to be shared: shares of the entry cost, and nothing that anybody wrote."""
    entry = trade.entry
    setup = setup_words(
        f"{entry.symbol} {entry.timeframe}",
        entry.side,
        entry.setup_type,
        entry.market_regime,
        entry.rsi_at_entry,
    )
    return (
        f"{setup}: {ending.words} ({trade.result:+.2f} %, best {trade.best:+.2f} %, worst "
        f"{trade.worst:+.2f} %); the regime {trade.regime_change or 'did not change'}."
    )

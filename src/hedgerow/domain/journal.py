"""The trade journal: what a closed trade was, and how its entry and exit are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.money import percent
from hedgerow.domain.performance import is_won
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.domain.proposals import Proposal, SetupType
from hedgerow.domain.regimes import Regime


class MarketRegime(StrEnum):
    """The regime as the journal groups it."""

    TREND = "trend"
    RANGE = "range"
    VOLATILE = "volatile"


JOURNAL_REGIMES = {
    Regime.TREND_UP: MarketRegime.TREND,
    Regime.TREND_DOWN: MarketRegime.TREND,
    Regime.RANGE: MarketRegime.RANGE,
    Regime.VOLATILE: MarketRegime.VOLATILE,
    # A regime in transition has no settled character: the journal counts it as volatile.
    Regime.TRANSITION: MarketRegime.VOLATILE,
}


@dataclass(slots=True)
class JournalEntry:
    """A closed trade. `pnl` is in quote currency after fees and funding, `pnl_percent` of the
    entry cost; `max_drawdown` (at most 0) and `max_profit` (at least 0) are the extremes of its
    profit before fees while it was open; `hold_duration` is in seconds.

    `was_correct_exit` is None until enough candles have followed the exit to judge it.
    """

    id: UUID
    user_id: UUID
    trade_id: UUID
    symbol: str
    side: PositionSide
    entry_price: Decimal
    exit_price: Decimal
    size: Decimal
    pnl: Decimal
    pnl_percent: Decimal
    fees: Decimal
    strategy_used: str
    timeframe: Timeframe
    setup_type: SetupType
    market_regime: MarketRegime
    entry_reasoning: str
    exit_reasoning: str
    confidence_score: float
    rsi_at_entry: float
    atr_at_entry: float
    volume_at_entry: float
    was_correct_entry: bool
    max_drawdown: Decimal
    max_profit: Decimal
    hold_duration: int
    created_at: datetime
    was_correct_exit: bool | None = None
    lessons_learned: str = ""
    improvement_tips: str = ""

    @property
    def won(self) -> bool:
        """Whether the trade made money after all costs."""
        return is_won(self.pnl)


def journal_entry(
    entry_id: UUID, position: Position, proposal: Proposal, at: datetime
) -> JournalEntry:
    """The facts of a closed position, with its entry judged; raises nothing for a closed one."""
    assert position.closed_at is not None
    assert position.exit_price is not None
    return JournalEntry(
        id=entry_id,
        user_id=position.user_id,
        trade_id=position.id,
        symbol=position.symbol,
        side=position.side,
        entry_price=position.entry_price,
        exit_price=position.exit_price,
        size=position.size_opened,
        pnl=position.net_pnl,
        pnl_percent=percent(position.net_pnl, position.entry_price * position.size_opened),
        fees=position.fees,
        strategy_used=proposal.strategy_used,
        timeframe=proposal.timeframe,
        setup_type=proposal.setup_type,
        market_regime=JOURNAL_REGIMES[proposal.regime],
        entry_reasoning=position.open_reasoning,
        exit_reasoning=position.close_reasoning,
        confidence_score=proposal.confidence,
        rsi_at_entry=proposal.indicators.rsi,
        atr_at_entry=proposal.indicators.atr,
        volume_at_entry=proposal.indicators.volume,
        was_correct_entry=entry_was_correct(position),
        max_drawdown=position.worst_pnl,
        max_profit=position.best_pnl,
        hold_duration=int((position.closed_at - position.opened_at).total_seconds()),
        created_at=at,
    )


def entry_was_correct(position: Position) -> bool:
    """Whether the market went further with the entry than against it while the trade was open."""
    return position.best_pnl > -position.worst_pnl


def exit_was_correct(side: PositionSide, exit_price: Decimal, after: Sequence[Candle]) -> bool:
    """Whether leaving beat staying, by the candles that closed after the exit.

    Correct when the price ran less far in the position's favour after the exit than against it.
    """
    assert after, "an exit is judged by what followed it"
    highest = max(candle.high for candle in after)
    lowest = min(candle.low for candle in after)
    up, down = highest - exit_price, exit_price - lowest
    missed, avoided = (up, down) if side is PositionSide.LONG else (down, up)
    return missed <= avoided


@dataclass(frozen=True, slots=True)
class SetupRecord:
    """What a user's closed trades of one kind have come to; the mean is of `pnl_percent`."""

    trades: int
    wins: int
    mean_pnl_percent: Decimal

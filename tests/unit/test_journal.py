"""The journal: its figures from a position that was really filled, and its two judgements."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from hedgerow.domain.journal import (
    JOURNAL_REGIMES,
    JournalEntry,
    MarketRegime,
    entry_was_correct,
    exit_was_correct,
    journal_entry,
)
from hedgerow.domain.market import Candle, MarketType, Timeframe
from hedgerow.domain.orders import Fill, OrderType
from hedgerow.domain.positions import Position, PositionSide, PositionStatus
from hedgerow.domain.proposals import IndicatorsAtEntry, Proposal, SetupType
from hedgerow.domain.regimes import Regime

OPENED = datetime(2024, 1, 1, tzinfo=UTC)
CLOSED = OPENED + timedelta(hours=9, seconds=5)
WRITTEN = CLOSED + timedelta(seconds=1)
ORDER = UUID(int=3)


def fill(price: str, quantity: str, at: datetime) -> Fill:
    return Fill(
        ORDER, f"{price}@{at}", Decimal(price), Decimal(quantity), Decimal(0), "USDT", False, at
    )


def closed_position(side: PositionSide, prices: list[str], size: str = "2") -> Position:
    """Bought or sold at the first price, marked at those between, closed at the last."""
    position = Position(
        id=UUID(int=1),
        user_id=UUID(int=2),
        strategy_id=UUID(int=4),
        trading_pair_id=UUID(int=5),
        exchange_account_id=UUID(int=6),
        entry_order_id=ORDER,
        symbol="BTC/USDT",
        market_type=MarketType.FUTURES,
        side=side,
        opened_at=OPENED,
        updated_at=OPENED,
        current_price=Decimal(prices[0]),
        open_reasoning="a pullback",
    )
    entry = fill(prices[0], size, OPENED)
    position.increase(entry, entry.quantity, entry.quote)
    for price in prices[1:-1]:
        position.mark(Decimal(price), OPENED)
    position.reduce(fill(prices[-1], size, CLOSED))
    position.fees, position.funding = Decimal("1.5"), Decimal("0.5")
    position.close(CLOSED, PositionStatus.CLOSED, "the target was reached")
    return position


def proposal(side: PositionSide = PositionSide.LONG, regime: Regime = Regime.TREND_UP) -> Proposal:
    return Proposal(
        symbol="BTC/USDT",
        timeframe=Timeframe.H4,
        side=side,
        entry_type=OrderType.MARKET,
        entry_price=Decimal(100),
        stop_loss_price=Decimal(96),
        take_profit_price=Decimal(110),
        trailing_stop_pct=None,
        size_ratio=Decimal("0.2"),
        leverage=1,
        confidence=0.7,
        setup_type=SetupType.TREND_FOLLOW,
        strategy_used="trend pullback",
        regime=regime,
        reasoning="a pullback",
        agent_id="house_analyst",
        memories_used=(),
        indicators=IndicatorsAtEntry(rsi=58.0, atr=2.0, volume=1234.0),
    )


def entry_of(position: Position) -> JournalEntry:
    return journal_entry(UUID(int=9), position, proposal(position.side), WRITTEN)


def decimals(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


class TestFigures:
    def test_a_long_that_won(self) -> None:
        entry = entry_of(closed_position(PositionSide.LONG, ["100", "97", "112", "110"]))
        assert [entry.entry_price, entry.exit_price, entry.size] == decimals("100", "110", "2")
        assert entry.pnl == 18, "20 of profit, less 1.5 of fees and 0.5 of funding"
        assert entry.pnl_percent == 9, "18 of the 200 that went in"
        assert [entry.max_drawdown, entry.max_profit] == decimals("-6", "24")
        assert entry.hold_duration == 9 * 3600 + 5
        assert entry.fees == Decimal("1.5")
        assert entry.won

    def test_a_short_that_lost(self) -> None:
        entry = entry_of(closed_position(PositionSide.SHORT, ["100", "99", "104"]))
        assert [entry.pnl, entry.pnl_percent] == decimals("-10", "-5")
        assert [entry.max_drawdown, entry.max_profit] == decimals("-8", "2")
        assert not entry.won

    def test_a_gain_that_costs_ate_up_is_no_win(self) -> None:
        entry = entry_of(closed_position(PositionSide.LONG, ["100", "101"]))
        assert entry.pnl == 0, "2 of profit, less 2 of costs"
        assert not entry.won

    def test_it_keeps_who_said_what_and_when(self) -> None:
        entry = entry_of(closed_position(PositionSide.LONG, ["100", "110"]))
        assert (entry.id, entry.trade_id, entry.user_id) == (
            UUID(int=9),
            UUID(int=1),
            UUID(int=2),
        )
        assert entry.created_at == WRITTEN
        assert (entry.entry_reasoning, entry.exit_reasoning) == (
            "a pullback",
            "the target was reached",
        )
        assert (entry.strategy_used, entry.setup_type) == (
            "trend pullback",
            SetupType.TREND_FOLLOW,
        )
        assert (entry.confidence_score, entry.rsi_at_entry) == (0.7, 58.0)
        assert (entry.atr_at_entry, entry.volume_at_entry) == (2.0, 1234.0)
        assert entry.market_regime is MarketRegime.TREND

    def test_an_exit_is_not_judged_before_candles_have_followed(self) -> None:
        entry = entry_of(closed_position(PositionSide.LONG, ["100", "110"]))
        assert entry.was_correct_exit is None
        assert (entry.lessons_learned, entry.improvement_tips) == ("", "")


def test_every_regime_has_its_group() -> None:
    assert {regime: group.value for regime, group in JOURNAL_REGIMES.items()} == {
        Regime.TREND_UP: "trend",
        Regime.TREND_DOWN: "trend",
        Regime.RANGE: "range",
        Regime.VOLATILE: "volatile",
        Regime.TRANSITION: "volatile",
    }


@pytest.mark.parametrize(
    ("side", "prices", "correct"),
    [
        (PositionSide.LONG, ["100", "98", "105", "99"], True),
        (PositionSide.LONG, ["100", "95", "102", "101"], False),
        (PositionSide.LONG, ["100", "98", "102", "100"], False),
        (PositionSide.SHORT, ["100", "102", "95", "101"], True),
        (PositionSide.SHORT, ["100", "105", "98", "99"], False),
    ],
)
def test_an_entry_is_correct_when_the_market_went_further_with_it(
    side: PositionSide, prices: list[str], correct: bool
) -> None:
    position = closed_position(side, prices)
    assert entry_was_correct(position) is correct
    assert entry_of(position).was_correct_entry is correct


def candle(low: str, high: str, hours: int = 0) -> Candle:
    middle = (Decimal(low) + Decimal(high)) / 2
    return Candle(
        "BTC/USDT",
        Timeframe.H4,
        CLOSED + timedelta(hours=hours),
        middle,
        Decimal(high),
        Decimal(low),
        middle,
        Decimal(1),
    )


@pytest.mark.parametrize(
    ("side", "after", "correct"),
    [
        (PositionSide.LONG, [candle("90", "105")], True),
        (PositionSide.LONG, [candle("95", "110")], False),
        (PositionSide.LONG, [candle("95", "105")], True),
        (PositionSide.SHORT, [candle("90", "105")], False),
        (PositionSide.SHORT, [candle("95", "110")], True),
        (PositionSide.LONG, [candle("99", "101"), candle("80", "100", 4)], True),
        (PositionSide.LONG, [candle("99", "120"), candle("90", "100", 4)], False),
    ],
)
def test_an_exit_at_100_is_correct_when_staying_had_less_to_win_than_to_lose(
    side: PositionSide, after: list[Candle], correct: bool
) -> None:
    assert exit_was_correct(side, Decimal(100), after) is correct


def test_an_exit_is_not_judged_by_nothing() -> None:
    with pytest.raises(AssertionError):
        exit_was_correct(PositionSide.LONG, Decimal(100), [])


def test_an_open_position_has_no_entry_in_the_journal() -> None:
    position = closed_position(PositionSide.LONG, ["100", "110"])
    position.closed_at = None
    with pytest.raises(AssertionError):
        entry_of(position)

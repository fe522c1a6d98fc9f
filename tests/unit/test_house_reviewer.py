"""The house's review and what is kept of it: five answers, a fitting tip, a lesson to share."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.journal import JournalEntry, MarketRegime
from hedgerow.domain.market import Timeframe
from hedgerow.domain.memory import MemoryType, Stance
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.proposals import SetupType
from hedgerow.domain.regimes import Regime
from hedgerow.infrastructure.agents.house_curator import HouseCurator, importance
from hedgerow.infrastructure.agents.house_reviewer import HouseReviewer
from hedgerow.usecases.ports.desk import Lesson, TradeReview


def entry(**changes: Any) -> JournalEntry:
    """A long of 0.25 BTC from 40000: an entry cost of 10000, so that 100 of profit are 1 %.

    It won 3 % of at best 4 %, was at worst 1 % down, and one ATR was 2 %.
    """
    values: dict[str, Any] = {
        "id": UUID(int=11),
        "user_id": UUID(int=12),
        "trade_id": UUID(int=13),
        "symbol": "BTC/USDT",
        "side": PositionSide.LONG,
        "entry_price": Decimal(40000),
        "exit_price": Decimal(41200),
        "size": Decimal("0.25"),
        "pnl": Decimal("300"),
        "pnl_percent": Decimal("3"),
        "fees": Decimal("7.77"),
        "strategy_used": "trend pullback",
        "timeframe": Timeframe.H4,
        "setup_type": SetupType.TREND_FOLLOW,
        "market_regime": MarketRegime.TREND,
        "entry_reasoning": "secret entry thoughts",
        "exit_reasoning": "secret exit thoughts",
        "confidence_score": 0.7,
        "rsi_at_entry": 58.0,
        "atr_at_entry": 800.0,
        "volume_at_entry": 1234.0,
        "was_correct_entry": True,
        "max_drawdown": Decimal("-100"),
        "max_profit": Decimal("400"),
        "hold_duration": 36000,
        "created_at": datetime(2024, 1, 3, tzinfo=UTC),
    }
    return JournalEntry(**(values | changes))


def lost(**changes: Any) -> JournalEntry:
    """The same long, stopped out at -2 % after at best 1 %."""
    values: dict[str, Any] = {
        "pnl": Decimal("-200"),
        "pnl_percent": Decimal("-2"),
        "was_correct_entry": False,
        "max_drawdown": Decimal("-210"),
        "max_profit": Decimal("100"),
    }
    return entry(**(values | changes))


async def review(of: JournalEntry, regime_at_exit: Regime = Regime.TREND_UP) -> TradeReview:
    return await HouseReviewer().review(of, regime_at_exit)


async def kept(of: JournalEntry, regime_at_exit: Regime = Regime.TREND_UP) -> Lesson:
    (lesson,) = await HouseCurator().curate(of, await review(of, regime_at_exit))
    return lesson


async def answer(question: str, of: JournalEntry, regime_at_exit: Regime = Regime.TREND_UP) -> str:
    lines = (await review(of, regime_at_exit)).lessons_learned.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "Entry timing",
        "Exit",
        "Regime",
        "Indicators",
        "Lesson",
    ]
    return next(line for line in lines if line.startswith(question))


class TestFiveAnswers:
    async def test_a_well_timed_entry_and_what_was_not_kept_of_it(self) -> None:
        timing = await answer("Entry timing", entry())
        assert "good" in timing
        assert "best +4.00 %, worst -1.00 %" in timing
        assert "ended at +3.00 %, so 1.00 points of the best were not kept" in timing

    async def test_a_badly_timed_entry(self) -> None:
        timing = await answer("Entry timing", lost())
        assert "poor" in timing
        assert "3.00 points of the best were not kept" in timing

    async def test_the_best_may_have_been_kept(self) -> None:
        assert "all of it was kept" in await answer(
            "Entry timing", entry(max_profit=Decimal("300"))
        )

    @pytest.mark.parametrize(
        ("was_correct_exit", "verdict"),
        [(None, "cannot be judged yet"), (True, "right"), (False, "premature")],
    )
    async def test_an_exit_is_judged_when_it_can_be(
        self, was_correct_exit: bool | None, verdict: str
    ) -> None:
        assert verdict in await answer("Exit", entry(was_correct_exit=was_correct_exit))

    @pytest.mark.parametrize(
        ("side", "before", "after", "words"),
        [
            (PositionSide.LONG, MarketRegime.TREND, Regime.TREND_UP, "still trend"),
            (PositionSide.SHORT, MarketRegime.TREND, Regime.TREND_DOWN, "still trend"),
            (PositionSide.LONG, MarketRegime.TREND, Regime.TREND_DOWN, "turned against the long"),
            (PositionSide.SHORT, MarketRegime.RANGE, Regime.TREND_UP, "turned against the short"),
            (PositionSide.LONG, MarketRegime.RANGE, Regime.TREND_UP, "from range to trend_up"),
            (PositionSide.LONG, MarketRegime.VOLATILE, Regime.VOLATILE, "still volatile"),
            (PositionSide.LONG, MarketRegime.VOLATILE, Regime.TRANSITION, "in transition"),
        ],
    )
    async def test_a_change_of_regime_is_told(
        self, side: PositionSide, before: MarketRegime, after: Regime, words: str
    ) -> None:
        assert words in await answer("Regime", entry(side=side, market_regime=before), after)

    @pytest.mark.parametrize(
        ("setup_type", "relied_on"),
        [
            (SetupType.TREND_FOLLOW, "ADX, MA50"),
            (SetupType.REVERSAL, "Bollinger Bands and RSI"),
            (SetupType.BREAKOUT, "the price channel and volume"),
        ],
    )
    async def test_the_indicators_of_the_setup_worked_or_failed(
        self, setup_type: SetupType, relied_on: str
    ) -> None:
        won = await answer("Indicators", entry(setup_type=setup_type))
        assert relied_on in won
        assert "worked as a reason to enter, with RSI 58.0 (strong)" in won
        assert "one ATR (2.00 %) held" in won
        failed = await answer("Indicators", lost(setup_type=setup_type))
        assert "failed as a reason to enter" in failed
        assert "one ATR (2.00 %) was exceeded" in failed


class TestEndings:
    @pytest.mark.parametrize(
        ("trade", "ending", "tip"),
        [
            (entry(was_correct_exit=False), "before the move was over", "trailing stop"),
            (entry(pnl_percent=Decimal("1.9")), "giving back more than half", "closer"),
            (entry(pnl_percent=Decimal(2)), "most of its best gain kept", "same terms"),
            (entry(), "most of its best gain kept", "same terms"),
            (lost(was_correct_exit=False), "just before the move came", "more room"),
            (lost(max_profit=Decimal(200)), "after being ahead by an ATR", "stop to the entry"),
            (lost(max_profit=Decimal(199)), "without ever being ahead", "one more close"),
            (lost(was_correct_exit=True), "without ever being ahead", "one more close"),
        ],
    )
    async def test_the_tip_fits_the_ending(
        self, trade: JournalEntry, ending: str, tip: str
    ) -> None:
        made = await review(trade)
        assert ending in made.lessons
        assert tip in made.improvement_tips

    async def test_a_loss_to_a_changed_regime_has_a_tip_of_its_own(self) -> None:
        made = await review(lost(), Regime.TREND_DOWN)
        assert "it turned against the long, to trend_down." in made.improvement_tips
        assert "regime" not in (await review(lost())).improvement_tips
        assert "regime" not in (await review(entry(), Regime.RANGE)).improvement_tips


class TestLesson:
    async def test_it_begins_as_the_analyst_will_ask_for_it(self) -> None:
        assert (await kept(entry())).content.startswith(
            "long trend_follow setup in a trend market on BTC/USDT 4h, RSI strong: "
        )

    async def test_a_win_supports_and_anything_else_cautions(self) -> None:
        assert (await kept(entry())).stance is Stance.SUPPORTS
        assert (await kept(lost())).stance is Stance.CAUTIONS
        assert (await kept(entry(pnl=Decimal(0)))).stance is Stance.CAUTIONS

    async def test_its_tags_name_the_kind_of_trade(self) -> None:
        assert (await kept(entry())).tags == (
            "trend_follow",
            "long",
            "trend",
            "strong",
            "won",
        )
        assert (await kept(lost())).tags[-1] == "lost"

    @pytest.mark.parametrize(
        ("rsi", "zone"),
        [
            (29.9, "oversold"),
            (30.0, "weak"),
            (45.0, "neutral"),
            (55.0, "strong"),
            (70.0, "overbought"),
        ],
    )
    async def test_rsi_has_zones(self, rsi: float, zone: str) -> None:
        lesson = await kept(entry(rsi_at_entry=rsi))
        assert f"RSI {zone}:" in lesson.content
        assert zone in lesson.tags

    @given(
        entry_price=st.decimals("10000", "99999", places=2),
        size=st.decimals("1000.001", "9000", places=3),
        moves=st.lists(st.decimals("-0.2", "0.2", places=4), min_size=3, max_size=3),
    )
    async def test_it_tells_no_price_amount_or_size_and_nothing_private(
        self, entry_price: Decimal, size: Decimal, moves: list[Decimal]
    ) -> None:
        """Every number in it is a percentage below 100; prices and sizes are all far above."""
        cost = entry_price * size
        worst, result, best = sorted(moves)
        lesson = await kept(
            entry(
                entry_price=entry_price,
                exit_price=entry_price * (1 + result),
                size=size,
                pnl=cost * result,
                pnl_percent=result * 100,
                max_profit=max(cost * best, Decimal(0)),
                max_drawdown=min(cost * worst, Decimal(0)),
            )
        )
        said = lesson.content.replace("BTC/USDT 4h", "")
        numbers = re.findall(r"[-+]?\d[\d.]*(?: %)?", said)
        assert len(numbers) == 3
        for number in numbers:
            assert number.endswith(" %")
            assert abs(Decimal(number.removesuffix(" %"))) < 100
        assert "secret" not in lesson.content

    @pytest.mark.parametrize(
        ("pnl_percent", "expected"),
        [("0", 0.2), ("-1", 0.2), ("2", 0.4), ("-2.5", 0.5), ("5", 1.0), ("-80", 1.0)],
    )
    def test_importance_grows_with_what_was_at_stake(
        self, pnl_percent: str, expected: float
    ) -> None:
        assert importance(Decimal(pnl_percent)) == pytest.approx(expected)

    async def test_it_is_as_important_as_the_trade(self) -> None:
        assert (await kept(entry())).importance == pytest.approx(0.6)


async def test_the_same_trade_has_the_same_review() -> None:
    assert await review(lost(), Regime.RANGE) == await review(lost(), Regime.RANGE)


async def test_the_lesson_is_what_the_review_says_and_attributed() -> None:
    made = await review(lost(), Regime.RANGE)
    assert (await kept(lost(), Regime.RANGE)).content == made.lessons
    assert made.lessons_learned.endswith(f"\nLesson: {made.lessons}")
    assert HouseCurator().agent_id == "house_curator"


@pytest.mark.parametrize(
    "changes",
    [{"type": MemoryType.TRADE}, {"importance": 1.01}, {"importance": math.nan}],
)
def test_what_is_kept_is_a_lesson_or_a_pattern_of_some_importance(changes: dict[str, Any]) -> None:
    sound = Lesson("a", Stance.SUPPORTS, 1.0, (), MemoryType.PATTERN)
    with pytest.raises(InvalidValue):
        replace(sound, **changes)

"""The house analyst: its plays on made-up markets, what memory changes, and real candles."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedgerow.domain.errors import InputRefused, InvalidValue
from hedgerow.domain.market import Candle, MarketType, Timeframe
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType, RecalledMemory, Standing
from hedgerow.domain.orders import OrderType
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.domain.proposals import Abstention, Decision, ExitProposal, Proposal, SetupType
from hedgerow.domain.regimes import Regime, RegimeReading
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.agents.experience import LESSON_WEIGHT, SHIFT_MAX
from hedgerow.infrastructure.agents.house_analyst import (
    CONFIDENCE_MIN,
    HouseAnalyst,
    HouseTerms,
)
from hedgerow.infrastructure.agents.house_terms import house_terms
from hedgerow.infrastructure.agents.indicators import WINDOW, IndicatorDesk
from hedgerow.infrastructure.agents.plays import PLAYS
from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
from hedgerow.infrastructure.agents.setups import TREND_CANDLES
from hedgerow.infrastructure.agents.stakes import STAKE_RATIOS
from hedgerow.infrastructure.candle_files import bundled_sample, read_candles
from hedgerow.usecases.ports.desk import Briefing, RecallQuery

START = datetime(2024, 1, 1, tzinfo=UTC)
CENT = Decimal("0.01")
BTC = "BTC/USDT"


def candles(closes: Sequence[float], *, spread: str = "0.5", volume: str = "10") -> list[Candle]:
    """Candles from close to close, each reaching `spread` beyond its body.

    `volume` is the last one's; those before it have 10.
    """
    prices = [Decimal(f"{close:.2f}") for close in closes]
    made = []
    for index, (before, close) in enumerate(zip([prices[0], *prices], prices, strict=False)):
        made.append(
            Candle(
                BTC,
                Timeframe.H4,
                START + index * Timeframe.H4.duration,
                open=before,
                high=max(before, close) + Decimal(spread),
                low=min(before, close) - Decimal(spread),
                close=close,
                volume=Decimal(10),
            )
        )
    made[-1] = replace(made[-1], volume=Decimal(volume))
    return made


def mirrored(closes: Sequence[float]) -> list[float]:
    return [400.0 - close for close in closes]


RISE = [100.0 + 0.5 * index for index in range(115)]
# Four candles down to the middle band, and one up again.
PULLBACK = [*RISE, 156.2, 155.4, 154.6, 153.8, 154.6]
WAVE = [
    200.0 + (6.0 if index < 60 else 4.0) * math.sin(index * math.pi / 5) for index in range(119)
]
AT_LOWER_BAND = [*WAVE, 194.0]
CALM = [200.0 + math.sin(index * math.pi / 5) for index in range(115)]
BURST = [*CALM, 203.0, 199.0, 204.0, 200.0, 210.0]
# The ADX of a young trend, before it means one: no rule of the regimes holds.
CHANGING = [*CALM, 201.0, 202.0, 203.0, 204.0, 205.0]


def briefing(market: Sequence[Candle], **changes: Any) -> Briefing:
    """A moderate futures strategy without a position, and the regime by the rules."""
    values: dict[str, Any] = {
        "at": market[-1].close_time,
        "symbol": market[-1].symbol,
        "timeframe": market[-1].timeframe,
        "market_type": MarketType.FUTURES,
        "risk_tolerance": RiskTolerance.MODERATE,
        "price_tick": CENT,
        "candles": market,
        "longer": lambda timeframe, count: [],
        "regime": RulesRegimeModel(IndicatorDesk()).read(market),
        "position": None,
        "has_working_entry": False,
    }
    return Briefing(**(values | changes))


# A trend whose candles reach so far that two ATR are more than a quarter of the price.
UNSTOPPABLE = briefing(
    candles(PULLBACK, spread="40"), regime=RegimeReading(Regime.TREND_UP, 0.8, {}, "rules_v1")
)


class Memories:
    """A memory that answers every question with the same, and keeps the questions."""

    def __init__(self, *recalled: RecalledMemory) -> None:
        self.recalled = recalled
        self.queries: list[RecallQuery] = []

    async def recall(self, query: RecallQuery) -> Sequence[RecalledMemory]:
        self.queries.append(query)
        return self.recalled


async def decide(of: Briefing, memories: Memories | None = None) -> Decision:
    return await HouseAnalyst(IndicatorDesk()).decide(of, (memories or Memories()).recall)


async def propose(of: Briefing, memories: Memories | None = None) -> Proposal:
    decision = await decide(of, memories)
    assert isinstance(decision, Proposal), decision.reasoning
    return decision


async def abstain(of: Briefing, memories: Memories | None = None) -> str:
    decision = await decide(of, memories)
    assert isinstance(decision, Abstention), decision.reasoning
    return decision.reasoning


def lesson(number: int = 1, similarity: float = 0.8, **changes: Any) -> RecalledMemory:
    """A lesson on long trend following in an uptrend, right in all of three trades."""
    values: dict[str, Any] = {
        "id": UUID(int=number),
        "scope": MemoryScope.COLLECTIVE,
        "type": MemoryType.LESSON,
        "content": "pullbacks in an uptrend are bought",
        "agent_id": "house_reviewer",
        "created_at": START,
        "metadata": about(),
        "validation_score": 0.6,
        "validation_trades": 3,
    }
    return RecalledMemory(Memory(**(values | changes)), similarity, Standing(1.0, 1.0, 1.0, 1.0))


def about(**changes: str) -> dict[str, str]:
    return {
        "stance": "supports",
        "setup_type": "trend_follow",
        "side": "long",
        "regime": "trend_up",
    } | changes


def open_position(side: PositionSide) -> Position:
    return Position(
        id=UUID(int=77),
        user_id=UUID(int=1),
        strategy_id=UUID(int=2),
        trading_pair_id=UUID(int=3),
        exchange_account_id=UUID(int=4),
        entry_order_id=UUID(int=5),
        symbol=BTC,
        market_type=MarketType.FUTURES,
        side=side,
        opened_at=START,
        updated_at=START,
        current_price=Decimal(200),
    )


class TestPlays:
    @pytest.mark.parametrize(
        ("closes", "regime", "setup_type", "side"),
        [
            (PULLBACK, Regime.TREND_UP, SetupType.TREND_FOLLOW, PositionSide.LONG),
            (mirrored(PULLBACK), Regime.TREND_DOWN, SetupType.TREND_FOLLOW, PositionSide.SHORT),
            (AT_LOWER_BAND, Regime.RANGE, SetupType.REVERSAL, PositionSide.LONG),
            (mirrored(AT_LOWER_BAND), Regime.RANGE, SetupType.REVERSAL, PositionSide.SHORT),
            (BURST, Regime.VOLATILE, SetupType.BREAKOUT, PositionSide.LONG),
            (mirrored(BURST), Regime.VOLATILE, SetupType.BREAKOUT, PositionSide.SHORT),
        ],
    )
    async def test_each_regime_has_its_own(
        self, closes: list[float], regime: Regime, setup_type: SetupType, side: PositionSide
    ) -> None:
        proposal = await propose(briefing(candles(closes, volume="30")))
        assert (proposal.regime, proposal.setup_type, proposal.side) == (regime, setup_type, side)
        assert proposal.entry_price == Decimal(f"{closes[-1]:.2f}")
        assert (proposal.entry_type, proposal.leverage) == (OrderType.MARKET, 1)

    async def test_a_changing_regime_has_none(self) -> None:
        market = briefing(candles(CHANGING, volume="30"))
        assert market.regime.regime is Regime.TRANSITION
        assert "No play while the regime is changing" in await abstain(market)

    @pytest.mark.parametrize("closes", [mirrored(PULLBACK), mirrored(BURST)])
    async def test_spot_is_never_short(self, closes: list[float]) -> None:
        market = candles(closes, volume="30")
        assert (await propose(briefing(market))).side is PositionSide.SHORT
        reasons = await abstain(briefing(market, market_type=MarketType.SPOT))
        assert "spot cannot be" in reasons

    async def test_a_trend_is_not_chased(self) -> None:
        # Straight up: far beyond the middle band, and overbought.
        reasons = await abstain(briefing(candles([*RISE, 158.0, 159.0, 160.0, 161.0, 162.0])))
        assert "ATR beyond the middle band (wanted 0 to 1)" in reasons
        assert "RSI 100.0 (wanted 45 to 70)" in reasons

    async def test_a_pullback_must_have_turned(self) -> None:
        reasons = await abstain(briefing(candles([*PULLBACK[:-1], 153.7])))
        assert "(wanted a gain)" in reasons

    def test_a_parameter_outside_its_range_is_refused_in_words(self) -> None:
        with pytest.raises(InputRefused) as refused:
            house_terms({"stop_atrs": "0"}, 1, None)
        assert refused.value.what.startswith("stop_atrs is 0.0, and must be above 0 and below")

    @pytest.mark.parametrize(("slope", "goes"), [(1.0, True), (0.0, False), (-1.0, False)])
    async def test_no_position_is_opened_against_the_trend_of_longer_candles(
        self, slope: float, goes: bool
    ) -> None:
        days = [100.0 + slope * number for number in range(TREND_CANDLES)]
        longer = [replace(day, timeframe=Timeframe.D1) for day in candles(days)]
        terms = HouseTerms(trend_timeframe=Timeframe.D1)

        async def decide(known: int) -> Decision:
            market = briefing(candles(PULLBACK), longer=lambda _, count: longer[:known][-count:])
            return await HouseAnalyst(IndicatorDesk(), terms).decide(market, Memories().recall)

        decision = await decide(TREND_CANDLES)
        assert isinstance(decision, Proposal) is goes
        if not goes:
            assert "The 1d trend is against it" in decision.reasoning
        too_few = await decide(TREND_CANDLES - 1)
        assert "Only 19 of 20 closed 1d candles are known" in too_few.reasoning

    async def test_the_middle_of_a_range_is_left_alone(self) -> None:
        reasons = await abstain(briefing(candles([*WAVE, 200.0])))
        assert "No band reversion (long)" in reasons

    async def test_a_breakout_without_volume_is_not_believed(self) -> None:
        reasons = await abstain(briefing(candles(BURST, volume="11")))
        assert "volume 1.10 of the usual (wanted at least 1.2)" in reasons
        assert "of the channel" not in reasons, "the close is beyond it: that does not hold it back"


class TestTerms:
    async def test_stop_and_target_are_by_atr_on_the_tick(self) -> None:
        market = candles(PULLBACK)
        proposal = await propose(briefing(market, price_tick=Decimal("0.25")))
        atr = Decimal(repr(proposal.indicators.atr))
        assert proposal.entry_price == Decimal("154.50")
        assert abs(proposal.entry_price - proposal.stop_loss_price - 2 * atr) <= Decimal("0.125")
        risk = proposal.entry_price - proposal.stop_loss_price
        reward = proposal.take_profit_price - proposal.entry_price
        assert Decimal("2.5") * risk - Decimal("0.25") < reward <= Decimal("2.5") * risk
        assert proposal.stop_loss_price % Decimal("0.25") == 0
        assert proposal.take_profit_price % Decimal("0.25") == 0

    @pytest.mark.parametrize("tolerance", RiskTolerance)
    async def test_size_stakes_what_the_strategy_bears(self, tolerance: RiskTolerance) -> None:
        proposal = await propose(briefing(candles(PULLBACK), risk_tolerance=tolerance))
        stop_ratio = 1 - proposal.stop_loss_price / proposal.entry_price
        assert float(proposal.size_ratio * stop_ratio) == pytest.approx(
            float(STAKE_RATIOS[tolerance]), rel=0.01
        )

    async def test_a_volatile_market_gets_half_the_stake(self) -> None:
        proposal = await propose(briefing(candles(BURST, volume="30")))
        stop_ratio = 1 - proposal.stop_loss_price / proposal.entry_price
        half = STAKE_RATIOS[RiskTolerance.MODERATE] / 2
        assert float(proposal.size_ratio * stop_ratio) == pytest.approx(float(half), rel=0.01)

    async def test_a_stop_so_near_that_the_stake_would_be_more_than_all_is_sized_as_all(
        self,
    ) -> None:
        market = candles([10_000.0 + close for close in PULLBACK])
        proposal = await propose(briefing(market, risk_tolerance=RiskTolerance.AGGRESSIVE))
        assert proposal.size_ratio == 1

    async def test_a_trailing_stop_follows_further_off_than_the_stop_starts(self) -> None:
        trend = await propose(briefing(candles(PULLBACK)))
        stop_pct = (1 - trend.stop_loss_price / trend.entry_price) * 100
        assert trend.trailing_stop_pct is not None
        assert float(trend.trailing_stop_pct) == pytest.approx(float(stop_pct) * 1.5, abs=0.01)
        assert (await propose(briefing(candles(AT_LOWER_BAND)))).trailing_stop_pct is None

    async def test_a_tick_too_coarse_for_the_market_leaves_no_place_for_a_stop(self) -> None:
        reasons = await abstain(briefing(candles(PULLBACK), price_tick=Decimal(10)))
        assert "No place for a stop" in reasons

    async def test_a_stop_too_far_off_is_none(self) -> None:
        reasons = await abstain(UNSTOPPABLE)
        assert "No place for a stop" in reasons

    async def test_the_reasons_name_every_number(self) -> None:
        proposal = await propose(briefing(candles(PULLBACK)))
        for number in (
            "ADX ",
            "MA50 ",
            "ATR ",
            "RSI ",
            "bands ",
            f"close {proposal.entry_price:.2f}",
            f"near {proposal.entry_price:.2f}",
            f"stop {proposal.stop_loss_price:.2f}",
            f"target {proposal.take_profit_price:.2f}",
            "reward to risk 2.50",
            f"= {proposal.confidence:.2f}",
            "0.5 % of equity",
        ):
            assert number in proposal.reasoning


class TestMemory:
    @pytest.mark.parametrize(("stance", "sign"), [("supports", 1.0), ("cautions", -1.0)])
    async def test_a_lesson_moves_confidence_by_weight_trust_and_similarity(
        self, stance: str, sign: float
    ) -> None:
        market = briefing(candles(PULLBACK))
        before = (await propose(market)).confidence
        known = lesson(similarity=0.8, metadata=about(stance=stance))
        proposal = await propose(market, Memories(known))
        # Right in three of three trades: a score of 3/5, trusted as (3 + 1) / (3 + 2).
        assert proposal.confidence - before == pytest.approx(sign * LESSON_WEIGHT * 0.8 * 0.8)
        assert proposal.memories_used == (UUID(int=1),)
        assert known.memory.content in proposal.reasoning

    async def test_an_untried_lesson_is_half_believed(self) -> None:
        market = briefing(candles(PULLBACK))
        untried = lesson(similarity=1.0, validation_score=0.0, validation_trades=0)
        moved = (await propose(market, Memories(untried))).confidence
        assert moved - (await propose(market)).confidence == pytest.approx(LESSON_WEIGHT / 2)

    async def test_a_lesson_that_kept_being_wrong_hardly_moves_it(self) -> None:
        market = briefing(candles(PULLBACK))
        refuted = lesson(similarity=1.0, validation_score=0.0, validation_trades=18)
        moved = (await propose(market, Memories(refuted))).confidence
        assert moved - (await propose(market)).confidence == pytest.approx(LESSON_WEIGHT / 20)

    @pytest.mark.parametrize(("stance", "sign"), [("supports", 1.0), ("cautions", -1.0)])
    async def test_many_lessons_move_it_no_further_than_the_limit(
        self, stance: str, sign: float
    ) -> None:
        market = briefing(
            candles(BURST, volume="20"),
            regime=RegimeReading(Regime.VOLATILE, 0.75, {}, "rules_v1"),
            risk_tolerance=RiskTolerance.AGGRESSIVE,
        )
        metadata = about(stance=stance, setup_type="breakout", regime="volatile")
        many = Memories(*(lesson(number, 1.0, metadata=metadata) for number in range(8)))
        before = (await propose(market)).confidence
        assert SHIFT_MAX < before < 1.0 - SHIFT_MAX
        proposal = await propose(market, many)
        assert proposal.confidence - before == pytest.approx(sign * SHIFT_MAX)
        assert len(proposal.memories_used) == 8

    async def test_cautions_can_stop_a_trade_and_say_why(self) -> None:
        weak = RegimeReading(Regime.TREND_UP, 0.5, {}, "rules_v1")
        market = briefing(candles(PULLBACK), regime=weak)
        before = (await propose(market)).confidence
        many = Memories(
            *(lesson(number, 1.0, metadata=about(stance="cautions")) for number in range(4))
        )
        reasons = await abstain(market, many)
        least = CONFIDENCE_MIN[RiskTolerance.MODERATE]
        assert f"Confidence {before:.2f} -0.200 by memory = {before - 0.2:.2f}" in reasons
        assert f"wants at least {least:.2f}" in reasons

    @pytest.mark.parametrize(
        "unfit",
        [
            lesson(metadata=about(side="short")),
            lesson(metadata=about(setup_type="breakout")),
            lesson(metadata=about(regime="range")),
            lesson(metadata={}),
            lesson(metadata={key: about()[key] for key in ("setup_type", "side", "regime")}),
            lesson(type=MemoryType.TRADE),
            lesson(similarity=0.0),
            lesson(similarity=-0.5),
        ],
    )
    async def test_what_is_not_a_lesson_on_this_kind_of_trade_moves_nothing(
        self, unfit: RecalledMemory
    ) -> None:
        market = briefing(candles(PULLBACK))
        proposal = await propose(market, Memories(unfit))
        assert proposal.confidence == (await propose(market)).confidence
        assert proposal.memories_used == ()
        assert "none of 1 recalled memories" in proposal.reasoning

    async def test_a_regime_may_be_named_as_the_journal_groups_it(self) -> None:
        known = Memories(lesson(metadata=about(regime="trend")))
        proposal = await propose(briefing(candles(PULLBACK)), known)
        assert proposal.memories_used == (UUID(int=1),)

    async def test_the_question_describes_the_setup_as_of_now(self) -> None:
        memories, market = Memories(), briefing(candles(PULLBACK))
        await propose(market, memories)
        (query,) = memories.queries
        assert query.text == (
            "long trend_follow setup in a trend market on BTC/USDT 4h, RSI strong"
        )
        assert (query.as_of, query.symbol) == (market.at, BTC)
        assert query.types == (MemoryType.LESSON,)

    async def test_nothing_is_asked_without_a_setup(self) -> None:
        memories = Memories()
        await abstain(briefing(candles(CHANGING)), memories)
        assert memories.queries == []


class TestStandingAside:
    async def test_a_working_entry_is_left_to_work(self) -> None:
        reasons = await abstain(briefing(candles(PULLBACK), has_working_entry=True))
        assert "still working" in reasons

    async def test_too_few_candles_are_named(self) -> None:
        market = candles(PULLBACK)
        few = replace(briefing(market), candles=market[-WINDOW + 1 :])
        assert f"Only {WINDOW - 1} of {WINDOW}" in await abstain(few)

    @pytest.mark.parametrize(
        ("tolerance", "trades"),
        [
            (RiskTolerance.CONSERVATIVE, False),
            (RiskTolerance.MODERATE, True),
            (RiskTolerance.AGGRESSIVE, True),
        ],
    )
    async def test_a_careful_strategy_wants_more_confidence(
        self, tolerance: RiskTolerance, trades: bool
    ) -> None:
        unsure = RegimeReading(Regime.VOLATILE, 0.55, {}, "rules_v1")
        market = briefing(candles(BURST, volume="14"), regime=unsure, risk_tolerance=tolerance)
        assert isinstance(await decide(market), Proposal) is trades


class TestOpenPosition:
    @pytest.mark.parametrize(
        ("side", "closes"),
        [
            (PositionSide.LONG, PULLBACK),
            (PositionSide.LONG, AT_LOWER_BAND),
            (PositionSide.LONG, BURST),
            (PositionSide.LONG, CHANGING),
            (PositionSide.SHORT, mirrored(PULLBACK)),
        ],
    )
    async def test_it_is_held_while_nothing_speaks_against_it(
        self, side: PositionSide, closes: list[float]
    ) -> None:
        market = briefing(candles(closes, volume="30"), position=open_position(side))
        assert f"Holding the {side}" in await abstain(market)

    @pytest.mark.parametrize(
        ("side", "closes", "reason"),
        [
            (PositionSide.LONG, mirrored(PULLBACK), "turned to trend_down"),
            (PositionSide.SHORT, PULLBACK, "turned to trend_up"),
            (PositionSide.LONG, mirrored(BURST), "broken out against it, beyond 195.50"),
            (PositionSide.SHORT, BURST, "broken out against it, beyond 204.50"),
        ],
    )
    async def test_it_is_left_when_its_thesis_is_gone(
        self, side: PositionSide, closes: list[float], reason: str
    ) -> None:
        position = open_position(side)
        decision = await decide(briefing(candles(closes), position=position))
        assert isinstance(decision, ExitProposal)
        assert decision.position_id == position.id
        assert reason in decision.reasoning
        assert "ADX " in decision.reasoning


class TestDesk:
    def test_only_the_last_window_decides(self) -> None:
        market = candles(PULLBACK)
        older = [replace(market[0], open_time=START - timedelta(days=9), close=Decimal(1))]
        assert IndicatorDesk().read(older + market) == IndicatorDesk().read(market)

    def test_the_same_window_is_worked_out_once(self) -> None:
        desk, market = IndicatorDesk(), candles(PULLBACK)
        assert desk.read(market) is desk.read(list(market))

    def test_a_corrected_candle_is_worked_out_anew(self) -> None:
        desk, market = IndicatorDesk(), candles(PULLBACK)
        before = desk.read(market)
        market[-30] = replace(market[-30], high=market[-30].high + 9)
        assert desk.read(market).regime.atr > before.regime.atr

    def test_too_few_candles_are_refused(self) -> None:
        with pytest.raises(InvalidValue) as refusal:
            RulesRegimeModel(IndicatorDesk()).read(candles(PULLBACK)[1:])
        assert refusal.value.value == WINDOW - 1

    def test_a_market_that_stands_still_has_indicators(self) -> None:
        seen = IndicatorDesk().read(candles([100.0] * WINDOW, spread="0"))
        assert (seen.rsi, seen.band_place, seen.regime.atr_ratio) == (50.0, 0.5, 1.0)
        assert (seen.regime.atr, seen.regime.adx) == (0.0, 0.0)

    def test_a_market_that_rises_evenly_is_read_by_the_textbook(self) -> None:
        seen = IndicatorDesk().read(candles([100.0 + index for index in range(WINDOW)]))
        assert seen.rsi == pytest.approx(100.0)
        assert seen.regime.adx == pytest.approx(100.0)
        # Each candle: a body of 1 and half a unit beyond on both sides.
        assert seen.regime.atr == pytest.approx(2.0)
        assert seen.regime.ma50 == pytest.approx(219.0 - 24.5)
        assert seen.band_middle == pytest.approx(219.0 - 9.5)
        # The population deviation of 20 steps of 1 is the root of (20² - 1) / 12.
        assert seen.band_upper - seen.band_middle == pytest.approx(2 * math.sqrt(399 / 12))
        assert (seen.channel_high, seen.channel_low) == (218.5, 197.5)


@cache
def sample() -> dict[str, list[Candle]]:
    """The bundled 4h candles by symbol."""
    found = read_candles(bundled_sample(), None, None, allow_gaps=False)
    return {
        symbol: [candle for candle in found.candles if candle.symbol == symbol]
        for symbol in found.symbols
    }


class TestBundledCandles:
    @settings(max_examples=300, deadline=None)
    @given(
        symbol=st.sampled_from(["BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT"]),
        end=st.integers(WINDOW, 500),
        regime=st.sampled_from(sorted(PLAYS)),
        tick=st.sampled_from([Decimal("0.01"), Decimal("0.1"), Decimal("0.05"), Decimal(1)]),
    )
    async def test_prices_lie_on_the_tick_and_on_the_right_sides(
        self, symbol: str, end: int, regime: Regime, tick: Decimal
    ) -> None:
        """Every play is tried on every market, whatever its regime, for more setups."""
        reading = RegimeReading(regime, 1.0, {}, "rules_v1")
        market = briefing(sample()[symbol][:end], regime=reading, price_tick=tick)
        decision = await decide(market)
        assert decision == await decide(market), "the same briefing, the same decision"
        assert not isinstance(decision, ExitProposal)
        if isinstance(decision, Proposal):
            check_levels(decision, tick)

    async def test_a_setup_is_found_now_and_then_in_several_regimes(self) -> None:
        found = Counter(
            [
                decision.setup_type
                for market in sample().values()
                for decision in [
                    await decide(briefing(market[:end])) for end in range(WINDOW, len(market) + 1)
                ]
                if isinstance(decision, Proposal)
            ]
        )
        assert set(found) == set(SetupType)
        assert min(found.values()) >= 20
        assert found.total() <= 200, "of 1524 candles: most are to be left alone"


def check_levels(proposal: Proposal, tick: Decimal) -> None:
    entry, sign = proposal.entry_price, proposal.side.sign
    risk = (entry - proposal.stop_loss_price) * sign
    reward = (proposal.take_profit_price - entry) * sign
    assert 0 < risk <= reward
    for price in (entry, proposal.stop_loss_price, proposal.take_profit_price):
        assert price > 0
        assert price % tick == 0
    assert 0 < proposal.size_ratio <= 1

"""The desk on the house model decides what the house analyst decides, to the last digit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from desk_scenes import (
    EMPTY,
    FAINT,
    LONG,
    SETUPS,
    Place,
    about,
    briefing_at,
    lesson,
    open_position,
    reading_at,
    recalling,
    sample,
    world,
)
from desk_world import fund_view
from hedgerow.domain.market import MarketType
from hedgerow.domain.memory import RecalledMemory
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.proposals import Abstention, Decision, ExitProposal, Proposal
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
from hedgerow.infrastructure.agents.indicators import WINDOW, IndicatorDesk
from hedgerow.usecases.ports.desk import Briefing

PLACES = [*SETUPS.values(), *FAINT.values(), *EMPTY.values()]


async def both(
    briefing: Briefing, memories: Iterable[RecalledMemory] = ()
) -> tuple[Decision, Decision]:
    """What the desk decides, and what the house does; they must be the same trade."""
    recall = recalling(*memories)
    desk = await world().desk().decide(briefing, recall)
    house = await HouseAnalyst(IndicatorDesk()).decide(briefing, recall)
    check_same(desk, house)
    return desk, house


def check_same(desk: Decision, house: Decision) -> None:
    assert type(desk) is type(house), (desk, house)
    if isinstance(house, Proposal | ExitProposal):
        said: dict[str, Any] = {"reasoning": "words", "agent_id": "", "session_id": None}
        assert replace(desk, **said) == replace(house, **said)


@cache
def lessons_at(place: Place, stance: str) -> tuple[RecalledMemory, ...]:
    """Two lessons on the setup of a window, as the house reads it, and one on something else."""
    seen = about(stance, *kind_at(place))
    return (
        lesson(1, 0.9, metadata=seen),
        lesson(2, 0.7, metadata=seen, validation_score=0.2),
        lesson(3, 0.9, metadata={**seen, "side": "short" if seen["side"] == "long" else "long"}),
    )


def kind_at(place: Place) -> tuple[str, str, str]:
    regime = str(reading_at(*place).regime)
    setup_type = {"range": "reversal", "volatile": "breakout"}.get(regime, "trend_follow")
    named = (*SETUPS.items(), *FAINT.items())
    name = next(name for name, other in named if other == place)
    side = "short" if "short" in name or "down" in name else "long"
    return setup_type, side, regime


class TestFlat:
    @pytest.mark.parametrize("market_type", MarketType)
    @pytest.mark.parametrize("tolerance", RiskTolerance)
    async def test_every_kind_of_window(
        self, tolerance: RiskTolerance, market_type: MarketType
    ) -> None:
        outcomes = Counter[str]()
        for place in PLACES:
            briefing = briefing_at(*place, risk_tolerance=tolerance, market_type=market_type)
            desk, _ = await both(briefing)
            outcomes[type(desk).__name__] += 1
        assert outcomes["Proposal"] >= 3
        assert outcomes["Abstention"] >= len(EMPTY)

    @pytest.mark.parametrize("stance", ["supports", "cautions"])
    async def test_lessons_move_both_alike(self, stance: str) -> None:
        moved = 0
        for place in [*SETUPS.values(), *FAINT.values()]:
            memories = lessons_at(place, stance)
            market_type = MarketType.FUTURES
            desk, _ = await both(briefing_at(*place, market_type=market_type), memories)
            if isinstance(desk, Proposal):
                assert len(desk.memories_used) == 2
                assert len(desk.memories_recalled) == 3
                moved += 1
        assert moved >= 3

    async def test_a_lesson_decides_over_a_faint_setup(self) -> None:
        place = FAINT["trend up"]
        without, _ = await both(briefing_at(*place))
        with_lessons, _ = await both(briefing_at(*place), lessons_at(place, "supports"))
        assert isinstance(without, Abstention)
        assert isinstance(with_lessons, Proposal)

    async def test_too_few_candles_and_a_working_entry_are_abstentions_of_both(self) -> None:
        briefing = briefing_at(*LONG)
        await both(replace(briefing, candles=briefing.candles[1:]))
        await both(replace(briefing, has_working_entry=True))


class TestPositions:
    @pytest.mark.parametrize("side", PositionSide)
    async def test_it_is_left_and_held_where_the_house_does(self, side: PositionSide) -> None:
        outcomes = Counter[str]()
        for symbol, candles in sample().items():
            position = open_position(symbol, side)
            fund = fund_view(positions=(position,))
            for end in range(WINDOW, len(candles), 13):
                briefing = briefing_at(symbol, end, position=position, fund=fund)
                desk, _ = await both(briefing)
                outcomes[type(desk).__name__] += 1
        assert min(outcomes["ExitProposal"], outcomes["Abstention"]) >= 10


@pytest.mark.slow
class TestAllBundledCandles:
    @pytest.mark.parametrize(
        ("tolerance", "market_type"),
        [
            (RiskTolerance.MODERATE, MarketType.SPOT),
            (RiskTolerance.CONSERVATIVE, MarketType.FUTURES),
            (RiskTolerance.AGGRESSIVE, MarketType.FUTURES),
        ],
    )
    async def test_one_desk_that_lives_through_them_all(
        self, tolerance: RiskTolerance, market_type: MarketType
    ) -> None:
        of = world()
        desk, house = of.desk(), HouseAnalyst(IndicatorDesk())
        outcomes = Counter[str]()
        for symbol, candles in sample().items():
            before = None
            for end in range(WINDOW, len(candles) + 1):
                briefing = briefing_at(
                    symbol,
                    end,
                    risk_tolerance=tolerance,
                    market_type=market_type,
                    regime_before=before,
                )
                before = briefing.regime.regime
                recall = recalling(
                    *(lesson(n, 0.9, metadata=about("cautions")) for n in range(end % 3))
                )
                decision = await desk.decide(briefing, recall)
                check_same(decision, await house.decide(briefing, recall))
                outcomes[type(decision).__name__] += 1
        assert outcomes.total() > 1500
        assert outcomes["Proposal"] > 50

    async def test_positions_of_either_side_at_every_close(self) -> None:
        house = HouseAnalyst(IndicatorDesk())
        for side in PositionSide:
            for symbol, candles in sample().items():
                desk = world().desk()
                position = open_position(symbol, side)
                fund = fund_view(positions=(position,))
                for end in range(WINDOW, len(candles) + 1):
                    briefing = briefing_at(symbol, end, position=position, fund=fund)
                    check_same(
                        await desk.decide(briefing, recalling()),
                        await house.decide(briefing, recalling()),
                    )

"""When the desk meets, why not, who sits at it, and what a budget leaves of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from desk_scenes import (
    LONG,
    NOTHING,
    PLAYED,
    SETUPS,
    PressedClerk,
    agents_max,
    briefing_at,
    market_tools,
    open_position,
    played,
    played_fund,
    recalling,
    with_model,
    world,
)
from desk_world import DeskWorld, fund_view
from hedgerow.domain.ai_budget import BudgetPressure
from hedgerow.domain.ai_usage import AIProvider, ModelChoice
from hedgerow.domain.proposals import Abstention, Decision, ExitProposal, Proposal
from hedgerow.domain.regimes import Regime, RegimeReading
from hedgerow.domain.strategies import RebalanceFrequency
from hedgerow.infrastructure.agents.desk.desk import DeskTerms
from hedgerow.infrastructure.agents.desk.roster import BY_NAME, ROSTER
from hedgerow.infrastructure.agents.desk.screen import (
    DRIFT_BAND_PCT,
    Called,
    PassedOver,
    Sight,
    screen,
)
from hedgerow.infrastructure.agents.desk.seating import NEEDED, can_decide, seated
from hedgerow.infrastructure.agents.setups import Setup
from hedgerow.usecases.open_fund import PAPER_LIMITS
from hedgerow.usecases.ports.desk import Briefing

HOUR = timedelta(hours=1)
CANDLE = 4 * HOUR
SETUP = market_tools(briefing_at(*LONG)).setup
TREND_DOWN = RegimeReading(Regime.TREND_DOWN, 0.8, {}, "rules_v1")


def sight(briefing: Briefing | None = None, **changes: Any) -> Sight:
    """Nothing to see: a flat fund, no setup, never met."""
    values: dict[str, Any] = {
        "briefing": briefing or briefing_at(*NOTHING),
        "setup": "No play while the regime is changing.",
        "thesis_gone": None,
        "since_met": None,
    }
    return Sight(**(values | changes))


def holding(share_pct: str, **changes: Any) -> Briefing:
    """A long whose value is that share of an equity of 10,000; its target is 50 %."""
    position = open_position("BTC/USDT", price=str(Decimal(share_pct) * 100), size="1")
    values: dict[str, Any] = {
        "positions": (position,),
        "rebalance_frequency": RebalanceFrequency.DAILY,
    }
    fund = fund_view(**(values | changes))
    return briefing_at("BTC/USDT", 453, position=position, fund=fund)


HAPPENED = replace(briefing_at(*NOTHING), happened=("the stop was hit", "and more"))
TURNED = replace(briefing_at(*NOTHING), regime_before=Regime.RANGE)
FOUND: dict[str, Any] = {"setup": SETUP}
GONE: dict[str, Any] = {"thesis_gone": "the regime has turned to trend_down"}


class TestWhatCallsTheDesk:
    def test_the_scene_has_a_setup(self) -> None:
        assert isinstance(SETUP, Setup)

    @pytest.mark.parametrize(
        ("seen", "reason"),
        [
            (sight(replace(briefing_at(*NOTHING), is_asked_for=True)), "the user asks"),
            (sight(HAPPENED), "the stop was hit"),
            (sight(**GONE), "the regime has turned to trend_down"),
            (sight(TURNED), "the regime has turned from range to transition"),
            (sight(**FOUND), "a setup: trend pullback (long)"),
            (sight(holding("55.1")), "BTC/USDT is 55.1 % of equity, its target 50.0 %"),
        ],
    )
    def test_each_rule_alone(self, seen: Sight, reason: str) -> None:
        assert screen(seen, CANDLE) == Called(reason)

    def test_the_first_of_several_is_named(self) -> None:
        everything = replace(
            holding("60"),
            is_asked_for=True,
            happened=("the stop was hit",),
            regime_before=Regime.TRANSITION,
        )
        unasked = replace(everything, is_asked_for=False)
        quiet = replace(unasked, happened=())
        steady = replace(quiet, regime_before=None)
        seen = [sight(each, **GONE) for each in (everything, unasked, quiet)]
        seen += [sight(quiet), sight(steady), sight(TURNED, **FOUND)]
        assert [screen(each, CANDLE) for each in seen] == [
            Called("the user asks"),
            Called("the stop was hit"),
            Called("the regime has turned to trend_down"),
            Called(f"the regime has turned from transition to {quiet.regime.regime}"),
            Called("BTC/USDT is 60.0 % of equity, its target 50.0 %"),
            Called("the regime has turned from range to transition"),
        ]

    def test_a_setup_does_not_call_where_a_position_is_open(self) -> None:
        outcome = screen(sight(holding("50"), **FOUND), CANDLE)
        assert outcome == PassedOver("the long goes on, and nothing has changed")

    def test_what_is_passed_over_says_why(self) -> None:
        assert screen(sight(), CANDLE) == PassedOver(
            "nothing has changed. No play while the regime is changing."
        )

    @pytest.mark.parametrize("before", [None, Regime.TRANSITION])
    def test_the_same_regime_is_no_change(self, before: Regime | None) -> None:
        seen = sight(replace(briefing_at(*NOTHING), regime_before=before))
        assert isinstance(screen(seen, CANDLE), PassedOver)


class TestInterval:
    @pytest.mark.parametrize("seen", [sight(HAPPENED), sight(**GONE), sight(**FOUND)])
    def test_once_in_it_whatever_has_changed(self, seen: Sight) -> None:
        early = replace(seen, since_met=CANDLE - timedelta(microseconds=1))
        outcome = screen(early, CANDLE)
        assert isinstance(outcome, PassedOver)
        assert "and meets once in 4:00:00" in outcome.reason
        assert isinstance(screen(replace(seen, since_met=CANDLE), CANDLE), Called)

    def test_the_user_need_not_wait(self) -> None:
        asked = replace(briefing_at(*NOTHING), is_asked_for=True)
        assert isinstance(screen(sight(asked, since_met=timedelta(0)), CANDLE), Called)

    @pytest.mark.parametrize(
        ("terms", "meetings"),
        [(DeskTerms(), [1, 2, 3]), (DeskTerms(interval=8 * HOUR), [1, 1, 2])],
    )
    async def test_a_desk_remembers_when_it_met(
        self, terms: DeskTerms, meetings: list[int]
    ) -> None:
        of = world(terms=terms)
        desk = of.desk()
        for end, count in zip(range(281, 284), meetings, strict=True):
            await desk.decide(briefing_at("BNB/USDT", end), recalling())
            assert len(own_meetings(of)) == count

    async def test_a_desk_that_is_new_asks_when_it_met(self) -> None:
        briefing = briefing_at(*LONG)
        decision = await _decide(world(met=briefing.at - HOUR), briefing)
        assert "Passed over: the desk met 1:00:00 ago" in decision.reasoning
        assert isinstance(await _decide(world(met=briefing.at - CANDLE), briefing), Proposal)


def own_meetings(of: DeskWorld) -> list[str]:
    return [m.session_id for m in of.clerk.meetings if m.research_session_id is not None]


async def _decide(of: DeskWorld, briefing: Briefing) -> Decision:
    return await of.desk().decide(briefing, recalling())


class TestDrift:
    @pytest.mark.parametrize(
        ("share_pct", "is_called"),
        [("49", False), ("55", False), ("55.01", True), ("100", True), ("1", False)],
    )
    def test_only_more_than_the_band_above_the_target(
        self, share_pct: str, is_called: bool
    ) -> None:
        assert DRIFT_BAND_PCT == 5
        assert isinstance(screen(sight(holding(share_pct)), CANDLE), Called) is is_called

    @pytest.mark.parametrize(
        ("often", "days"),
        [
            (RebalanceFrequency.DAILY, 1),
            (RebalanceFrequency.WEEKLY, 7),
            (RebalanceFrequency.MONTHLY, 30),
        ],
    )
    def test_while_it_goes_on_as_often_as_the_strategy_rebalances(
        self, often: RebalanceFrequency, days: int
    ) -> None:
        drifting = holding("90", rebalance_frequency=often)
        due = timedelta(days=days)
        early = sight(drifting, since_met=due - timedelta(microseconds=1))
        assert isinstance(screen(early, CANDLE), PassedOver)
        assert isinstance(screen(sight(drifting, since_met=due), CANDLE), Called)

    def test_not_where_the_strategy_never_rebalances(self) -> None:
        never = holding("90", rebalance_frequency=RebalanceFrequency.NEVER)
        assert isinstance(screen(sight(never), CANDLE), PassedOver)

    def test_what_has_no_target_should_not_be_there(self) -> None:
        outcome = screen(sight(holding("6", target_allocations={})), CANDLE)
        assert outcome == Called("BTC/USDT is 6.0 % of equity, its target 0.0 %")

    def test_a_fund_without_equity_has_none(self) -> None:
        broke = holding("90", equity=Decimal(0))
        assert isinstance(screen(sight(broke), CANDLE), PassedOver)


class TestSeats:
    @pytest.mark.parametrize("advanced", [True, False])
    @pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 6, 10, 16, 99])
    def test_the_first_by_seniority(self, count: int, advanced: bool) -> None:
        limits = agents_max(count, advanced=advanced).limits
        agents = seated(limits, BudgetPressure.NORMAL)
        allowed = [agent for agent in ROSTER if advanced or not agent.is_advanced]
        assert list(agents) == allowed[:count]
        assert can_decide(agents) is (count >= len(NEEDED))

    @pytest.mark.parametrize("pressure", [BudgetPressure.THROTTLED, BudgetPressure.EXHAUSTED])
    def test_the_advanced_leave_first(self, pressure: BudgetPressure) -> None:
        agents = seated(PAPER_LIMITS, pressure)
        assert agents == tuple(agent for agent in ROSTER if not agent.is_advanced)
        assert can_decide(agents)

    @pytest.mark.parametrize("count", [0, 1, 3])
    async def test_too_few_decide_nothing_and_ask_nobody(self, count: int) -> None:
        of = world()
        decision = await _decide(of, briefing_at(*LONG, fund=agents_max(count)))
        assert isinstance(decision, Abstention)
        assert f"the tier seats {count} agents only" in decision.reasoning
        assert of.clerk.exchanges == []

    @pytest.mark.parametrize(
        ("count", "advanced", "heard"),
        [
            (4, True, set(NEEDED)),
            (5, True, {*NEEDED, "technical_analyst"}),
            (16, False, {*NEEDED, "technical_analyst", "regime_analyst", "market_analyst"}),
            (
                16,
                True,
                {
                    *(*NEEDED, "technical_analyst", "regime_analyst", "market_analyst"),
                    *("bull_researcher", "bear_researcher", "correlation_analyst"),
                },
            ),
        ],
    )
    async def test_who_is_heard(self, count: int, advanced: bool, heard: set[str]) -> None:
        """Those whose tools know nothing of this market are not asked."""
        of = world()
        fund = agents_max(count, advanced=advanced)
        decision = await _decide(of, briefing_at(*LONG, fund=fund))
        assert isinstance(decision, Proposal)
        assert {exchange.agent_name for exchange in of.clerk.exchanges} == heard

    @pytest.mark.parametrize("count", [0, 3, 5, 6])
    async def test_a_position_is_looked_after_in_every_tier(self, count: int) -> None:
        position = open_position(LONG[0])
        briefing = briefing_at(*LONG, position=position, regime=TREND_DOWN)
        of = world()
        fund = agents_max(count, positions=(position,))
        decision = await _decide(of, replace(briefing, fund=fund))
        assert isinstance(decision, ExitProposal)
        assert (decision.agent_id == "position_manager") is (count >= 6)
        assert bool(of.clerk.exchanges) is (count >= 6)

    def test_the_needed_are_in_the_roster_first(self) -> None:
        assert {agent.name for agent in ROSTER[: len(NEEDED)]} == NEEDED
        assert len(BY_NAME) == len(ROSTER) == 16


def pressed(pressure: BudgetPressure, **changes: Any) -> DeskWorld:
    return with_model(played(), clerk=PressedClerk(now=pressure), **changes)


class TestPressure:
    async def test_throttled_the_desk_is_smaller(self) -> None:
        of = pressed(BudgetPressure.THROTTLED)
        assert isinstance(await _decide(of, briefing_at(*LONG, fund=played_fund())), Proposal)
        heard = {exchange.agent_name for exchange in of.clerk.exchanges}
        assert heard
        assert not any(BY_NAME[name].is_advanced for name in heard)

    async def test_throttled_it_asks_the_cheaper_model(self) -> None:
        cheaper = ModelChoice(AIProvider.COMPATIBLE, "cheaper")
        terms = DeskTerms(models={"trader": PLAYED}, cheaper=cheaper)
        of = pressed(BudgetPressure.THROTTLED, terms=terms)
        await _decide(of, briefing_at(*LONG, fund=played_fund()))
        mine = {e.asked for e in of.clerk.exchanges if BY_NAME[e.agent_name].room == "fund"}
        assert mine == {cheaper}
        normal = pressed(BudgetPressure.NORMAL, terms=terms)
        await _decide(normal, briefing_at(*LONG, fund=played_fund()))
        assert cheaper not in {exchange.asked for exchange in normal.clerk.exchanges}

    @pytest.mark.parametrize(
        ("pressure", "count"), [(BudgetPressure.NORMAL, 2), (BudgetPressure.THROTTLED, 1)]
    )
    async def test_throttled_it_meets_less_often(
        self, pressure: BudgetPressure, count: int
    ) -> None:
        of = pressed(pressure)
        desk = of.desk()
        for end in (281, 284):
            await desk.decide(briefing_at("BNB/USDT", end, fund=played_fund()), recalling())
        assert len(own_meetings(of)) == count

    async def test_throttled_it_meets_again_after_four_candles(self) -> None:
        of = pressed(BudgetPressure.THROTTLED)
        desk = of.desk()
        briefing = briefing_at(*LONG, fund=played_fund(), happened=("something",))
        for ahead, count in [(0, 1), (3, 1), (4, 2)]:
            later = replace(briefing, at=briefing.at + ahead * CANDLE)
            await desk.decide(later, recalling())
            assert len(own_meetings(of)) == count

    async def test_exhausted_there_are_no_entries_and_nobody_is_asked(self) -> None:
        of = pressed(BudgetPressure.EXHAUSTED)
        decision = await _decide(of, briefing_at(*LONG, fund=played_fund()))
        assert isinstance(decision, Abstention)
        assert "the month's budget is used up" in decision.reasoning
        assert of.clerk.reserved == set()

    async def test_exhausted_a_position_is_looked_after_by_rules_at_every_close(self) -> None:
        position = open_position(LONG[0])
        fund = played_fund(positions=(position,))
        briefing = briefing_at(*LONG, position=position, fund=fund, regime=TREND_DOWN)
        of = pressed(BudgetPressure.EXHAUSTED, met=briefing.at - CANDLE)
        decision = await _decide(of, briefing)
        assert isinstance(decision, ExitProposal)
        assert decision.agent_id == "house_analyst"
        assert of.clerk.reserved == set()

    async def test_the_house_costs_nothing_and_is_never_short_of_it(self) -> None:
        of = world(clerk=PressedClerk(now=BudgetPressure.EXHAUSTED))
        assert isinstance(await _decide(of, briefing_at(*LONG)), Proposal)

    async def test_one_agent_with_a_model_of_its_own_makes_the_budget_count(self) -> None:
        terms = DeskTerms(models={"trader": PLAYED})
        of = pressed(BudgetPressure.EXHAUSTED, terms=terms)
        assert isinstance(await _decide(of, briefing_at(*LONG)), Abstention)


async def test_a_short_setup_on_spot_is_no_trade() -> None:
    of = world()
    decision = await _decide(of, briefing_at(*SETUPS["volatile, short"]))
    assert isinstance(decision, Abstention)
    assert "Spot cannot be short." in decision.reasoning

"""Research is held once for all who ask for the same symbol and candle."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse

from desk_scenes import (
    LONG,
    PlayedModel,
    agents_max,
    briefing_at,
    market_tools,
    played,
    recalling,
    with_model,
    world,
)
from desk_world import DeskWorld, MemoryClerk, fund_view
from hedgerow.domain.market import Exchange
from hedgerow.domain.proposals import Proposal
from hedgerow.domain.sessions import RESEARCH_USER_ID
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.agents.desk.answers import Direction
from hedgerow.infrastructure.agents.desk.house.heard import heard_in
from hedgerow.infrastructure.agents.desk.market_tools import MarketTools
from hedgerow.infrastructure.agents.desk.research import DEBATE_ROUNDS, Research, ResearchRoom
from hedgerow.infrastructure.agents.desk.roster import ROSTER
from hedgerow.usecases.ports.desk import Briefing
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange

FUNDS = 100


def funds(count: int, place: tuple[str, int] = LONG) -> list[Briefing]:
    """As many funds, each of a user of its own, asking at the same close."""
    return [
        briefing_at(*place, fund=fund_view(user_id=UUID(int=1000 + number)))
        for number in range(count)
    ]


def researched(of: DeskWorld) -> Counter[str]:
    """How often each session of research asked its manager for a conclusion."""
    return Counter(
        exchange.session_id
        for exchange in of.clerk.exchanges
        if exchange.user_id == RESEARCH_USER_ID and exchange.agent_name == "research_manager"
    )


class TestShared:
    async def test_a_hundred_funds_at_once_hold_one(self) -> None:
        alone = world()
        await alone.desk().decide(funds(1)[0], recalling())
        of = world()
        desk = of.desk()
        decisions = await asyncio.gather(
            *(desk.decide(briefing, recalling()) for briefing in funds(FUNDS))
        )
        mine = [e for e in alone.clerk.exchanges if e.user_id == RESEARCH_USER_ID]
        shared = [e for e in of.clerk.exchanges if e.user_id == RESEARCH_USER_ID]
        assert [e.call_id for e in shared] == [e.call_id for e in mine]
        assert len(of.clerk.exchanges) - len(shared) == FUNDS * (
            len(alone.clerk.exchanges) - len(mine)
        )
        assert all(isinstance(decision, Proposal) for decision in decisions)
        sessions = {decision.session_id for decision in decisions}
        assert len(sessions) == FUNDS, "each has a meeting of its own"
        of_research = {m.research_session_id for m in of.clerk.meetings} - {None}
        assert of_research == set(researched(of))

    async def test_one_after_the_other_as_well(self) -> None:
        of = world()
        desk = of.desk()
        for briefing in funds(3):
            await desk.decide(briefing, recalling())
        assert list(researched(of).values()) == [2], "its tool, and its answer"

    async def test_it_is_the_same_for_every_user(self) -> None:
        rich = fund_view(user_id=UUID(int=7), equity=Decimal(987_654_321), is_halted=True)
        daring = briefing_at(*LONG, fund=rich, risk_tolerance=RiskTolerance.AGGRESSIVE)
        said = []
        for briefing in (funds(1)[0], daring):
            of = world()
            await of.desk().decide(briefing, recalling())
            said.append([e for e in of.clerk.exchanges if e.user_id == RESEARCH_USER_ID])
        assert said[0] == said[1]

    @pytest.mark.parametrize("other", [("BNB/USDT", 267), ("BTC/USDT", 266)])
    async def test_another_candle_or_symbol_is_another(self, other: tuple[str, int]) -> None:
        of = world()
        desk = of.desk()
        for place in (LONG, other):
            await desk.decide(briefing_at(*place, is_asked_for=True), recalling())
        assert len(researched(of)) == 2

    async def test_a_smaller_desk_has_its_own(self) -> None:
        """Its conclusion is that of other agents, and must not depend on who asked first."""
        of = world()
        desk = of.desk()
        for count in (4, 16):
            fund = agents_max(count, user_id=UUID(int=count))
            await desk.decide(briefing_at(*LONG, fund=fund), recalling())
        assert len(researched(of)) == 2

    async def test_what_is_past_is_forgotten(self) -> None:
        of = world()
        room, tools = _room(of), market_tools(briefing_at(*LONG))
        first = await room.research(tools, ROSTER)
        later = market_tools(briefing_at(LONG[0], LONG[1] + 1))
        await room.research(later, ROSTER)
        asked = len(of.clerk.exchanges)
        assert await room.research(tools, ROSTER) == first
        assert len(of.clerk.exchanges) > asked


class BrokenClerk(MemoryClerk):
    """A clerk whose book cannot be written in, until it can."""

    is_broken = True

    async def close(self, exchanges: Sequence[ModelExchange], meeting: Meeting) -> None:
        if self.is_broken:
            raise OSError("the disk is full")
        await MemoryClerk.close(self, exchanges, meeting)


def _room(of: DeskWorld) -> ResearchRoom:
    return ResearchRoom(
        of.floor, Exchange.BINANCE, of.market, of.indicators, of.universe, {}, of.research_model
    )


class TestFailing:
    async def test_it_is_told_to_all_who_wait_and_not_kept(self) -> None:
        clerk = BrokenClerk()
        of = world(clerk=clerk)
        room, tools = _room(of), market_tools(briefing_at(*LONG))
        waiting = (room.research(tools, ROSTER) for _ in range(3))
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [OSError] * 3
        clerk.is_broken = False
        held = await room.research(tools, ROSTER)
        assert held.conclusion.direction is Direction.LONG
        assert len(clerk.meetings) == 1

    async def test_one_who_gives_up_takes_it_from_nobody(self) -> None:
        model = _gated()
        of = with_model(model)
        room, tools = _room(of), market_tools(briefing_at(*LONG))
        impatient, patient = (asyncio.create_task(_ask(room, tools)) for _ in range(2))
        await model.reached.wait()
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        model.gate.set()
        assert (await patient).conclusion.direction is Direction.LONG
        assert list(researched(of).values()) == [2]

    async def test_it_goes_on_where_all_have_given_up(self) -> None:
        """It is paid for: who comes later finds it done."""
        model = _gated()
        of = with_model(model)
        room, tools = _room(of), market_tools(briefing_at(*LONG))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_ask(room, tools), 0.05)
        model.gate.set()
        await _ask(room, tools)
        assert list(researched(of).values()) == [2]


class GatedModel(PlayedModel):
    """The house, behind a gate."""

    reached: Any
    gate: Any

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        self.reached.set()
        await self.gate.wait()
        async for response in super().generate_content_async(llm_request, stream):
            yield response


def _gated() -> GatedModel:
    return GatedModel(parts={}, asked=[], reached=asyncio.Event(), gate=asyncio.Event())


async def _ask(room: ResearchRoom, tools: MarketTools) -> Research:
    return await room.research(tools, ROSTER)


class TestWhoResearches:
    async def test_findings_are_those_of_the_analysts_who_had_something_to_read(self) -> None:
        of = world()
        found = await _ask(_room(of), market_tools(briefing_at(*LONG)))
        assert set(found.findings) == {
            *("technical_analyst", "regime_analyst", "market_analyst", "correlation_analyst"),
        }
        assert found.session_id in researched(of)

    async def test_the_debate_answers_the_other_side(self) -> None:
        model = played()
        await _ask(_room(with_model(model)), market_tools(briefing_at(*LONG)))
        bulls, bears = model.requests("bull_researcher"), model.requests("bear_researcher")
        assert len(bulls) == len(bears) == DEBATE_ROUNDS
        assert heard_in(bulls[0]).briefing["other_side"] is None
        for bear in bears:
            other = heard_in(bear).briefing["other_side"]
            assert other["claim"].endswith("findings are bullish.»»")
        for bull in bulls[1:]:
            other = heard_in(bull).briefing["other_side"]
            assert other["claim"].endswith("findings are bearish.»»")
        told = heard_in(model.requests("research_manager")[0]).briefing
        assert set(told["arguments"]) == {"bull_researcher", "bear_researcher"}

    async def test_it_is_asked_about_nothing_but_a_market_and_a_moment(self) -> None:
        model = played()
        briefing = briefing_at(*LONG)
        await _ask(_room(with_model(model)), market_tools(briefing))
        told = heard_in(model.requests("technical_analyst")[0]).briefing
        assert told == {
            "symbol": LONG[0],
            "timeframe": "4h",
            "as_of": f"{briefing.at:%Y-%m-%d %H:%M}",
        }

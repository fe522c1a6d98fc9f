"""The desk as the fund knows it: an analyst that looks, meets where something changed, decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from hedgerow.domain.ai_budget import BudgetLimits, BudgetPressure
from hedgerow.domain.ai_usage import AIProvider, ModelChoice, model_choice
from hedgerow.domain.ids import derived_id
from hedgerow.domain.limits import Limits
from hedgerow.domain.proposals import Abstention, Decision
from hedgerow.domain.users import UserSettings
from hedgerow.infrastructure.agents.desk import fund_meeting, position_meeting
from hedgerow.infrastructure.agents.desk.answers import Direction
from hedgerow.infrastructure.agents.desk.floor import Floor, Table, Tool
from hedgerow.infrastructure.agents.desk.fund_tools import FundTools, PositionTools, ReadRecord
from hedgerow.infrastructure.agents.desk.market_tools import MarketBrief, MarketTools
from hedgerow.infrastructure.agents.desk.research import Research, ResearchRoom, answers_in
from hedgerow.infrastructure.agents.desk.roster import Agent
from hedgerow.infrastructure.agents.desk.school import Terms
from hedgerow.infrastructure.agents.desk.screen import Called, PassedOver, Sight, screen
from hedgerow.infrastructure.agents.desk.seating import can_decide, seated
from hedgerow.infrastructure.agents.desk.wire import canonical
from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
from hedgerow.infrastructure.agents.indicators import WINDOW
from hedgerow.infrastructure.agents.setups import can_take, market_words
from hedgerow.usecases.bill_models import budget_limits
from hedgerow.usecases.briefing_documents import briefing_document
from hedgerow.usecases.codec import encode
from hedgerow.usecases.model_calls import Caller
from hedgerow.usecases.ports.desk import Briefing, FundView, Recall

SCREEN: Final = "screen"
# Where the month's budget runs low, the desk meets this much less often.
_THROTTLED_INTERVALS: Final = 4

# How many decisions are worked on at a time: they wait for models most of theirs, and all of them
# want the same few connections to the store in between.
_AT_ONCE: Final = 128

LastMet = Callable[[UUID, str, datetime], Awaitable[datetime | None]]
"""When the desk last met to decide for a user on a symbol, before a moment."""

Allowances = Callable[[UUID], Awaitable[tuple[UserSettings, Limits]]]
"""What a user set, and what their tier allows."""


@dataclass(frozen=True, slots=True)
class DeskTerms:
    """How the desk works: at most one meeting in `interval` (None: one a candle), `models` of
    single agents by name, and a `cheaper` model for all where a budget runs low.
    """

    interval: timedelta | None = None
    models: Mapping[str, ModelChoice] = field(default_factory=dict)
    cheaper: ModelChoice | None = None


class AgentDesk:
    """Decides for one fund and symbol at a time (port Analyst); many may ask at once."""

    def __init__(
        self,
        floor: Floor,
        room: ResearchRoom,
        house: HouseAnalyst,
        read_record: ReadRecord,
        last_met: LastMet,
        allowances: Allowances,
        terms: DeskTerms,
    ) -> None:
        self._floor = floor
        self._room = room
        self._house = house
        self._read_record = read_record
        self._last_met = last_met
        self._allowances = allowances
        self._terms = terms
        self._met: dict[tuple[UUID, str], datetime] = {}
        self._room_for = asyncio.Semaphore(_AT_ONCE)

    @property
    def candles_needed(self) -> int:
        """How many closed candles a briefing should carry, at most."""
        return WINDOW

    async def decide(self, briefing: Briefing, recall: Recall) -> Decision:
        """A proposal, an exit, a closer stop or an abstention, with reasons in words."""
        if briefing.has_working_entry:
            return _pass(briefing, "an entry order is still working; nothing to add to it")
        if len(briefing.candles) < WINDOW:
            return _pass(
                briefing, f"only {len(briefing.candles)} of {WINDOW} closed candles are known"
            )
        async with self._room_for:
            return await self._look(_Visit(briefing, recall, self._room.tools(brief_of(briefing))))

    async def _look(self, visit: _Visit) -> Decision:
        briefing, fund = visit.briefing, visit.fund
        limits = budget_limits(fund.settings, fund.limits)
        pressure = await self._pressure(fund.settings, fund.user_id, limits)
        agents = seated(fund.limits, pressure)
        by_rules = pressure is BudgetPressure.EXHAUSTED or position_meeting.MANAGER not in agents
        if visit.position_tools is not None and by_rules:
            # whatever has run out, an open position is looked after, and at every close
            return await self._house.decide(briefing, visit.recall)
        match screen(await self._sight(visit), self._interval(briefing, pressure)):
            case PassedOver(reason):
                return _pass(briefing, reason)
            case Called(reason):
                return await self._meet(visit, agents, reason, pressure)

    async def meet(
        self, briefing: Briefing, recall: Recall, reason: str, pressure: BudgetPressure
    ) -> Decision:
        """Hold the meeting of a briefing, whatever the screen and the budget say of it now."""
        visit = _Visit(briefing, recall, self._room.tools(brief_of(briefing)))
        return await self._meet(visit, seated(visit.fund.limits, pressure), reason, pressure)

    async def _sight(self, visit: _Visit) -> Sight:
        briefing = visit.briefing
        return Sight(
            briefing=briefing,
            setup=visit.market.setup,
            thesis_gone=visit.position_tools.gone if visit.position_tools else None,
            since_met=await self._since_met(visit),
        )

    async def _meet(
        self, visit: _Visit, agents: Sequence[Agent], reason: str, pressure: BudgetPressure
    ) -> Decision:
        if visit.position_tools is not None:
            return await self._about_position(visit, visit.position_tools, reason, pressure)
        if pressure is BudgetPressure.EXHAUSTED:
            return _pass(visit.briefing, f"{reason}, but the month's budget is used up")
        if not can_decide(agents):
            return _pass(visit.briefing, f"{reason}, but the tier seats {len(agents)} agents only")
        research = await self._room.research(visit.market, agents)
        return await self._about_entry(visit, research, reason, pressure)

    async def _about_entry(
        self, visit: _Visit, research: Research, reason: str, pressure: BudgetPressure
    ) -> Decision:
        briefing, conclusion = visit.briefing, research.conclusion
        if conclusion.direction is Direction.NONE:
            return await self._no_trade(visit, research, reason, pressure, conclusion.thesis)
        tools = FundTools(briefing, visit.market, conclusion, visit.recall, self._read_record)
        if not can_take(briefing.market_type, tools.side):
            words = f"{conclusion.thesis} Spot cannot be short."
            return await self._no_trade(visit, research, reason, pressure, words)
        table = self._table(visit, fund_meeting.WORKFLOW, pressure, fund_meeting.tools_of(tools))
        message = canonical(fund_meeting.opening(tools, research)).decode()
        workflow = fund_meeting.workflow(table, tools, research)
        said = answers_in(await table.hold(workflow, message))
        session_id = table.minutes.caller.session_id
        decision = await fund_meeting.decide(tools, research, said, session_id)
        await self._close(visit, table, reason, said, decision, research.session_id)
        return decision

    async def _no_trade(
        self, visit: _Visit, research: Research, reason: str, pressure: BudgetPressure, words: str
    ) -> Abstention:
        """The research leaves nothing to decide: put down all the same, for when it met counts."""
        briefing = visit.briefing
        market = market_words(briefing.regime, visit.market.seen, briefing.price_tick)
        manager = "research_manager"
        decision = Abstention(briefing.symbol, f"{words} {market}", manager, research.session_id)
        table = self._table(visit, fund_meeting.WORKFLOW, pressure, {})
        await self._close(visit, table, reason, {}, decision, research.session_id)
        return decision

    async def _about_position(
        self, visit: _Visit, tools: PositionTools, reason: str, pressure: BudgetPressure
    ) -> Decision:
        offered = position_meeting.tools_of(tools)
        table = self._table(visit, position_meeting.WORKFLOW, pressure, offered)
        message = canonical(position_meeting.opening(tools, reason)).decode()
        said = answers_in(await table.hold(position_meeting.workflow(table), message))
        session_id = table.minutes.caller.session_id
        decision = position_meeting.decide(tools, said, session_id)
        if table.minutes.is_out_of_budget:
            # less is left than the next call may cost, which is as good as nothing
            by_rule = await self._house.decide(visit.briefing, visit.recall)
            decision = replace(by_rule, session_id=session_id)
        await self._close(visit, table, reason, said, decision, None)
        return decision

    def _table(
        self,
        visit: _Visit,
        workflow_name: str,
        pressure: BudgetPressure,
        tools: Mapping[str, Tool],
    ) -> Table:
        briefing, fund = visit.briefing, visit.fund
        # What the user asks for is a meeting of its own, beside the one of the same candle.
        asked = ("asked",) if briefing.is_asked_for else ()
        market = (workflow_name, briefing.symbol, briefing.timeframe, *asked)
        session_id = str(derived_id(briefing.at, fund.user_id, *market, *self._floor.apart))
        caller = Caller(
            fund.user_id,
            session_id,
            workflow_name,
            budget_limits(fund.settings, fund.limits),
            briefing.at,
        )
        choose = partial(self._choose, fund.settings, pressure)
        return Table(self._floor, caller, choose, tools)

    def _choose(
        self, settings: UserSettings, pressure: BudgetPressure, agent: Agent
    ) -> ModelChoice:
        """The agent's own model, or the user's; the cheaper one where the budget runs low."""
        terms = self._terms
        if pressure is BudgetPressure.THROTTLED and terms.cheaper is not None:
            return terms.cheaper
        return terms.models.get(agent.name) or agent.model or _default_model(settings)

    async def school_terms(self, user_id: UUID, agent: Agent) -> Terms | None:
        """On which terms an agent of the school is asked for a user; None where rules answer."""
        settings, tier = await self._allowances(user_id)
        limits = budget_limits(settings, tier)
        pressure = await self._pressure(settings, user_id, limits)
        if pressure is BudgetPressure.EXHAUSTED or agent not in seated(tier, pressure):
            return None
        return Terms(limits, self._choose(settings, pressure, agent))

    async def _close(
        self,
        visit: _Visit,
        table: Table,
        reason: str,
        said: Mapping[str, object],
        decision: Decision,
        research_session_id: str | None,
    ) -> None:
        briefing = visit.briefing
        if not briefing.is_asked_for:
            self._met[visit.fund.user_id, briefing.symbol] = briefing.at
        await self._floor.close(
            table.minutes,
            symbol=briefing.symbol,
            timeframe=briefing.timeframe,
            reason=reason,
            answers=said,
            briefing=briefing_document(briefing),
            decision=decision_document(decision),
            research_session_id=research_session_id,
            acted=not isinstance(decision, Abstention),
        )

    async def _since_met(self, visit: _Visit) -> timedelta | None:
        briefing, user_id = visit.briefing, visit.fund.user_id
        met = self._met.get((user_id, briefing.symbol))
        if met is None or met > briefing.at:
            met = await self._last_met(user_id, briefing.symbol, briefing.at)
        return None if met is None else briefing.at - met

    async def _pressure(
        self, settings: UserSettings, user_id: UUID, limits: BudgetLimits
    ) -> BudgetPressure:
        if _default_model(settings).provider is AIProvider.HOUSE and not self._terms.models:
            return BudgetPressure.NORMAL
        return await self._floor.clerk.pressure(user_id, limits)

    def _interval(self, briefing: Briefing, pressure: BudgetPressure) -> timedelta:
        interval = self._terms.interval or briefing.timeframe.duration
        # once it is used up nobody meets any more, and rules that look after positions cost nothing
        return interval * _THROTTLED_INTERVALS if pressure is BudgetPressure.THROTTLED else interval


@dataclass(slots=True)
class _Visit:
    """One look at one symbol for one fund."""

    briefing: Briefing
    recall: Recall
    market: MarketTools
    position_tools: PositionTools | None = field(init=False)

    def __post_init__(self) -> None:
        position = self.briefing.position
        self.position_tools = (
            None if position is None else PositionTools(self.briefing, self.market, position)
        )

    @property
    def fund(self) -> FundView:
        assert self.briefing.fund is not None, "a desk is told whose it is"
        return self.briefing.fund


def decision_document(decision: Decision) -> Mapping[str, object]:
    """A decision as it is kept with its meeting."""
    return {"kind": type(decision).__name__, **encode(decision)}


def _default_model(settings: UserSettings) -> ModelChoice:
    return model_choice(settings.default_ai_provider, settings.default_ai_model)


def brief_of(briefing: Briefing) -> MarketBrief:
    """The part of a briefing that all users share."""
    return MarketBrief(
        at=briefing.at,
        symbol=briefing.symbol,
        timeframe=briefing.timeframe,
        price_tick=briefing.price_tick,
        candles=briefing.candles,
        longer=briefing.longer,
        regime=briefing.regime,
        regime_before=briefing.regime_before,
    )


def _pass(briefing: Briefing, reason: str) -> Abstention:
    return Abstention(briefing.symbol, f"Passed over: {reason}", SCREEN)

"""Market research: analysts side by side, a debate over what they found, one conclusion.

It knows nothing of any user, and so is done once for all of them: whoever asks for the research of
a symbol, timeframe and candle that is under way or done is given that one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from google.adk.agents.context import Context
from google.adk.events import Event
from google.adk.workflow import START, JoinNode, Workflow, node

from hedgerow.domain.ai_budget import BudgetLimits
from hedgerow.domain.ai_usage import ModelChoice
from hedgerow.domain.ids import derived_id
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.domain.sessions import RESEARCH_USER_ID
from hedgerow.infrastructure.agents.desk.answers import Conclusion, Finding
from hedgerow.infrastructure.agents.desk.floor import Floor, Table, Tool, told_by
from hedgerow.infrastructure.agents.desk.market_tools import UNKNOWN, MarketBrief, MarketTools
from hedgerow.infrastructure.agents.desk.quoting import passed_on
from hedgerow.infrastructure.agents.desk.roster import Agent, Room
from hedgerow.infrastructure.agents.desk.seating import of_room
from hedgerow.infrastructure.agents.desk.wire import canonical
from hedgerow.infrastructure.agents.indicators import IndicatorDesk
from hedgerow.usecases.model_calls import Caller
from hedgerow.usecases.ports.market import MarketRecords

WORKFLOW: Final = "MarketResearchWorkflow"
DEBATE_ROUNDS: Final = 2
# Nothing is traded without research; a limit for it is the operator's to set.
UNLIMITED: Final = BudgetLimits(requests=2**31 - 1)

_MAY_KNOW_NOTHING: Final = ("read_order_book", "read_trades", "read_derivatives", "read_news")

_Key = tuple[str, Timeframe, datetime, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Research:
    """What research came to: the conclusion, the findings by analyst, and where it is written."""

    session_id: str
    conclusion: Conclusion
    findings: Mapping[str, Finding]


class ResearchRoom:
    """Holds the research of each symbol, timeframe and candle once."""

    def __init__(
        self,
        floor: Floor,
        exchange: Exchange,
        records: MarketRecords,
        indicators: IndicatorDesk,
        universe: Sequence[str],
        models: Mapping[str, ModelChoice],
        default: ModelChoice,
        limits: BudgetLimits = UNLIMITED,
    ) -> None:
        self._floor = floor
        self._exchange = exchange
        self._records = records
        self._indicators = indicators
        self._universe = universe
        self._models = models
        self._default = default
        self._limits = limits
        self._held: dict[_Key, asyncio.Task[Research]] = {}

    def tools(self, brief: MarketBrief) -> MarketTools:
        """What may be read of a market at a moment."""
        seen = self._indicators.read(brief.candles)
        return MarketTools(brief, seen, self._records, self._universe)

    async def research(self, tools: MarketTools, agents: Sequence[Agent]) -> Research:
        """The research of a symbol at a moment by these agents, shared by all who ask for it."""
        brief = tools.brief
        seats = seats_of(agents)
        names = tuple(agent.name for agent in seats)
        key = (brief.symbol, brief.timeframe, brief.at, names)
        if key not in self._held:
            self._forget_before(brief)
            self._held[key] = held = asyncio.create_task(self._hold(tools, seats))
            held.add_done_callback(partial(self._forget_failed, key))
        # one who gives up waiting must not take it away from the others
        return await asyncio.shield(self._held[key])

    def _forget_before(self, brief: MarketBrief) -> None:
        market = (brief.symbol, brief.timeframe)
        for key in [key for key in self._held if key[:2] == market and key[2] < brief.at]:
            del self._held[key]

    def _forget_failed(self, key: _Key, held: asyncio.Task[Research]) -> None:
        if held.cancelled() or held.exception() is not None:
            self._held.pop(key, None)

    async def _hold(self, tools: MarketTools, seats: Sequence[Agent]) -> Research:
        brief = tools.brief
        analysts = await _with_something_to_read(of_room(seats, Room.RESEARCH), tools)
        session_id = self._session(brief, seats)
        caller = Caller(RESEARCH_USER_ID, session_id, WORKFLOW, self._limits, brief.at)
        table = Table(self._floor, caller, self._choose, _tools_of(tools))
        message = canonical(_question(brief)).decode()
        (manager,) = of_room(seats, Room.CONCLUSION)
        debaters = of_room(seats, Room.DEBATE)
        workflow = _workflow(table, analysts, debaters, manager, message)
        said = answers_in(await table.hold(workflow, message))
        research = Research(
            session_id=session_id,
            conclusion=Conclusion.model_validate(said[manager.name]),
            findings={a.name: Finding.model_validate(said[a.name]) for a in analysts},
        )
        await self._floor.close(
            table.minutes,
            symbol=brief.symbol,
            timeframe=brief.timeframe,
            reason="asked for by a fund",
            answers=said,
            briefing=_question(brief),
            decision=research.conclusion.model_dump(mode="json"),
        )
        return research

    def _session(self, brief: MarketBrief, seats: Sequence[Agent]) -> str:
        # by other models it is other research, which must not take the place of this one
        seated = "-".join(f"{agent.name}={self._choose(agent)}" for agent in seats)
        # so it is where other symbols are watched, or another model has read the regime
        watched = ",".join(sorted(self._universe))
        read_by = brief.regime.model_version
        market = (self._exchange, brief.symbol, brief.timeframe, watched, read_by)
        return str(derived_id(brief.at, WORKFLOW, *market, seated, *self._floor.apart))

    def _choose(self, agent: Agent) -> ModelChoice:
        return self._models.get(agent.name) or agent.model or self._default


def seats_of(agents: Sequence[Agent]) -> tuple[Agent, ...]:
    """Those of a desk who take part in research, room by room."""
    rooms = (Room.RESEARCH, Room.DEBATE, Room.CONCLUSION)
    return tuple(agent for room in rooms for agent in of_room(agents, room))


def answers_in(events: Sequence[Event]) -> dict[str, Any]:
    """The last answer of each agent, by name."""
    return {
        event.author: event.output
        for event in events
        if isinstance(event.output, dict) and event.content is not None
    }


def _workflow(
    table: Table,
    analysts: Sequence[Agent],
    debaters: Sequence[Agent],
    manager: Agent,
    message: str,
) -> Workflow:
    """Analysts side by side; then bull and bear in turn; then the manager."""
    branches = tuple(table.seat(agent) for agent in analysts)
    arguing = [table.seat(agent) for agent in debaters]

    @node(name="debate", rerun_on_resume=True)
    async def debate(ctx: Context, node_input: dict[str, Any]) -> str:
        findings = {agent.name: passed_on(node_input[agent.name]) for agent in analysts}
        case: dict[str, Any] = {"findings": findings}
        arguments: dict[str, Any] = {}
        for _ in range(DEBATE_ROUNDS):
            for researcher in arguing:
                case["other_side"] = next(
                    (said for name, said in arguments.items() if name != researcher.name), None
                )
                said = await ctx.run_node(researcher, canonical(case).decode())
                arguments[researcher.name] = passed_on(said)
        return canonical({"findings": findings, "arguments": arguments}).decode()

    join = JoinNode(name="findings")
    conclude = table.seat(manager)
    if not branches:
        # nobody but the manager is seated: it reads for itself
        @node(name="nobody")
        async def nobody() -> str:
            return canonical({"findings": {}, "arguments": {}}).decode()

        return Workflow(name=WORKFLOW, edges=[(START, nobody, conclude)])
    return Workflow(name=WORKFLOW, edges=[(START, branches, join, debate, conclude)])


def _question(brief: MarketBrief) -> dict[str, Any]:
    return {
        "symbol": brief.symbol,
        "timeframe": str(brief.timeframe),
        "as_of": f"{brief.at:%Y-%m-%d %H:%M}",
    }


def _tools_of(tools: MarketTools) -> Mapping[str, Tool]:
    return {
        name: getattr(tools, name)
        for name in (
            *("read_candles", "read_indicators", "read_regime", "find_setup", "read_order_book"),
            *("read_trades", "read_derivatives", "read_news", "read_correlations"),
        )
    }


async def _with_something_to_read(
    analysts: Sequence[Agent], tools: MarketTools
) -> tuple[Agent, ...]:
    """Those whose tools know something: nobody is paid to say that there is nothing to say."""
    available = _tools_of(tools)
    told = await asyncio.gather(*(told_by(available[name], {}) for name in _MAY_KNOW_NOTHING))
    nothing = {
        name
        for name, answer in zip(_MAY_KNOW_NOTHING, told, strict=True)
        if answer is UNKNOWN or "error" in answer
    }
    return tuple(agent for agent in analysts if not nothing.issuperset(agent.tools))

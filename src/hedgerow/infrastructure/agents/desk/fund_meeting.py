"""A fund's meeting about a new position: allocation, ticket, and the risk manager's view of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from google.adk.agents.context import Context
from google.adk.workflow import START, Workflow, node

from hedgerow.domain.orders import OrderType
from hedgerow.domain.proposals import Abstention, IndicatorsAtEntry, Proposal
from hedgerow.infrastructure.agents.desk.answers import Allocation, RiskView, Stake, Ticket
from hedgerow.infrastructure.agents.desk.floor import Table, Tool
from hedgerow.infrastructure.agents.desk.fund_tools import STAKE_SHARES, Draft, FundTools
from hedgerow.infrastructure.agents.desk.menu import MARKET
from hedgerow.infrastructure.agents.desk.quoting import passed_on, quoted
from hedgerow.infrastructure.agents.desk.research import Research
from hedgerow.infrastructure.agents.desk.roster import BY_NAME
from hedgerow.infrastructure.agents.desk.wire import canonical
from hedgerow.infrastructure.agents.setups import levels_words, market_words
from hedgerow.infrastructure.agents.stakes import stake_percent

WORKFLOW: Final = "FundDecisionWorkflow"
_LEVEL_CHARS_MAX: Final = 24

MANAGER, TRADER, RISK = (BY_NAME[name] for name in ("portfolio_manager", "trader", "risk_manager"))


def tools_of(tools: FundTools) -> Mapping[str, Tool]:
    """What the agents of this meeting may read."""
    return {name: getattr(tools, name) for agent in (MANAGER, TRADER, RISK) for name in agent.tools}


def opening(tools: FundTools, research: Research) -> dict[str, Any]:
    """What everybody at the meeting is told."""
    briefing = tools.briefing
    return {
        "symbol": briefing.symbol,
        "timeframe": str(briefing.timeframe),
        "as_of": f"{briefing.at:%Y-%m-%d %H:%M}",
        "strategy": str(briefing.risk_tolerance),
        "conclusion": passed_on(research.conclusion.model_dump(mode="json")),
    }


def workflow(table: Table, tools: FundTools, research: Research) -> Workflow:
    """Manager, trader, risk manager, each only where the one before goes on."""
    said: dict[str, Any] = opening(tools, research)

    @node(name="after_allocation")
    async def after_allocation(ctx: Context, node_input: dict[str, Any]) -> str:
        said["allocation"] = passed_on(node_input)
        goes_on = Allocation.model_validate(node_input).stake is not Stake.NONE
        ctx.route = "go_on" if goes_on else "stop"
        return canonical(said).decode()

    @node(name="after_ticket")
    async def after_ticket(ctx: Context, node_input: dict[str, Any]) -> str:
        said["ticket"] = passed_on(node_input)
        stake = Stake(said["allocation"]["stake"])
        tools.draft = draft(tools, Ticket.model_validate(node_input), stake)
        ctx.route = "stop" if tools.draft is None else "go_on"
        return canonical(said).decode()

    @node(name="adjourned")
    async def adjourned() -> str:
        return "adjourned"

    manager, trader, risk = (table.seat(agent) for agent in (MANAGER, TRADER, RISK))
    return Workflow(
        name=WORKFLOW,
        edges=[
            (START, manager, after_allocation, {"go_on": trader, "stop": adjourned}),
            (trader, after_ticket, {"go_on": risk, "stop": adjourned}),
        ],
    )


def draft(tools: FundTools, ticket: Ticket, stake: Stake) -> Draft | None:
    """The ticket in numbers; None where it is not made, or names what is not on the menu."""
    if ticket.order_type == "none":
        return None
    if ticket.order_type == "market" and ticket.entry_level != MARKET:
        # filled at the market, it would be further from its stop than its size allows for
        return None
    levels = tools.menu.choose(
        ticket.entry_level, ticket.stop_level, ticket.target_level, trails=ticket.trails
    )
    return None if levels is None else tools.draft_of(levels, stake)


async def decide(
    tools: FundTools, research: Research, said: Mapping[str, Any], session_id: str
) -> Proposal | Abstention:
    """What the meeting comes to; what an agent did not agree to does not happen.

    The confidence after memory counts, whether or not anybody has asked for it.
    """
    briefing = tools.briefing
    allocation = Allocation.model_validate(said[MANAGER.name])
    if allocation.stake is Stake.NONE:
        return _stand_aside(tools, MANAGER.name, allocation.reasoning, session_id)
    belief = await tools.ask_memory()
    if belief.confidence < tools.confidence_min:
        wanted = f"A {briefing.risk_tolerance} strategy wants at least {tools.confidence_min:.2f}."
        return _stand_aside(tools, MANAGER.name, f"{belief.words} {wanted}", session_id)
    ticket = Ticket.model_validate(said[TRADER.name])
    if tools.draft is None:
        return _stand_aside(tools, TRADER.name, _why_unmade(ticket), session_id)
    view = RiskView.model_validate(said[RISK.name])
    agreed = min(view.stake, allocation.stake, key=lambda stake: STAKE_SHARES[stake])
    if view.verdict == "veto" or agreed is Stake.NONE:
        return _stand_aside(tools, RISK.name, _with_objections(view), session_id)
    final = tools.draft_of(tools.draft.levels, agreed)
    if not final.size_ratio:
        return _stand_aside(tools, RISK.name, "Too little is left to stake.", session_id)
    return Proposal(
        symbol=briefing.symbol,
        timeframe=briefing.timeframe,
        side=tools.side,
        entry_type=OrderType(ticket.order_type),
        entry_price=final.levels.entry,
        stop_loss_price=final.levels.stop,
        take_profit_price=final.levels.target,
        trailing_stop_pct=final.levels.trailing_stop_pct,
        size_ratio=final.size_ratio,
        leverage=1,
        confidence=belief.confidence,
        setup_type=tools.setup_type,
        strategy_used=tools.setup.play.name if tools.setup else f"desk {tools.setup_type}",
        regime=briefing.regime.regime,
        reasoning=_reasoning(tools, research, allocation, ticket, view, final),
        agent_id=TRADER.name,
        memories_used=belief.experience.used,
        indicators=_indicators(tools),
        memories_recalled=tuple(each.memory.id for each in tools.recalled),
        session_id=session_id,
    )


def _stand_aside(tools: FundTools, agent_id: str, words: str, session_id: str) -> Abstention:
    market = market_words(tools.briefing.regime, tools.market.seen, tools.briefing.price_tick)
    return Abstention(tools.briefing.symbol, f"{words} {market}", agent_id, session_id)


def _why_unmade(ticket: Ticket) -> str:
    if ticket.order_type == "none":
        return ticket.reasoning
    levels = (ticket.entry_level, ticket.stop_level, ticket.target_level)
    named = ", ".join(quoted(level, _LEVEL_CHARS_MAX) for level in levels)
    return f"{ticket.reasoning} No {ticket.order_type} order can be made at {named}."


def _indicators(tools: FundTools) -> IndicatorsAtEntry:
    seen = tools.market.seen
    return IndicatorsAtEntry(rsi=seen.rsi, atr=seen.regime.atr, volume=seen.volume)


def _with_objections(view: RiskView) -> str:
    return " ".join([view.reasoning, *(f"Objection: {each}." for each in view.objections)])


def _reasoning(
    tools: FundTools,
    research: Research,
    allocation: Allocation,
    ticket: Ticket,
    view: RiskView,
    final: Draft,
) -> str:
    tick = tools.briefing.price_tick
    sentences: Sequence[str] = (
        f"Research ({research.conclusion.direction}, conviction "
        f"{research.conclusion.conviction:.2f}): {research.conclusion.thesis}",
        market_words(tools.briefing.regime, tools.market.seen, tick),
        f"Portfolio manager ({allocation.stake} stake): {allocation.reasoning}",
        f"Trader: {ticket.reasoning}",
        f"Risk manager ({view.verdict}): {_with_objections(view)}",
        _levels(tools, final),
    )
    return " ".join(sentences)


def _levels(tools: FundTools, final: Draft) -> str:
    tick = tools.briefing.price_tick
    if tools.setup is not None and final.levels == tools.setup.at:
        stakes = stake_percent(
            tools.briefing.risk_tolerance, tools.setup.play.stake_share * STAKE_SHARES[final.stake]
        )
        return (
            f"{levels_words(tools.setup.play, final.levels, tick)} Stakes {stakes:f} % of equity, "
            f"so {final.size_ratio:.2%} of it goes in."
        )
    at = final.levels
    return (
        f"Entry {at.entry:f}, stop {at.stop:f}, target {at.target:f}, reward to risk "
        f"{at.reward_to_risk:.2f}; {final.size_ratio:.2%} of equity goes in."
    )

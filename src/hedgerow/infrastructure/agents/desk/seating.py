"""Who sits at the desk of a user, and how it is made to cost less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hedgerow.domain.ai_budget import BudgetPressure
from hedgerow.domain.limits import Limits
from hedgerow.infrastructure.agents.desk.roster import ROSTER, Agent, Room

# A desk that meets with less than these decides nothing: rules do.
NEEDED: Final = frozenset({"portfolio_manager", "trader", "risk_manager", "research_manager"})


def seated(limits: Limits, pressure: BudgetPressure) -> tuple[Agent, ...]:
    """The agents that a tier allows, by seniority; the advanced ones leave first under pressure."""
    advanced = limits.advanced_agents_access and pressure is BudgetPressure.NORMAL
    allowed = [agent for agent in ROSTER if advanced or not agent.is_advanced]
    return tuple(allowed[: limits.max_agents_count])


def can_decide(agents: Sequence[Agent]) -> bool:
    """Whether these are enough to propose a trade."""
    return {agent.name for agent in agents} >= NEEDED


def of_room(agents: Sequence[Agent], room: Room) -> tuple[Agent, ...]:
    """Those of a room, by seniority."""
    return tuple(agent for agent in agents if agent.room is room)

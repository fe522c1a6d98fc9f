"""What models have cost."""

from __future__ import annotations

from collections.abc import (
    Sequence,
)
from typing import Protocol

from hedgerow.domain.ai_usage import (
    ALL_CALLS,
    AgentCost,
    AIUsageLog,
    CostScope,
    ModelCost,
    SessionCost,
    UserDayCost,
)


class UsageLog(Protocol):
    """Where calls of models are put down one by one, as they happen."""

    async def add(self, log: AIUsageLog, /) -> None:
        """Take a log over, to be stored soon; waits while there is no room for it."""
        ...


class UsageStore(Protocol):
    """Calls of models and what they cost (ClickHouse, table `ai_usage_logs`)."""

    async def save(self, logs: Sequence[AIUsageLog]) -> None:
        """Store logs; one whose event id is stored already counts once."""
        ...

    async def cost_by_user_day(self, scope: CostScope = ALL_CALLS) -> list[UserDayCost]:
        """Cost of each user and day, the latest day first, the most expensive user first in it."""
        ...

    async def cost_by_agent(self, scope: CostScope = ALL_CALLS) -> list[AgentCost]:
        """Cost of each agent, the most expensive first."""
        ...

    async def cost_by_model(self, scope: CostScope = ALL_CALLS) -> list[ModelCost]:
        """Cost of each model, the most expensive first."""
        ...

    async def cost_by_session(self, session_ids: Sequence[str]) -> list[SessionCost]:
        """Cost of each of these conversations, by id; those without a call that is kept are left
        out.
        """
        ...

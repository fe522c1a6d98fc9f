"""Money and calls that models may cost, reserved before each call."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from hedgerow.domain.ai_budget import BudgetLimits, BudgetState
from hedgerow.domain.ai_usage import AIUsageLog


class AIBudgets(Protocol):
    """What each user's month holds; every change is one atomic statement."""

    async def reserve(
        self,
        user_id: UUID,
        call_id: UUID,
        estimate_usd: Decimal,
        limits: BudgetLimits,
        at: datetime,
    ) -> BudgetState:
        """Set a call and its estimated cost aside in the month of `at`.

        Raises BudgetExhausted, having changed nothing, where a limit would be exceeded. Each time
        that a call is made is one of its own, with an id of its own.
        """
        ...

    async def settle(
        self,
        user_id: UUID,
        call_id: UUID,
        usd: Decimal,
        at: datetime,
        log: AIUsageLog | None = None,
    ) -> BudgetState:
        """Count a reserved call at what it cost; one that is settled already counts once.

        It counts in the month it was reserved in, whose state is returned. One that was never
        reserved, or was released, counts nothing. The `log` of one that counts is kept until
        it is stored.
        """
        ...

    async def release(self, user_id: UUID, call_id: UUID, at: datetime) -> None:
        """Give back what a call that costs nothing had set aside."""
        ...

    async def unlogged(self) -> Sequence[AIUsageLog]:
        """The logs of settled calls that are kept still, the oldest first."""
        ...

    async def forget_logs(self, call_ids: Collection[UUID]) -> Collection[UUID]:
        """Keep the logs of these calls no longer; returns those whose logs had been kept.

        Whoever is about to store them asks for it in the same unit of work. Others who do so as
        well wait for its end, and get them only where it was not committed.
        """
        ...

    async def sweep(self, reserved_before: datetime) -> int:
        """Settle calls that nobody has settled, at their estimates; returns how many.

        Whoever reserved them died: the provider may have charged for them.
        """
        ...

    async def state(self, user_id: UUID, at: datetime) -> BudgetState:
        """What the month of `at` holds."""
        ...

    async def alert_due(self, user_id: UUID, pct: int, at: datetime) -> bool:
        """Note that the user is told that `pct` per cent are used.

        False if the user was told of as many or more this month.
        """
        ...

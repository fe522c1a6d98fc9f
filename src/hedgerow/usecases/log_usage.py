"""Store the logs of calls where costs are read, and forget them where they were kept until then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from hedgerow.domain.ai_usage import AIProvider, AIUsageLog
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork

Save = Callable[[Sequence[AIUsageLog]], Awaitable[None]]
"""As UsageStore.save."""


async def log_usage(
    save: Save, open_unit_of_work: OpenUnitOfWork, logs: Sequence[AIUsageLog]
) -> None:
    """Store `logs`. Who dies in between stores them again, and each counts once."""
    await save(logs)
    # those of the house cost nothing: none was kept
    paid = [UUID(log.event_id) for log in logs if log.provider is not AIProvider.HOUSE]
    if not paid:
        return
    async with open_unit_of_work(SYSTEM) as unit:
        await unit.ai_budgets.logged(paid)
        await unit.commit()

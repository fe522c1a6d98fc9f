"""Store the logs of calls where costs are read; those of paid calls are kept until they are."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from hedgerow.domain.ai_usage import AIProvider, AIUsageLog
from hedgerow.domain.errors import StoreUnavailable
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork

Save = Callable[[Sequence[AIUsageLog]], Awaitable[None]]
"""As UsageStore.save."""

_log = logging.getLogger(__name__)


async def log_usage(
    save: Save, open_unit_of_work: OpenUnitOfWork, logs: Sequence[AIUsageLog]
) -> None:
    """Store `logs`, those of paid calls unless another process has; raises what `save` raises.

    Where the database of those that are kept is away they stay kept, and whoever starts next stores
    them: `save` counts each once.
    """
    # the house costs nothing: no log of it is kept
    await save([log for log in logs if log.provider is AIProvider.HOUSE])
    paid = {UUID(log.event_id): log for log in logs if log.provider is not AIProvider.HOUSE}
    if not paid:
        return
    is_saving = False
    try:
        async with open_unit_of_work(SYSTEM) as unit:
            kept = await unit.ai_budgets.forget_logs(paid)
            is_saving = True
            await save([log for call_id, log in paid.items() if call_id in kept])
            is_saving = False
            await unit.commit()
    except StoreUnavailable as error:
        if is_saving:
            raise
        _log.warning("%d logs of calls are stored at the next start: %s", len(paid), error.what)

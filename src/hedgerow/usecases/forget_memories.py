"""Forget shared memories that have not proved themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hedgerow.domain.forgetting import FORGETTING, ForgettingRule
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork

BATCH: Final = 500


async def forget_memories(
    open_unit_of_work: OpenUnitOfWork,
    at: datetime,
    rule: ForgettingRule = FORGETTING,
    batch: int = BATCH,
) -> int:
    """Let every memory that `rule` applies to expire at `at`; returns how many there were.

    Nothing is deleted: what was recalled before stays explained, and a replay as of an earlier
    moment remembers what was known then. Each batch is a transaction of its own; running it again,
    or twice at once, forgets nothing twice.
    """
    forgotten = 0
    while True:
        async with open_unit_of_work(SYSTEM) as unit:
            ids = await unit.memories.forgettable(rule, at, batch)
            if not ids:
                return forgotten
            await unit.memories.expire(ids, at)
            await unit.commit()
        forgotten += len(ids)
